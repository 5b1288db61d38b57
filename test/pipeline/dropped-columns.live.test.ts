/**
 * Columns that sources drop while the job runs, of two sources into two targets: nothing is lost on
 * the targets without a word, and what the word was happens once, behind the last source, whatever
 * dies meanwhile.
 * Enforces I14.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { sourceName } from '../support/job-file.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { ddlList, ddlOf, haltsOf, problemsOf, seenAfter } from './ddl-facts.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
  const options = { parkDeadlineSeconds: 600 };
  job = await ShopJob.prepare({ mysql, orders: 200, sources: 2, options });
  for (const source of [0, 1]) {
    await job.onSource(
      source,
      "ALTER TABLE customers ADD COLUMN memo VARCHAR(9) NOT NULL DEFAULT 'm', ADD INDEX by_memo (memo)",
      "ALTER TABLE orders ADD COLUMN grade ENUM('a','b') NOT NULL DEFAULT 'b' AFTER order_no",
    );
  }
}, 3 * MINUTES);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

const soon = <T>(what: string, found: Parameters<typeof until<T>>[0]): Promise<T> =>
  until(found, { timeoutMs: 2 * MINUTES, what });

const sourceOf = (source: number): string => sourceName(job.name, source);

const haltedAt = (source: number, words: RegExp): Promise<unknown> =>
  soon(`${sourceOf(source)} to halt at ${words}`, () =>
    job.status?.services.some(
      s => s.unit === sourceOf(source) && s.state === 'halted' && words.test(s.error ?? ''),
    ),
  );

const goesOn = (): Promise<unknown> => {
  const isWell = () => haltsOf(job).length === 0;
  return soon(
    'the sources to go on',
    seenAfter(job, () => true, isWell),
  );
};

/** So many statements on the table were taken up, and the logs are behind them. */
const takenUp = (table: string, count: number): Promise<unknown> =>
  soon(`${count} statements on ${table} to be taken up`, async () => {
    const { changes } = await ddlList(job, table);
    return changes.filter(c => c.decision === 'taken up').length === count;
  });

const has = async (target: number, table: string, column: string): Promise<boolean> =>
  (await ddlOf(job, target, table)).some(line => line.startsWith(`  \`${column}\` `));

const onBoth = (table: string, column: string): Promise<boolean[]> =>
  Promise.all([0, 1].map(target => has(target, table, column)));

const ddl = (...args: string[]) => callReshard('ddl', ...args);

const apply = (table: string, ...words: string[]) =>
  ddl('apply', job.jobFile, '--tables', table, '--yes', ...words);

async function rows(target: number, sql: string): Promise<string[]> {
  await using client = await job.sql(target);
  return (await client.rows(sql)).map(row => row.map(String).join(' '));
}

/** What status says of columns that wait for the last source. */
const waits = (): string | undefined =>
  job.status?.repairs.find(r => r.stage === 'dropping columns')?.waiting?.what;

it(
  'the targets keep it until a word is said and the last source has dropped it too',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    for (const t of [0, 1]) await rows(t, 'ALTER TABLE customers ALTER COLUMN memo DROP DEFAULT');
    const loads = [job.load(20, 3, 0), job.load(20, 3, 1)];
    const consumer = await job.plainConsumer();
    // Records of before are still to be applied when the column is dropped, and comes again.
    await job.end('sink', 'SIGKILL');
    await job.end('binlog', 'SIGKILL');
    await job.onSource(
      0,
      "UPDATE customers SET memo = 'old' WHERE customer_id % 3 = 0",
      'ALTER TABLE customers ADD COLUMN early INT NULL',
      'ALTER TABLE customers DROP COLUMN memo, ADD COLUMN level INT NOT NULL DEFAULT 7',
      'UPDATE customers SET level = 8 WHERE customer_id % 4 = 0',
    );
    job.start('binlog');
    await haltedAt(0, /adds level, drops memo/);
    const at = ['--tables', 'customers'];
    const shown = await ddl('show', job.jobFile, ...at);
    expect(shown.out).toMatch(/has got level and has dropped memo/);
    const fate = new RegExp(`--drop: is lost, as soon as ${sourceOf(1)} have dropped it too`);
    expect(shown.out).toMatch(fate);
    expect(shown.out).toMatch(/--keep: stays/);
    const mute = await apply('customers');
    expect([mute.code, mute.err]).toEqual([1, expect.stringMatching(/`--drop` or `--keep`/)]);
    // Nothing may come without it yet: what is to be done about that is printed.
    const early = await apply('customers', '--drop');
    expect([early.code, early.err]).toEqual([
      1,
      expect.stringMatching(/MODIFY COLUMN `memo` varchar.9. NULL/),
    ]);
    const printed = [...shown.out.matchAll(/^ {4}target(\d): (ALTER TABLE .*);$/gm)];
    expect(printed.length).toBe(4);
    for (const [, target, sql = ''] of printed) await rows(Number(target) - 1, sql);
    const { code, err } = await apply('customers', '--drop');
    expect(code, err).toBe(0);
    await job.end('control', 'SIGKILL');
    job.start('control', 'sink');
    await goesOn();
    await soon('status to say what waits', () => waits()?.includes(`${sourceOf(1)} has it still`));
    expect(await onBoth('customers', 'memo')).toEqual([true, true]);
    expect((await problemsOf(job)).filter(p => p.startsWith('blocker'))).toEqual([]);
    await job.onSource(
      1,
      'ALTER TABLE customers ADD early INT, ADD level INT NOT NULL DEFAULT 7',
      'ALTER TABLE customers DROP memo',
    );
    await haltedAt(1, /drops memo/);
    const other = await apply('customers', '--drop');
    expect(other.code, other.err).toBe(0);
    await soon('the targets to lose it', async () =>
      (await onBoth('customers', 'memo')).every(there => !there),
    );
    await goesOn();
    for (const load of loads) await load.stop();
    // What a consumer has of a row from before has the column still.
    for (const source of [0, 1]) await job.onSource(source, 'UPDATE customers SET early = 1');
    await job.drained();
    await job.expectEqual();
    await job.expectFollowed(consumer);
    await consumer[Symbol.asyncDispose]();
    expect((await job.verify()).code).toBe(0);
    expect(waits()).toBeUndefined();
  },
  6 * MINUTES,
);

it(
  'one that comes again is another one: nothing of before is in it',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    await job.end('sink', 'SIGKILL');
    const add = 'ALTER TABLE order_items ADD COLUMN gift INT NULL';
    for (const source of [0, 1]) await job.onSource(source, add, 'UPDATE order_items SET gift = 5');
    await takenUp('order_items', 2);
    await goesOn();
    expect(await onBoth('order_items', 'gift')).toEqual([true, true]);
    for (const source of [0, 1]) {
      await job.onSource(source, 'ALTER TABLE order_items DROP COLUMN gift');
      await haltedAt(source, /drops gift/);
    }
    expect((await apply('order_items', '--drop')).code).toBe(0);
    job.start('sink');
    await soon('the targets to lose it', async () =>
      (await onBoth('order_items', 'gift')).every(there => !there),
    );
    await job.end('sink', 'SIGKILL');
    await job.end('binlog', 'SIGKILL');
    for (const source of [0, 1]) {
      await job.onSource(
        source,
        'ALTER TABLE order_items ADD COLUMN gift SMALLINT NULL DEFAULT 3',
        'UPDATE order_items SET gift = 4 WHERE order_id % 3 = 0',
        // Made wider, twice, before the log has come to where it was added.
        'ALTER TABLE order_items MODIFY gift INT NULL DEFAULT 5',
        'UPDATE order_items SET gift = 2147483647 WHERE order_id % 7 = 0',
        'ALTER TABLE order_items MODIFY gift BIGINT NULL DEFAULT 5',
        'UPDATE order_items SET gift = 9007199254740993 WHERE order_id % 5 = 0',
      );
    }
    job.start('binlog');
    await takenUp('order_items', 10);
    await goesOn();
    expect(await onBoth('order_items', 'gift')).toEqual([true, true]);
    job.start('sink');
    await job.drained();
    await job.expectEqual();
    expect((await job.verify()).code).toBe(0);
  },
  6 * MINUTES,
);

it(
  'what is kept is not compared, and may still be dropped by another word',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    await job.end('sink', 'SIGKILL');
    for (const source of [0, 1]) {
      await job.onSource(
        source,
        "UPDATE orders SET grade = 'a' WHERE order_id % 2 = 0",
        'ALTER TABLE orders DROP COLUMN grade',
      );
      await haltedAt(source, /drops grade/);
    }
    const early = await apply('orders', '--keep');
    expect([early.code, early.err]).toEqual([1, expect.stringMatching(/has not applied yet/)]);
    job.start('sink');
    await soon('the targets to have all that was in it', async () => {
      return (await apply('orders', '--keep')).code === 0;
    });
    await goesOn();
    await job.onSource(0, 'UPDATE orders SET quantity = quantity + 1 WHERE order_id % 3 = 0');
    await job.drained();
    const { code, out } = await job.verify();
    expect(code, out).toBe(0);
    // What is in it stays, also in rows that are written.
    const kept = "SELECT SUM(grade = 'a') > 0, SUM(order_id % 2 = 0 AND grade <> 'a') FROM orders";
    for (const t of [0, 1]) expect(await rows(t, kept)).toEqual(['1 0']);
    expect((await problemsOf(job)).filter(p => p.startsWith('blocker'))).toEqual([]);
    const shown = await ddl('show', job.jobFile, '--tables', 'orders');
    expect(shown.out).toMatch(/orders.grade: dropped at a source, kept on the targets/);
    expect((await apply('orders', '--drop')).code).toBe(0);
    await soon('the targets to lose it', async () =>
      (await onBoth('orders', 'grade')).every(there => !there),
    );
    await job.drained();
    await job.expectEqual();
  },
  6 * MINUTES,
);

it(
  'by the word of the job file, with a way back, which goes on by itself',
  async () => {
    await using own = await ShopJob.prepare({
      ...{ mysql, orders: 60, options: { droppedColumns: 'drop' }, cutover: { back: {} } },
    });
    await own.onSource(0, 'ALTER TABLE orders ADD COLUMN a INT NOT NULL, ADD b INT, ADD c INT');
    own.start(...SERVICES);
    await own.copied();
    await own.onSource(0, 'ALTER TABLE orders DROP COLUMN a', 'UPDATE orders SET b = 1');
    const named = (target: number): Promise<string> => ddlOf(own, target, 'orders').then(String);
    const lost = (column: string): Promise<unknown> =>
      soon(`both targets to lose ${column}`, async () =>
        [await named(0), await named(1)].every(text => !text.includes(`\`${column}\` int`)),
      );
    await lost('a');
    await soon('the way back to go on', async () => {
      const back = own.status?.wayBack?.headline;
      return back?.level === 'normal' || back?.level === 'good';
    });
    await own.onSource(0, 'ALTER TABLE orders DROP COLUMN b, DROP c');
    await Promise.all([lost('b'), lost('c')]);
    await own.onSource(0, 'UPDATE orders SET quantity = quantity + 1');
    await own.drained();
    await own.expectEqual();
  },
  6 * MINUTES,
);
