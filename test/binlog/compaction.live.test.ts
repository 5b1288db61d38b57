/**
 * Enforces T1 under compaction, on a real broker whose cleaner runs all the time: a random load
 * with a copy, a writer killed between its records and their commit, repairs with tombstones.
 * Whoever reads what is left, from the first offset on, ends equal to the source: a consumer that
 * knows nothing of us, from the start of it all, from the midst of it and after it; our own sink
 * into an empty target and into the live one.
 * Enforces I1.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import { ShopJob } from '../pipeline/shop-job.ts';
import { servers } from '../support/dev.ts';
import { LOAD_TABLES } from '../support/load/tables.ts';
import { PlainConsumer } from '../support/plain-consumer.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { type Census, census } from './census.ts';
import { KafkaConfigs } from './kafka-configs.ts';

const MINUTES = 60_000;
/** The active segment is never cleaned: it must be closed soon and often. */
const CLEANED = {
  'segment.ms': '500',
  'min.cleanable.dirty.ratio': '0.001',
  'min.compaction.lag.ms': '0',
  'max.compaction.lag.ms': '500',
};
/** Tombstones and marks stay for consumers that are under way, as docs/TOPICS.md asks for. */
const KEPT = { ...CLEANED, 'delete.retention.ms': '40000' };
/** The cleaner must not overtake a sink with several targets: see docs/TOPICS.md. */
const HELD = {
  ...KEPT,
  'min.compaction.lag.ms': '3600000',
  'max.compaction.lag.ms': '7200000',
};
const GONE = { ...CLEANED, 'delete.retention.ms': '1' };
const CLEANER_BACKOFF = 'log.cleaner.backoff.ms';

let configs: KafkaConfigs;
let mysql: Servers;

beforeAll(async () => {
  configs = await KafkaConfigs.open(servers().brokers);
  await configs.brokers({ [CLEANER_BACKOFF]: '100' });
  mysql = await ShopJob.servers();
}, 2 * MINUTES);

afterAll(async () => {
  await configs.brokers({ [CLEANER_BACKOFF]: '15000' });
  await configs[Symbol.asyncDispose]();
  await mysql[Symbol.asyncDispose]();
});

test(
  'a log that is compacted all the time: every reader ends equal to the source',
  async () => {
    const options = { compact: true, chunkRows: 300, chunkBytes: 65_536 };
    await using job = await ShopJob.prepare({ mysql, orders: 2000, options });
    const topics = LOAD_TABLES.map(table => job.topic(table));
    const setAll = async (settings: Record<string, string>): Promise<void> => {
      for (const topic of topics) await configs.topic(topic, settings);
    };
    const count = (marks?: Census[]): Promise<Census[]> =>
      Promise.all(topics.map((t, i) => census(servers().brokers, t, marks?.[i]?.ends)));
    await using load = job.load(150);
    job.start('control');
    await job.until('the topics', s => s.tables.every(t => t.rangesTotal > 0), MINUTES);
    await setAll(HELD);
    job.start('binlog', 'snapshot', 'sink', 'checker');
    await using first = await PlainConsumer.follow({ ...servers(), topics });
    await job.copied();

    // An aborted transaction: its records are in the log, their commit is not.
    expect(await job.end('binlog', 'SIGTERM')).toBe(0);
    expect(await job.startArmed('binlog', `${FAILPOINTS.logAfterProduce}:20`)).toBe(128);
    job.start('binlog');
    await repairSome(job);
    expect(await job.end('sink', 'SIGTERM')).toBe(0);
    await setAll(KEPT);

    // What there is now is the head; it must melt while the load goes on.
    const marks = await count();
    const melted = await until(
      async () => {
        const now = await count(marks);
        const isMelted = now.every((n, i) => n.records < (marks[i]?.records ?? 0) * 0.95);
        return isMelted && sum(now, 'records') < sum(marks, 'records') * 0.8 && now;
      },
      { timeoutMs: MINUTES, everyMs: 500, what: 'the cleaner to take old records' },
    );
    tell('the head', marks, melted);
    await using amid = await PlainConsumer.follow({ ...servers(), topics });
    await until(() => amid.records > 500, { timeoutMs: MINUTES, what: 'a second consumer' });
    await load.stop();
    await allInLog(job);
    await job.expectFollowed(first);
    await job.expectFollowed(amid);

    // To the end: whatever an event follows goes, tombstones and the marks of transactions too.
    await setAll(GONE);
    const full = await count();
    const bare = await until(
      async () => {
        await touch(job);
        await allInLog(job);
        const now = await count(full);
        const isBare = sum(now, 'records') < sum(full, 'records');
        return isBare && sum(now, 'markers') < sum(full, 'markers') * 0.7 && now;
      },
      { timeoutMs: 2 * MINUTES, everyMs: 1000, what: 'the cleaner to take marks' },
    );
    tell('all of it', full, bare);
    await using late = await PlainConsumer.follow({ ...servers(), topics });
    await job.expectFollowed(late);

    await setAll(HELD);
    for (const isEmpty of [true, false]) {
      await forget(job, isEmpty);
      job.start('sink');
      await job.drained();
      await job.expectEqual();
      expect(await job.end('sink', 'SIGTERM')).toBe(0);
    }
  },
  6 * MINUTES,
);

function allInLog(job: ShopJob): Promise<unknown> {
  return job.until('all to be in the log', s => s.sources.every(x => x.caughtUp), MINUTES);
}

/** Keys that are there (tombstone, then row) and keys that are not (tombstone). */
async function repairSome(job: ShopJob): Promise<void> {
  const client = await job.sql();
  const keys: string[] = [];
  try {
    for (const offset of [0, 7, 50, 300]) {
      const id = await client.value(
        `SELECT order_id FROM orders ORDER BY order_id LIMIT 1 OFFSET ${offset}`,
      );
      keys.push(`orders:${id}`, `orders:${Number(id) + 700_000_000}`);
    }
  } finally {
    await client.close();
  }
  const repaired = await callReshard(
    ...['repair', job.jobFile, '--yes', '--json', '--timeout', '60', '--keys', ...keys],
  );
  expect(repaired.code, repaired.err + repaired.out).toBe(0);
  expect(JSON.parse(repaired.out).repaired.deleted).toBeGreaterThan(3);
}

/** An event of every partition of every table, so that segments are closed. */
async function touch(job: ShopJob): Promise<void> {
  const client = await job.sql();
  try {
    await client.insist('UPDATE customers SET credit = credit + 1 ORDER BY RAND() LIMIT 60');
    await client.insist('UPDATE orders SET total = total + 1 ORDER BY RAND() LIMIT 60');
    await client.insist('UPDATE order_items SET quantity = quantity + 1 ORDER BY RAND() LIMIT 60');
  } finally {
    await client.close();
  }
}

/** The targets forget how far they are, and with `rows` all rows. */
async function forget(job: ShopJob, rows: boolean): Promise<void> {
  for (const target of [0, 1]) {
    const client = await job.sql(target);
    try {
      const tables = ['reshard_offset', 'reshard_park', ...(rows ? LOAD_TABLES : [])];
      for (const table of tables) await client.run(`TRUNCATE TABLE ${table}`);
      if (rows) expect(await client.value('SELECT COUNT(*) FROM orders')).toBe('0');
    } finally {
      await client.close();
    }
  }
}

function sum(list: readonly Census[], what: 'records' | 'markers'): number {
  return list.reduce((n, c) => n + c[what], 0);
}

function tell(what: string, before: readonly Census[], after: readonly Census[]): void {
  const line = (kind: 'records' | 'markers'): string =>
    `${sum(before, kind)} -> ${sum(after, kind)} ${kind}`;
  console.log(`compacted, ${what}: ${line('records')}, ${line('markers')}`);
}
