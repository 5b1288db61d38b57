/**
 * Columns that are added while the job runs: two sources, one after the other, into two targets,
 * under load, behind a lag, in the middle of the copy. What `reshard ddl show` prints is done as it
 * stands; nothing is copied anew, and all ends equal, for a plain consumer too.
 * Enforces I14 and I7.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import type { Load } from '../support/load/load.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
  job = await ShopJob.prepare({
    mysql,
    orders: 4000,
    sources: 2,
    options: { snapshotRowsPerSecond: 6000, parkDeadlineSeconds: 600 },
  });
}, 3 * MINUTES);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

async function onSource(source: number, ...statements: string[]): Promise<void> {
  const client = await job.sqlOf(source);
  try {
    for (const sql of statements) await client.run(sql);
  } finally {
    await client.close();
  }
}

const haltOf = (service: string, source: number): string | undefined => {
  const unit = job.status?.services.find(
    s => s.service === service && s.state === 'halted' && s.unit.endsWith(`s${source + 1}`),
  );
  return unit?.error ?? undefined;
};

const halted = (service: string, source: number): Promise<string> =>
  until(() => haltOf(service, source), { timeoutMs: MINUTES, what: `${service} to halt` });

interface Shown {
  changed: { source: string; table: string; added: string[]; targets: { sql: string }[] }[];
}

async function ddl(action: 'show' | 'apply', ...args: string[]) {
  const { code, out, err } = await callReshard('ddl', action, job.jobFile, '--json', ...args);
  return { code, err, shown: (code === 0 ? JSON.parse(out) : { changed: [] }) as Shown };
}

/** Carries out on each target what is printed for it. */
async function alterTargets(table: string): Promise<void> {
  const { out } = await callReshard('ddl', 'show', job.jobFile, '--tables', table);
  const printed = [...out.matchAll(/^ {4}(\S+): (ALTER TABLE .*);$/gm)];
  expect(printed.length, out).toBeGreaterThan(0);
  for (const [, target = '', sql = ''] of printed) {
    const client = await job.sql(Number(/\d+$/.exec(target)?.[0]) - 1);
    await client.run(sql);
    await client.close();
  }
}

it(
  'in the middle of the copy, and live on the other source: the copy goes on by chunk',
  async () => {
    job.start(...SERVICES);
    const loads: Load[] = [job.load(60, 5, 0), job.load(60, 5, 1)];
    await job.until('the copy to begin', s => s.tables.some(t => t.done > 0), MINUTES);
    const consumer = await job.plainConsumer();
    await onSource(
      0,
      'ALTER TABLE order_items ADD COLUMN gift INT NULL AFTER sku, ADD INDEX by_gift (gift)',
      'UPDATE order_items SET gift = line_no WHERE order_id % 3 = 0',
    );
    expect(await halted('binlog', 0)).toMatch(/ALTER of order_items at the source adds gift/);
    const early = await ddl('apply', '--tables', 'order_items', '--yes');
    expect([early.code, early.err]).toEqual([1, expect.stringMatching(/alter the targets first/)]);
    await alterTargets('order_items');
    const { code, err } = await ddl('apply', '--tables', 'order_items', '--yes');
    expect(code, err).toBe(0);
    await until(() => haltOf('binlog', 0) === undefined, {
      timeoutMs: MINUTES,
      what: 'the reader',
    });

    // The other source later, by another way to write the same; the targets have it already.
    await onSource(1, 'ALTER TABLE order_items ADD (gift INT DEFAULT NULL)');
    await onSource(1, 'UPDATE order_items SET gift = 9 WHERE order_id % 5 = 0');
    expect(await halted('binlog', 1)).toMatch(/adds gift/);
    const other = await ddl('apply', '--source', job.status?.sources[1]?.source ?? '', '--yes');
    expect(other.code, other.err).toBe(0);
    await until(() => haltOf('binlog', 1) === undefined, {
      timeoutMs: MINUTES,
      what: 'the reader',
    });
    await until(() => haltOf('snapshot', 0) === undefined && haltOf('snapshot', 1) === undefined, {
      timeoutMs: MINUTES,
      what: 'the copy to go on',
    });
    await job.copied();
    for (const load of loads) await load.stop();
    await job.drained();
    await job.expectEqual();
    await job.expectFollowed(consumer);
    await consumer[Symbol.asyncDispose]();
  },
  4 * MINUTES,
);
