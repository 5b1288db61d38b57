import { expect, test } from 'vitest';
import { FakeKafka } from '../../test/support/fake-kafka.ts';
import { ReshardError } from '../runtime/error.ts';
import { PlainWriter } from './plain-writer.ts';
import { TransactionalWriter } from './transactional-writer.ts';
import { CODE } from './wire/error-code.ts';
import { wholeRecord } from './wire/record-slices.ts';

const TWO_LEADERS = { 't/0': 1, 't/1': 2 };

function open(kafka: FakeKafka, over: object = {}) {
  return TransactionalWriter.open(kafka, { transactionalId: 'x', commitTimeoutMs: 300, ...over });
}

function append(w: TransactionalWriter, partition: number, ...values: string[]): void {
  for (const value of values) {
    const b = Buffer.from(value);
    w.append('t', partition, wholeRecord(b, b, 1000));
  }
}

function lost(): ReshardError {
  return new ReshardError('unreachable', 'connection lost');
}

async function failure(work: Promise<unknown>): Promise<ReshardError> {
  try {
    await work;
  } catch (e) {
    if (e instanceof ReshardError) return e;
  }
  throw new Error('it did not fail as it should');
}

test('a leader that moves to a broker that has answered already: nothing is lost', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  kafka.beforeProduce = async node => {
    // Broker 2 acknowledges partition 1 first, then partition 0 moves from 1 to 2.
    if (node !== 1) return;
    await new Promise(resolve => setTimeout(resolve, 5));
    kafka.leaders.set('t/0', 2);
  };
  const w = await open(kafka);
  append(w, 0, 'a0', 'a1');
  append(w, 1, 'b0');
  const { offsets } = await w.commit();
  expect(kafka.logs.get('t/0')).toEqual(['a0', 'a1']);
  expect(kafka.logs.get('t/1')).toEqual(['b0']);
  expect(offsets).toEqual([
    { topic: 't', partition: 0, next: 2 },
    { topic: 't', partition: 1, next: 1 },
  ]);
});

test('an answer that was lost: the same bytes again, once in the log', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  let answersToLose = 2;
  kafka.tamper = acks => {
    if (answersToLose-- > 0) throw lost();
    return acks;
  };
  const w = await open(kafka);
  append(w, 0, 'a', 'b', 'c');
  await w.commit();
  append(w, 0, 'd', 'e', 'f');
  await w.commit();
  expect(kafka.logs.get('t/0')).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
});

test('an answer that lacks a partition is a failure, and the writer is dead', async () => {
  const kafka = new FakeKafka({ 't/0': 1, 't/1': 1 });
  kafka.tamper = acks => acks.filter(a => a.partition === 0);
  const w = await open(kafka);
  append(w, 0, 'a');
  append(w, 1, 'b');
  expect((await failure(w.commit())).message).toMatch(/lacks a partition/);
  kafka.tamper = acks => acks;
  append(w, 0, 'c');
  expect((await failure(w.commit())).message).toMatch(/lacks a partition/);
  expect(kafka.logs.get('t/0')).toEqual(['a']);
});

test('records appended during a commit belong to the next one', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  const w = await open(kafka);
  append(w, 0, 'a');
  const committing = w.commit();
  expect(w.pendingRecords).toBe(0);
  append(w, 0, 'b');
  expect(w.pendingRecords).toBe(1);
  expect(w.pendingBytes).toBeGreaterThan(0);
  expect((await failure(w.commit())).kind).toBe('bug');
  await committing;
  expect(kafka.logs.get('t/0')).toEqual(['a']);
  await w.commit();
  expect(kafka.logs.get('t/0')).toEqual(['a', 'b']);
});

test('a large batch is split below the limit and keeps its order', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  const sizes: number[] = [];
  kafka.beforeProduce = (_, batches) => {
    sizes.push(...batches.map(b => b.bytes.length));
  };
  const w = await open(kafka, { maxBatchBytes: 500 });
  const values = Array.from({ length: 100 }, (_, i) => `value ${i} ${'x'.repeat(i)}`);
  append(w, 0, ...values);
  const { offsets } = await w.commit();
  expect(kafka.logs.get('t/0')).toEqual(values);
  expect(offsets[0]?.next).toBe(100);
  expect(sizes.length).toBeGreaterThan(10);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
});

test('a fenced writer says so and stays dead', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  const w = await open(kafka);
  append(w, 0, 'a');
  kafka.endCode = CODE.PRODUCER_FENCED;
  expect((await failure(w.commit())).kind).toBe('fenced');
  kafka.endCode = CODE.NONE;
  append(w, 0, 'b');
  expect((await failure(w.commit())).kind).toBe('fenced');
});

test('a commit that finds no leader in time is given up', async () => {
  const kafka = new FakeKafka({});
  const w = await open(kafka);
  append(w, 0, 'a');
  const e = await failure(w.commit());
  expect([e.kind, e.context.topic, e.context.partition]).toEqual(['broker', 't', 0]);
});

test('the coordinator still completes the last transaction: asked again until it has', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  const w = await open(kafka);
  kafka.addCode = CODE.CONCURRENT_TRANSACTIONS;
  setTimeout(() => {
    kafka.addCode = CODE.NONE;
  }, 30);
  append(w, 0, 'a');
  await w.commit();
  expect(kafka.logs.get('t/0')).toEqual(['a']);
});

test('an empty commit does nothing', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  const w = await open(kafka);
  expect(await w.commit()).toEqual({ offsets: [] });
  expect(kafka.requests).toEqual([]);
});

test('concurrent sends to a partition keep the order of the calls, whatever fails', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  let n = 0;
  kafka.beforeProduce = async () => {
    n++;
    await new Promise(resolve => setTimeout(resolve, n % 4));
    if (n % 5 === 0) kafka.leaders.set('t/0', kafka.leaders.get('t/0') === 1 ? 2 : 1);
  };
  kafka.tamper = acks => {
    if (n % 7 === 0) throw lost();
    return acks;
  };
  const w = new PlainWriter(kafka, { maxBatchBytes: 1000 });
  const values = Array.from({ length: 40 }, (_, i) => `v${i}`);
  const sends = values.map(v => w.send('t', 0, [{ key: null, value: Buffer.from(v) }]));
  const offsets = await Promise.all(sends);
  expect(kafka.logs.get('t/0')).toEqual(values);
  expect(offsets.map(o => o.baseOffset)).toEqual(values.map((_, i) => i));
});

test('after a send that failed its identity is not used again', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  const w = new PlainWriter(kafka, { maxBatchBytes: 1000 });
  const send = (v: string) => w.send('t', 0, [{ key: null, value: Buffer.from(v) }]);
  await send('a');
  // The broker has appended it, but its answer is nonsense: the sender cannot know.
  kafka.tamper = () => [];
  expect((await failure(send('b'))).kind).toBe('broker');
  kafka.tamper = acks => acks;
  // Same count, other bytes: under the old sequence number it would be dropped as a duplicate.
  await send('c');
  expect(kafka.logs.get('t/0')).toEqual(['a', 'b', 'c']);
});

test('after a send that the broker never got the next one is not out of order', async () => {
  const kafka = new FakeKafka(TWO_LEADERS);
  const w = new PlainWriter(kafka, { maxBatchBytes: 1000 });
  const send = (v: string) => w.send('t', 0, [{ key: null, value: Buffer.from(v) }]);
  await send('a');
  kafka.beforeProduce = () => {
    throw new ReshardError('broker', 'refused');
  };
  expect((await failure(send('b'))).kind).toBe('broker');
  kafka.beforeProduce = () => {};
  await send('c');
  expect(kafka.logs.get('t/0')).toEqual(['a', 'c']);
});

test('a log that is shorter than what was acknowledged is not written on', async () => {
  const kafka = new FakeKafka({ 't/0': 1 });
  const w = await open(kafka);
  append(w, 0, 'a', 'b', 'c');
  await w.commit();
  kafka.remake('t');
  kafka.endCode = CODE.INVALID_TXN_STATE;
  append(w, 0, 'd');
  const e = await failure(w.commit());
  expect(e).toMatchObject({
    kind: 'history-lost',
    context: { topic: 't', partition: 0, wanted: 3, loss: 'truncated', endOffset: 0 },
  });
});

test('another topic of the name is not written to, though its offsets are higher', async () => {
  const kafka = new FakeKafka({ 't/0': 1 });
  kafka.ids.set('t', 'first');
  await kafka.refresh();
  const w = await open(kafka, { history: { lookMs: 0, confirmMs: 20 } });
  append(w, 0, 'a');
  await w.commit();
  kafka.remake('t');
  kafka.logs.set('t/0', ['x', 'y', 'z']);
  append(w, 0, 'b');
  const e = await failure(w.commit());
  expect(e).toMatchObject({
    kind: 'history-lost',
    context: { topic: 't', loss: 're-created', topicId: 'first', id: kafka.ids.get('t') },
  });
  expect(kafka.logs.get('t/0')).toEqual(['x', 'y', 'z']);
});

test('a broker that is late to hear of a topic does not stop the writer', async () => {
  const kafka = new FakeKafka({ 't/0': 1 });
  kafka.ids.set('t', 'old');
  await kafka.refresh();
  const w = await open(kafka, { history: { lookMs: 0, confirmMs: 5_000 } });
  append(w, 0, 'a');
  await w.commit();
  kafka.ids.set('t', 'late');
  setTimeout(() => kafka.ids.set('t', 'old'), 100);
  append(w, 0, 'b');
  await w.commit();
  expect(kafka.logs.get('t/0')).toEqual(['a', 'b']);
});
