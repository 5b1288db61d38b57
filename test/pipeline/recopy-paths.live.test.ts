/** Ways to a recopy: some tables, a change that cannot be carried, a control that is killed. */
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableTopic } from '../../shared/kafka/topic-name.ts';
import { until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import { servers } from '../support/dev.ts';
import { sourceName } from '../support/job-file.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;
const KILLED = 128;

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers();
  job = await ShopJob.prepare({ mysql, orders: 1500 });
  job.start(...SERVICES);
  await job.copied();
  await job.drained();
}, 3 * MINUTES);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

async function recopy(...args: string[]) {
  const source = ['--source', sourceName(job.name, 0)];
  const all = [...source, '--yes', '--json', '--timeout', '90', ...args];
  const called = await callReshard('recopy', job.jobFile, ...all);
  const { request, repaired, unproven, check } = called.out === '' ? {} : JSON.parse(called.out);
  return { ...called, request, repaired, unproven, check };
}

async function deleteTopic(topic: string): Promise<void> {
  const admin = new Kafka({ brokers: servers().brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
}

/** Does things to the first target that nobody is told of. */
async function spoil(...statements: string[]): Promise<void> {
  const target = await job.sql(0);
  try {
    for (const sql of statements) expect(await target.run(sql), sql).toBeGreaterThan(0);
  } finally {
    await target.close();
  }
}

describe('a recopy', () => {
  it(
    'of one table copies that table only, while the reader goes on and all is changed',
    async () => {
      await spoil(
        'DELETE FROM orders LIMIT 20',
        'UPDATE orders SET total = total + 1 ORDER BY order_id DESC LIMIT 20',
        'UPDATE orders SET order_id = order_id + 500000, order_no = UUID() ORDER BY order_id LIMIT 3',
      );
      await using load = job.load(25);
      const { code, err, request, unproven, check } = await recopy('--tables', 'orders');
      expect(code, err).toBe(0);
      expect(request).toMatchObject({ tables: ['orders'], jump: false, skip: false });
      expect({ unproven, equal: check.equal }).toEqual({ unproven: [], equal: true });
      expect(check.tables.map((t: { table: string }) => t.table)).toEqual(['orders']);
      // The sinks say for a moment yet what they had halted at.
      const isAtWork = () => job.status?.halted === 0;
      await until(isAtWork, { timeoutMs: MINUTES, what: 'the sinks to be at work' });
      await load.stop();
      await job.drained();
      await job.expectEqual();
    },
    2 * MINUTES,
  );

  it(
    'passes over a change that cannot be carried, and only of the tables that it copies',
    async () => {
      const source = await job.sql();
      try {
        await source.run("SET SESSION binlog_row_image = 'MINIMAL'");
        expect(await source.insist('UPDATE order_items SET quantity = 77 LIMIT 30')).toBe(30);
        await source.run("SET SESSION binlog_row_image = 'FULL'");
        expect(await source.insist('UPDATE orders SET quantity = quantity + 5 LIMIT 30')).toBe(30);
        expect(await source.insist('DELETE FROM order_items ORDER BY order_id DESC LIMIT 5')).toBe(
          5,
        );
      } finally {
        await source.close();
      }
      const halted = () => job.status?.services.find(s => s.state === 'halted');
      await until(() => halted() !== undefined, { timeoutMs: MINUTES, what: 'the loud stop' });
      expect(halted()?.error).toMatch(/^unsafe-event.*order_items.*reshard recopy/s);
      const { code, err, request, unproven, check } = await recopy('--tables', 'order_items');
      expect(code, err).toBe(0);
      expect(request).toMatchObject({ tables: ['order_items'], jump: false, skip: true });
      expect({ unproven, equal: check.equal }).toEqual({ unproven: [], equal: true });
      await until(() => halted() === undefined, { timeoutMs: MINUTES, what: 'the reader' });
      await job.drained();
      await job.expectEqual();
    },
    2 * MINUTES,
  );

  it(
    'is finished by the next control when one is killed between two tables',
    async () => {
      await spoil('DELETE FROM customers LIMIT 10', 'DELETE FROM order_items LIMIT 10');
      await job.end('control', 'SIGKILL');
      await using load = job.load(25);
      const recopying = recopy();
      expect(await job.startArmed('control', FAILPOINTS.controlMidPrepare)).toBe(KILLED);
      job.start('control');
      const { code, err, request, check } = await recopying;
      expect(code, err).toBe(0);
      expect(request.tables).toEqual(['customers', 'orders', 'order_items']);
      expect(check.equal).toBe(true);
      await load.stop();
      await job.drained();
      await job.expectEqual();
      await using consumer = await job.plainConsumer();
      await job.expectFollowed(consumer);
    },
    2 * MINUTES,
  );

  it(
    'makes the log of a table anew that somebody has deleted',
    async () => {
      const topic = tableTopic(sourceName(job.name, 0), job.database, 'customers');
      await using load = job.load(25);
      await deleteTopic(topic);
      const gone = () => job.status?.topics.find(t => t.state === 'gone');
      await until(() => gone() !== undefined, { timeoutMs: MINUTES, what: 'the topic to be gone' });
      expect(gone()?.error).toMatch(/`reshard recopy .* --tables customers` makes it anew/);
      const { code, err, unproven, check } = await recopy('--tables', 'customers');
      expect(code, err).toBe(0);
      expect({ unproven, equal: check.equal }).toEqual({ unproven: [], equal: true });
      await load.stop();
      await job.drained();
      await job.expectEqual();
    },
    2 * MINUTES,
  );
});
