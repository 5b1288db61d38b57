/** A sink that stands by finds out what it could not write, and changes nothing by that. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../../shared/mysql/inspect.ts';
import type { TableSchema } from '../../../../shared/schema/table-schema.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../../../test/support/scratch-database.ts';
import { tryWriting } from './trial.ts';

const DB = `trial_${randomUUID().slice(0, 8)}`;
const USER = DB;

let session: MysqlSession;
let tables: Map<string, TableSchema>;

const trying = (name = 'w'): Promise<void> => {
  const endpoint = { ...commonServer('t1'), user: USER, password: 'pw' };
  const known = new Map([...tables].map(([, schema]) => [name, schema]));
  return tryWriting({ ...endpoint, name: 't1', database: DB, kind: 'mysql' }, known);
};

beforeAll(async () => {
  session = await openScratch(DB, { role: 'admin', server: 't1' });
  await session.rawQuery(
    `CREATE TABLE w (id INT PRIMARY KEY, \`a b\` JSON, twice INT AS (id * 2) STORED,
      hidden INT DEFAULT 1 INVISIBLE)`,
  );
  await session.rawQuery('INSERT INTO w (id) VALUES (1), (2)');
  await session.rawQuery(`CREATE USER '${USER}'@'%' IDENTIFIED BY 'pw'`);
  await session.rawQuery(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${DB}.* TO '${USER}'@'%'`);
  tables = new Map([['w', await inspectTable(session, DB, 'w')]]);
});

afterAll(async () => {
  await session?.rawQuery(`DROP USER IF EXISTS '${USER}'@'%'`);
  await dropScratch(session, DB);
});

test('it goes through beside rows that somebody holds, and no row is another one', async () => {
  await session.rawQuery('BEGIN');
  await session.rawQuery('UPDATE w SET hidden = 9 WHERE id = 1');
  await trying();
  await session.rawQuery('ROLLBACK');
  expect(await session.query('SELECT id, hidden FROM w')).toEqual([
    { id: 1, hidden: 1 },
    { id: 2, hidden: 1 },
  ]);
});

test.each(['INSERT', 'UPDATE', 'DELETE'])('without %s it is refused by name', async privilege => {
  await session.rawQuery(`REVOKE ${privilege} ON ${DB}.* FROM '${USER}'@'%'`);
  await expect(trying()).rejects.toThrow(new RegExp(`${privilege} command denied`));
  await session.rawQuery(`GRANT ${privilege} ON ${DB}.* TO '${USER}'@'%'`);
  await trying();
});

test('a table that is gone, or has other columns, is refused', async () => {
  await expect(trying('gone')).rejects.toThrow(/gone' doesn't exist/);
  await session.rawQuery('ALTER TABLE w DROP COLUMN hidden');
  await expect(trying()).rejects.toThrow(/Unknown column 'hidden'/);
});
