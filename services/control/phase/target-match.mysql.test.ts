/** Tables of the sources that were altered between the doctor's look and the plans. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { type PlacedTable, tableAtPosition } from '../../../shared/mysql/table-position.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { schemaDifferences } from '../../../shared/schema/schema-diff.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../../test/support/scratch-database.ts';
import { matchTargets } from './target-match.ts';

const DB = `target_match_${process.pid}`;
const SOURCE = `${DB}_source`;
let session: MysqlSession;
let source: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
  source = await openScratch(SOURCE, { role: 'admin' });
});

beforeEach(async () => {
  for (const s of [session, source]) {
    await s.rawQuery('DROP TABLE IF EXISTS t');
    await s.rawQuery('CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10), n INT NOT NULL)');
  }
});

afterAll(async () => {
  await dropScratch(source, SOURCE);
  await dropScratch(session, DB);
});

async function planned(): Promise<PlacedTable> {
  return await tableAtPosition(source, () => inspectTable(source, SOURCE, 't'));
}

async function match(mayAlter: boolean, ...tables: PlacedTable[]): Promise<void> {
  const log = createLogger({ name: 'test', level: 'fatal' });
  const target = { ...commonServer('s1'), name: 't1', database: DB };
  await matchTargets({ job: { targets: [target] } as unknown as Job, log, mayAlter }, tables);
}

async function left(): Promise<string[]> {
  const [there, here] = [await inspectTable(session, DB, 't'), (await planned()).schema];
  return schemaDifferences(here, there).flatMap(d => (d.blocks ? [`${d.column} ${d.what}`] : []));
}

test('columns that came, or were made wider, are made so on the targets', async () => {
  await source.rawQuery(
    'ALTER TABLE t ADD x INT NOT NULL DEFAULT 7, MODIFY v VARCHAR(99), MODIFY n BIGINT NULL, ADD y INT AS (n + 1)',
  );
  const table = await planned();
  await expect(match(false, table)).rejects.toMatchObject({
    kind: 'server-setting',
    remedy: expect.stringMatching(/t1: ALTER TABLE .* MODIFY COLUMN `v` .* ADD COLUMN `x` /),
  });
  await match(true, table);
  expect(await left()).toEqual([]);
});

test.each([
  ['was dropped', 'DROP COLUMN v', /DROP COLUMN `v`/],
  ['is narrower', 'MODIFY v VARCHAR(4)', null],
  ['is of another type', 'MODIFY v VARBINARY(10)', /MODIFY COLUMN `v`/],
])('a column that %s is the operator’s affair', async (_, change, remedy) => {
  await source.rawQuery(`ALTER TABLE t ${change}`);
  const before = await left();
  const done = match(true, await planned());
  if (remedy === null) await done;
  else await expect(done).rejects.toMatchObject({ remedy: expect.stringMatching(remedy) });
  expect(await left()).toEqual(before);
});

test('what one source alone has by then is no reason to drop it for the others', async () => {
  const early = await planned();
  await source.rawQuery('ALTER TABLE t ADD x INT');
  await match(true, await planned(), early);
  expect(await left()).toEqual([]);
});
