/** Deleting rows that have moved deletes these and nothing else, whatever hangs on their table. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { commonServer } from '../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { MysqlSession } from './connect.ts';
import { inspectTable } from './inspect.ts';
import { MovedRows } from './moved-rows.ts';
import { raiseFence } from './row-fence.ts';

const ID = randomUUID().slice(0, 8);
const [OLD, NEW] = [`moved_old_${ID}`, `moved_new_${ID}`];
const JOB = 'moved';

let old: MysqlSession;
let owner: MysqlSession;

beforeAll(async () => {
  old = await openScratch(OLD, { role: 'admin' });
  owner = await openScratch(NEW, { role: 'admin' });
});

afterAll(async () => {
  await dropScratch(old, OLD);
  await dropScratch(owner, NEW);
});

/** Odd ids have moved; 1 to 4 are here, and equal there. */
beforeEach(async () => {
  await old.rawQuery('DROP TABLE IF EXISTS child, log, t');
  await owner.rawQuery('DROP TABLE IF EXISTS t');
  for (const session of [old, owner]) {
    await session.rawQuery('CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL)');
    await session.rawQuery('INSERT INTO t VALUES (1,1),(2,2),(3,3),(4,4)');
  }
  await raiseFence(
    old,
    { job: JOB, database: OLD },
    {
      table: 't',
      condition: q => `MOD(${q('id')},2)=1`,
    },
  );
});

async function cleanUp(moves = 'MOD(id,2)=1', statementTimeoutMs = 0): Promise<void> {
  const place = { ...commonServer('s1'), database: OLD };
  await using session = await MysqlSession.open(place, { role: 'admin', statementTimeoutMs });
  await MovedRows.prepare(session, OLD, JOB);
  const moved = new MovedRows({
    ...{ job: JOB, request: randomUUID(), old: session, reader: old, owner, ownerDatabase: NEW },
    ...{ target: 'c3', schema: await inspectTable(session, OLD, 't') },
    ...{ moved: moves, evenStale: false },
  });
  await moved.begin();
  while (await moved.step());
}

async function valuesOf(sql: string): Promise<unknown[]> {
  return (await old.query<{ v: unknown }>(sql)).map(r => Number(r.v));
}

test('rows of other tables that a foreign key would delete with them stay', async () => {
  await old.rawQuery(
    'CREATE TABLE child (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE)',
  );
  await old.rawQuery('INSERT INTO child VALUES (10,1),(20,2)');
  await cleanUp();
  expect(await valuesOf('SELECT id AS v FROM t')).toEqual([2, 4]);
  expect(await valuesOf('SELECT id AS v FROM child ORDER BY id')).toEqual([10, 20]);
});

test('a child that comes later, or stays because it is not equal, hinders no parent', async () => {
  await old.rawQuery(
    'CREATE TABLE child (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES t (id))',
  );
  await old.rawQuery('INSERT INTO child VALUES (10,1)');
  await cleanUp();
  expect(await valuesOf('SELECT id AS v FROM t')).toEqual([2, 4]);
});

test('to look for rows that move may take longer than any other statement', async () => {
  // The two rows that stay take a second.
  await cleanUp('(MOD(id,2)=1 OR SLEEP(0.5)=1)', 700);
  expect(await valuesOf('SELECT id AS v FROM t')).toEqual([2, 4]);
});

test('a trigger of others would act on the deletes: it is named, and nothing is deleted', async () => {
  await old.rawQuery('CREATE TABLE log (id INT)');
  await old.rawQuery(
    'CREATE TRIGGER users_own AFTER DELETE ON t FOR EACH ROW INSERT INTO log VALUES (OLD.id)',
  );
  await expect(cleanUp()).rejects.toThrow(/users_own/);
  expect(await valuesOf('SELECT id AS v FROM t')).toEqual([1, 2, 3, 4]);
  expect(await valuesOf('SELECT id AS v FROM log')).toEqual([]);
});
