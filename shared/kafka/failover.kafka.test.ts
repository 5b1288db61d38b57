import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Servers, startServers } from '../../test/support/servers/servers.ts';
import { until } from '../runtime/clock.ts';
import { ReshardError } from '../runtime/error.ts';
import { createLogger } from '../runtime/log.ts';
import { KafkaLog } from './kafka.ts';
import type { LogReader } from './reader.ts';
import type { TransactionalWriter } from './transactional-writer.ts';
import { wholeRecord } from './wire/record-slices.ts';

const TOPIC = 'failover';
const PARTITIONS = 3;
const log = createLogger({ name: 'failover-test', level: 'error' });
let cluster: Servers;
let kafka: KafkaLog;

beforeAll(async () => {
  const settings = { 'broker.session.timeout.ms': '3000', 'broker.heartbeat.interval.ms': '500' };
  cluster = await startServers({ kafka: { nodes: 3, settings } });
  kafka = new KafkaLog({ brokers: cluster.kafka.brokers, clientId: 'failover-test', log });
  const config = { 'min.insync.replicas': '2' };
  const spec = { topic: TOPIC, partitions: PARTITIONS, replication: 3, config };
  await (await kafka.admin()).ensureTopics([spec]);
}, 300_000);

afterAll(async () => {
  await kafka?.close();
  await cluster?.[Symbol.asyncDispose]();
}, 60_000);

/** The crash-only owner of a transactional id: a failed commit means a new writer, and a look. */
class Owner {
  readonly wanted: string[] = [];
  readonly got: string[][] = Array.from({ length: PARTITIONS }, () => []);
  readonly positions: number[] = Array.from({ length: PARTITIONS }, () => 0);
  failures = 0;
  #writer: TransactionalWriter | undefined;

  async start(): Promise<void> {
    const reader: LogReader = await kafka.reader({
      isolation: 'committed',
      onFetched: fetched => {
        for (let i = 0; i < fetched.count; i++)
          this.got[fetched.partition]?.push(String(fetched.value(i)));
        this.positions[fetched.partition] = fetched.position;
        reader.release(fetched);
      },
      onError: e => {
        throw e;
      },
    });
    for (let p = 0; p < PARTITIONS; p++) reader.add(TOPIC, p, 0);
  }

  async commit(value: string): Promise<void> {
    for (;;) {
      try {
        this.#writer ??= await kafka.transactionalWriter({ transactionalId: TOPIC });
        for (let p = 0; p < PARTITIONS; p++) {
          const b = Buffer.from(value);
          this.#writer.append(TOPIC, p, wholeRecord(null, b, Date.now()));
        }
        await this.#writer.commit();
        break;
      } catch (e) {
        if (!(e instanceof ReshardError)) throw e;
        this.failures++;
        this.#writer = undefined;
        if (await this.#isThere(value)) break;
      }
    }
    this.wanted.push(value);
  }

  /** A new writer settles the old one's transaction; then the end of the log tells. */
  async #isThere(value: string): Promise<boolean> {
    this.#writer = await until(
      () => kafka.transactionalWriter({ transactionalId: TOPIC }).catch(() => false as const),
      { timeoutMs: 60_000, what: 'a new writer' },
    );
    await this.caughtUp();
    const there = this.got.map(list => list.includes(value));
    expect(new Set(there).size, 'a transaction is visible whole or not at all').toBe(1);
    return there[0] === true;
  }

  async caughtUp(): Promise<void> {
    // A commit that is acknowledged may lack its marker: the last stable offset is in front of it.
    const ends = await until(() => kafka.highWatermarks(TOPIC).catch(() => false as const), {
      timeoutMs: 60_000,
      what: 'the ends of the log',
    });
    await until(() => ends.every((end, p) => (this.positions[p] ?? 0) >= end), {
      timeoutMs: 60_000,
      what: 'the reader at the end',
    });
  }
}

test('every broker killed and started once, under load: all commits are there once, in order', async () => {
  const owner = new Owner();
  await owner.start();
  let going = true;
  const load = (async () => {
    for (let n = 0; going; n++) await owner.commit(`commit ${n}`);
  })();
  const admin = await kafka.admin();
  const nodes = cluster.kafka.nodes;
  const commits = (count: number, what: string): Promise<unknown> => {
    const before = owner.wanted.length;
    return until(() => owner.wanted.length > before + count, { timeoutMs: 60_000, what });
  };
  const all = async (): Promise<boolean> => {
    const seen = await admin.brokers().catch(() => undefined);
    return seen?.count === nodes.length;
  };
  for (const node of nodes) {
    await commits(20, 'commits while all brokers are up');
    await node.kill();
    await commits(20, 'commits while a broker is down');
    await node.start();
    await until(all, { timeoutMs: 60_000, what: 'the broker that is back' });
  }
  going = false;
  await load;
  await owner.caughtUp();
  for (const list of owner.got) expect(list).toEqual(owner.wanted);
  expect(owner.wanted.length).toBeGreaterThan(100);
}, 300_000);
