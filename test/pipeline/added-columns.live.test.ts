/**
 * Columns that are added at sources (NULL, or a constant), or made wider, while the job runs, and
 * nobody does anything: control alters the targets and takes them up, whatever dies meanwhile. What
 * changes more than that is left to the operator.
 * Enforces I14.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { schemaTopic } from '../../shared/kafka/topic-name.ts';
import { until } from '../../shared/runtime/clock.ts';
import { sourceName } from '../support/job-file.ts';
import type { Load } from '../support/load/load.ts';
import type { PlainConsumer } from '../support/plain-consumer.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { ddlList, ddlOf, haltsOf, problemsOf, seenAfter } from './ddl-facts.ts';
import { FEW_PARTITIONS, SERVICES, ShopJob } from './shop-job.ts';
import { WIDER } from './wider-columns.ts';

const MINUTES = 60_000;

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
  const options = { parkDeadlineSeconds: 600, partitions: FEW_PARTITIONS };
  job = await ShopJob.prepare({ mysql, orders: 800, sources: 2, options });
}, 3 * MINUTES);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

const soon = <T>(what: string, found: Parameters<typeof until<T>>[0]): Promise<T> =>
  until(found, { timeoutMs: MINUTES, what });

const columnsOf = async (target: number, table: string): Promise<string[]> =>
  (await ddlOf(job, target, table)).flatMap(line => /^ {2}`(.*?)` /.exec(line)?.[1] ?? []);

const columnThere = (target: number, table: string, column: string): Promise<unknown> =>
  soon(`${column} of ${table} on target ${target}`, async () =>
    (await columnsOf(target, table)).includes(column),
  );

/** The loads end: targets, a plain consumer and a check say that all is equal. */
async function endsEqual(loads: readonly Load[], consumer: PlainConsumer): Promise<void> {
  for (const load of loads) await load.stop();
  await job.drained();
  await job.expectEqual();
  await job.expectFollowed(consumer);
  await consumer[Symbol.asyncDispose]();
  const { code, out } = await job.verify();
  expect(code, out).toBe(0);
}

async function onTarget(target: number, ...statements: string[]): Promise<string[][]> {
  await using client = await job.sql(target);
  let rows: unknown[][] = [];
  for (const sql of statements) rows = await client.rows(sql);
  return rows.map(row => row.map(String));
}

/** What control says of columns that it leaves to the operator. */
const left = (words: RegExp): Promise<string> =>
  soon(`control to leave ${words}`, () =>
    job.logOf('control').find(l => l.includes('left to the operator') && words.test(l)),
  );

const sourceOf = (source: number): string => sourceName(job.name, source);

/** How often control has taken columns of the table up. */
const takenUp = (source: number, table: string): number => {
  const words = ['columns are taken up', `"${sourceOf(source)}"`, `"${table}"`];
  return job.logOf('control').filter(line => words.every(w => line.includes(w))).length;
};

/** Of both tables, of the first source and the second. */
const taken = (): number[] =>
  [0, 1].flatMap(s => ['orders', 'customers'].map(table => takenUp(s, table)));

const hasMore = (before: number[], more: number[]): boolean =>
  taken().every((n, i) => n >= (before[i] ?? 0) + (more[i] ?? 0));

it(
  'both sources get them, with statements of their own and apart; control dies on the way',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    const loads = [job.load(20, 5, 0), job.load(20, 5, 1)];
    const consumer = await job.plainConsumer();
    // A text column that is added there as the source prints it would be another one.
    await onTarget(1, 'ALTER TABLE orders DEFAULT CHARACTER SET latin1');
    await job.onSource(
      0,
      'ALTER TABLE orders ADD COLUMN tag VARCHAR(20) NULL FIRST',
      "UPDATE orders SET tag = 'first' WHERE order_id % 3 = 0",
      'ALTER TABLE orders ADD COLUMN extra JSON, ADD more DECIMAL(8,3) NULL AFTER total',
      "UPDATE orders SET extra = '[1, 2]', more = 1.5 WHERE order_id % 4 = 0",
    );
    await columnThere(0, 'orders', 'tag');
    await job.end('control', 'SIGKILL');
    job.start('control');
    await columnThere(1, 'orders', 'more');
    await job.onSource(
      1,
      'ALTER TABLE orders ADD (more DECIMAL(8,3), extra JSON, tag VARCHAR(20) DEFAULT NULL)',
      "UPDATE orders SET tag = 'other' WHERE order_id % 5 = 0",
    );
    // What is expected is a short halt at each source, which the watch of a drain would not stand.
    await soon(
      'both sources to go on',
      () => [0, 1].every(s => takenUp(s, 'orders') > 0) && haltsOf(job).length === 0,
    );
    await endsEqual(loads, consumer);
    for (const target of [0, 1]) {
      const columns = await columnsOf(target, 'orders');
      expect(columns.filter(c => /^(tag|extra|more)$/.test(c)).sort()).toEqual([
        'extra',
        'more',
        'tag',
      ]);
    }
    const altered = job.logOf('control').filter(line => line.includes('target table altered'));
    expect(altered.length).toBeGreaterThan(0);
    for (const line of altered) expect(line).toMatch(/ALGORITHM=INSTANT|it was there/);
  },
  4 * MINUTES,
);

it(
  'constants are in rows of before at their place in the log, on targets and for consumers',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    const loads = [job.load(20, 5, 0), job.load(20, 5, 1)];
    const consumer = await job.plainConsumer();
    // What the table shows when its first statement is read is another default, and more columns.
    await job.end('binlog', 'SIGKILL');
    await job.onSource(
      0,
      "UPDATE customers SET name = CONCAT('before ', name) WHERE customer_id % 7 = 0",
      'ALTER TABLE customers ADD COLUMN level INT NOT NULL DEFAULT 7 FIRST, ADD plain INT',
      'ALTER TABLE customers ALTER COLUMN level SET DEFAULT 9',
      'UPDATE customers SET level = 8 WHERE customer_id % 3 = 0',
      `ALTER TABLE customers ADD (price DECIMAL(8,2) NOT NULL DEFAULT '1.5',
         state ENUM('new','it''s') DEFAULT 'it''s',
         label VARCHAR(9) CHARACTER SET latin1 NOT NULL DEFAULT 'A, b')`,
      'UPDATE customers SET state = NULL, price = -2 WHERE customer_id % 4 = 0',
      "ALTER TABLE customers ADD COLUMN born DATE NOT NULL DEFAULT '2020-01-02' AFTER name",
    );
    job.start('binlog');
    await columnThere(0, 'customers', 'level');
    const killed = ['control', 'sink', 'binlog'] as const;
    for (const service of killed) await job.end(service, 'SIGKILL');
    job.start(...killed);
    await columnThere(1, 'customers', 'born');
    await job.onSource(
      1,
      `ALTER TABLE customers ADD born DATE NOT NULL DEFAULT '2020-01-02',
         ADD price DECIMAL(8,2) NOT NULL DEFAULT 1.50`,
      `ALTER TABLE customers ADD label VARCHAR(9) CHARACTER SET latin1 NOT NULL DEFAULT "A, b",
         ADD state ENUM('new','it''s') DEFAULT 'it''s', ADD plain INT NULL, ADD level INT NOT NULL
         DEFAULT '7'`,
      'UPDATE customers SET level = 5 WHERE customer_id % 5 = 0',
    );
    await soon(
      'both sources to go on',
      () => takenUp(1, 'customers') >= 2 && haltsOf(job).length === 0,
    );
    await endsEqual(loads, consumer);
    // Each statement is once in the topic, behind all that was halted and killed.
    const list = await ddlList(job, 'customers');
    expect(list.open).toEqual([]);
    const ways = [0, 1].map(s => list.changes.filter(c => c.source === sourceOf(s)));
    expect(ways.map(of => of.map(c => c.decision))).toEqual([
      ['taken up', 'passed', 'taken up', 'taken up'],
      ['taken up', 'taken up'],
    ]);
    expect(ways[0]?.map(c => c.added.join(' '))).toEqual([
      'level plain',
      '',
      'price state label',
      'born',
    ]);
    expect(JSON.stringify(list.changes)).not.toMatch(/A, b|it''s/);
    for (const source of [0, 1]) {
      const keys = await job.keysOf(schemaTopic(sourceOf(source)));
      expect(keys.length).toBeGreaterThan(1);
      expect(keys.length).toBe(new Set(keys).size);
    }
    // Of rows that nobody has written since, and by the value that the first statement has.
    const [levels] = await onTarget(
      0,
      "SELECT SUM(level = 7), SUM(level = 9 AND price = 1.5) > 0 FROM customers WHERE state = 'it''s'",
    );
    expect(Number(levels?.[0])).toBeGreaterThan(0);
  },
  4 * MINUTES,
);

it(
  'columns that are made wider keep their values and hold others, though control dies at it',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    const loads = [job.load(20, 5, 0), job.load(20, 5, 1)];
    const consumer = await job.plainConsumer();
    let before = taken();
    // Rows of each width are in the binlog by then.
    await job.end('binlog', 'SIGKILL');
    const { tag, rest, label, name } = WIDER;
    await job.onSource(
      0,
      "UPDATE orders SET tag = 'short', quantity = -2147483648 WHERE order_id % 7 = 0",
      `ALTER TABLE orders MODIFY COLUMN ${tag}, ${rest}`,
      `UPDATE orders SET tag = REPEAT('lö-ng', 40), quantity = 9007199254740993, state = 'lost'
        WHERE order_id % 4 = 0`,
      `ALTER TABLE customers ${label}`,
      `UPDATE customers SET label = REPEAT('é', 300), credit = -12345678901234.5,
        note = REPEAT('ü', 40000) WHERE customer_id % 3 = 0`,
      `ALTER TABLE customers ${name}`,
      "UPDATE customers SET name = IF(customer_id % 2, NULL, REPEAT('名', 90)) WHERE customer_id % 5 = 0",
    );
    job.start('binlog');
    await soon('the first target to be altered', async () =>
      (await ddlOf(job, 0, 'orders')).some(line => line.includes('`tag` varchar(200)')),
    );
    await job.end('control', 'SIGKILL');
    job.start('control');
    const isWell = () => haltsOf(job).length === 0;
    const goesOn = (more: number[]) => seenAfter(job, () => hasMore(before, more), isWell);
    await soon('the first source to go on', goesOn([1, 2, 0, 0]));
    before = taken();
    // One source is wider than the other now, and nothing is wrong with that.
    const problems = (await problemsOf(job)).filter(p => /^blocker|differ/.test(p));
    expect(problems).toEqual(Array(8).fill('warning sources-differ'));
    expect((await job.verify()).code).toBe(0);
    await job.onSource(
      1,
      'ALTER TABLE orders ADD COLUMN soon INT',
      `ALTER TABLE orders CHANGE tag ${tag}, ADD COLUMN late INT, ${rest}, COMMENT 'x'`,
      "UPDATE orders SET tag = REPEAT('1', 200), late = 5 WHERE order_id % 5 = 0",
      `ALTER TABLE customers ${label}, ${name}`,
    );
    await job.onSource(0, 'ALTER TABLE orders ADD COLUMN late INT, ADD soon INT');
    await soon('the second source to go on', goesOn([1, 0, 2, 1]));
    await endsEqual(loads, consumer);
    const shown = (await ddlOf(job, 1, 'orders')).find(line => line.includes('`tag`'));
    expect(shown).toMatch(/varchar\(200\) CHARACTER SET utf8mb4 .*DEFAULT NULL/);
  },
  4 * MINUTES,
);

it(
  'another constant at the other source is a conflict: nothing is taken up, a recopy ends it',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    const grade = 'ALTER TABLE order_items ADD nothing INT NOT NULL, ADD COLUMN grade INT NOT NULL';
    await job.onSource(0, `${grade} DEFAULT 1`);
    await soon('the first source to go on', () => takenUp(0, 'order_items') === 1);
    await job.onSource(1, `${grade} DEFAULT 2`);
    await left(/grade has another default than rows of the source have in it.*by another source/);
    const at = ['--source', sourceOf(1), '--tables', 'order_items'];
    const shown = await callReshard('ddl', 'show', job.jobFile, ...at);
    expect(shown.out).toMatch(/cannot be taken up: grade has another default.*reshard recopy/s);
    expect((await ddlList(job, 'order_items')).open).toMatchObject([
      { source: sourceOf(1), table: 'order_items', error: expect.stringMatching(/ddl show/) },
    ]);
    const { code, err } = await callReshard(
      ...['recopy', job.jobFile, ...at],
      ...['--yes', '--json', '--timeout', '150'],
    );
    expect(code, err).toBe(0);
    await soon('the source to go on', () => haltsOf(job).length === 0);
    await job.drained();
    await job.expectEqual();
    const { open, changes } = await ddlList(job, 'order_items');
    const decisions = changes.map(c => [c.source, c.decision]);
    expect([open, decisions]).toEqual([
      [],
      [
        [sourceOf(0), 'taken up'],
        [sourceOf(1), 'copied'],
      ],
    ]);
  },
  4 * MINUTES,
);

it(
  'a default that is no constant, and a column that a target has otherwise, are left to the operator',
  async () => {
    job.start(...SERVICES);
    await job.copied();
    await job.onSource(0, 'ALTER TABLE customers ADD COLUMN at DATETIME DEFAULT NOW()');
    await soon('the source to halt', () => haltsOf(job).some(e => /ALTER of customers/.test(e)));
    // Whoever knows that it has changed no row may say so, but not while the table is another one.
    const skip = () =>
      callReshard('ddl', 'skip', job.jobFile, '--source', sourceOf(0), '--yes', '--json');
    const early = await skip();
    expect([early.code, early.err]).toEqual([1, expect.stringMatching(/not as planned any more/)]);
    await job.onSource(0, 'ALTER TABLE customers DROP COLUMN at');
    const said = await skip();
    expect(said.code, said.err).toBe(0);
    await soon('the log to go on', () => !haltsOf(job).some(e => /of customers/.test(e)));
    // What drops a column that the job has never had needs no word.
    const newest = async (): Promise<string[]> => {
      const { changes } = await ddlList(job, 'customers');
      const ours = changes.filter(c => c.source === sourceOf(0)).slice(-2);
      return ours.map(c => `${c.decision} by ${c.by === '' ? 'nobody' : 'somebody'}`);
    };
    const behind = async () => (await newest())[1]?.startsWith('passed');
    await soon('the log to be behind both', behind);
    expect(await newest()).toEqual(['skipped by somebody', 'passed by nobody']);
    await using client = await job.sql(0);
    await client.run('ALTER TABLE order_items ADD COLUMN gift VARCHAR(5)');
    await job.onSource(1, 'ALTER TABLE order_items ADD COLUMN gift INT NULL');
    await left(/order_items.*gift/);
    expect(await columnsOf(1, 'order_items')).not.toContain('gift');
    expect(await columnsOf(1, 'customers')).not.toContain('at');
    const halt = await soon('status to show the halt', () =>
      haltsOf(job).find(e => /adds gift/.test(e)),
    );
    expect(halt).toMatch(/reshard ddl show/);
    // The way out is the one that the halt names.
    await client.run('ALTER TABLE order_items MODIFY gift INT NULL');
    await using other = await job.sql(1);
    await other.run('ALTER TABLE order_items ADD COLUMN gift INT NULL');
    const at = ['--source', sourceOf(1), '--tables', 'order_items'];
    const { code, err } = await callReshard('ddl', 'apply', job.jobFile, '--yes', ...at);
    expect(code, err).toBe(0);
    await soon('the second source to go on', () => !haltsOf(job).some(e => /adds gift/.test(e)));
  },
  3 * MINUTES,
);

it(
  'a column that a target would fill otherwise than the source is left to the operator',
  async () => {
    job.start(...SERVICES);
    await soon('the copy', () => job.status?.tables.every(t => t.complete));
    for (const t of [0, 1]) {
      await onTarget(t, 'ALTER TABLE order_items ADD COLUMN flag INT DEFAULT 7');
    }
    await job.onSource(1, 'ALTER TABLE order_items ADD (flag INT, INDEX by_flag (flag))');
    await left(/order_items.*flag has a default/);
    // As it is printed, and then what is printed for what that has left there.
    const at = ['--source', sourceOf(1), '--tables', 'order_items'];
    for (const [word, why] of [
      ['ALTER TABLE', /flag has a default/],
      ['UPDATE', /flag has values in rows that are there/],
    ] as const) {
      const { code, err } = await callReshard('ddl', 'apply', job.jobFile, '--yes', ...at);
      expect([code, err]).toEqual([1, expect.stringMatching(why)]);
      const { out } = await callReshard('ddl', 'show', job.jobFile, ...at);
      const printed = [...out.matchAll(/^ {4}target(\d): (.*);$/gm)];
      expect(printed.map(([, , sql = '']) => sql.startsWith(word))).toEqual([true, true]);
      for (const [, target, sql = ''] of printed) await onTarget(Number(target) - 1, sql);
    }
    const { code, err } = await callReshard('ddl', 'apply', job.jobFile, '--yes', ...at);
    expect(code, err).toBe(0);
    await soon('the second source to go on', () => !haltsOf(job).some(e => /adds flag/.test(e)));
    for (const t of [0, 1]) {
      const [counts] = await onTarget(t, 'SELECT COUNT(*) > 0, COUNT(flag) FROM order_items');
      expect(counts).toEqual(['1', '0']);
    }
    // Whoever reads a target's table keeps its columns from coming; status says so.
    const reader = await job.sql(1);
    await reader.run('START TRANSACTION');
    await reader.rows('SELECT * FROM order_items LIMIT 1');
    await job.onSource(1, 'ALTER TABLE order_items ADD COLUMN `late-one` INT NULL');
    await soon('status to tell of the lock', () => {
      const adding = job.status?.repairs.find(r => r.stage === 'adding columns');
      return /lock wait timeout/i.test(adding?.waiting?.what ?? '');
    });
    await reader.close();
    await soon(
      'the second source to go on',
      () => takenUp(1, 'order_items') > 0 && !haltsOf(job).some(e => /order_items/.test(e)),
    );
    // Rows of the first source, which has no such column, would get a time with each update.
    const seen = 'seen DATETIME NULL ON UPDATE CURRENT_TIMESTAMP';
    // And the name that a column has in the topic is not for another one.
    await job.onSource(1, `ALTER TABLE order_items ADD COLUMN ${seen}, ADD \`late one\` INT`);
    await left(/order_items.*seen is set to the time by each update/);
    const shown = await callReshard('ddl', 'show', job.jobFile, '--json', ...at);
    expect(JSON.parse(shown.out).changed[0].against).toEqual([
      'column seen is set to the time by each update (ON UPDATE)',
      'column late-one would be the field late_u002done of the topic, not late_one',
    ]);
    for (const t of [0, 1]) expect(await columnsOf(t, 'order_items')).not.toContain('seen');
  },
  3 * MINUTES,
);
