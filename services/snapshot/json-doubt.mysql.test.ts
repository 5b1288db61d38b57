/** T5 for JSON: a date inside a document never becomes a string by way of the snapshot. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { inspectTable } from '../../shared/mysql/inspect.ts';
import { readChunks } from '../../test/support/read-chunks.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { ChunkReader } from './chunk-reader.ts';

const DB = `snapshot_json_doubt_${process.pid}`;
let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'admin' });
  await session.rawQuery('CREATE TABLE t (id INT PRIMARY KEY, `v w` JSON)');
  const rows = Array.from({ length: 300 }, (_, i) => `(${i}, '{"day": "2024-01-02", "n": ${i}}')`);
  await session.rawQuery(`INSERT INTO t VALUES ${rows.join(',')}`);
});

afterAll(() => dropScratch(session, DB));

async function reader(): Promise<ChunkReader> {
  const schema = await inspectTable(session, DB, 't');
  const plan: TablePlan = {
    generation: 1,
    source: 's1',
    db: DB,
    table: 't',
    topic: `s1.${DB}.t`,
    schema,
    schemaJson: JSON.stringify(schema),
    keySchemaId: 1,
    valueSchemaId: 2,
    estimatedRows: 300,
    ranges: [],
  };
  return new ChunkReader(session, plan, 1, 1 << 20);
}

test('strings that look like dates are read; a real date among them stops the chunk', async c => {
  // A JSON column of MariaDB is text: there is no date that could hide in it.
  if (session.flavor === 'mariadb') return c.skip();
  const whole = { after: null, upTo: null };
  const chunks = await readChunks(await reader(), whole, 1000);
  expect(chunks.reduce((sum, c) => sum + c.rowCount, 0)).toBe(300);

  await session.rawQuery("UPDATE t SET `v w` = JSON_ARRAY(DATE'2024-01-02') WHERE id = 250");
  const strict = await reader();
  const first = await readChunks(strict, whole, 200);
  const [before] = first;
  expect(before?.rowCount).toBe(200);
  await expect(strict.read({ after: before?.upTo ?? null, upTo: null }, 200)).rejects.toMatchObject(
    { kind: 'value-not-carried', context: { table: 't', column: 'v w' } },
  );

  await session.rawQuery('UPDATE t SET `v w` = CAST(CAST(`v w` AS CHAR) AS JSON) WHERE id = 250');
  await expect((await reader()).read(whole, 1000)).resolves.toHaveLength(1);
});
