/** Which keys are named of a bucket that has come to differ. */
import { expect, test } from 'vitest';
import { FRAME_BYTES } from '../../../shared/codec/registry-frame.ts';
import type { ReaderOptions } from '../../../shared/kafka/reader.ts';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import { readers, topicOf } from '../../../test/support/checker/small-topic.ts';
import { type Event, LogMaker } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { keysIn } from './drill-down.ts';
import type { SavedLedger } from './ledger.ts';
import { TableCompare } from './table-compare.ts';

const CHECKED: SavedLedger = {
  ...{ position: 0, reached: {}, sums: [], unknown: [], waits: [], told: [], base: 'verify-1' },
};
const signal = new AbortController().signal;

/** What the two logs have, and what the comparison has found in them. */
async function found(source: readonly Event[], target: readonly Event[]): Promise<string[]> {
  const from = new LogMaker(SMALL_TABLE, 'a.d.t', 0).append(...source);
  const to = new LogMaker(SMALL_TABLE, 't1.d.t', 0);
  to.origin = 'j';
  to.append(...target).appendMark({ job: 'j', topic: 'a.d.t', next: from.end });
  const compare = compareOf();
  await compare.takeSource('a', from.fetched());
  await compare.takeTarget('t1', to.fetched());
  await nameAll(compare, from, to);
  return compare.doubts.flatMap(d => d.keys ?? ['none']);
}

function compareOf(): TableCompare {
  return new TableCompare(
    {
      ...{ table: 't', partition: 0, jobId: 'j', readers, isCounting: () => true },
      ...{ sources: new Map([['a', topicOf('a')]]), targets: new Map([['t1', topicOf('t1')]]) },
      routes: new Map([['a', new ModulusRoute(SMALL_TABLE, 'shard', 2)]]),
    },
    {
      ...{ read: { a: 0 }, schemas: {}, ledgers: { t1: CHECKED } },
      ...{ doubts: [], foreign: [], foreignCount: 0 },
    },
  );
}

/** How often the logs were read. */
let read = 0;

async function nameAll(compare: TableCompare, from: LogMaker, to: LogMaker): Promise<void> {
  read = 0;
  const counted = (): void => {
    read += 1;
  };
  const kafka = {
    reader: async (o: ReaderOptions) => ({
      add: (topic: string) => {
        o.onFetched((topic === to.topic ? to : from).fetched());
      },
      release: () => {},
      close: counted,
    }),
  };
  for (const { doubts, window } of compare.unnamed) {
    compare.name(doubts, await keysIn({ kafka, compare, signal }, window));
  }
}

const rows = Array.from({ length: 40 }, (_, i): Event => ({ op: 'c', after: [i, 0, 1] }));

test('the keys that one side alone has, or has with other values, are named', async () => {
  expect(await found(rows, rows)).toEqual([]);
  const lost = rows.filter((_, i) => i !== 7 && i !== 30);
  const damaged = lost.with(3, { op: 'c', after: [3, 0, 2] });
  expect((await found(rows, damaged)).toSorted()).toEqual(['3', '30', '7']);
  expect(read, 'buckets that have come to differ at one time').toBe(1);
  expect(await found(rows, [...rows, { op: 'c', after: [99, 0, 1] }])).toEqual(['99']);
});

test('a key that waited while another one of its bucket was damaged is not blamed for it', async () => {
  const topic = topicOf('a');
  const keyOf = (id: number): Buffer => {
    const of = new LogMaker(SMALL_TABLE, 'a.d.t', 0).append({ op: 'c', after: [id, 0, 1] });
    return of.fetched().key(0)?.subarray(FRAME_BYTES) ?? Buffer.alloc(0);
  };
  const bucketOf = (id: number): number => topic.bucketOf(keyOf(id), 0, keyOf(id).length);
  const waiting = 1;
  let damaged = waiting + 1;
  while (bucketOf(damaged) !== bucketOf(waiting)) damaged += 1;
  const from = new LogMaker(SMALL_TABLE, 'a.d.t', 0);
  from.append({ op: 'c', after: [waiting, 0, 1] });
  const to = new LogMaker(SMALL_TABLE, 't1.d.t', 0);
  const mark = { job: 'j', topic: 'a.d.t', next: 1 };
  const waits = (is: boolean) => [{ key: keyOf(waiting).toString('base64'), waits: is }];
  to.appendMark({ ...mark, waits: waits(true) });
  to.append({ op: 'c', after: [damaged, 0, 1] });
  to.origin = 'j';
  const back = to.end;
  to.append({ op: 'c', after: [waiting, 0, 1] }).appendMark({ ...mark, waits: waits(false) });
  const compare = compareOf();
  await compare.takeSource('a', from.fetched());
  await compare.takeTarget('t1', to.fetched(0, back));
  expect(compare.doubts).toEqual([]);
  await compare.takeTarget('t1', to.fetched(back));
  await nameAll(compare, from, to);
  expect(compare.doubts).toMatchObject([{ bucket: bucketOf(waiting), rows: -1, keys: [] }]);
});

test('rows of another target are not this one’s, and what was undone is no difference', async () => {
  // So many that the bucket has rows of both targets.
  const all = Array.from(
    { length: 4000 },
    (_, i): Event => ({ op: 'c', after: [i, 1 - (i % 2), 1] }),
  );
  const mine = all.filter((_, i) => i % 2 === 1);
  const undone: Event[] = [
    { op: 'c', after: [99, 0, 1] },
    { op: 'd', before: [99, 0, 1] },
  ];
  expect(await found(all, [...mine.slice(1), ...undone])).toEqual(['1']);
});
