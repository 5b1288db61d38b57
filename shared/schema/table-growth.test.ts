/** A table that has only grown, and all that is more than that. */
import { expect, test } from 'vitest';
import type { Column } from '../type/column-type.ts';
import { tableGrowth } from './table-growth.ts';
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
