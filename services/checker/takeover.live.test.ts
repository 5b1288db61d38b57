/** I7 and I9 for a check: whoever dies or stands still meanwhile, its verdict is right. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { sleep, until } from '../../shared/runtime/clock.ts';
import { SERVICES, ShopJob } from '../../test/pipeline/shop-job.ts';
import { oracle } from '../../test/support/oracle.ts';
import { callReshard } from '../../test/support/reshard-cli.ts';
import type { Servers } from '../../test/support/servers/servers.ts';

const MINUTE = 60_000;
const ORDERS = 30_000;
/** Rows of a range. */
const RANGE = 20_000;
/** Orders in front of all others and behind them, and whose they are: the load has none of it. */
const [FIRST, LAST] = [0, 900_000_000];
const CUSTOMER = 1_000_000;
/** Items of the first one: more than are compared once more at the end of a check. */
const LINES = 600;

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers();
  job = await ShopJob.prepare({ mysql, orders: ORDERS, options: { checkWhenInSync: false } });
}, 3 * MINUTE);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTE);

test(
  'a check asked for while the sink stands still waits, outlives its checker, and then says equal',
  async () => {
    await using load = job.load(150);
    job.start(...SERVICES);
    await job.copied();
    await job.end('sink', 'SIGKILL');
    // Changes that the targets cannot have: every one of them would look like a difference.
    await sleep(2000);
    const verdict = job.verify();
    await sleep(2000);
    await job.end('checker', 'SIGKILL');
    job.start('checker');
    await sleep(2000);
    job.start('sink');
    const { code, out } = await verdict;
    const result: CheckResult = JSON.parse(out);
    expect(result).toMatchObject({ equal: true, differences: 0, unsettled: 0 });
    expect(result.rows).toBeGreaterThan(2_000);
    expect(code).toBe(0);
    const stats = await load.stop();
    expect(stats.total('done')).toBeGreaterThan(100);
    await job.drained();
    await job.expectEqual();
  },
  5 * MINUTE,
);

test(
  'a check whose checker is killed half-way is gone on with, and reads no row of before again',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    const item = (order: number, line = 1): string =>
      `(${order}, ${line}, ${CUSTOMER}, 'own', 1, 1.5)`;
    const lines = Array.from({ length: LINES }, (_, i) => item(FIRST, i + 1));
    await job.onSource(
      0,
      `INSERT INTO order_items (order_id, line_no, customer_id, sku, quantity, price)
        VALUES ${[...lines, item(LAST)].join()}`,
    );
    await lose(FIRST, LINES);
    await using load = job.load(150);
    // The ranges that are probed first are not held: the last one is, for ten seconds.
    await throttle('--set', 'check-rows=4000');
    const verdict = job.verify();
    const before = await job.until(
      'a checkpoint behind all orders and some items',
      s => s.checks.some(c => (c.keptRows ?? 0) > ORDERS + RANGE),
      MINUTE,
    );
    await job.end('checker', 'SIGKILL');
    const killedMs = Date.now();
    await lose(LAST, 1);
    const read = await ordersRead();
    expect(read).toBeGreaterThan(ORDERS / 2);
    await throttle('--clear', 'check-rows');
    job.start('checker');
    const shown = shownRows();
    const { code, out } = await verdict;
    expect(shown.least()).toBeGreaterThan(ORDERS + RANGE);
    const result: CheckResult = JSON.parse(out);
    expect(code).toBe(4);
    const found = result.tables.flatMap(t =>
      t.differences.map(d => `${d.kind} ${Object.values(d.key)}`),
    );
    expect(found.sort()).toEqual([`missing ${FIRST},${LINES}`, `missing ${LAST},1`]);
    expect(result.verifyId).toBe(before.checks[0]?.check);
    expect(result.startedMs).toBeLessThan(killedMs);
    expect(result.resumed).toMatchObject({ times: 1, anew: [] });
    const kept = result.resumed?.kept.find(k => k.table === 'order_items');
    expect(kept?.rows).toBeGreaterThanOrEqual(RANGE);
    expect(result.rows).toBeGreaterThan(2 * ORDERS);
    // By the source's own count: the table that was through is not read again, but a few rows of it
    // at the end. Of the other one a range whose changes are on their way is read more than once.
    expect((await ordersRead()) - read).toBeLessThan(ORDERS / 2);
    await load.stop();
    await job.drained();
    expect(await differing()).toEqual([`missing ${FIRST},${LINES}`, `missing ${LAST},1`]);
  },
  5 * MINUTE,
);

/** The least rows that status shows of a check from now on. */
function shownRows(): { least(): number } {
  let least = Infinity;
  const look = (): void => {
    for (const { rows } of job.status?.checks ?? []) least = Math.min(least, rows);
  };
  look();
  const timer = setInterval(look, 50);
  return {
    least() {
      clearInterval(timer);
      return least;
    },
  };
}

/** Deletes an item on its target, as soon as it is there. */
async function lose(order: number, line: number): Promise<void> {
  await using target = await job.sql(0);
  const item = `order_id = ${order} AND line_no = ${line}`;
  const isLost = async (): Promise<boolean> =>
    (await target.insist(`DELETE FROM order_items WHERE ${item}`)) === 1;
  await until(isLost, { timeoutMs: 30_000, what: `the item ${item} on its target` });
}

async function throttle(...args: string[]): Promise<void> {
  const { code, err } = await callReshard('throttle', job.jobFile, ...args);
  expect(code, err).toBe(0);
}

/** Rows of orders that digests of the checker have read on the source so far. */
async function ordersRead(): Promise<number> {
  await using source = await job.sql();
  const rows = await source.value(
    `SELECT COALESCE(SUM(SUM_ROWS_EXAMINED), 0)
      FROM performance_schema.events_statements_summary_by_digest
      WHERE DIGEST_TEXT LIKE '%COUNT%SUM%SHA2%' AND DIGEST_TEXT LIKE '%\`orders\`%'`,
  );
  return Number(rows);
}

/** By the independent judge. */
async function differing(): Promise<string[]> {
  const { database } = job;
  const named = (list: typeof job.sources) =>
    list.map((s, i) => ({ ...s, name: `${i}`, database }));
  const verdict = await oracle({
    sources: named(job.sources),
    targets: named(job.targets),
    tables: [{ name: 'order_items', shardColumn: 'customer_id' }],
  });
  return verdict.tables.flatMap(t => t.differences.map(d => `${d.kind} ${d.key}`)).sort();
}
