/**
 * A table that was taken up as it is by now is read from a server that has not come to that yet, as
 * a replica may be: it is waited for. Columns that came later are left out. Of any other table it
 * is told where it was seen, and the copy ends if the log has come there.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { inspectTable } from '../../shared/mysql/inspect.ts';
import { positionBehind } from '../../shared/mysql/table-position.ts';
import type { TableSchema } from '../../shared/schema/table-schema.ts';
import { readChunks } from '../../test/support/read-chunks.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { AlteredTable } from './altered-table.ts';
import { ChunkReader } from './chunk-reader.ts';

const DB = `snapshot_older_${process.pid}`;
const WHOLE = { after: null, upTo: null };
let session: MysqlSession;
let before: TableSchema;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'admin' });
  await session.rawQuery('CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))');
  await session.rawQuery("INSERT INTO t VALUES (1, 'x')");
  before = await inspectTable(session, DB, 't');
});

afterAll(() => dropScratch(session, DB));

function planOf(schema: TableSchema, ...older: TableSchema[]): TablePlan {
  return {
    ...{ generation: 1, source: 's1', db: DB, table: 't', topic: `s1.${DB}.t`, schema },
    ...{ schemaJson: JSON.stringify(schema), keySchemaId: 1, valueSchemaId: 2 },
    ...{ estimatedRows: 1, ranges: [] },
    older: older.map(o => ({ schemaJson: JSON.stringify(o), valueSchemaId: 1 })),
  };
}

function reader(schema: TableSchema, ...older: TableSchema[]): ChunkReader {
  return new ChunkReader(session, planOf(schema, ...older), 1, 1 << 20);
}

test.each([
  ['made longer', 'MODIFY v VARCHAR(20)', 'MODIFY v VARCHAR(10)'],
  ['added', 'ADD w INT', 'DROP w'],
])(
  'a server where a column is not %s yet is waited for, and read when it is',
  async (_, to, back) => {
    await session.rawQuery(`ALTER TABLE t ${to}`);
    const now = await inspectTable(session, DB, 't');
    await session.rawQuery(`ALTER TABLE t ${back}`);
    const wait = { kind: 'source', message: expect.stringMatching(/not yet/) };
    await expect(reader(now, before).read(WHOLE, 10)).rejects.toMatchObject(wait);
    await session.rawQuery(`ALTER TABLE t ${to}`);
    await expect(reader(now, before).read(WHOLE, 10)).resolves.toHaveLength(1);
    await session.rawQuery(`ALTER TABLE t ${back}`);
  },
);

test('columns that came since are left out, in the order and number of the plan', async () => {
  const [chunk] = await readChunks(reader(before), WHOLE, 10);
  await session.rawQuery(
    `ALTER TABLE t ADD w INT NOT NULL DEFAULT 5 FIRST, ADD x INT AS (w + 1),
       MODIFY v VARCHAR(10) FIRST`,
  );
  const [again] = await readChunks(reader(before), WHOLE, 10);
  await session.rawQuery('ALTER TABLE t DROP w, DROP x, MODIFY v VARCHAR(10) AFTER id');
  expect(again).toMatchObject({ rowCount: 1, last: true });
  // Up to the milliseconds of the reading, which are in the envelope.
  expect(again?.rows.length).toBe(chunk?.rows.length);
  expect(again?.rows.includes('x')).toBe(true);
});

test.each([
  ['longer', 'MODIFY v VARCHAR(20)', 'MODIFY v VARCHAR(10)'],
  ['gone', 'CHANGE v w VARCHAR(10)', 'CHANGE w v VARCHAR(10)'],
])(
  'a column that is %s is told with its place, and ends a copy that is past it',
  async (_, to, back) => {
    const early = await positionBehind(session, DB, 't');
    await session.rawQuery(`ALTER TABLE t ${to}`);
    const found = await reader(before).read(WHOLE, 10);
    await session.rawQuery(`ALTER TABLE t ${back}`);
    if (!('altered' in found)) throw new Error('it was read');
    const plan = planOf(before);
    const table = new AlteredTable();
    expect(() => table.refuse(plan, found, null)).not.toThrow();
    expect(() => table.refuse(plan, found, { gtid: early })).not.toThrow();
    const late = await positionBehind(session, DB, 't');
    expect(() => table.refuse(plan, found, { gtid: late })).toThrow(/altered while it was copied/);
  },
);
