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
    orders: 1500,
    sources: 2,
    // The copy takes some seconds: the first change is in the middle of it.
    options: { snapshotRowsPerSecond: 800, parkDeadlineSeconds: 600, addedColumns: 'stop' },
  });
}, 3 * MINUTES);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

const haltOf = (service: string, source: number): string | undefined => {
  const unit = job.status?.services.find(
    s => s.service === service && s.state === 'halted' && s.unit.endsWith(`s${source + 1}`),
  );
  return unit?.error ?? undefined;
};

const halted = (service: string, source: number): Promise<string> =>
  until(() => haltOf(service, source), { timeoutMs: MINUTES, what: `${service} to halt` });

const goesOn = (service: string, source: number): Promise<unknown> =>
  until(() => haltOf(service, source) === undefined, {
    timeoutMs: MINUTES,
    what: `${service} to go on`,
  });

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
  // The same for each source that has changed.
  const printed = new Set(out.match(/^ {4}\S+: ALTER TABLE .*;$/gm));
  expect(printed.size, out).toBeGreaterThan(0);
  for (const line of printed) {
    const [, target = '', sql = ''] = /^ {4}(\S+): (.*);$/.exec(line) ?? [];
    const client = await job.sql(Number(/\d+$/.exec(target)?.[0]) - 1);
    await client.run(sql);
    await client.close();
  }
}

const recopied = (source: number) =>
  callReshard(
    ...['recopy', job.jobFile, '--source', job.status?.sources[source]?.source ?? ''],
    ...['--tables', 'customers', '--yes', '--json', '--timeout', '150'],
  );

it(
  'in the middle of the copy, and live on the other source: the copy goes on by chunk',
  async () => {
    job.start(...SERVICES);
    const loads: Load[] = [job.load(20, 5, 0), job.load(20, 5, 1)];
    await job.until('the copy to begin', s => s.tables.some(t => t.done > 0), MINUTES);
    const consumer = await job.plainConsumer();
    await job.onSource(
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
    await job.onSource(1, 'ALTER TABLE order_items ADD (gift INT DEFAULT NULL)');
    await job.onSource(1, 'UPDATE order_items SET gift = 9 WHERE order_id % 5 = 0');
    expect(await halted('binlog', 1)).toMatch(/adds gift/);
    const other = await ddl('apply', '--source', job.status?.sources[1]?.source ?? '', '--yes');
    expect(other.code, other.err).toBe(0);
    await until(() => haltOf('binlog', 1) === undefined, {
      timeoutMs: MINUTES,
      what: 'the reader',
    });
    await Promise.all([goesOn('snapshot', 0), goesOn('snapshot', 1)]);
    await job.copied();
    for (const load of loads) await load.stop();
    await job.drained();
    await job.expectEqual();
    await job.expectFollowed(consumer);
    await consumer[Symbol.asyncDispose]();
  },
  4 * MINUTES,
);

it(
  'several behind a lag, with kills: rows of each time are read as they were',
  async () => {
    const load = job.load(20, 5, 0);
    await job.end('sink', 'SIGKILL');
    await job.end('binlog', 'SIGKILL');
    await job.onSource(
      0,
      'UPDATE orders SET quantity = quantity + 1 WHERE order_id % 7 = 0',
      'ALTER TABLE orders ADD COLUMN tag VARCHAR(20) NULL FIRST',
      "UPDATE orders SET tag = 'first' WHERE order_id % 3 = 0",
      'CREATE TABLE IF NOT EXISTS orders (order_id INT PRIMARY KEY)',
      'ALTER TABLE orders ADD COLUMN extra JSON, ADD more DECIMAL(8,3) NULL AFTER total',
      "UPDATE orders SET extra = '[1, 2]', more = 1.5 WHERE order_id % 4 = 0",
      'DELETE FROM orders WHERE order_id % 50 = 0',
    );
    job.start('binlog');
    expect(await halted('binlog', 0)).toMatch(/adds tag/);
    const { shown } = await ddl('show', '--tables', 'orders');
    expect(shown.changed.map(c => c.added)).toEqual([['tag', 'more', 'extra']]);
    await alterTargets('orders');
    expect((await ddl('apply', '--tables', 'orders', '--yes')).code).toBe(0);
    await job.end('binlog', 'SIGKILL');
    await job.end('control', 'SIGKILL');
    job.start('control', 'binlog', 'sink');
    await goesOn('binlog', 0);
    await load.stop();
    await job.drained();
    // Rows of a source that has the columns and of one that has not are not compared.
    await job.onSource(
      1,
      'ALTER TABLE orders ADD tag VARCHAR(20), ADD extra JSON, ADD more DECIMAL(8,3)',
    );
    await halted('binlog', 1);
    expect((await ddl('apply', '--yes')).code).toBe(0);
    await until(() => haltOf('binlog', 1) === undefined, {
      timeoutMs: MINUTES,
      what: 'the reader',
    });
    await job.drained();
    await job.expectEqual();
    expect((await job.verify()).code).toBe(0);
    expect((await ddl('show')).shown.changed).toEqual([]);
  },
  4 * MINUTES,
);

it(
  'other changes: the targets get them as printed, a recopy under the new shape ends equal',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    for (const source of [0, 1]) {
      await job.onSource(
        source,
        'ALTER TABLE customers DROP COLUMN note, MODIFY name VARCHAR(100) NOT NULL,' +
          ' RENAME COLUMN birthday TO born, MODIFY credit DECIMAL(14,2) NOT NULL FIRST,' +
          ' ADD COLUMN level INT NOT NULL DEFAULT 7',
        'UPDATE customers SET level = 8 WHERE customer_id % 3 = 0',
        'DELETE FROM customers WHERE customer_id % 40 = 0',
      );
    }
    const errors = await Promise.all([halted('binlog', 0), halted('binlog', 1)]);
    expect(errors[0]).toMatch(/ALTER of customers at the source.*reshard ddl show/s);
    const early = await recopied(0);
    expect([early.code, early.err]).toEqual([1, expect.stringMatching(/alter the targets first/)]);
    await alterTargets('customers');
    const both = await Promise.all([recopied(0), recopied(1)]);
    expect(both.map(r => `${r.code} ${r.err}`)).toEqual(['0 ', '0 ']);
    await Promise.all([goesOn('binlog', 0), goesOn('binlog', 1)]);
    await job.onSource(0, 'UPDATE customers SET level = 9 LIMIT 5');
    await job.drained();
    await job.expectEqual();
  },
  4 * MINUTES,
);
