/**
 * Ways to a repair, on a job with two sources: by keys, by the typed name of the job, of rows on
 * the wrong target, in a race with changes of the same keys. Each ends equal by the oracle.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { sleep, until } from '../../shared/runtime/clock.ts';
import type { LoadClient } from '../support/load/client.ts';
import { Random } from '../support/load/random.ts';
import { CUSTOMER_COLUMNS, customerRow } from '../support/load/tables.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;
/** Ids of the second source begin here. */
const SECOND = 1_000_000_000;

let mysql: Servers;
let job: ShopJob;
let targets: LoadClient[];

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
  job = await ShopJob.prepare({ mysql, orders: 800, sources: 2 });
  job.start(...SERVICES);
  await job.copied();
  await job.drained();
  targets = [await job.sql(0), await job.sql(1)];
}, 3 * MINUTES);

afterAll(async () => {
  for (const client of targets ?? []) await client.close();
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

function on(target: number): LoadClient {
  const client = targets[target];
  if (client === undefined) throw new Error(`no target ${target}`);
  return client;
}

/** The first value of a query that must find one. */
async function found(client: LoadClient, sql: string): Promise<string> {
  const value = await client.value(sql);
  if (value === undefined) throw new Error(`nothing found: ${sql}`);
  return value;
}

async function repair(...args: string[]) {
  const called = await callReshard('repair', job.jobFile, '--json', '--timeout', '60', ...args);
  const { repaired, refused, check } = called.out === '' ? {} : JSON.parse(called.out);
  return { ...called, repaired, refused, check };
}

async function differences(): Promise<string[]> {
  const { code, out } = await job.verify();
  const result: CheckResult = JSON.parse(out);
  const named = result.tables.flatMap(t => t.differences).map(d => `${d.kind} ${d.table}`);
  expect(code).toBe(named.length === 0 ? 0 : 4);
  return named.sort();
}

describe('a repair', () => {
  it(
    'of keys that are named needs no check, and asks every source for them',
    async () => {
      const order = await found(on(0), `SELECT MIN(order_id) FROM orders`);
      const item = await found(
        on(1),
        `SELECT CONCAT(order_id, ',', line_no) FROM order_items WHERE order_id > ${SECOND} LIMIT 1`,
      );
      const [itemOrder, line] = item.split(',');
      expect(await on(0).run(`UPDATE orders SET total = total + 1 WHERE order_id=${order}`)).toBe(
        1,
      );
      const ofItem = `order_id=${itemOrder} AND line_no=${line}`;
      expect(await on(1).run(`DELETE FROM order_items WHERE ${ofItem}`)).toBe(1);
      const stray = customerRow(new Random(job.seed, 1), 999_999_999);
      await on(0).run(`INSERT INTO customers (${CUSTOMER_COLUMNS}) VALUES (?)`, [stray]);
      const keys = [`orders:${order}`, `order_items:${item}`, 'customers:999999999'];
      const { code, err, repaired, refused, check } = await repair('--yes', '--keys', ...keys);
      expect(code, err).toBe(0);
      expect(check.equal).toBe(true);
      expect(refused).toEqual([]);
      // Each key at the source that may delete, and at the other one.
      expect(repaired).toMatchObject({ keys: 6, rows: 2, complete: true });
      await job.drained();
      await job.expectEqual();
    },
    MINUTES,
  );

  it(
    'brings rows on the wrong target to the right one, from whichever source',
    async () => {
      const random = new Random(job.seed, 2);
      for (const from of [0, SECOND]) {
        const [right, wrong] = [on(0), on(1)];
        const where = `customer_id > ${from} ORDER BY customer_id`;
        const moved = Number(
          await found(right, `SELECT customer_id FROM customers WHERE ${where} LIMIT 1`),
        );
        const copied = Number(
          await found(right, `SELECT customer_id FROM customers WHERE ${where} LIMIT 1 OFFSET 1`),
        );
        expect(await right.run(`DELETE FROM customers WHERE customer_id=${moved}`)).toBe(1);
        for (const id of [moved, copied]) {
          const row = customerRow(random, id);
          await wrong.run(`INSERT INTO customers (${CUSTOMER_COLUMNS}) VALUES (?)`, [row]);
        }
      }
      const kinds = ['extra', 'extra', 'misplaced', 'misplaced'];
      expect(await differences()).toEqual(kinds.map(kind => `${kind} customers`));
      const { code, err, check } = await repair('--yes');
      expect(code, err).toBe(0);
      expect(check.equal).toBe(true);
      await job.drained();
      await job.expectEqual();
    },
    MINUTES,
  );

  it(
    'is done on the operator’s word only: the job’s name, typed, or --yes',
    async () => {
      const damage = 'UPDATE orders SET total = total + 1 LIMIT 5';
      expect(await on(1).run(damage)).toBe(5);
      expect((await differences()).length).toBe(5);
      const without = await repair();
      expect(without.code).toBe(2);
      expect(without.err).toContain('add --yes, or run it on a terminal');
      const wrong = await typed('no\n');
      expect(wrong.text).toContain('repair of 5 keys of orders');
      expect(wrong.text).toContain('not confirmed, nothing was done');
      expect(wrong.code).toBe(2);
      const interrupted = await typed('\u0003');
      expect(interrupted.text).toContain('not confirmed, nothing was done');
      expect(interrupted.code).toBe(2);
      expect((await differences()).length, 'nothing was done').toBe(5);
      const right = await typed(`${job.name}\n`);
      expect(right.text).toContain('EQUAL');
      expect(right.code).toBe(0);
      await job.drained();
      await job.expectEqual();
    },
    2 * MINUTES,
  );

  it(
    'never puts an old row over a newer change of the same key',
    async () => {
      await using consumer = await job.plainConsumer();
      const ids = Array.from({ length: job.space.orders }, (_, i) => job.space.orderId(i));
      const keys = ids.map(id => `orders:${id}`);
      let newer = 0;
      const end = performance.now() + 2 * MINUTES;
      for (let round = 0; newer === 0 && performance.now() < end; round++) {
        const repairing = repair('--yes', '--keys', ...keys);
        // On a slow machine a repair would begin when all changes are made, on a fast one it is
        // over before status shows it: in turn.
        if (round % 2 === 1) await Promise.race([repairing, untilRepairShows()]);
        const [{ code, err, repaired }] = await Promise.all([repairing, changeEachOnce(ids)]);
        // Keys that change at each look have no verdict: 1.
        expect([0, 1], err).toContain(code);
        newer += Number(repaired?.newer ?? 0);
      }
      console.log(`${newer} keys were newer in the log`);
      expect(newer).toBeGreaterThan(0);
      await job.drained();
      await job.expectEqual();
      await job.expectFollowed(consumer);
    },
    4 * MINUTES,
  );
});

function untilRepairShows(): Promise<unknown> {
  return until(() => (job.status?.repairs.length ?? 0) > 0, {
    timeoutMs: MINUTES,
    everyMs: 10,
    what: 'status to show the repair',
  }).catch(() => {});
}

/** Long enough that the changes are still under way when a slow machine begins the repair. */
const CHANGE_EVERY_MS = 60;

/**
 * Changes each order once, to another target as well, over the seconds that a repair takes. Once: a
 * second change of a key would hide that the first one had been overwritten.
 */
async function changeEachOnce(ids: readonly number[]): Promise<void> {
  const random = new Random(job.seed, 3);
  const left = ids
    .map(id => ({ id, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(x => x.id);
  const work = async (): Promise<void> => {
    const client = await job.sqlOf(0);
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const sql = 'UPDATE orders SET quantity = quantity + 1, customer_id = ? WHERE order_id = ?';
      await client.run(sql, [job.space.anyCustomer(random), id]);
      await sleep(CHANGE_EVERY_MS);
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: 6 }, work));
}

const MAIN = fileURLToPath(new URL('../../services/control/main.ts', import.meta.url));

/** `reshard repair` on a terminal, as `script` makes one; `keys` are typed when it asks. */
async function typed(keys: string): Promise<{ code: number; text: string }> {
  const command = `'${process.execPath}' '${MAIN}' repair '${job.jobFile}' --timeout 60`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  let asked = false;
  child.stdout.on('data', chunk => {
    text += chunk;
    if (asked || !text.includes('to go on:')) return;
    asked = true;
    child.stdin.write(keys);
  });
  const code = await new Promise<number>(resolve => child.once('close', c => resolve(c ?? 128)));
  return { code, text };
}
