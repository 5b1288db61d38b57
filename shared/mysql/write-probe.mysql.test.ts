/** The probe of a fence meets it wherever a row is, though it is none that moves. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commonServer } from '../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { MysqlSession } from './connect.ts';
import { inspectTable } from './inspect.ts';
import { raiseFence } from './row-fence.ts';
import { type ProbePlace, probe } from './write-probe.ts';

const DB = `probe_${randomUUID().slice(0, 8)}`;
const TABLES = ['a', 'b'];

let session: MysqlSession;
let schemas: TableSchema[];

beforeAll(async () => {
  session = await openScratch(DB, { role: 'admin' });
  for (const t of TABLES) await session.rawQuery(`CREATE TABLE ${t} (id INT PRIMARY KEY, v INT)`);
  schemas = await Promise.all(TABLES.map(t => inspectTable(session, DB, t)));
});

afterAll(() => dropScratch(session, DB));

function places(job = 'probed'): ProbePlace[] {
  const server = { ...commonServer('s1'), name: 's1', database: DB };
  const { user, password } = server;
  return schemas.map(schema => {
    return { source: server, account: { user, password }, schema, by: 'triggers', job };
  });
}

/** Refuses rows that no test has. */
async function raiseFences(): Promise<void> {
  for (const table of TABLES) {
    const fenced = { table, condition: (quote: (name: string) => string) => `${quote('id')} > 9` };
    await raiseFence(session, { job: 'probed', database: DB }, fenced);
  }
}

test('without a row it is untried; behind the fence it is refused by any row, of that job', async () => {
  expect((await probe(places())).kind).toBe('untried');
  await session.rawQuery('INSERT INTO b VALUES (1,1)');
  expect((await probe(places())).kind).toBe('accepted');
  await raiseFences();
  expect(await probe(places())).toMatchObject({
    kind: 'refused',
    text: expect.stringMatching(/another server/),
  });
  expect((await probe(places('other'))).kind).toBe('accepted');
  await session.rawQuery('UPDATE b SET v = 2 WHERE id = 1');
  expect(await session.query('SELECT * FROM b')).toEqual([{ id: 1, v: 2 }]);
});

test('a row that somebody has locked is passed over; where all are, it says so', async () => {
  await session.rawQuery('INSERT INTO b VALUES (1,1) ON DUPLICATE KEY UPDATE v = v');
  await raiseFences();
  await using held = await MysqlSession.open(commonServer('s1'), { role: 'admin' });
  await held.rawQuery('SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
  await held.rawQuery('BEGIN');
  await held.rawQuery(`SELECT * FROM ${DB}.b FOR UPDATE`);
  expect(await probe(places('other'))).toEqual({ kind: 'locked', text: 'b has no row to try' });
  await session.rawQuery('INSERT INTO b VALUES (2,1)');
  expect((await probe(places('other'))).kind).toBe('accepted');
  expect((await probe(places())).kind).toBe('refused');
  await held.rawQuery('ROLLBACK');
});
