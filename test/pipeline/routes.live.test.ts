/**
 * I6, I9: a job whose tables are routed in different ways, under changes that move rows between the
 * targets: a table on all targets, one by a function of two columns, one by ranges of a column that
 * changes. Where each row has to be is worked out here, by arithmetic of the test's own.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { LoadClient } from '../support/load/client.ts';
import { LOAD_TABLES } from '../support/load/tables.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;
const QUANTITY_BOUND = 4;

let mysql: Servers;

beforeAll(async () => {
  mysql = await ShopJob.servers();
}, 2 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

const ROUTES: Record<(typeof LOAD_TABLES)[number], unknown> = {
  customers: { kind: 'all' },
  orders: {
    kind: 'range',
    column: 'quantity',
    ranges: [{ below: QUANTITY_BOUND, target: 'target1' }, { target: 'target2' }],
  },
  order_items: {
    kind: 'function',
    columns: ['sku', 'order_id'],
    code: `if (row.sku.endsWith('7')) return null;
      const id: bigint = BigInt(row.order_id);
      return id % 4n === 0n ? 'target2' : 'target1';`,
  },
};

type Row = Record<string, unknown>;

/** The targets that a row has to be on. */
const PLACES: Record<(typeof LOAD_TABLES)[number], (row: Row) => number[]> = {
  customers: () => [0, 1],
  orders: row => [Number(row.quantity) < QUANTITY_BOUND ? 0 : 1],
  order_items: row => {
    if (String(row.sku).endsWith('7')) return [];
    return [Number(row.order_id) % 4 === 0 ? 1 : 0];
  },
};

/** Rows of a table by their text, every column told. */
async function rowsOf(db: LoadClient, table: string): Promise<Map<string, Row>> {
  const names = (await db.rows(`SHOW COLUMNS FROM ${table}`)).map(([name]) => String(name));
  const text = names.map(n => `IFNULL(HEX(CAST(${n} AS CHAR CHARACTER SET utf8mb4)),'-')`);
  const plain = ['quantity', 'sku', 'order_id'].filter(n => names.includes(n));
  const found = await db.rows(
    `SELECT ${[`CONCAT_WS(',',${text.join(',')})`, ...plain].join(',')} FROM ${table}`,
  );
  return new Map(
    found.map(([key, ...values]) => [
      String(key),
      Object.fromEntries(plain.map((name, i) => [name, values[i]])),
    ]),
  );
}

async function misplaced(job: ShopJob, table: (typeof LOAD_TABLES)[number]): Promise<string[]> {
  const source = await job.sql();
  const targets = [await job.sql(0), await job.sql(1)];
  try {
    const wanted = await rowsOf(source, table);
    const have = await Promise.all(targets.map(t => rowsOf(t, table)));
    expect(wanted.size).toBeGreaterThan(100);
    const wrong: string[] = [];
    for (const [text, row] of wanted) {
      const places = have.flatMap((rows, t) => (rows.delete(text) ? [t] : []));
      if (`${places}` !== `${PLACES[table](row)}`) wrong.push(`${table} ${text} is on ${places}`);
    }
    const extra = have.flatMap((rows, t) =>
      [...rows.keys()].map(k => `${table} ${k} extra on ${t}`),
    );
    return [...wrong, ...extra];
  } finally {
    for (const db of [source, ...targets]) await db.close();
  }
}

test(
  'each table is where its own route says, rows move as they change, and the check agrees',
  async () => {
    await using job = await ShopJob.prepare({ mysql, orders: 3_000 });
    const file = parse(readFileSync(job.jobFile, 'utf8'));
    file.tables = LOAD_TABLES.map(name => ({ name, route: ROUTES[name] }));
    writeFileSync(job.jobFile, stringify(file));
    await using load = job.load(60);
    job.start(...SERVICES);
    await job.until('some rows', s => s.tables.some(t => t.done > 0), 2 * MINUTES);
    await job.end('sink', 'SIGKILL');
    job.start('sink');
    await job.copied();
    const mover = await job.sql();
    // Over the bound and back again: the row leaves one target for the other.
    for (const step of [3, -2]) {
      await mover.insist(`UPDATE orders SET quantity=quantity+${step} WHERE order_id % 3 = 0`);
    }
    await mover.close();
    await load.stop();
    await job.drained();
    for (const table of LOAD_TABLES) expect((await misplaced(job, table)).slice(0, 5)).toEqual([]);
    const proof = await job.verify();
    expect(proof.code, proof.out).toBe(0);

    // The check knows where rows belong: on one target too few, and on one too many.
    const [first, second] = [await job.sql(0), await job.sql(1)];
    await first.insist('DELETE FROM customers ORDER BY customer_id LIMIT 1');
    await second.insist('UPDATE orders SET quantity=1 ORDER BY order_id LIMIT 1');
    for (const db of [first, second]) await db.close();
    const damaged = await job.verify();
    expect(damaged.code, damaged.out).toBe(4);
    const told: { table: string; differences: { expected: string; targets: string[] }[] }[] =
      JSON.parse(damaged.out).tables;
    expect(told.filter(t => t.differences.length > 0).map(t => t.table)).toEqual([
      'customers',
      'orders',
    ]);
    expect(told[0]?.differences).toMatchObject([
      { expected: 'target1, target2', targets: ['target2'] },
    ]);

    file.tables[0].route = { kind: 'target', target: 'target1' };
    writeFileSync(job.jobFile, stringify(file));
    const other = await callReshard('status', job.jobFile);
    expect(other.code).not.toBe(0);
    expect(other.err).toMatch(/the table customers is routed by .*"target1".*, not {"kind":"all"}/);
  },
  5 * MINUTES,
);
