/** The claims of history.ts on the oldest and on the pinned broker. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cutLog } from '../../test/support/cut-log.ts';
import { type Servers, startServers } from '../../test/support/servers/servers.ts';
import { KAFKA } from '../../test/support/servers/versions.ts';
import { until } from '../runtime/clock.ts';
import { ReshardError } from '../runtime/error.ts';
import { createLogger } from '../runtime/log.ts';
import { KafkaLog } from './kafka.ts';
import type { LogReader } from './reader.ts';
import { type LogPosition, parseHistory } from './wire/log-position.ts';
import { wholeRecord } from './wire/record-slices.ts';

const WAIT = { timeoutMs: 30_000 };
const log = createLogger({ name: 'history-test', level: 'fatal' });

function idOf({ history }: LogPosition): string {
  return parseHistory(history ?? '').topicId;
}

interface Reading {
  reader: LogReader;
  values: string[];
  errors: ReshardError[];
  end: LogPosition | undefined;
}

describe.each([KAFKA.version, KAFKA.oldest])('Kafka %s', version => {
  let servers: Servers;
  let kafka: KafkaLog;

  beforeAll(async () => {
    servers = await startServers({ kafka: { nodes: 1, version } });
    kafka = new KafkaLog({ brokers: servers.kafka.brokers, clientId: 'history-test', log });
  }, 180_000);

  afterAll(async () => {
    await kafka?.close();
    await servers?.[Symbol.asyncDispose]();
  }, 60_000);

  async function make(topic: string): Promise<void> {
    const admin = await kafka.admin();
    await admin.ensureTopics([{ topic, partitions: 1, replication: 1, config: {} }]);
  }

  async function newTopic(): Promise<string> {
    const topic = `history.${randomUUID()}`;
    await make(topic);
    return topic;
  }

  async function remove(topic: string): Promise<void> {
    const admin = await kafka.admin();
    await admin.deleteTopics([topic]);
    await until(async () => !(await admin.listTopics()).includes(topic), {
      ...WAIT,
      what: 'the end of the topic',
    });
  }

  async function remake(topic: string): Promise<void> {
    await remove(topic);
    await make(topic);
  }

  /** One batch for each value, by a writer that knows nothing of earlier ones. */
  async function write(topic: string, from: number, to: number): Promise<void> {
    const writer = await kafka.writer();
    for (let n = from; n < to; n++) {
      await writer.send(topic, 0, [{ key: null, value: Buffer.from(`${n}`) }]);
    }
    writer.close();
  }

  async function read(topic: string, from: LogPosition): Promise<Reading> {
    const reading: Omit<Reading, 'reader'> = { values: [], errors: [], end: undefined };
    const reader: LogReader = await kafka.reader({
      isolation: 'committed',
      onFetched: fetched => {
        for (let i = 0; i < fetched.count; i++) reading.values.push(String(fetched.value(i)));
        reading.end = fetched.end;
        reader.release(fetched);
      },
      onError: e => reading.errors.push(e),
    });
    reader.add(topic, 0, from);
    return Object.assign(reading, { reader });
  }

  /** Reads all of a topic; the position behind it. */
  async function readAll(topic: string, count: number): Promise<Reading & { end: LogPosition }> {
    const reading = await read(topic, { offset: 0 });
    await until(() => reading.values.length === count, { ...WAIT, what: 'all records' });
    if (reading.end === undefined) throw new Error('nothing was read');
    return Object.assign(reading, { end: reading.end });
  }

  async function errorOf(reading: Reading): Promise<ReshardError | undefined> {
    await until(() => reading.errors.length > 0, { ...WAIT, what: 'the error of the reader' });
    return reading.errors[0];
  }

  test('a topic made again under a connected reader, and under one that resumes', async () => {
    const topic = await newTopic();
    await write(topic, 0, 5);
    const connected = await readAll(topic, 5);
    const { end } = connected;
    expect(end.offset).toBe(5);
    await remake(topic);
    await write(topic, 100, 110);
    const resumed = await read(topic, end);
    for (const reading of [connected, resumed]) {
      expect(await errorOf(reading)).toMatchObject({
        kind: 'history-lost',
        message: expect.stringMatching(/deleted and made again/),
        context: { topic, partition: 0, wanted: 5, loss: 're-created', topicId: idOf(end) },
      });
    }
    expect(connected.values).toEqual(['0', '1', '2', '3', '4']);
    expect(resumed.values).toEqual([]);
    // A reader that has no position in the old one reads the new one.
    expect((await readAll(topic, 10)).values[0]).toBe('100');
  });

  test('a topic that was read and is gone is said to be deleted', async () => {
    const topic = await newTopic();
    await write(topic, 0, 2);
    const reading = await readAll(topic, 2);
    await remove(topic);
    expect(await errorOf(reading)).toMatchObject({
      kind: 'history-lost',
      context: { topic, loss: 'deleted', topicId: idOf(reading.end) },
    });
  });

  test('a log that lost its end and grew again is not read on, connected or resumed', async () => {
    const [cut, whole] = [await newTopic(), await newTopic()];
    for (const topic of [cut, whole]) await write(topic, 0, 20);
    const [connected, untouched] = [await readAll(cut, 20), await readAll(whole, 20)];
    const [end, wholeEnd] = [connected.end, untouched.end];
    const [node] = servers.kafka.nodes;
    await node?.kill();
    await cutLog(node?.data ?? '', cut, 0, 10);
    await node?.start();
    for (const topic of [cut, whole]) await write(topic, 100, 120);
    const resumed = await read(cut, end);
    for (const reading of [connected, resumed]) {
      expect(await errorOf(reading)).toMatchObject({
        kind: 'history-lost',
        context: { topic: cut, partition: 0, wanted: 20, loss: 'truncated' },
      });
    }
    expect(connected.values).toHaveLength(20);
    expect(resumed.values).toEqual([]);
    // The other log was taken over by the same start of the broker, with all of its records.
    await until(() => untouched.values.length === 40, { ...WAIT, what: 'the rest' });
    const again = await read(whole, wholeEnd);
    await until(() => again.values.length === 20, { ...WAIT, what: 'the rest, resumed' });
    expect([...untouched.errors, ...again.errors]).toEqual([]);
  }, 60_000);

  test('a writer does not commit to a topic that was made again', async () => {
    const topic = await newTopic();
    const history = { lookMs: 0, confirmMs: 500 };
    const open = { transactionalId: topic, history };
    const value = Buffer.from('x');
    const byId = await kafka.transactionalWriter(open);
    byId.append(topic, 0, wholeRecord(null, value, Date.now()));
    await byId.commit();
    await remake(topic);
    byId.append(topic, 0, wholeRecord(null, value, Date.now()));
    await expect(byId.commit()).rejects.toMatchObject({
      kind: 'history-lost',
      context: { topic, loss: 're-created' },
    });
    expect(await kafka.highWatermarks(topic)).toEqual([0]);
  });

  test('between two looks at the metadata the offsets tell, and nothing is committed', async () => {
    const topic = await newTopic();
    const own = new KafkaLog({ brokers: servers.kafka.brokers, clientId: 'history-writer', log });
    const value = Buffer.from('x');
    const writer = await own.transactionalWriter({ transactionalId: topic });
    for (let n = 0; n < 3; n++) {
      writer.append(topic, 0, wholeRecord(null, value, Date.now()));
      await writer.commit();
    }
    await remake(topic);
    writer.append(topic, 0, wholeRecord(null, value, Date.now()));
    const e: unknown = await writer.commit().catch(x => x);
    expect(e).toBeInstanceOf(ReshardError);
    await own.close();
    // The next writer of the id has the broker abort what is open.
    await kafka.transactionalWriter({ transactionalId: topic });
    const [range] = await kafka.offsets(topic);
    const reading = await read(topic, { offset: 0 });
    await until(() => range?.latest === 0 || reading.end !== undefined, {
      ...WAIT,
      what: 'the end of the transaction',
    });
    expect(reading.values).toEqual([]);
    expect(e).toMatchObject({ kind: 'history-lost', context: { topic } });
  });
});
