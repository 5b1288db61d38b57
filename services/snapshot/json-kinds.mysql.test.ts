/**
 * T5 for JSON: what a SELECT prints of a document is not all of it. Chunks have the very bytes that
 * row images have, whatever documents come behind others; the copy that a sink makes of them has
 * the types of the source at every path, which both servers are asked for.
 *
 * RESHARD_SEED=<number> has other documents.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eachRow } from '../../shared/codec/chunk-rows.ts';
import { EnvelopeDecoder } from '../../shared/codec/envelope.ts';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { inspectTable } from '../../shared/mysql/inspect.ts';
import { RowCodec } from '../../shared/row/row-codec.ts';
import { ByteWriter } from '../../shared/runtime/bytes.ts';
import { wholeMadeJson } from '../../test/support/codec/made-jsons.ts';
import { many } from '../../test/support/codec/oracle-values.ts';
import { commonServer } from '../../test/support/dev.ts';
import { readChunks } from '../../test/support/read-chunks.ts';
import { RowImageReader } from '../../test/support/row-images.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { ChunkReader } from './chunk-reader.ts';

const DB = `snapshot_json_kinds_${process.pid}`;
const CHUNK_ROWS = 20;
let session: MysqlSession;
let images: RowImageReader;
/** A JSON column of MariaDB is text. */
let isMysql: boolean;
let tables = 0;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
  images = await RowImageReader.open(commonServer('s1'), 78_000_000 + process.pid);
  isMysql = session.flavor === 'mysql';
});

afterAll(async () => {
  await images[Symbol.asyncDispose]();
  await dropScratch(session, DB);
});

/** A table with those documents, as SQL. */
async function fill(documents: readonly string[]): Promise<string> {
  const table = `t${tables++}`;
  await session.rawQuery(`CREATE TABLE ${table} (id INT PRIMARY KEY, \`v w\` JSON, n JSON)`);
  const rows = documents.map((document, i) => `(${i},${document},NULL)`);
  await session.rawQuery(`INSERT INTO ${table} VALUES ${rows.join(',')}`);
  return table;
}

/** Rows of its chunks, one chunk after the other by one reader, as a snapshot does. */
async function bySnapshot(table: string): Promise<Buffer[]> {
  const schema = await inspectTable(session, DB, table);
  const plan: TablePlan = {
    ...{ generation: 1, source: 's1', db: DB, table, topic: `s1.${DB}.${table}`, schema },
    ...{ schemaJson: JSON.stringify(schema), keySchemaId: 1, valueSchemaId: 2 },
    ...{ estimatedRows: 300, ranges: [] },
  };
  const reader = new ChunkReader(session, plan, 1, 1 << 20);
  const decoder = new EnvelopeDecoder(new RowCodec(schema));
  const found: Buffer[] = [];
  for (let after: Buffer | null = null, last = false; !last; ) {
    for (const chunk of await readChunks(reader, { after, upTo: null }, CHUNK_ROWS)) {
      eachRow(chunk, ({ valueStart, valueEnd }) => {
        decoder.decode(chunk.rows, valueStart, valueEnd);
        found.push(Buffer.from(chunk.rows.subarray(decoder.afterStart, decoder.afterEnd)));
      });
      after = chunk.upTo;
      last = chunk.last;
    }
  }
  return found;
}

async function byBinlog(table: string): Promise<Buffer[]> {
  const codec = new RowCodec(await inspectTable(session, DB, table));
  const out = new ByteWriter(64);
  const rows: Buffer[] = [];
  for (const event of await images.inserted(DB, table)) {
    for (let pos = 0; pos < event.length; ) {
      out.clear();
      pos = codec.fromBinlog(event, pos, event.length, out);
      rows.push(out.take());
    }
  }
  return rows;
}

function texts(rows: readonly Buffer[]): string[] {
  return rows.map(row => row.toString('latin1'));
}

const PLAIN = many(60, i => `'{"a": ${i}, "b": [1, 2.5], "c": "x"}'`);

test.each<[string, string[]]>([
  [
    'a DECIMAL that a DOUBLE prints too',
    ["JSON_OBJECT('a', 1, 'b', JSON_ARRAY(1, 2.5), 'c', 'x')"],
  ],
  ['an UNSIGNED INTEGER', ["JSON_OBJECT('a', CAST(1 AS UNSIGNED), 'b', JSON_ARRAY(1, 2.5e0))"]],
  ['one at a path that no other has', ["JSON_OBJECT('a', 1, 'z', CAST(1 AS UNSIGNED))"]],
  ['a DATE', ["JSON_OBJECT('a', 1, 'c', DATE'2024-01-02')"]],
  ['bytes', ["JSON_OBJECT('a', 1, 'c', x'00ff')"]],
  [
    'a DATE behind strings that look like one',
    [
      ...many(50, () => `'{"a": 1, "c": "2024-01-02"}'`),
      "JSON_OBJECT('a', 1, 'c', DATE'2024-01-02')",
    ],
  ],
])('%s behind many plain documents', async (_, odd) => {
  if (!isMysql) return;
  const table = await fill([...PLAIN, ...odd, ...PLAIN]);
  expect(texts(await bySnapshot(table))).toEqual(texts(await byBinlog(table)));
});

test('a number is not taken for its own first element', async () => {
  if (!isMysql) return;
  const seen = many(40, i => (i % 2 === 0 ? `'{"a": ${i}}'` : `'{"a": [${i}]}'`));
  const table = await fill([...seen, "JSON_OBJECT('a', 5, 'x', CAST(7 AS UNSIGNED))"]);
  expect(texts(await bySnapshot(table))).toEqual(texts(await byBinlog(table)));
});

test('made documents among plain ones have the bytes of their row images', async () => {
  if (!isMysql) return;
  const made = many(120, i => (i % 3 === 0 ? wholeMadeJson(4).sql : (PLAIN[i % 60] ?? 'NULL')));
  const table = await fill([...PLAIN, ...made, 'NULL']);
  expect(texts(await bySnapshot(table))).toEqual(texts(await byBinlog(table)));
});

test('their copy has the text and the types of the source at every path', async () => {
  if (!isMysql) return;
  const made = many(60, () => wholeMadeJson(4));
  const table = await fill(made.map(({ sql }) => sql));
  const codec = new RowCodec(await inspectTable(session, DB, table));
  await session.rawQuery(`CREATE TABLE copy LIKE ${table}`);
  const offsets = new Int32Array(3);
  for (const [i, row] of (await bySnapshot(table)).entries()) {
    const out = new ByteWriter(64);
    out.ascii(`INSERT INTO copy VALUES (${i},`);
    codec.offsets(row, 0, offsets);
    codec.toSql(row, offsets[1] ?? 0, 1, out);
    out.ascii(',NULL)');
    expect((await session.rawQuery(out.take())).warnings).toBe(0);
  }
  for (const [i, { paths }] of made.entries()) {
    const asked = paths.map(path => {
      const found = `JSON_EXTRACT(\`v w\`,_utf8mb4 x'${Buffer.from(path).toString('hex')}')`;
      return `JSON_TYPE(${found}),CAST(${found} AS CHAR)`;
    });
    const answers: string[] = [];
    for (const from of [table, 'copy']) {
      const sql = `SELECT ${asked.join(',')} FROM ${from} WHERE id = ${i}`;
      await session.rawQuery(sql, (buf, start, end) => {
        answers.push(buf.toString('latin1', start, end));
      });
    }
    expect(answers).toHaveLength(2);
    expect(answers[1]).toBe(answers[0]);
  }
});
