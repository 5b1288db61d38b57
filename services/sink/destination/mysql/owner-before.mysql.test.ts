/** A table of owners that a version made which took the ENUM of a key itself: it refuses 0. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { quoteId } from '../../../../shared/mysql/identifier.ts';
import { ownerTableName } from '../../../../shared/mysql/target-state.ts';
import { dropScratch, openScratch } from '../../../../test/support/scratch-database.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import { createOwners } from './owner.ts';

const DB = `owner_before_${process.pid}`;
const OWNERS = 'job#1';
const NAME = quoteId(ownerTableName(OWNERS, 't'));

let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
});

afterAll(() => dropScratch(session, DB));

test('its values keep their numbers, and the error value comes to them', async () => {
  const key = "k ENUM('b', '', 'a') NOT NULL, n INT NOT NULL";
  await session.rawQuery(`CREATE TABLE t (${key}, PRIMARY KEY (k, n))`);
  await session.rawQuery(
    `CREATE TABLE ${NAME} (${key}, source VARCHAR(64) NOT NULL, PRIMARY KEY (k, n))`,
  );
  await session.rawQuery(`INSERT INTO ${NAME} VALUES (1, 7, 's1'), (2, 7, 's2'), (3, 7, 's1')`);
  const table = { name: 't', keyColumns: [{ name: 'k' }, { name: 'n' }] } as unknown as SinkTable;
  for (const _ of ['the first start', 'another one']) {
    await createOwners(session, DB, OWNERS, table);
  }
  await session.rawQuery(`INSERT INTO ${NAME} VALUES (0, 7, 's2')`);
  const rows = await session.query<{ k: number; source: string }>(
    `SELECT k, source FROM ${NAME} ORDER BY k`,
  );
  expect(rows.map(r => `${r.k} ${r.source}`)).toEqual(['0 s2', '1 s1', '2 s2', '3 s1']);
});
