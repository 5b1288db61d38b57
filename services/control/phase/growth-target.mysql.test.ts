/** What a target lacks for columns that were made wider at a source, and the statement for it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobTarget } from '../../../shared/job/job.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { printTable } from '../../../shared/mysql/schema-copy.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../../test/support/scratch-database.ts';
import { lacking } from './growth-target.ts';
import type { LackingTarget } from './lacking-target.ts';

const DB = `narrower_${process.pid}`;
let session: MysqlSession;
let target: JobTarget;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
  target = { ...commonServer('s1'), name: 't1', database: DB } as JobTarget;
});

afterAll(() => dropScratch(session, DB));

const create = (columns: string, more = ''): Promise<unknown> =>
  session.rawQuery(`CREATE TABLE t (id INT PRIMARY KEY, ${columns}) ${more}`);

/** What the target's table lacks for the source's; `told`: what was made wider, by its name. */
async function lack(
  source: string,
  there: string,
  told: Record<string, string>,
): Promise<LackingTarget[]> {
  await create(source);
  const now = await inspectTable(session, DB, 't');
  const printed = await printTable(session, DB, 't');
  await session.rawQuery('DROP TABLE t');
  await create(there, 'CHARACTER SET latin1');
  const wider = new Map(Object.entries(told));
  const look = async (): Promise<LackingTarget[]> =>
    (
      await lacking(target, now, printed, new Map(), {
        ...{ others: new Set(), wider, dropped: [], removed: [], gone: [], isStandby: false },
      })
    ).targets;
  const found = await look();
  for (const { sql, isWidening } of found) if (isWidening) await session.rawQuery(sql ?? '');
  // What is printed is enough.
  expect((await look()).filter(l => l.isWidening)).toEqual([]);
  await session.rawQuery('DROP TABLE t');
  return found;
}

const shown = (found: readonly LackingTarget[]): unknown[] =>
  found.map(({ column, sql, isWidening }) => [
    column,
    isWidening === true,
    sql?.replace(/^ALTER TABLE \S+ MODIFY COLUMN /, ''),
  ]);

test('a column gets what it lacks by one statement, and keeps what is its own', async () => {
  const text = 'CHARACTER SET utf8mb4 COLLATE';
  const found = await lack(
    `n BIGINT, e ENUM('a','it''s','c') ${text} utf8mb4_bin, v VARCHAR(20) ${text} utf8mb4_bin, b BLOB`,
    `n INT UNSIGNED NOT NULL DEFAULT 5 COMMENT 'NOT NULL', e ENUM('a','it''s') NOT NULL,
     v VARCHAR(9) ${text} utf8mb4_0900_ai_ci, b VARBINARY(9) NOT NULL`,
    { n: 'bigint NULL', e: "enum('a','it''s','c')", v: 'varchar(20)', b: 'blob NULL' },
  );
  expect(shown(found)).toEqual([
    ['n', true, "`n` bigint NULL DEFAULT '5' COMMENT 'NOT NULL';"],
    ['e', true, "`e` enum('a','it''s','c') NULL;"],
    ['v', true, `\`v\` varchar(20) ${text} utf8mb4_0900_ai_ci DEFAULT NULL;`],
    ['b', true, '`b` blob NULL;'],
  ]);
  expect(found[0]?.what).toMatch(/^n is 32-bit unsigned integer, .*, is NOT NULL, unlike/);
});

test('a column that is wide enough lacks nothing, and one of another type is not altered', async () => {
  const found = await lack(
    "a INT, b INT, c INT NOT NULL, e ENUM('a','b')",
    "a BIGINT, b INT UNSIGNED, c SMALLINT, e ENUM('a','c')",
    { a: 'int', b: 'int', e: "enum('a','b')" },
  );
  expect(shown(found)).toEqual([
    ['b', false, '`b` int DEFAULT NULL;'],
    // No statement has made it wider: it is for the operator to say.
    ['c', false, '`c` int NOT NULL;'],
    // Another source may have brought the other member.
    ['e', false, expect.stringMatching(/^`e` enum\('a','b'\) /)],
  ]);
});
