import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { servers } from '../../test/support/dev.ts';
import { until } from '../runtime/clock.ts';
import { ReshardError } from '../runtime/error.ts';
import { createLogger } from '../runtime/log.ts';
import { KafkaLog } from './kafka.ts';
import type { LogReader, ReaderOptions } from './reader.ts';
import { tailTable } from './table.ts';
import type { TransactionalWriter } from './transactional-writer.ts';
import { Cluster } from './wire/cluster.ts';
import type { FetchedBatch } from './wire/fetched-batch.ts';
import { createAdminClient } from './wire/kafkajs.ts';
import { RecordBatchBuilder } from './wire/record-batch.ts';
import { wholeRecord } from './wire/record-slices.ts';
import { ClusterTransactionPort, type ProducerIdentity } from './wire/transaction-port.ts';

const log = createLogger({ name: 'topic-test', level: 'warn' });
const settings = { brokers: servers().brokers, clientId: 'reshard-topic-test', log };
const WAIT = { timeoutMs: 15_000, everyMs: 10 };
const MB = 1024 * 1024;
const made: string[] = [];
let kafka: KafkaLog;

beforeAll(() => {
  kafka = new KafkaLog(settings);
});

afterAll(async () => {
  await (await kafka.admin()).deleteTopics(made);
  await kafka.close();
});

async function newTopic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
  const topic = `topicroom.${randomUUID()}`;
  await (await kafka.admin()).ensureTopics([{ topic, partitions, replication: 1, config }]);
  made.push(topic);
  return topic;
}

function append(w: TransactionalWriter, topic: string, partition: number, ...values: string[]) {
  for (const v of values) {
    const b = Buffer.from(v);
    w.append(topic, partition, wholeRecord(b, b, Date.now()));
  }
}

interface Reading {
  reader: LogReader;
  values: string[];
  fetchedBatches: FetchedBatch[];
  errors: ReshardError[];
  position: number;
}

async function read(topic: string, from: number, over: Partial<ReaderOptions> = {}) {
  const reading: Omit<Reading, 'reader'> = {
    values: [],
    fetchedBatches: [],
    errors: [],
    position: from,
  };
  const reader: LogReader = await kafka.reader({
    isolation: 'committed',
    onFetched: fetched => {
      for (let i = 0; i < fetched.count; i++) reading.values.push(String(fetched.value(i)));
      reading.fetchedBatches.push(fetched);
      reading.position = fetched.position;
      reader.release(fetched);
    },
    onError: e => reading.errors.push(e),
    ...over,
  });
  reader.add(topic, 0, from);
  return Object.assign(reading, { reader });
}

test('commits are read once, in order, over several partitions and topics', async () => {
  const [one, two] = [await newTopic(3), await newTopic(2)];
  const w = await kafka.transactionalWriter({ transactionalId: one });
  const got = new Map<string, string[]>();
  const reader: LogReader = await kafka.reader({
    isolation: 'committed',
    onFetched: fetched => {
      const name = `${fetched.topic}/${fetched.partition}`;
      const list = got.get(name) ?? [];
      got.set(name, list);
      for (let i = 0; i < fetched.count; i++) list.push(String(fetched.value(i)));
      reader.release(fetched);
    },
    onError: e => {
      throw e;
    },
  });
  const places = [...[0, 1, 2].map(p => [one, p] as const), ...[0, 1].map(p => [two, p] as const)];
  for (const [topic, p] of places) reader.add(topic, p, 0);
  const wanted = new Map<string, string[]>(places.map(([t, p]) => [`${t}/${p}`, []]));
  for (let commit = 0; commit < 20; commit++) {
    for (const [topic, p] of places) {
      const values = Array.from({ length: 1 + (commit % 3) }, (_, i) => `${commit}.${i}`);
      append(w, topic, p, ...values);
      wanted.get(`${topic}/${p}`)?.push(...values);
    }
    const { offsets } = await w.commit();
    expect(offsets.length).toBe(5);
  }
  const total = [...wanted.values()].flat().length;
  await until(() => [...got.values()].flat().length >= total, { ...WAIT, what: 'all records' });
  expect(Object.fromEntries(got)).toEqual(Object.fromEntries(wanted));
  expect(reader.heldBytes).toBe(0);
  reader.close();
});

test('a second writer of an id fences the first, whose open data stays unseen', async () => {
  const topic = await newTopic();
  const first = await kafka.transactionalWriter({ transactionalId: topic });
  append(first, topic, 0, 'first');
  await first.commit();
  // The old writer is in the middle of a transaction: its records are in the log already.
  const { port, old } = await hangingTransaction(topic, topic, ['open']);
  const second = await kafka.transactionalWriter({ transactionalId: topic });
  append(first, topic, 0, 'zombie');
  await expect(first.commit()).rejects.toMatchObject({ kind: 'fenced' });
  const code = await port.endTransaction(await coordinator(topic), topic, old);
  expect(code).not.toBe(0);
  append(second, topic, 0, 'second');
  await second.commit();
  expect(second.producerEpoch).toBeGreaterThan(first.producerEpoch);
  const reading = await read(topic, 0);
  await until(() => reading.values.includes('second'), { ...WAIT, what: 'the second commit' });
  expect(reading.values).toEqual(['first', 'second']);
  const uncommitted = await read(topic, 0, { isolation: 'uncommitted' });
  await until(() => uncommitted.values.includes('second'), { ...WAIT, what: 'all data' });
  expect(uncommitted.values).toEqual(['first', 'open', 'second']);
});

/** Adds a partition and produces, and does not end the transaction: a writer that hangs. */
async function hangingTransaction(id: string, topic: string, values: readonly string[]) {
  const cluster = new Cluster(settings);
  const port = new ClusterTransactionPort(cluster, `hang-${id}`);
  await cluster.refresh([topic]);
  const node = await coordinator(id, cluster);
  const old = await until(
    async () => {
      const p = await port.initProducerId(node, id, 60_000);
      return p.code === 0 && p;
    },
    { ...WAIT, what: 'a producer id' },
  );
  const more = (list: readonly string[], sequence: number) =>
    produce(port, topic, id, old, list, sequence);
  await until(
    async () => {
      const codes = await port.addPartitions(node, id, old, [{ topic, partition: 0 }]);
      return codes.every(c => c.code === 0);
    },
    { ...WAIT, what: 'the partition in the transaction' },
  );
  await more(values, 0);
  return { port, old, more, cluster };
}

async function coordinator(id: string, cluster = new Cluster(settings)): Promise<number> {
  return until(() => cluster.coordinator('transaction', id), { ...WAIT, what: 'a coordinator' });
}

async function produce(
  port: ClusterTransactionPort,
  topic: string,
  id: string,
  producer: ProducerIdentity,
  values: readonly string[],
  sequence: number,
): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (const v of values) {
    const b = Buffer.from(v);
    builder.append(wholeRecord(Buffer.alloc(4), b, Date.now()));
  }
  const bytes = builder.finish({ ...producer, sequence, transactional: true });
  const batch = { topic, partition: 0, bytes, count: builder.count };
  await until(
    async () => {
      const [ack] = await port.produce(port.leader(topic, 0) ?? 0, id, [batch]);
      return ack?.code === 0;
    },
    { ...WAIT, what: 'the batch in the log' },
  );
}

test('overlapping aborted transactions stay unseen from any offset on', async () => {
  const topic = await newTopic();
  const [a, b] = [`${topic}.a`, `${topic}.b`];
  const one = await hangingTransaction(a, topic, ['a1']);
  const two = await hangingTransaction(b, topic, ['b1']);
  await one.more(['a2'], 1);
  await two.more(['b2'], 1);
  const writerA = await kafka.transactionalWriter({ transactionalId: a });
  await two.more(['b3'], 2);
  const writerB = await kafka.transactionalWriter({ transactionalId: b });
  const plain = await kafka.writer();
  // A user key that looks like the key of an abort marker.
  await plain.send(topic, 0, [{ key: Buffer.alloc(4), value: Buffer.from('plain') }]);
  append(writerA, topic, 0, 'a3');
  await writerA.commit();
  append(writerB, topic, 0, 'b4');
  await writerB.commit();
  for (let from = 0; from <= 7; from++) {
    const reading = await read(topic, from);
    await until(() => reading.values.includes('b4'), { ...WAIT, what: `records from ${from}` });
    expect(reading.values).toEqual(['plain', 'a3', 'b4']);
    reading.reader.close();
  }
});

test('an offset that was trimmed is an error that names it, never a jump', async () => {
  const topic = await newTopic();
  const plain = await kafka.writer();
  const records = Array.from({ length: 10 }, (_, i) => ({ key: null, value: Buffer.from(`${i}`) }));
  await plain.send(topic, 0, records);
  const admin = createAdminClient(settings);
  await admin.connect();
  await admin.fetchTopicMetadata({ topics: [topic] });
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] });
  await admin.disconnect();
  const reading = await read(topic, 3);
  const [e] = await until(() => reading.errors.length > 0 && reading.errors, {
    ...WAIT,
    what: 'the error',
  });
  expect(e).toMatchObject({
    kind: 'history-lost',
    context: { topic, partition: 0, wanted: 3, earliest: 6, latest: 10 },
  });
  expect(reading.values).toEqual([]);
});

test('an offset beyond the end is an error too', { timeout: 20_000 }, async () => {
  const topic = await newTopic();
  const reading = await read(topic, 100);
  const [e] = await until(() => reading.errors.length > 0 && reading.errors, {
    ...WAIT,
    what: 'the error',
  });
  expect(e).toMatchObject({ kind: 'history-lost', context: { wanted: 100, latest: 0 } });
});

test('what is not released bounds what is fetched; a record above the limit still passes', async () => {
  const topic = await newTopic(1, { 'max.message.bytes': '8000000' });
  const plain = await kafka.writer();
  const value = Buffer.alloc(100_000, 'x');
  for (let i = 0; i < 40; i++) await plain.send(topic, 0, [{ key: null, value }]);
  await plain.send(topic, 0, [{ key: null, value: Buffer.alloc(3_000_000, 'y') }]);
  const held: FetchedBatch[] = [];
  let count = 0;
  const limits = { maxBufferedBytes: 1_000_000, maxPartitionBytes: 200_000 };
  const { reader } = await read(topic, 0, {
    ...limits,
    onFetched: fetched => {
      held.push(fetched);
      count += fetched.count;
    },
  });
  await until(() => reader.heldBytes >= 400_000, { ...WAIT, what: 'the first fetched batches' });
  await new Promise(resolve => setTimeout(resolve, 300));
  expect(reader.heldBytes).toBeLessThan(limits.maxBufferedBytes + limits.maxPartitionBytes);
  expect(count).toBeLessThan(20);
  await until(
    () => {
      for (const fetched of held.splice(0)) reader.release(fetched);
      return count >= 41;
    },
    { ...WAIT, what: 'all records' },
  );
  reader.close();
});

test('a record above max.message.bytes is refused with topic and remedy', async () => {
  const topic = await newTopic(1, { 'max.message.bytes': '100000' });
  const plain = await kafka.writer();
  const sent = plain.send(topic, 0, [{ key: null, value: Buffer.alloc(200_000) }]);
  await expect(sent).rejects.toMatchObject({ kind: 'too-large', context: { topic } });
  await expect(sent).rejects.toMatchObject({ remedy: /max.message.bytes/ });
  // The writer is usable again: its identity was replaced.
  await plain.send(topic, 0, [{ key: null, value: Buffer.from('small') }]);
});

test('a batch above socket.request.max.bytes is refused with the setting, and is not retried', async () => {
  // The broker would close the connection, which looks like a network that fails.
  const topic = await newTopic(1, { 'max.message.bytes': '200000000' });
  const plain = await kafka.writer();
  const passes = Buffer.alloc(90 * MB);
  await plain.send(topic, 0, [{ key: null, value: passes }]);
  const begun = performance.now();
  const sent = plain.send(topic, 0, [{ key: null, value: Buffer.alloc(101 * MB) }]);
  await expect(sent).rejects.toMatchObject({
    kind: 'too-large',
    context: { setting: 'socket.request.max.bytes', limit: 100 * MB },
    remedy: /socket\.request\.max\.bytes=\d+/,
  });
  expect(performance.now() - begun).toBeLessThan(5000);
  await plain.send(topic, 0, [{ key: null, value: Buffer.from('small') }]);
});

test('positions pass control records, so a consumer at the end is told', async () => {
  const topic = await newTopic();
  const w = await kafka.transactionalWriter({ transactionalId: topic });
  append(w, topic, 0, 'a');
  await w.commit();
  const reading = await read(topic, 1);
  await until(() => reading.position === 2, { ...WAIT, what: 'the position behind the marker' });
  expect(reading.values).toEqual([]);
});

test('a table is read to its end, then tailed', async () => {
  const topic = await newTopic(1, { 'cleanup.policy': 'compact' });
  const plain = await kafka.writer();
  const put = (k: string, v: string | null) =>
    plain.send(topic, 0, [{ key: Buffer.from(k), value: v === null ? null : Buffer.from(v) }]);
  await put('a', '1');
  await put('b', '2');
  await put('a', null);
  const table = new Map<string, string>();
  await using tail = await tailTable(kafka, topic, (key, value) => {
    if (value === null) table.delete(String(key));
    else table.set(String(key), String(value));
  });
  await tail.caughtUp;
  expect([...table]).toEqual([['b', '2']]);
  await put('c', '3');
  await until(() => table.get('c') === '3', { ...WAIT, what: 'the new record' });
});

test('an empty table is caught up at once', async () => {
  const topic = await newTopic();
  await using tail = await tailTable(kafka, topic, () => {});
  await tail.caughtUp;
});

test('topics are verified: every difference is named with its fix', async () => {
  const topic = await newTopic(2, { 'cleanup.policy': 'compact' });
  const admin = await kafka.admin();
  const same = { topic, partitions: 2, replication: 1, config: { 'cleanup.policy': 'compact' } };
  await admin.ensureTopics([same]);
  const config = { 'cleanup.policy': 'delete', 'max.message.bytes': '2000000' };
  const e: unknown = await admin
    .ensureTopics([{ topic, partitions: 4, replication: 1, config }])
    .catch(x => x);
  if (!(e instanceof ReshardError)) throw e;
  expect(e.kind).toBe('server-setting');
  for (const part of [
    'has 2 partitions, needs 4',
    'cleanup.policy is compact, needs delete',
    'max.message.bytes is',
  ])
    expect(e.message).toContain(part);
  expect(e.remedy).toContain(`--entity-name ${topic} --add-config 'cleanup.policy=delete'`);
});

test('a broker that is not there is unreachable, with the address', async () => {
  const nowhere = new KafkaLog({ ...settings, brokers: ['127.0.0.1:1'], connectTimeoutMs: 500 });
  await expect(nowhere.offsets('x')).rejects.toMatchObject({
    kind: 'unreachable',
    message: /127\.0\.0\.1:1/,
  });
  await nowhere.close();
}, 30_000);
