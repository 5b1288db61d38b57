/** Columns that were only made longer, and all that is more than that. */
import { describe, expect, test } from 'vitest';
import type { Column, ColumnType } from '../type/column-type.ts';
import { fixedColumns, isLongerText, isWidened, widenedBy } from './column-widening.ts';
import type { TableSchema } from './table-schema.ts';

const varchar = (length: number, collation = 'utf8mb4_bin'): ColumnType => ({
  ...{ kind: 'text', charset: collation.replace(/_.*/, ''), collation },
  ...{ length: length * 4, form: 'varchar' },
});
const varbinary = (length: number): ColumnType => ({ kind: 'binary', form: 'varbinary', length });
const column = (type: ColumnType, more: Partial<Column> = {}): Column => ({
  ...{ name: 'c', type, nullable: true, autoIncrement: false, generated: 'no', invisible: false },
  ...more,
});

test('more of the same is wider', () => {
  expect(isWidened(column(varchar(10)), column(varchar(300)))).toBe(true);
  expect(isWidened(column(varbinary(10)), column(varbinary(11)))).toBe(true);
});

test.each<[string, Column, Column]>([
  ['the same', column(varchar(10)), column(varchar(10))],
  ['a shorter one', column(varchar(10)), column(varchar(9))],
  ['another collation', column(varchar(10)), column(varchar(20, 'utf8mb4_0900_ai_ci'))],
  ['another character set', column(varchar(10)), column(varchar(20, 'latin1_bin'))],
  ['NOT NULL', column(varchar(10)), column(varchar(20), { nullable: false })],
  ['NULL', column(varchar(10), { nullable: false }), column(varchar(20))],
  ['generated', column(varchar(10)), column(varchar(20), { generated: 'stored' })],
  ['bytes', column(varchar(10)), column(varbinary(400))],
  ['padded', column(varbinary(1)), column({ kind: 'binary', form: 'binary', length: 2 })],
  [
    'TEXT',
    column(varchar(10)),
    column({ ...varchar(0), form: 'text', length: 65535 } as ColumnType),
  ],
])('a column that is %s is not', (_, was, is) => {
  expect(isWidened(was, is)).toBe(false);
});

test('declarations are compared by their kind and number', () => {
  expect(isLongerText('varchar(9)', 'varchar(10)')).toBe(true);
  expect(isLongerText('varchar(10)', 'varchar(10)')).toBe(false);
  expect(isLongerText('varbinary(9)', 'varchar(10)')).toBe(false);
  expect(isLongerText('int(9)', 'int(10)')).toBe(false);
});

describe('what a statement has made longer', () => {
  const table = (...types: ColumnType[]): TableSchema => ({
    ...{ db: 'd', table: 't', primaryKey: [0], uniqueKeys: [] },
    columns: types.map((type, i) => column(type, { name: ['k', 'A', 'b'][i] ?? '' })),
  });
  const planned = table(varchar(5), varchar(10), varchar(10));
  const typesOf = (t: TableSchema): Map<string, string> =>
    new Map(
      t.columns.map(c => [c.name, `varchar(${'length' in c.type ? c.type.length / 4 : ''})`]),
    );
  const by = (now: TableSchema, declared: Record<string, number>, routed: string[] = []) =>
    widenedBy(
      Object.entries(declared).map(([name, n]) => ({ name, type: `varchar(${n})` })),
      planned,
      now,
      typesOf(now),
      fixedColumns(planned, routed),
    ).map(w => w.name);
  const longer = table(varchar(5), varchar(20), varchar(10));

  test('is a column that the table has with the length of the statement', () => {
    expect(by(longer, { a: 20 })).toEqual(['a']);
    expect(by(longer, { a: 20, b: 10 })).toEqual(['a']);
    expect(by(table(varchar(5), varchar(20), varchar(30)), { a: 20, b: 30 })).toEqual(['a', 'b']);
  });

  test('is one that the server does not show yet, too', () => {
    expect(by(planned, { a: 20 })).toEqual(['a']);
    expect(by(planned, { a: 10 })).toEqual([]);
    expect(by(planned, { a: 9 })).toEqual([]);
  });

  test('is none if the table is something else by now', () => {
    expect(by(longer, { a: 15 })).toEqual([]);
    expect(by(longer, { b: 20 })).toEqual([]);
    expect(by(table(varchar(5), varchar(20), varchar(9)), { a: 20, b: 9 })).toEqual([]);
    expect(by(table(varchar(5), varchar(20)), { a: 20 })).toEqual([]);
  });

  test('is no column of the key, nor one by which rows find their target', () => {
    expect(by(table(varchar(9), varchar(10), varchar(10)), { k: 9 })).toEqual([]);
    expect(by(longer, { a: 20 }, ['A'])).toEqual([]);
  });
});
