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
    const item = (order: number): string => `(${order}, 1, ${CUSTOMER}, 'own', 1, 1.5)`;
    await job.onSource(
      0,
      `INSERT INTO order_items (order_id, line_no, customer_id, sku, quantity, price)
        VALUES ${item(FIRST)}, ${item(LAST)}`,
    );
    await lose(FIRST);
    await using load = job.load(150);
    await throttle('--set', 'check-rows=10000');
    const verdict = job.verify();
    const before = await job.until(
      'a checkpoint behind all orders and some items',
      s => s.checks.some(c => (c.keptRows ?? 0) > ORDERS + RANGE),
      MINUTE,
    );
    await job.end('checker', 'SIGKILL');
    const killedMs = Date.now();
    await lose(LAST);
    const read = await rowsRead();
    job.start('checker');
    const after = await job.until('another to go on', s => !!s.checks[0]?.resumed, MINUTE);
    expect(after.checks[0]?.check).toBe(before.checks[0]?.check);
    expect(after.checks[0]?.rows).toBeGreaterThan(ORDERS + RANGE);
    await throttle('--clear', 'check-rows');
    const { code, out } = await verdict;
    const result: CheckResult = JSON.parse(out);
    expect(code).toBe(4);
    const found = result.tables.flatMap(t => t.differences.map(d => `${d.kind} ${d.key.order_id}`));
    expect(found).toEqual([`missing ${FIRST}`, `missing ${LAST}`]);
    expect(result.verifyId).toBe(before.checks[0]?.check);
    expect(result.startedMs).toBeLessThan(killedMs);
    expect(result.resumed).toMatchObject({ times: 1, anew: [] });
    const kept = result.resumed?.kept.find(k => k.table === 'order_items');
    expect(kept?.rows).toBeGreaterThanOrEqual(RANGE);
    expect(result.rows).toBeGreaterThan(2 * ORDERS);
    // Of the source's own count of what digests have read since, a third of what there is.
    expect((await rowsRead()) - read).toBeLessThan(ORDERS);
    await load.stop();
    await job.drained();
    expect(await differing()).toEqual([`missing ${FIRST},1`, `missing ${LAST},1`]);
  },
  5 * MINUTE,
);

/** Deletes the item of an order on its target, as soon as it is there. */
async function lose(order: number): Promise<void> {
  await using target = await job.sql(0);
  const isLost = async (): Promise<boolean> =>
    (await target.insist(`DELETE FROM order_items WHERE order_id = ${order}`)) === 1;
  await until(isLost, { timeoutMs: 30_000, what: `the item of ${order} on its target` });
}

async function throttle(...args: string[]): Promise<void> {
  const { code, err } = await callReshard('throttle', job.jobFile, ...args);
  expect(code, err).toBe(0);
}

/** Rows that digests of the checker have read on the source so far. */
async function rowsRead(): Promise<number> {
  await using source = await job.sql();
  const rows = await source.value(
    `SELECT COALESCE(SUM(SUM_ROWS_EXAMINED), 0)
      FROM performance_schema.events_statements_summary_by_digest
      WHERE DIGEST_TEXT LIKE '%COUNT%SUM%SHA2%'`,
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
