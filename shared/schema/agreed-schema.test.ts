/** Tables that mean the same on two servers, and what one of them has to more. */
import { expect, test } from 'vitest';
import type { Column, ColumnType } from '../type/column-type.ts';
import { agreed, commonSchema } from './agreed-schema.ts';
import type { TableSchema } from './table-schema.ts';

const column = (name: string, type: ColumnType, nullable = true): Column => ({
  ...{ name, type, nullable, autoIncrement: false, generated: 'no', invisible: false },
});
const members = (...values: string[]): ColumnType => ({ kind: 'enum', values });
const table = (type: ColumnType, nullable = true): TableSchema => ({
  ...{ db: 'd', table: 't', primaryKey: [0], uniqueKeys: [] },
  columns: [column('id', { kind: 'date' }, false), column('a', type, nullable)],
});

/** How each of the servers is asked for the column. */
function asked(...schemas: TableSchema[]): unknown[] {
  const common = commonSchema(schemas);
  return schemas.map(schema => {
    const { type, nullable } = agreed(common, schema, 's').columns[1] ?? column('', members());
    return [type, nullable];
  });
}

test('NULL that some allow, and members that some have to more, are asked for on all', () => {
  const [less, more] = [members('a', 'b'), members('a', 'b', '?')];
  expect(asked(table(less, false), table(more), table(less))).toEqual(Array(3).fill([more, true]));
  expect(asked(table(more), table(less, false))).toEqual(Array(2).fill([more, true]));
  expect(asked(table(less, false), table(less, false))).toEqual(Array(2).fill([less, false]));
});

test('a type of one meaning stays what it is on its server', () => {
  const of = (bits: 32 | 64): ColumnType => ({ kind: 'integer', bits, unsigned: false });
  expect(asked(table(of(32)), table(of(64)))).toEqual([
    [of(32), true],
    [of(64), true],
  ]);
});

test('other members, or members in another order, are not compared', () => {
  for (const other of [members('b', 'a'), members('a', 'c'), members('b', 'a', 'c')]) {
    expect(() => asked(table(members('a', 'b')), table(other))).toThrow(/column a is enum/);
  }
  const three = [members('a'), members('a', 'b'), members('a', 'c')].map(m => table(m));
  expect(() => asked(...three)).toThrow(/column a is enum/);
});
