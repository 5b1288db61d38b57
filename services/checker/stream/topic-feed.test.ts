/** Which topics are read on, and which are held back, when one side is far ahead of the other. */
import { expect, test } from 'vitest';
import { JobView } from '../../../shared/job/state/job-view.ts';
import type { ReaderOptions } from '../../../shared/kafka/reader.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { FixedRoute } from '../../../shared/route/fixed.ts';
import { changesOf, rowOf } from '../../../test/support/checker/changes.ts';
import { readers, topicOf } from '../../../test/support/checker/small-topic.ts';
import { LogMaker } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import type { SavedLedger, TargetStep } from './ledger.ts';
import { TableCompare } from './table-compare.ts';
import { TableWatch } from './table-watch.ts';
import type { TopicChanges } from './topic-changes.ts';
import { TopicFeed } from './topic-feed.ts';

/** More than may wait for the other side. */
const MANY = 20_001;
const EMPTY: SavedLedger = {
  ...{ position: 0, reached: {}, sums: [], unknown: [], waits: [], told: [], base: 'verify-1' },
};

/** Delivers what a test says, and knows from where each topic is read. */
class Played {
  readonly reads = new Map<string, number>();
  options: ReaderOptions | null = null;
  isResting = false;

  async reader(o: ReaderOptions): Promise<Played> {
    this.options = o;
    return this;
  }

  add(topic: string, _: number, from: number): void {
    this.reads.set(topic, from);
  }

  remove(topic: string): void {
    this.reads.delete(topic);
  }

  rest(isResting: boolean): void {
    this.isResting = isResting;
  }

  release(): void {}
  close(): void {}

  deliver(...batches: FetchedBatch[]): void {
    for (const batch of batches) this.options?.onFetched(batch);
  }
}

async function opened(
  slots = 1,
): Promise<{ played: Played; feed: TopicFeed; compare: TableCompare }> {
  const named = (names: string[]): Map<string, TopicChanges> =>
    new Map(names.map(name => [name, topicOf(name)]));
  const compare = new TableCompare(
    {
      ...{ table: 't', partition: 0, jobId: 'j', readers, isCounting: () => true },
      ...{ sources: named(['a', 'b']), targets: named(['t1', 't2']) },
      routes: new Map(['a', 'b'].map(name => [name, new FixedRoute(0)])),
    },
    {
      ...{ read: { a: 0, b: 0 }, schemas: {}, ledgers: { t1: EMPTY, t2: EMPTY } },
      ...{ doubts: [], foreign: [], foreignCount: 0 },
    },
  );
  const played = new Played();
  const feed = await TopicFeed.open(played, { slot: 0, slots }, [
    new TableWatch(compare, new JobView()),
  ]);
  return { played, feed, compare };
}

/** It moves a position alone. */
function empty(topic: string, position: number): FetchedBatch {
  return new LogMaker(SMALL_TABLE, topic, 0).fetched(0, 0, position);
}

function wait(compare: TableCompare, target: string, source: string): void {
  const ledger = compare.ledgers.get(target);
  const row = rowOf({ before: 1n, after: 2n });
  for (let offset = 0; offset < MANY; offset++) ledger?.addSource(source, offset, 1, row);
}

function step(position: number, marks: TargetStep['marks']): TargetStep {
  return { position, marks, waits: [], lost: false };
}

test('sources that are too far ahead of a target are held back, until it wants more of one', async () => {
  const { played, feed, compare } = await opened();
  wait(compare, 't1', 'a');
  played.deliver(empty('a.d.t', MANY));
  await feed.take(0);
  expect([...played.reads.keys()]).toEqual(['t1.d.t', 't2.d.t']);
  // The target is back, and its first transaction is of the other source.
  compare.ledgers.get('t1')?.addStep(step(1, [{ source: 'b', next: 7 }]));
  played.deliver(empty('t1.d.t', 1));
  await feed.take(0);
  expect(played.reads.get('b.d.t')).toBe(0);
  expect(played.reads.has('a.d.t')).toBe(false);
  compare.ledgers.get('t1')?.addStep(step(2, [{ source: 'a', next: MANY }]));
  played.deliver(empty('b.d.t', 7));
  await feed.take(0);
  expect(played.reads.get('a.d.t')).toBe(MANY);
});

test('a target is held back by the rows of its transactions, not by how many these are', async () => {
  const { played, feed, compare } = await opened();
  const changes = Array.from({ length: MANY }, () => ({ bucket: 1, before: 1n, after: 2n }));
  const marks = [{ source: 'a', next: 7 }];
  compare.ledgers.get('t1')?.addStep(step(1, marks), changesOf(changes));
  played.deliver(empty('t1.d.t', 1));
  await feed.take(0);
  expect([...played.reads.keys()]).toEqual(['a.d.t', 'b.d.t', 't2.d.t']);
  played.deliver(empty('a.d.t', 7));
  await feed.take(0);
  expect(played.reads.get('t1.d.t')).toBe(1);
});

test('batches of a topic that was held back come again, and none of them twice', async () => {
  const { played, feed, compare } = await opened();
  wait(compare, 't1', 'a');
  compare.ledgers.get('t1')?.addStep(step(1, [{ source: 'b', next: 1 }]));
  compare.ledgers.get('t1')?.addStep(step(2, [{ source: 'a', next: MANY }]));
  // All in one turn: it is held back by the first, and read on behind the second.
  played.deliver(empty('a.d.t', MANY), empty('b.d.t', 1), empty('a.d.t', MANY + 9));
  await feed.take(0);
  expect(compare.read.get('a')).toBe(MANY);
  expect(played.reads.get('a.d.t')).toBe(MANY);
});

test('while it rests the brokers are asked for nothing, and what has come waits', async () => {
  const { played, feed, compare } = await opened();
  await feed.rest(0);
  expect(played.isResting).toBe(true);
  played.deliver(empty('a.d.t', 7));
  await feed.rest(0);
  expect(compare.read.get('a')).toBe(0);
  await feed.take(0);
  expect([played.isResting, compare.read.get('a')]).toEqual([false, 7]);
});

test('all slots of a member together hold no more of the logs, however many they are', async () => {
  const MB = 1024 * 1024;
  for (const slots of [1, 4, 64]) {
    const { maxBufferedBytes = 0, maxPartitionBytes = 0 } =
      (await opened(slots)).played.options ?? {};
    expect(slots * maxBufferedBytes, `${slots} slots`).toBeLessThanOrEqual(8 * MB);
    expect(maxPartitionBytes).toBeLessThan(maxBufferedBytes);
  }
});
