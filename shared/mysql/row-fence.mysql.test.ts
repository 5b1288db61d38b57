/** The fence of rows that move refuses each way to write one, and no way to write another. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import type { MysqlSession } from './connect.ts';
import { dropFence, exemptSession, FENCE_TEXT, raiseFence, unfenced } from './row-fence.ts';

const DB = `row_fence_${randomUUID().slice(0, 8)}`;
const PLACE = { job: 'fenced', database: DB };
const MOVES = { table: 't', condition: (q: (n: string) => string) => `MOD(${q('id')},2)=1` };

let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
  await session.rawQuery(
    'CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT NOT NULL, UNIQUE KEY (v))',
  );
  await session.rawQuery('INSERT INTO t VALUES (1,1),(2,2),(3,3),(4,4)');
  await raiseFence(session, PLACE, MOVES);
});

afterAll(() => dropScratch(session, DB));

test.each([
  'INSERT INTO t VALUES (11,11)',
  // The id is 5 in the end, which no statement says.
  'INSERT INTO t (v) VALUES (77)',
  'INSERT IGNORE INTO t VALUES (11,11)',
  'INSERT INTO t VALUES (6,6),(11,11)',
  'UPDATE t SET v=v+100 WHERE id=1',
  'UPDATE t SET v=v WHERE id=1',
  'UPDATE IGNORE t SET v=v+100 WHERE id=1',
  'UPDATE t SET id=22 WHERE id=1',
  'UPDATE t SET id=21 WHERE id=2',
  'INSERT INTO t VALUES (1,9) ON DUPLICATE KEY UPDATE v=9',
  'REPLACE INTO t VALUES (1,9)',
  'REPLACE INTO t VALUES (8,1)',
  'DELETE FROM t WHERE id=3',
  'DELETE FROM t',
])('refused: %s', async sql => {
  await session.rawQuery('ALTER TABLE t AUTO_INCREMENT = 5');
  const before = await session.query('SELECT * FROM t ORDER BY id');
  await expect(session.rawQuery(sql)).rejects.toThrow(FENCE_TEXT);
  expect(await session.query('SELECT * FROM t ORDER BY id')).toEqual(before);
});

test.each([
  'INSERT INTO t VALUES (100,100)',
  'UPDATE t SET v=200 WHERE id=100',
  'UPDATE t SET id=102 WHERE id=100',
  'INSERT INTO t VALUES (102,1) ON DUPLICATE KEY UPDATE v=300',
  'REPLACE INTO t VALUES (104,300)',
  'DELETE FROM t WHERE id=104',
])('goes on: %s', async sql => {
  await session.rawQuery(sql);
});

test('it stands as a whole or not; rows that have moved are deleted by who says so, of this job', async () => {
  expect(await unfenced(session, PLACE, ['t'])).toEqual([]);
  expect(await unfenced(session, { ...PLACE, job: 'other' }, ['t'])).toEqual(['t']);
  await exemptSession(session, 'other');
  await expect(session.rawQuery('DELETE FROM t WHERE id=1')).rejects.toThrow(FENCE_TEXT);
  await exemptSession(session, 'fenced');
  await session.rawQuery('DELETE FROM t WHERE id=1');
  await expect(session.rawQuery('INSERT INTO t VALUES (1,1)')).rejects.toThrow(FENCE_TEXT);
  const [one] = await session.query<{ name: string }>(
    `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='${DB}' LIMIT 1`,
  );
  await session.rawQuery(`DROP TRIGGER ${one?.name}`);
  expect(await unfenced(session, PLACE, ['t'])).toEqual(['t']);
  // What is left of it is no hindrance.
  await raiseFence(session, PLACE, MOVES);
  expect(await unfenced(session, PLACE, ['t'])).toEqual([]);
  await dropFence(session, PLACE, 't');
  await session.rawQuery('UPDATE t SET v=v+100 WHERE id=3');
});
