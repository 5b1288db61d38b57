/**
 * The server is the judge of every type. A value stored in a real table comes to us by SELECT and
 * by row image: the Avro bytes must be the same. Then the SQL literal of those bytes is stored in
 * a second table: SELECT, HEX and row image must be what they were.
 * Enforces I1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CARRIED } from '../../test/support/codec/oracle-samples.ts';
import { commonServer } from '../../test/support/dev.ts';
import { RowImageReader } from '../../test/support/row-images.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import type { MysqlSession } from '../mysql/connect.ts';
import { inspectTable } from '../mysql/inspect.ts';
import { selectList } from '../mysql/range-sql.ts';
import { RowCodec } from '../row/row-codec.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';

/** Names of this run alone: another run on the same server must not drop our tables. */
const DB = `codec_oracle_${process.pid}`;
let session: MysqlSession;
let images: RowImageReader;
let tables = 0;

beforeAll(async () => {
  const server = commonServer('s1');
  session = await openScratch(DB, { role: 'apply' });
  images = await RowImageReader.open(server, 77_000_000 + process.pid);
});

afterAll(async () => {
  await images[Symbol.asyncDispose]();
  await dropScratch(session, DB);
});

/** A table of one column with those values, NULL first, inserted in a few statements. */
async function fill(type: string, values: readonly string[], how = 'INSERT'): Promise<TableSchema> {
  const table = `t${tables++}`;
  await session.rawQuery(`CREATE TABLE ${table} (id INT PRIMARY KEY, v ${type})`);
  const rows = values.map((v, i) => `(${i},${v})`);
  for (let i = 0; i < rows.length; i += 50) {
    await session.rawQuery(`${how} INTO ${table} VALUES ${rows.slice(i, i + 50).join(',')}`);
  }
  return inspectTable(session, DB, table);
}

async function bySelect(schema: TableSchema): Promise<Buffer[]> {
  return readAll(new RowCodec(schema));
}

async function byBinlog(schema: TableSchema): Promise<Buffer[]> {
  const codec = new RowCodec(schema);
  const rows: Buffer[] = [];
  const out = new ByteWriter(16);
  for (const event of await images.inserted(DB, schema.table)) {
    for (let pos = 0; pos < event.length; ) {
      out.clear();
      pos = codec.fromBinlog(event, pos, event.length, out);
      rows.push(out.take());
    }
  }
  return rows;
}

/** What the server says of each value, in words that hide nothing. */
async function spoken(table: string, type: string): Promise<unknown[]> {
  const more = /^json/i.test(type) ? ', JSON_TYPE(v), JSON_LENGTH(v), JSON_DEPTH(v)' : '';
  const exact = /^(float|double)/i.test(type) ? 'CAST(v AS DOUBLE)' : 'v';
  const rows: string[] = [];
  const sql = `SELECT id, v, ${exact}, HEX(v)${more} FROM ${table} ORDER BY id`;
  await session.rawQuery(sql, (buf, start, end) => {
    rows.push(buf.toString('latin1', start, end));
  });
  return rows;
}

async function applyAgain(schema: TableSchema, rows: Buffer[], type: string): Promise<TableSchema> {
  const codec = new RowCodec(schema);
  const literals = rows.map(row => {
    const out = new ByteWriter(16);
    const offsets = new Int32Array(2);
    codec.offsets(row, 0, offsets);
    codec.toSql(row, offsets[1] ?? 0, 1, out);
    return out.take();
  });
  const table = `t${tables++}`;
  await session.rawQuery(`CREATE TABLE ${table} (id INT PRIMARY KEY, v ${type})`);
  for (const [i, literal] of literals.entries()) {
    const head = Buffer.from(`INSERT INTO ${table} VALUES (${i},`);
    const result = await session.rawQuery(Buffer.concat([head, literal, Buffer.from(')')]));
    expect(result.warnings).toBe(0);
  }
  return inspectTable(session, DB, table);
}

function hex(rows: Buffer[]): string[] {
  return rows.map(r => r.toString('hex'));
}

async function readAll(codec: RowCodec): Promise<Buffer[]> {
  const rows: Buffer[] = [];
  const sql = `SELECT ${selectList(codec.schema)} FROM ${codec.schema.table} ORDER BY id`;
  const out = new ByteWriter(16);
  await session.rawQuery(sql, (buf, start, end) => {
    out.clear();
    codec.fromText(buf, start, end, out);
    rows.push(out.take());
  });
  return rows;
}

/** MariaDB has no binary JSON and other collations; all else is the same to us. */
const MARIADB = process.env.RESHARD_DATABASE === 'mariadb';
const ELSEWHERE = MARIADB ? /^(JSON|VECTOR)|_0900_/ : /^(UUID|INET)|MariaDB/;
function known({ type }: { type: string }): boolean {
  return !ELSEWHERE.test(type);
}

describe('the server is the oracle', () => {
  test.each(CARRIED.filter(known))(
    '$type is carried exactly',
    { timeout: 60_000 },
    async sample => {
      const values = ['NULL', ...sample.values];
      const schema = await fill(sample.type, values, sample.how);
      const selected = await bySelect(schema);
      expect(selected).toHaveLength(values.length);
      const logged = await byBinlog(schema);
      expect(hex(logged)).toEqual(hex(selected));

      const copy = await applyAgain(schema, selected, sample.type);
      expect(await spoken(copy.table, sample.type)).toEqual(
        await spoken(schema.table, sample.type),
      );
      expect(hex(await bySelect(copy))).toEqual(hex(selected));
      expect(hex(await byBinlog(copy))).toEqual(hex(selected));
    },
  );
});
