/** Enforces that every partition is read, whoever hears first that its leader has moved. */
import { expect, test } from 'vitest';
import { until } from '../runtime/clock.ts';
import { createLogger } from '../runtime/log.ts';
import { LogReader } from './reader.ts';
import { Cluster } from './wire/cluster.ts';
import { RecordBatchBuilder } from './wire/record-batch.ts';
import { wholeRecord } from './wire/record-slices.ts';
import { type Api, WireReader, WireWriter } from './wire/wire-format.ts';

const TOPIC = 't';
const ID = 'AAAAAAAAAAAAAAAAAAAAAQ';
const settings = {
  brokers: ['broker:9092'],
  clientId: 'reader-test',
  log: createLogger({ name: 'reader-test', level: 'fatal' }),
};

/** Brokers with empty logs. What is known of leaders changes when the test says so. */
class MovingLeaders extends Cluster {
  leaders: (number | undefined)[];
  readonly asked = new Set<number>();
  refreshes = 0;
  requests = 0;
  /** How often the places to read from were looked through, each of them counted. */
  looks = 0;

  constructor(leaders: (number | undefined)[]) {
    super(settings);
    this.leaders = leaders;
  }

  override leader(_topic: string, partition: number): number | undefined {
    this.looks++;
    return this.leaders[partition];
  }

  override topicId(): string {
    return ID;
  }

  override partitionCount(): number {
    return this.leaders.length;
  }

  override async refresh(): Promise<void> {
    this.refreshes++;
  }

  override async ask(
    node: number,
    _purpose: string,
    _api: Api,
    parts: readonly Uint8Array[],
  ): Promise<WireReader> {
    this.asked.add(node);
    this.requests++;
    const led = [...this.leaders.keys()].filter(p => this.leaders[p] === node);
    await new Promise(resolve => setTimeout(resolve, 5));
    return new WireReader(this.answer(led, Buffer.concat(parts)));
  }

  /** `request` begins with the number of a replica, the longest wait and the fewest bytes. */
  answer(led: readonly number[], _request: Buffer): Buffer {
    return answerOf(led);
  }
}

const NO_BYTES = Buffer.alloc(0);

/** Each partition gives the same bytes, but those that `of` gives others. */
function answerOf(partitions: readonly number[], of = (_: number): Buffer => NO_BYTES): Buffer {
  const w = new WireWriter();
  w.i32(0).i16(0).i32(0);
  w.compactArray([ID], id => {
    w.uuid(id);
    w.compactArray(partitions, p => {
      w.i32(p).i16(0).i64(0).i64(0).i64(0);
      w.compactArray([], () => {});
      // No preferred replica.
      const bytes = of(p);
      w.i32(-1).uvarint(bytes.length + 1);
      for (const byte of bytes) w.i8(byte);
      w.noTags();
    });
    w.noTags();
  });
  w.noTags();
  return w.take();
}

function reading(cluster: Cluster, partitions: number, o = {}): LogReader & Disposable {
  const reader = new LogReader(cluster, 'test', {
    ...o,
    isolation: 'committed',
    onFetched: () => {},
    onError: e => {
      throw e;
    },
  });
  for (let p = 0; p < partitions; p++) reader.add(TOPIC, p, 0);
  return Object.assign(reader, { [Symbol.dispose]: () => reader.close() });
}

const soon = { timeoutMs: 5000, everyMs: 5 };

test('a partition whose leader moves while another client refreshes is read from the new one', async () => {
  const cluster = new MovingLeaders([1, 3]);
  using _ = reading(cluster, 2);
  await until(() => cluster.asked.has(1) && cluster.asked.has(3), {
    ...soon,
    what: 'both leaders',
  });
  cluster.leaders = [1, 2];
  await until(() => cluster.asked.has(2), { ...soon, what: 'the new leader' });
});

test('one of two partitions of a leader moves while another client refreshes', async () => {
  const cluster = new MovingLeaders([3, 3]);
  using _ = reading(cluster, 2);
  await until(() => cluster.asked.has(3), { ...soon, what: 'the leader of both' });
  cluster.leaders = [3, 2];
  await until(() => cluster.asked.has(2), { ...soon, what: 'the new leader' });
});

test('the only partition moves: the loop of the old leader ends, one for the new begins', async () => {
  const cluster = new MovingLeaders([3]);
  using _ = reading(cluster, 1);
  await until(() => cluster.asked.has(3), { ...soon, what: 'the first leader' });
  cluster.leaders = [2];
  await until(() => cluster.asked.has(2), { ...soon, what: 'the new leader' });
  cluster.asked.clear();
  cluster.leaders = [3];
  await until(() => cluster.asked.has(3), { ...soon, what: 'the first leader again' });
});

test('while a partition has no leader, brokers are asked with growing pauses', async () => {
  const cluster = new MovingLeaders([1, undefined]);
  using _ = reading(cluster, 2);
  await until(() => cluster.refreshes >= 5, { ...soon, what: 'five looks' });
  const begun = performance.now();
  const before = cluster.refreshes;
  await until(() => cluster.refreshes >= before + 2, { ...soon, what: 'two looks more' });
  expect(performance.now() - begun).toBeGreaterThan(100);
  cluster.leaders = [1, 2];
  await until(() => cluster.asked.has(2), { ...soon, what: 'the leader that is there now' });
});

/** Answers with bytes every third time, and notes how long each request would wait for how many. */
class Trickle extends MovingLeaders {
  readonly waits: string[] = [];

  override answer(led: readonly number[], request: Buffer): Buffer {
    this.waits.push(`${request.readInt32BE(4)} ms, ${request.readInt32BE(8)} bytes`);
    return answerOf(led, p => (p === 0 ? this.bytes() : NO_BYTES));
  }

  /** Of a batch that has not come as a whole. */
  bytes(): Buffer {
    return Buffer.alloc(this.waits.length % 3 === 1 ? 9 : 0);
  }
}

/** One of its partitions gives more at once than a reader may hold of it. */
class Heavy extends Trickle {
  override bytes(): Buffer {
    if (this.waits.length > 1) return NO_BYTES;
    const builder = new RecordBatchBuilder();
    builder.append(wholeRecord(null, Buffer.alloc(20_000), 0));
    return builder.finish({ id: 1, epoch: 0, sequence: 0, transactional: false });
  }
}

test('more is waited for behind what has come, and nothing behind a silence', async () => {
  const cluster = new Trickle([1]);
  using _ = reading(cluster, 1, { gatherMs: 40, maxWaitMs: 300 });
  await until(() => cluster.waits.length >= 4, { ...soon, what: 'four requests' });
  const [lone, gathered] = ['300 ms, 1 bytes', '40 ms, 524288 bytes'];
  expect(cluster.waits.slice(0, 4)).toEqual([lone, gathered, lone, lone]);
});

/** Answers with bytes to one request alone. */
class Silent extends Trickle {
  override bytes(): Buffer {
    return Buffer.alloc(this.waits.length === 14 ? 9 : 0);
  }
}

test('a log that is silent is asked less often, until something comes', async () => {
  const cluster = new Silent([1]);
  using _ = reading(cluster, 1, { maxWaitMs: 100 });
  await until(() => cluster.waits.length >= 16, { ...soon, what: 'sixteen requests' });
  const waits = cluster.waits.slice(0, 16).map(w => Number.parseInt(w, 10));
  expect(waits).toEqual([
    ...[100, 100, 100, 100, 200, 200, 200, 200],
    ...[400, 400, 400, 400, 400, 400, 100, 100],
  ]);
});

test('beside a partition that is held back the others are asked no more often than is gathered', async () => {
  const waitsOf = async (gatherMs: number): Promise<string | undefined> => {
    const cluster = new Heavy([1, 1]);
    const limits = { maxPartitionBytes: 1024, maxBufferedBytes: 64 * 1024 };
    using _ = reading(cluster, 2, { ...limits, gatherMs, maxWaitMs: 300 });
    await until(() => cluster.waits.length >= 4, { ...soon, what: 'four requests' });
    return cluster.waits[3];
  };
  expect(await waitsOf(0)).toBe('20 ms, 1 bytes');
  expect(await waitsOf(40)).toBe('40 ms, 1 bytes');
});

test('a reader that rests asks nobody, and goes on at once', async () => {
  const cluster = new MovingLeaders([1]);
  using reader = reading(cluster, 1);
  await until(() => cluster.requests >= 2, { ...soon, what: 'two requests' });
  reader.rest(true);
  const [asked, looked] = [cluster.requests, cluster.looks];
  await until(() => cluster.looks >= looked + 4, { ...soon, what: 'looks while it rests' });
  expect(cluster.requests, 'one may have been under way').toBeLessThanOrEqual(asked + 1);
  reader.rest(false);
  await until(() => cluster.requests > asked + 1, { ...soon, what: 'the next requests' });
});
