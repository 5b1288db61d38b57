/**
 * Our half of Kafka's protocol against the oldest and the newest broker that we know: every kind of
 * request that `wire/` encodes, asked once and its answer used. What only one version does would
 * else be seen by whoever runs the other one.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Servers, startServers } from '../../test/support/servers/servers.ts';
import { KAFKA } from '../../test/support/servers/versions.ts';
import { until } from '../runtime/clock.ts';
import { createLogger } from '../runtime/log.ts';
import { KafkaLog } from './kafka.ts';
import type { Member } from './member.ts';
import type { LogReader } from './reader.ts';
import { tailTable } from './table.ts';
import type { TransactionalWriter } from './transactional-writer.ts';
import { wholeRecord } from './wire/record-slices.ts';

const WAIT = { timeoutMs: 30_000 };
const log = createLogger({ name: 'conformance-test', level: 'fatal' });
const MB = 1024 * 1024;

describe.each([KAFKA.version, KAFKA.oldest])('on Kafka %s', version => {
  let servers: Servers;
  let kafka: KafkaLog;

  beforeAll(async () => {
    servers = await startServers({ kafka: { nodes: 1, version } });
    kafka = new KafkaLog({ brokers: servers.kafka.brokers, clientId: 'conformance-test', log });
  }, 180_000);

  afterAll(async () => {
    await kafka?.close();
    await servers?.[Symbol.asyncDispose]();
  }, 60_000);

  async function newTopic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const topic = `conformance.${randomUUID()}`;
    await (await kafka.admin()).ensureTopics([{ topic, partitions, replication: 1, config }]);
    return topic;
  }

  function append(w: TransactionalWriter, topic: string, value: Buffer | string): void {
    const v = Buffer.from(value);
    w.append(topic, 0, wholeRecord(v.subarray(0, 4), v, Date.now()));
  }

  /** Values as a committed reader gets them. */
  async function reading(topic: string): Promise<{ values: Buffer[]; reader: LogReader }> {
    const values: Buffer[] = [];
    const reader: LogReader = await kafka.reader({
      isolation: 'committed',
      onFetched: fetched => {
        for (let i = 0; i < fetched.count; i++) {
          values.push(Buffer.from(fetched.value(i) ?? Buffer.alloc(0)));
        }
        reader.release(fetched);
      },
      onError: e => expect.fail(e.message),
    });
    reader.add(topic, 0, 0);
    return { values, reader };
  }

  test('what is committed is read once, in order; what is open or fenced never', async () => {
    const topic = await newTopic();
    const first = await kafka.transactionalWriter({ transactionalId: topic });
    for (let n = 0; n < 20; n++) {
      append(first, topic, `${n}.a`);
      append(first, topic, `${n}.b`);
      await first.commit();
    }
    const second = await kafka.transactionalWriter({ transactionalId: topic });
    append(first, topic, 'zombie');
    await expect(first.commit()).rejects.toMatchObject({ kind: 'fenced' });
    append(second, topic, 'last');
    const { offsets } = await second.commit();
    const { values, reader } = await reading(topic);
    await until(() => values.at(-1)?.toString() === 'last', { ...WAIT, what: 'the last record' });
    const wanted = Array.from({ length: 20 }, (_, n) => [`${n}.a`, `${n}.b`]).flat();
    expect(values.map(String)).toEqual([...wanted, 'last']);
    reader.close();
    second.close();
    // The commit's own marker stands behind the record.
    const { topicId, ends } = await kafka.logEnds(topic);
    expect(topicId).toMatch(/^[\w-]{22}$/);
    expect(ends).toEqual([(offsets[0]?.next ?? 0) + 1]);
  });

  test('records with headers, tombstones, and records of megabytes arrive as they are', async () => {
    const topic = await newTopic(1, { 'max.message.bytes': String(8 * MB) });
    const large = Buffer.alloc(3 * MB, 7);
    const writer = await kafka.writer();
    const headers = [['why', 'because']] as const;
    await writer.send(topic, 0, [
      { key: Buffer.from('k'), value: Buffer.from('v'), headers },
      { key: Buffer.from('gone'), value: null },
      { key: null, value: large },
    ]);
    writer.close();
    const seen: [string, number | null][] = [];
    const tail = await tailTable(kafka, topic, (key, value) => {
      seen.push([key.toString(), value === null ? null : value.length]);
    });
    await tail.caughtUp;
    await tail.close();
    const { values, reader } = await reading(topic);
    await until(() => values.length === 3, { ...WAIT, what: 'all records' });
    expect(values[2]?.equals(large)).toBe(true);
    reader.close();
    expect(seen).toEqual([
      ['k', 1],
      ['gone', null],
      ['', 3 * MB],
    ]);
  });

  test('a lease goes to whoever is left', async () => {
    const groupId = `conformance-${randomUUID()}`;
    const held = [new Set<number>(), new Set<number>()];
    const join = (mine: Set<number>): Promise<Member> =>
      kafka.member({
        groupId,
        slots: 4,
        sessionTimeoutMs: 6000,
        onAssigned: async slots => {
          for (const slot of slots) mine.add(slot);
        },
        onRevoked: async slots => {
          for (const slot of slots) mine.delete(slot);
        },
        onLost: () => mine.clear(),
      });
    const [a, b] = held;
    if (a === undefined || b === undefined) throw new Error('two members');
    const first = await join(a);
    await until(() => a.size === 4, { ...WAIT, what: 'all slots at the only member' });
    const second = await join(b);
    await until(() => a.size === 2 && b.size === 2, { ...WAIT, what: 'a half for each' });
    expect([...a, ...b].sort()).toEqual([0, 1, 2, 3]);
    await first.close();
    await until(() => b.size === 4, { ...WAIT, what: 'all slots at the one that is left' });
    await second.close();
  });

  test('topics are made, looked at, trimmed and deleted as the settings say', async () => {
    const config = { 'cleanup.policy': 'delete', 'retention.ms': '3600000' };
    const topic = await newTopic(3, config);
    const admin = await kafka.admin();
    const spec = { topic, partitions: 3, replication: 1, config };
    expect(await admin.partitions(topic)).toBe(3);
    expect(await admin.check([spec])).toEqual([]);
    const other = { ...spec, config: { ...config, 'retention.ms': '7200000' } };
    expect((await admin.check([other])).map(d => d.topic)).toEqual([topic]);
    await admin.setTopicConfig(topic, other.config);
    expect(await admin.check([other])).toEqual([]);
    const writer = await kafka.writer();
    await writer.send(topic, 1, [{ key: null, value: Buffer.from('x') }]);
    writer.close();
    expect((await admin.offsets(topic)).map(o => o.latest)).toEqual([0, 1, 0]);
    expect(await kafka.highWatermarks(topic)).toEqual([0, 1, 0]);
    expect((await admin.brokers()).settings['group.min.session.timeout.ms']).toBeDefined();
    await admin.deleteTopics([topic]);
    await until(async () => !(await admin.listTopics()).includes(topic), {
      ...WAIT,
      what: 'the end of the topic',
    });
  });
});
