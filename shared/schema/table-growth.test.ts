/** A table that has only grown, and all that is more than that. */
import { expect, test } from 'vitest';
import type { Column } from '../type/column-type.ts';
import { inPlannedOrder, tableGrowth, withoutColumns } from './table-growth.ts';
import type { TableSchema } from './table-schema.ts';

const column = (name: string, more: Partial<Column> = {}): Column => ({
  name,
  type: { kind: 'integer', bits: 32, unsigned: false },
  nullable: true,
  autoIncrement: false,
  generated: 'no',
  invisible: false,
  ...more,
});
const table = (...columns: Column[]): TableSchema => ({
  db: 'd',
  table: 't',
  columns,
  primaryKey: [columns.findIndex(c => c.name === 'id')],
  uniqueKeys: [],
});
const id = column('id', { nullable: false });
const before = table(id, column('a'));

test('columns that may be NULL, anywhere', () => {
  const now = table(column('x'), column('a'), id, column('y'));
  const { added, other } = tableGrowth(before, now);
  expect([added.map(c => c.name), other]).toEqual([['x', 'y'], []]);
});

test.each<[string, TableSchema]>([
  ['column a is gone', table(id)],
  ['column a is declared otherwise', table(id, column('a', { nullable: false }))],
  ['column a is declared otherwise', table(id, column('a', { type: { kind: 'date' } }))],
  ['column a is declared otherwise', table(id, column('a', { generated: 'stored' }))],
  ['column x is NOT NULL', table(id, column('a'), column('x', { nullable: false }))],
  ['column x is generated', table(id, column('a'), column('x', { generated: 'stored' }))],
  ['the row key is (id, a)', { ...before, primaryKey: [0, 1] }],
])('%s', (why, now) => {
  expect(tableGrowth(before, now).other).toEqual([why]);
});

test('a column that is NOT NULL, if what rows from before have in it is known', () => {
  const now = table(id, column('a'), column('x', { nullable: false, fill: '0e' }));
  expect(tableGrowth(before, now).other).toEqual([]);
});

test('without columns of later: places, keys and virtual columns are those of the rest', () => {
  const virtual = [{ column: column('v'), at: 2, expression: 'a' }];
  const now: TableSchema = {
    ...table(column('x'), id, column('a'), column('y')),
    virtual,
    uniqueKeys: [
      { name: 'of a', columns: [2] },
      { name: 'of x', columns: [2, 0] },
      { name: 'old', columns: [], parts: ['(a + 1)'] },
      { name: 'new', columns: [], parts: ['(x + 1)'] },
    ],
  };
  const planned = { ...before, uniqueKeys: [{ name: 'old', columns: [] }] };
  expect(withoutColumns(now, ['x', 'y'], planned)).toEqual({
    ...table(id, column('a')),
    virtual: [{ column: column('v'), at: 1, expression: 'a' }],
    uniqueKeys: [
      { name: 'of a', columns: [1] },
      { name: 'old', columns: [], parts: ['(a + 1)'] },
    ],
  });
});

test('columns in another order are the table as it was planned, with all that is told by places', () => {
  const [a, b, v] = ['a', 'b', 'v'].map(name => column(name));
  const schema = (columns: Column[], at: number, key: number, unique: number[]): TableSchema => ({
    ...{ ...table(...columns), primaryKey: [key], uniqueKeys: [{ name: 'u', columns: unique }] },
    virtual: [{ column: v ?? id, at, expression: 'a' }],
  });
  const planned = schema([id, a ?? id, b ?? id], 1, 0, [1, 2]);
  expect(inPlannedOrder(schema([b ?? id, id, a ?? id], 3, 1, [2, 0]), planned)).toEqual(planned);
  // Another column: nothing is known of its place.
  const other = schema([b ?? id, id, column('c')], 3, 1, [2, 0]);
  expect(inPlannedOrder(other, planned)).toBe(other);
});
