/**
 * A table that was taken up as it is by now is read from a server that has not come to that yet, as
 * a replica may be: it is waited for. Any other table ends the copy.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { inspectTable } from '../../shared/mysql/inspect.ts';
import type { TableSchema } from '../../shared/schema/table-schema.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
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

function reader(schema: TableSchema, ...older: TableSchema[]): ChunkReader {
  const plan: TablePlan = {
    ...{ generation: 1, source: 's1', db: DB, table: 't', topic: `s1.${DB}.t`, schema },
    ...{ schemaJson: JSON.stringify(schema), keySchemaId: 1, valueSchemaId: 2 },
    ...{ estimatedRows: 1, ranges: [] },
    older: older.map(o => ({ schemaJson: JSON.stringify(o), valueSchemaId: 1 })),
  };
  return new ChunkReader(session, plan, 1, 1 << 20);
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
    await expect(reader(now).read(WHOLE, 10)).rejects.toMatchObject({ kind: 'schema-changed' });
    await session.rawQuery(`ALTER TABLE t ${to}`);
    await expect(reader(now, before).read(WHOLE, 10)).resolves.toHaveLength(1);
    await session.rawQuery(`ALTER TABLE t ${back}`);
  },
);
