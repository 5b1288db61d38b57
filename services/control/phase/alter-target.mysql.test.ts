/** How a target's column is made longer: what the server is asked, and what is said if it will not. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobTarget } from '../../../shared/job/job.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../../test/support/scratch-database.ts';
import { alterTarget } from './alter-target.ts';

const DB = `longer_${process.pid}`;
let session: MysqlSession;
let target: JobTarget;

beforeAll(async () => {
  const server = commonServer('s1');
  session = await openScratch(DB, { role: 'apply' });
  target = { ...server, name: 't1', database: DB } as JobTarget;
});

afterAll(() => dropScratch(session, DB));

/** Runs it as control does; gives the ways that the server took. */
async function waysOf(...statements: string[]): Promise<unknown[]> {
  const ways: unknown[] = [];
  const log = createLogger({ name: 'test', level: 'fatal' });
  const info = (told: { way: unknown }): unknown => ways.push(told.way);
  await alterTarget({ log: Object.assign(log, { info }) }, target, 't', async () => statements);
  return ways;
}

const longer = (n: number): string => `ALTER TABLE t MODIFY COLUMN v varchar(${n});`;

test('a column is made longer in place, and by a copy where its length takes another byte', async () => {
  await session.rawQuery('CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10), KEY by_v (v))');
  await session.rawQuery("INSERT INTO t VALUES (1, 'x')");
  const inPlace = expect.stringMatching(/^ALGORITHM=IN/);
  expect(await waysOf(longer(63), longer(64), longer(700))).toEqual([
    ...[inPlace, 'as the server does it', inPlace],
  ]);
  const [{ type } = { type: '' }] = await session.query<{ type: string }>(
    `SELECT COLUMN_TYPE AS type FROM information_schema.COLUMNS
      WHERE TABLE_SCHEMA = ? AND COLUMN_NAME = 'v'`,
    [DB],
  );
  expect(type).toBe('varchar(700)');
});

test('members and NULL come in place, another type by a copy', async () => {
  await session.rawQuery(
    "CREATE TABLE m (id INT PRIMARY KEY, e ENUM('a') NOT NULL, n INT NOT NULL) ENGINE=InnoDB",
  );
  await session.rawQuery("INSERT INTO m VALUES (1, 'a', 7)");
  const modify = (column: string): string => `ALTER TABLE m MODIFY COLUMN ${column};`;
  const inPlace = expect.stringMatching(/^ALGORITHM=IN/);
  const ways = await waysOf(
    ...[modify("e enum('a','b') NOT NULL"), modify('n int NULL'), modify('n bigint NULL')],
  );
  expect(ways).toEqual([inPlace, inPlace, 'as the server does it']);
});

test('what the target cannot take halts with the statement and a way out, and is not repeated', async () => {
  const most = `CREATE TABLE w (id INT PRIMARY KEY, v VARCHAR(10),
    rest VARCHAR(16000)) ROW_FORMAT=DYNAMIC`;
  await session.rawQuery(most);
  const wide = 'ALTER TABLE w MODIFY COLUMN v varchar(500);';
  await expect(waysOf(wide)).rejects.toMatchObject({
    kind: 'schema-changed',
    message: `t1 does not take ${wide}`,
    cause: { message: expect.stringMatching(/row size too large/i) },
    remedy: expect.stringMatching(/ddl apply/),
  });
  await session.rawQuery('DROP TABLE w');
  // Of an index, the limit is the target's own.
  await session.rawQuery(
    'CREATE TABLE IF NOT EXISTS t (id INT PRIMARY KEY, v VARCHAR(10), KEY by_v (v))',
  );
  await expect(waysOf(longer(800))).rejects.toMatchObject({
    kind: 'schema-changed',
    cause: { message: expect.stringMatching(/key was too long/i) },
  });
});

test('rows before those they refer to, and what no strict session computes, are in nobody’s way', async () => {
  await session.rawQuery('CREATE TABLE up (id INT PRIMARY KEY)');
  await session.rawQuery(
    `CREATE TABLE down (id INT PRIMARY KEY, up INT, v VARCHAR(9), n TINYINT, m INT,
       made INT AS (CAST(v AS SIGNED)) STORED, FOREIGN KEY (up) REFERENCES up (id))`,
  );
  await session.rawQuery("SET SESSION foreign_key_checks = 0, sql_mode = ''");
  await session.rawQuery("INSERT INTO down (id, up, v, n, m) VALUES (1, 7, '5x', 127, 300)");
  const wider = 'ALTER TABLE down MODIFY COLUMN n smallint DEFAULT NULL;';
  expect(await waysOf(wider)).toEqual(['as the server does it']);
  // A statement that makes a column narrower is none of ours: it is refused as ever.
  const narrow = 'ALTER TABLE down MODIFY COLUMN `m` tinyint DEFAULT NULL;';
  await expect(waysOf(narrow)).rejects.toMatchObject({ kind: 'schema-changed' });
  const rows = await session.query<object>('SELECT id, up, v, n, m, made FROM down');
  expect(rows).toEqual([{ id: 1, up: 7, v: '5x', n: 127, m: 300, made: 5 }]);
});

test('what a control that has died is still doing is waited for, and looked at', async () => {
  await session.rawQuery('CREATE TABLE slow (id INT PRIMARY KEY)');
  const log = createLogger({ name: 'test', level: 'fatal' });
  let looks = 0;
  const alter = (work: () => Promise<readonly string[]>): Promise<void> =>
    alterTarget({ log }, target, 'slow', async () => {
      looks += 1;
      return await work();
    });
  const held = Promise.withResolvers<readonly string[]>();
  const before = alter(() => held.promise);
  await until(() => looks === 1, { timeoutMs: 10_000, what: 'the first to have its turn' });
  await expect(alter(async () => [])).rejects.toMatchObject({
    kind: 'target',
    message: expect.stringMatching(/another ALTER of slow is still under way/),
  });
  expect(looks).toBe(1);
  held.resolve(['ALTER TABLE slow ADD COLUMN n INT']);
  await before;
  await alter(async () => []);
  expect(looks).toBe(2);
});
