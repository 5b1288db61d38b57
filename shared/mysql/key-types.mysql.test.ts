/**
 * Keys of every carried type as literals: the chunks of a copy pass every row once, rows are found
 * again by their keys, and a delete or an upsert meets its own row and no other. A literal that the
 * server compares in another way than it stores would lose rows without an error.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { KeyBound } from '../row/key-bound.ts';
import { RowCodec } from '../row/row-codec.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { MysqlSession } from './connect.ts';
import { inspectTable } from './inspect.ts';
import { chunkSelect, keysSelect } from './range-sql.ts';
import { deleteShape, fillShape, upsertShape } from './statement.ts';

const DB = 'key_types';
const MARIADB = process.env.RESHARD_DATABASE === 'mariadb';
const TEXT = MARIADB ? 'utf8mb4 COLLATE utf8mb4_nopad_bin' : 'utf8mb4 COLLATE utf8mb4_0900_bin';

/** SQL literals of the values, in any order. */
const TYPES: Record<string, readonly string[]> = {
  TINYINT: ['-128', '-1', '0', '1', '127'],
  'BIGINT UNSIGNED': ['0', '1', '9223372036854775808', '18446744073709551615'],
  BIGINT: ['-9223372036854775808', '-1', '0', '9223372036854775807'],
  'DECIMAL(10,3)': ['-9999999.999', '-0.001', '0', '0.001', '1.5', '9999999.999'],
  'DECIMAL(65,30)': ['-1e-30', '0', '1e-30', '99999999999999999999999999999999999.5'],
  DATE: ["'0001-01-01'", "'1000-01-01'", "'1969-12-31'", "'2021-02-28'", "'9999-12-31'"],
  DATETIME: ["'0001-01-01 00:00:00'", "'1969-12-31 23:59:59'", "'2021-02-28 00:00:01'"],
  'DATETIME(6)': ["'2021-01-01 00:00:00'", "'2021-01-01 00:00:00.000001'", "'2021-01-01 00:00:01'"],
  TIMESTAMP: ["'1970-01-01 00:00:01'", "'2021-03-28 02:30:00'", "'2038-01-19 03:14:07'"],
  'TIMESTAMP(3)': ["'2021-01-01 00:00:00.001'", "'2021-01-01 00:00:00.010'", "'2021-01-01'"],
  TIME: ["'-838:59:59'", "'-00:00:01'", "'00:00:00'", "'00:01:00'", "'838:59:59'"],
  'TIME(6)': ["'-00:00:00.000001'", "'00:00:00'", "'00:00:00.000001'", "'-01:00:00'"],
  YEAR: ['0000', '1901', '1999', '2000', '2001', '2026', '2155'],
  "ENUM('b','a','','10','2')": ["'b'", "'a'", "''", "'10'", "'2'"],
  "SET('b','a','10')": ["''", "'b'", "'a'", "'b,a'", "'10'", "'b,10'"],
  FLOAT: ['-3.4028234663852886e38', '-1.1', '0', '1e-45', '0.1', '1.1', '16777216', '3.4e38'],
  DOUBLE: [
    '-1.7976931348623157e308',
    '-2.2250738585072014e-308',
    '0',
    '4.9e-324',
    '0.1',
    '0.30000000000000004',
    '9007199254740993',
    '1.2345678901234568e17',
  ],
  'DOUBLE(10,2)': ['-1.25', '0', '0.1', '12345678.91'],
  'BIT(1)': ["b'0'", "b'1'"],
  'BIT(12)': ['0', '1', '255', '256', '4095'],
  'BIT(64)': ['0', '1', '9223372036854775808', '18446744073709551615'],
  'BINARY(3)': ["''", "x'0001'", "x'000001'", "'a'", "'ab'", "x'ffffff'"],
  'VARBINARY(20)': ["''", "x'00'", "x'0000'", "'a'", "'a '", "'A'", "x'ff27'", "'\\\\'"],
  'VARCHAR(9) CHARACTER SET gbk': [
    "''",
    "'a'",
    "'b'",
    "'中'",
    "'文'",
    "_gbk x'A2A1'",
    "_gbk x'A140'",
  ],
  'VARCHAR(9) CHARACTER SET sjis': ["'a'", "'ア'", "'表'", "'\\\\'", "'十'"],
  'VARCHAR(9) CHARACTER SET big5 COLLATE big5_bin': ["'a'", "'A'", "'許'", "'功'", "'\\\\'"],
  'VARCHAR(9) CHARACTER SET cp932': ["'a'", "'①'", "'髙'", "_cp932 x'FA40'"],
  'VARCHAR(9) CHARACTER SET ujis COLLATE ujis_bin': ["'a'", "'A'", "'ア'", "_ujis x'8FB0A1'"],
  'VARCHAR(9) CHARACTER SET euckr': ["'a'", "'가'", "'나'"],
  'VARCHAR(9) CHARACTER SET cp1251': ["'a'", "'я'", "'б'", "x'98'"],
  'CHAR(9) CHARACTER SET latin2 COLLATE latin2_bin': ["'a'", "'A'", "'ł'"],
  'VARCHAR(9) CHARACTER SET latin1': ["''", "'a'", "'b'", "'é'", "'ß'", "'€'", "x'81'"],
  'VARCHAR(9) CHARACTER SET ucs2': ["''", "'a'", "'я'", "'中'", "'\uffff'"],
  'VARCHAR(9) CHARACTER SET utf16': ["''", "'a'", "'я'", "'中'", "'🚚'"],
  'VARCHAR(9) CHARACTER SET utf16 COLLATE utf16_bin': ["'a'", "'A'", "'\uffee'", "'🚚'"],
  'CHAR(9) CHARACTER SET utf16le': ["''", "'a'", "'я'", "'🚚'"],
  'VARCHAR(9) CHARACTER SET utf32': ["''", "'a'", "'я'", "'🚚'"],
  [`${MARIADB ? 'VARCHAR(5)' : 'CHAR(5)'} CHARACTER SET ${TEXT}`]: [
    "''",
    "'a'",
    "'A'",
    "'a\\t'",
    "'é'",
    "'e'",
    "'漢'",
    "'🚚'",
  ],
  [`VARCHAR(20) CHARACTER SET ${TEXT}`]: [
    "''",
    "' '",
    "'a'",
    "'a '",
    "'a\\t'",
    "'A'",
    "'é'",
    "'it''s'",
    "'b\\\\'",
    "'🚚'",
    "'NULL'",
    "'a\\0'",
  ],
};

/** The key alone, and before and behind another column. */
const SHAPES = ['k', 'k, n', 'n, k'] as const;

interface Table {
  schema: TableSchema;
  codec: RowCodec;
  bound: KeyBound;
}

let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply', server: 't1' });
});
afterAll(() => dropScratch(session, DB));

/** Each value with two neighbours in the other column; or alone, if it is the whole key. */
async function make(type: string, shape: string, values: readonly string[]): Promise<Table> {
  await session.rawQuery('DROP TABLE IF EXISTS t');
  const columns = `n INT NOT NULL, k ${type} NOT NULL, v INT NOT NULL`;
  await session.rawQuery(`CREATE TABLE t (${columns}, PRIMARY KEY (${shape}))`);
  const rows = values.flatMap((value, i) =>
    (shape === 'k' ? [0] : [-1, 2]).map(n => `(${n}, ${value}, ${i})`),
  );
  await session.rawQuery(`INSERT INTO t (n, k, v) VALUES ${rows.join(',')}`);
  const schema = await inspectTable(session, DB, 't');
  return { schema, codec: new RowCodec(schema), bound: new KeyBound(schema) };
}

/** Rows as the log has them. */
async function read({ codec }: Table, sql: string): Promise<Buffer[]> {
  const rows: Buffer[] = [];
  await session.rawQuery(sql, (buf, start, end) => {
    const out = new ByteWriter(64);
    codec.fromText(buf, start, end, out);
    rows.push(out.take());
  });
  return rows;
}

function keyOf({ codec }: Table, row: Buffer): Buffer {
  const out = new ByteWriter(64);
  codec.key(row, 0, row.length, out);
  return out.take();
}

/** The literals that the sink writes. */
function literals({ codec, schema }: Table, row: Buffer, columns: readonly number[]): string[] {
  const offsets = new Int32Array(codec.codecs.length);
  codec.offsets(row, 0, offsets);
  return columns.map(i => {
    const out = new ByteWriter(64);
    if (schema.primaryKey.includes(i)) codec.toKeySql(row, offsets[i] as number, i, out);
    else codec.toSql(row, offsets[i] as number, i, out);
    return out.take().toString('utf8');
  });
}

const hex = (rows: readonly Buffer[]): string[] => rows.map(r => r.toString('hex'));

describe.each(Object.keys(TYPES))('a key of %s', type => {
  describe.each(SHAPES)('(%s)', shape => {
    let table: Table;
    let all: Buffer[];

    beforeAll(async () => {
      table = await make(type, shape, TYPES[type] ?? []);
      all = await read(table, chunkSelect(table.schema, { after: null, upTo: null }, 1000));
      expect(all.length).toBe((TYPES[type]?.length ?? 0) * (shape === 'k' ? 1 : 2));
      expect(new Set(hex(all.map(r => keyOf(table, r)))).size).toBe(all.length);
    });

    test.each([1, 2, 3])('chunks of %i pass every row once, in order', async limit => {
      const seen: Buffer[] = [];
      let after: Buffer | null = null;
      for (let reads = 0; reads <= all.length; reads++) {
        const range = table.bound.range(after, null);
        const rows = await read(table, chunkSelect(table.schema, range, limit));
        const last = rows.at(-1);
        if (last === undefined) break;
        seen.push(...rows);
        after = keyOf(table, last);
      }
      expect(hex(seen)).toEqual(hex(all));
    });

    test('a bound above belongs to its range', async () => {
      for (const [i, row] of all.entries()) {
        const range = table.bound.range(null, keyOf(table, row));
        const rows = await read(table, chunkSelect(table.schema, range, 1000));
        expect(hex(rows)).toEqual(hex(all.slice(0, i + 1)));
      }
    });

    test('rows are found by their keys, one and many', async () => {
      const keys = all.map(row => table.bound.literals(keyOf(table, row)));
      expect(hex(await read(table, keysSelect(table.schema, keys)))).toEqual(hex(all));
      for (const [i, key] of keys.entries()) {
        const [row] = await read(table, keysSelect(table.schema, [key]));
        expect(row?.toString('hex')).toBe(all[i]?.toString('hex'));
      }
    });

    test('an upsert meets its own row; a delete takes exactly its keys', async () => {
      const { schema, codec } = table;
      const { flavor } = session;
      const upsert = upsertShape(schema, { flavor });
      const rows = all.map(row => literals(table, row, codec.insertable));
      const before = all.map(row => codec.toJs(row, 0).join());
      // The last column is the value.
      const changed = rows.map(r => [...r.slice(0, -1), String(Number(r.at(-1)) + 100)]);
      await session.rawQuery(fillShape(upsert, changed));
      const found = await read(table, chunkSelect(schema, { after: null, upTo: null }, 1000));
      expect(hex(found.map(r => keyOf(table, r)))).toEqual(hex(all.map(r => keyOf(table, r))));
      expect(found.map(r => codec.toJs(r, 0)[2])).toEqual(
        all.map(r => Number(codec.toJs(r, 0)[2]) + 100),
      );
      await session.rawQuery(fillShape(upsert, rows));
      const again = await read(table, chunkSelect(schema, { after: null, upTo: null }, 1000));
      expect(again.map(row => codec.toJs(row, 0).join())).toEqual(before);
      const remove = deleteShape(schema);
      for (const pick of [(i: number) => i % 2 === 0, (i: number) => i % 2 === 1]) {
        const going = all.filter((_, i) => pick(i));
        const keys = going.map(row => literals(table, row, schema.primaryKey));
        const { affectedRows } = await session.rawQuery(fillShape(remove, keys));
        expect(affectedRows).toBe(going.length);
      }
      await session.rawQuery(fillShape(upsert, rows));
      for (const row of all) {
        const key = literals(table, row, schema.primaryKey);
        expect((await session.rawQuery(fillShape(remove, [key]))).affectedRows).toBe(1);
      }
    });
  });
});
