/** A range must be the same rows to the snapshot, the checker and the planner: each row once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { numbersSql } from '../../test/support/numbers.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { type KeyLiterals, keyColumns } from '../row/key-range.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { MysqlSession } from './connect.ts';
import { qualified, quoteId, quoteText } from './identifier.ts';
import { inspectTable } from './inspect.ts';
import {
  chunkSelect,
  edgeKeySelect,
  keyAtSelect,
  keysSelect,
  rangePredicate,
} from './range-sql.ts';
import { deleteShape, fillShape, upsertShape } from './statement.ts';

const DB = 'mysqlroom_range';
let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'admin' });
});

afterAll(() => dropScratch(session, DB));

/** Key columns as the server prints them, as literals. */
async function keysOf(sql: string, schema: TableSchema): Promise<string[][]> {
  const names = keyColumns(schema).map(c => `QUOTE(q.${quoteId(c.name)}) AS ${quoteId(c.name)}`);
  const rows = await session.query<Record<string, string>>(
    `SELECT ${names.join(', ')} FROM (${sql}) q`,
  );
  return rows.map(r => Object.values(r).map(String));
}

const allKeys = (schema: TableSchema): Promise<string[][]> =>
  keysOf(chunkSelect(schema, { after: null, upTo: null }, 1_000_000), schema);

/** Three key columns, many equal values in each, ends of their types among them. */
async function threeColumns(): Promise<TableSchema> {
  const binary = session.flavor === 'mysql' ? 'utf8mb4_0900_bin' : 'utf8mb4_nopad_bin';
  await session.rawQuery(`CREATE TABLE IF NOT EXISTS three (
    v INT, c VARCHAR(10) COLLATE ${binary} NOT NULL, a BIGINT NOT NULL,
    b SMALLINT UNSIGNED NOT NULL, PRIMARY KEY (a, b, c), KEY (v))`);
  await session.rawQuery('TRUNCATE three');
  const rows: string[] = [];
  for (const a of ['-9223372036854775808', '-1', '0', '7', '9223372036854775807']) {
    for (const b of ['0', '1', '2', '65535']) {
      for (const c of ["''", "'a'", "'A'", "'it''s'", "'ü'", "'\\\\'"])
        rows.push(`(1,${c},${a},${b})`);
    }
  }
  await session.rawQuery(`INSERT INTO three VALUES ${rows.join(',')}`);
  return inspectTable(session, DB, 'three');
}

describe('keyset reads over a key of three columns', () => {
  test.each([1, 2, 7, 50, 1000])('in chunks of %i give every row once, in order', async limit => {
    const schema = await threeColumns();
    const all = await allKeys(schema);
    expect(all).toHaveLength(120);
    const seen: string[][] = [];
    for (let after: KeyLiterals | null = null; ; ) {
      const keys: string[][] = await keysOf(
        chunkSelect(schema, { after, upTo: null }, limit),
        schema,
      );
      seen.push(...keys);
      if (keys.length < limit) break;
      after = keys.at(-1) ?? null;
    }
    expect(seen).toEqual(all);
  });

  test('split at every key, two ranges give every row once', async () => {
    const schema = await threeColumns();
    const all = await allKeys(schema);
    for (const [i, key] of all.entries()) {
      const low = await keysOf(chunkSelect(schema, { after: null, upTo: key }, 1000), schema);
      const high = await keysOf(chunkSelect(schema, { after: key, upTo: null }, 1000), schema);
      expect([low.length, high.length]).toEqual([i + 1, all.length - i - 1]);
      expect([...low, ...high]).toEqual(all);
    }
  });

  test('a bound that is not in the table works as one', async () => {
    const schema = await threeColumns();
    const all = await allKeys(schema);
    const bound = ['0', '1', "'b'"];
    const low = await keysOf(chunkSelect(schema, { after: null, upTo: bound }, 1000), schema);
    const high = await keysOf(chunkSelect(schema, { after: bound, upTo: null }, 1000), schema);
    expect([...low, ...high]).toEqual(all);
  });

  test('inside two bounds nothing else is read', async () => {
    const schema = await threeColumns();
    const all = await allKeys(schema);
    const range = { after: all[13] ?? null, upTo: all[77] ?? null };
    expect(await keysOf(chunkSelect(schema, range, 1000), schema)).toEqual(all.slice(14, 78));
    const [row] = await session.query<{ n: string }>(
      `SELECT COUNT(*) AS n FROM three WHERE ${rangePredicate(schema, range)}`,
    );
    expect(row?.n).toBe('64');
    const [key] = await keysOf(keyAtSelect(schema, range, 10), schema);
    expect(key).toEqual(all[24]);
  });

  test('first and last key, and rows by key', async () => {
    const schema = await threeColumns();
    const all = await allKeys(schema);
    expect(await keysOf(edgeKeySelect(schema, 'first'), schema)).toEqual([all[0]]);
    expect(await keysOf(edgeKeySelect(schema, 'last'), schema)).toEqual([all.at(-1)]);
    const some = [3, 50, 119].flatMap(i => (all[i] ? [all[i]] : []));
    const missing = ['5', '5', "'zz'"];
    expect(await keysOf(keysSelect(schema, [...some, missing]), schema)).toEqual(some);
  });
});

test('a range far inside a large table reads its own rows only', async () => {
  await session.rawQuery('CREATE TABLE large (a INT, b INT, v INT, PRIMARY KEY (a, b))');
  await session.rawQuery(`INSERT INTO large SELECT i DIV 100, i % 100, i FROM ${numbersSql(4)}`);
  const schema = await inspectTable(session, DB, 'large');
  const range = { after: ['50', '50'], upTo: ['52', '3'] };
  await session.rawQuery('FLUSH STATUS');
  const { rows } = await session.rawQuery(chunkSelect(schema, range, 1000), () => {});
  expect(rows).toBe(49 + 100 + 4);
  const status = await session.query<{ Variable_name: string; Value: string }>(
    `SHOW SESSION STATUS LIKE 'Handler_read%'`,
  );
  const reads = status.reduce((sum, s) => sum + Number(s.Value), 0);
  expect(reads).toBeLessThan(2 * rows);
});

describe('writes', () => {
  test('an upsert makes and changes rows, a delete takes exactly its keys', async () => {
    const schema = await threeColumns();
    const shape = upsertShape(schema, session);
    const literals = [
      ['10', "'a'", '0', '1'],
      ['NULL', quoteText("new'\\"), '0', '1'],
    ];
    const result = await session.rawQuery(fillShape(shape, literals));
    expect(result.affectedRows).toBe(3);
    const remove = deleteShape(schema);
    const all = await allKeys(schema);
    expect(all).toHaveLength(121);
    const gone = await session.rawQuery(
      fillShape(remove, [all[0] ?? [], all[60] ?? [], ['5', '5', "''"]]),
    );
    expect(gone.affectedRows).toBe(2);
    expect(await allKeys(schema)).toEqual(all.filter((_, i) => i !== 0 && i !== 60));
  });

  test('a table of key columns only takes the same row twice', async () => {
    await session.rawQuery('CREATE TABLE only_key (a INT, b INT, PRIMARY KEY (b, a))');
    const schema = await inspectTable(session, DB, 'only_key');
    const sql = fillShape(upsertShape(schema, session), [
      ['1', '2'],
      ['1', '3'],
    ]);
    expect((await session.rawQuery(sql)).affectedRows).toBe(2);
    expect((await session.rawQuery(sql)).affectedRows).toBe(0);
  });

  test('generated columns are left out, invisible ones are written', async () => {
    await session.rawQuery(`CREATE TABLE gen (id INT PRIMARY KEY, v INT,
      twice INT AS (v * 2) STORED, hidden INT INVISIBLE)`);
    const schema = await inspectTable(session, DB, 'gen');
    await session.rawQuery(fillShape(upsertShape(schema, session), [['1', '21', '5']]));
    const rows = await session.query(chunkSelect(schema, { after: null, upTo: null }, 10));
    expect(rows).toEqual([{ id: 1, v: 21, twice: 42, hidden: 5 }]);
  });

  test.each([
    ['one column', 'one'],
    ['two columns', 'two'],
  ])('a delete of 4000 keys is looked up by index (%s)', async (_, name) => {
    const key = name === 'one' ? 'a' : 'a, b';
    await session.rawQuery(`CREATE TABLE ${name} (a INT, b INT, PRIMARY KEY (${key}))`);
    await session.rawQuery(`INSERT INTO ${name} SELECT i * 2, i * 2 FROM ${numbersSql(4)}`);
    await session.rawQuery(`ANALYZE TABLE ${name}`);
    const schema = await inspectTable(session, DB, name);
    const keys = Array.from({ length: 4000 }, (_, i) =>
      name === 'one' ? [String(i * 4)] : [String(i * 4), String(i * 4)],
    );
    const sql = fillShape(deleteShape(schema), keys);
    const [plan] = await session.query<{ type: string }>(
      `EXPLAIN ${session.flavor === 'mysql' ? 'FORMAT=TRADITIONAL' : ''} ${sql}`,
    );
    expect(plan?.type).toBe('range');
    expect((await session.rawQuery(sql)).affectedRows).toBe(4000);
  });
});

test('the names in a statement are quoted', () => {
  expect(qualified('a`b', 'c d')).toBe('`a``b`.`c d`');
});
