/**
 * I9 while a job changes: two sources and two targets, tables that grow, get wider columns and lose
 * some, and one that is copied anew. Both logs are compared on or again by themselves, and nobody
 * is accused.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StreamState } from '../../shared/job/state/stream-report.ts';
import { until } from '../../shared/runtime/clock.ts';
import { FEW_PARTITIONS, SERVICES, ShopJob } from '../pipeline/shop-job.ts';
import { sourceName } from '../support/job-file.ts';
import { LOAD_TABLES, SHARD_COLUMN } from '../support/load/tables.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';

const MINUTE = 60_000;
const LOAD = 5;

let mysql: Servers;
let job: ShopJob;

/** Each source has ids of its own (load/tables.ts). */
function byIds(name: string): object {
  const [first, second] = [0, 1].map(i => sourceName(name, i));
  const ranges = [{ below: 1_000_000_001, target: first }, { target: second }];
  return { route: { kind: 'range', column: SHARD_COLUMN, ranges } };
}

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
  const streamed = { checkWhenInSync: true, streamingCheck: true };
  const options = { ...streamed, droppedColumns: 'drop', partitions: FEW_PARTITIONS };
  const cutover = (name: string) => ({ back: byIds(name) });
  job = await ShopJob.prepare({ mysql, orders: 300, sources: 2, options, cutover });
  job.start(...SERVICES);
}, 3 * MINUTE);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTE);

/** All of it is proven and equal as of a moment after now; nobody is accused on the way. */
async function provenAgain(what: string): Promise<void> {
  const sinceMs = Date.now();
  const is = (): boolean => {
    const { phase, stream } = job.status ?? {};
    expect(stream?.doubts ?? []).toEqual([]);
    expect(stream?.foreign ?? []).toEqual([]);
    const tables = stream?.tables ?? [];
    const isEqual = tables.every(t => t.state === 'equal' && t.equalMs > sinceMs);
    return isEqual && phase === 'verified' && tables.length === LOAD_TABLES.length;
  };
  await until(is, { timeoutMs: 2 * MINUTE, what });
  console.log(`${what}: ${Date.now() - sinceMs} ms`);
}

/** Logs that have taken up a change of the table, by what control says. */
function takenUp(table: string): number {
  const lines = job.logOf('control');
  return lines.filter(l => l.includes('columns are taken up') && l.includes(table)).length;
}

/** The next logs have taken up a change of the table since `before`. */
function areTakenUp(table: string, logs: number, before: number): Promise<unknown> {
  const what = `${logs} logs to take up what became of ${table}`;
  return until(() => takenUp(table) - before >= logs, { timeoutMs: MINUTE, what });
}

/** One source after the other is altered; both logs of all servers have taken it up. */
async function alters(table: string, change: string): Promise<void> {
  const before = takenUp(table);
  for (const source of [0, 1]) {
    await job.onSource(source, `ALTER TABLE ${table} ${change}`);
    await areTakenUp(table, source === 0 ? 1 : 4, before);
  }
}

test(
  'rows of two sources, on two targets',
  async () => {
    await provenAgain('all to be equal');
  },
  4 * MINUTE,
);

test(
  'a table that grows under load is compared anew',
  async () => {
    await using _a = job.load(LOAD);
    await using _b = job.load(LOAD, 20, 1);
    await alters('customers', 'ADD tag VARCHAR(9), ADD level INT NOT NULL DEFAULT 3');
    await job.onSource(0, "UPDATE customers SET tag = 'x', level = 5 LIMIT 20");
    await provenAgain('what has grown to be equal');
  },
  4 * MINUTE,
);

/** A target that refuses a row of this name. */
const REFUSE = `CREATE TRIGGER refuse BEFORE INSERT ON customers FOR EACH ROW
  IF NEW.name = 'refused' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not here'; END IF`;

test(
  'a key that a target refuses is waited for; a table that grows meanwhile is compared anew',
  async () => {
    const told = async (table: string, state: StreamState, isProven: boolean): Promise<void> => {
      const is = (): boolean => {
        const { stream, proofs = [] } = job.status ?? {};
        const { doubts = [], foreign = [], tables = [] } = stream ?? {};
        expect([...doubts, ...foreign]).toEqual([]);
        const hasProof = proofs.some(p => p.table === table && p.isProven);
        return tables.some(t => t.table === table && t.state === state) && hasProof === isProven;
      };
      const what = `${table}: ${state}`;
      const sinceMs = Date.now();
      await until(is, { timeoutMs: MINUTE, what });
      console.log(`${what}: ${Date.now() - sinceMs} ms`);
    };
    await using t1 = await job.sql(0);
    await t1.run(REFUSE);
    const row = "(900000002, 'refused', NOW(6))";
    await job.onSource(0, `INSERT INTO customers (customer_id, name, created_at) VALUES ${row}`);
    await told('customers', 'waits', false);
    // Nobody writes to it: that it has changed is told by no record.
    await alters('order_items', 'ADD note VARCHAR(9), ADD grade INT NOT NULL DEFAULT 7');
    await told('order_items', 'equal', true);
    await t1.run('DROP TRIGGER refuse');
    await told('customers', 'equal', false);
    expect((await job.verify()).code).toBe(0);
    await provenAgain('what was refused to be equal');
  },
  4 * MINUTE,
);

test(
  'a table whose columns are made wider is compared anew',
  async () => {
    await using _a = job.load(LOAD);
    await using _b = job.load(LOAD, 20, 1);
    const wider = 'MODIFY quantity BIGINT NOT NULL, MODIFY comment MEDIUMTEXT NULL';
    await alters('orders', wider);
    for (const source of [0, 1]) {
      await job.onSource(source, 'UPDATE orders SET quantity = 5000000000 - quantity LIMIT 20');
    }
    await provenAgain('what has wider columns to be equal');
  },
  4 * MINUTE,
);

test(
  'nothing rests on a check while the targets have a column that no source has any more',
  async () => {
    await using _a = job.load(LOAD);
    await using _b = job.load(LOAD, 20, 1);
    const before = takenUp('customers');
    await using held = await job.sql(0);
    for (const sql of ['BEGIN', 'SELECT COUNT(*) FROM customers']) await held.run(sql);
    for (const [at, source] of [0, 1].entries()) {
      // The columns that came above: to the registry the rows are what they were before that.
      await job.onSource(source, 'ALTER TABLE customers DROP tag, DROP level');
      await areTakenUp('customers', at + 1, before);
    }
    // What the targets alone have is left out: to a check the table is equal.
    expect((await job.verify()).code).toBe(0);
    const checkedMs = Date.now();
    const of = () => job.status?.stream?.tables.find(t => t.table === 'customers');
    // The check may be quicker than the report that says so.
    const isUnknown = (): boolean => of()?.state === 'unknown';
    await until(isUnknown, { timeoutMs: MINUTE, what: 'the table to be told as unknown' });
    const isLater = (): boolean => {
      const { doubts = [], tables = [] } = job.status?.stream ?? {};
      expect(doubts).toEqual([]);
      expect(of()?.state).toBe('unknown');
      return tables.every(t => t.table === 'customers' || t.equalMs > checkedMs + 4000);
    };
    await until(isLater, { timeoutMs: MINUTE, what: 'the others to be compared on' });
    await held.run('ROLLBACK');
    await areTakenUp('customers', 4, before);
    await provenAgain('what has lost columns to be equal');
  },
  4 * MINUTE,
);

test(
  'one that is copied anew is equal again, and the others all the time',
  async () => {
    await using a = job.load(LOAD);
    await using b = job.load(LOAD, 20, 1);
    const of = ['--source', sourceName(job.name, 0), '--tables', 'orders'];
    const { code, err } = await callReshard('recopy', job.jobFile, ...of, '--yes', '--json');
    expect(code, err).toBe(0);
    await provenAgain('what was copied anew to be equal');
    await a.stop();
    await b.stop();
    await job.drained();
    await job.expectEqual();
  },
  4 * MINUTE,
);
