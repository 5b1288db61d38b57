/**
 * What a table is at a place of the binlog, while it is altered all the time: the server's own
 * statements say which of them are in that place, and each of those has added one column.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { commonServer } from '../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { GtidSet } from '../change/gtid.ts';
import { sleep } from '../runtime/clock.ts';
import { MysqlSession } from './connect.ts';
import { inspectTable } from './inspect.ts';
import { positionBehind, positionOf, tableAtPosition } from './table-position.ts';

const DB = `table_position_${process.pid}`;
const ALTERS = 60;
let session: MysqlSession;
let other: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'admin' });
  other = await MysqlSession.open({ ...commonServer('s1'), database: DB }, { role: 'admin' });
});

beforeEach(async () => {
  await session.rawQuery('DROP TABLE IF EXISTS t');
  await session.rawQuery('CREATE TABLE t (id INT PRIMARY KEY)');
});

afterAll(async () => {
  await other?.close();
  await dropScratch(session, DB);
});

const inspect = () => inspectTable(session, DB, 't');

test('holds what the statements up to the place have made of the table, and nothing else', async () => {
  const begun = GtidSet.parse(await positionBehind(session, DB, 't'), session.flavor);
  /** The place behind each statement. */
  const places: GtidSet[] = [begun];
  let isDone = false;
  const altering = (async () => {
    for (let i = 1; i <= ALTERS; i++) {
      await other.rawQuery(`ALTER TABLE t ADD COLUMN c${i} INT`);
      places.push(GtidSet.parse(await positionBehind(other, DB, 't'), other.flavor));
      if (i % 3 === 0) await sleep(20);
    }
    isDone = true;
  })();
  const seen: { columns: number; gtid: GtidSet }[] = [];
  while (!isDone) {
    const { schema, gtid } = await tableAtPosition(session, inspect);
    seen.push({ columns: schema.columns.length, gtid: GtidSet.parse(gtid, session.flavor) });
  }
  await altering;
  expect(seen.length).toBeGreaterThan(3);
  for (const { columns, gtid } of seen) {
    const [own, next] = [places[columns - 1], places[columns]];
    expect(own !== undefined && gtid.covers(own)).toBe(true);
    expect(next !== undefined && gtid.covers(next)).toBe(false);
  }
});

test('a table that is altered between the two looks is looked at again', async () => {
  let looks = 0;
  const { schema, gtid } = await tableAtPosition(session, async () => {
    const found = await inspect();
    if (looks++ === 0) await other.rawQuery('ALTER TABLE t ADD COLUMN x INT');
    return found;
  });
  expect(schema.columns.map(c => c.name)).toEqual(['id', 'x']);
  expect(looks).toBe(3);
  const place = await positionBehind(session, DB, 't');
  expect(GtidSet.parse(place, session.flavor).covers(GtidSet.parse(gtid))).toBe(true);
});

test('a table that is another one by now has no place', async () => {
  const schema = await inspect();
  expect(await positionOf(session, schema)).not.toBeNull();
  await other.rawQuery('ALTER TABLE t ADD COLUMN x INT');
  expect(await positionOf(session, schema)).toBeNull();
});
