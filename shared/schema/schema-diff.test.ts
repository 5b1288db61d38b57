import { expect, test } from 'vitest';
import type { Column } from '../type/column-type.ts';
import { schemaDifferences } from './schema-diff.ts';
import type { TableSchema } from './table-schema.ts';

function text(name: string, collation: string): Column {
  return {
    name,
    type: { kind: 'text', charset: 'utf8mb4', collation, length: 80, form: 'varchar' },
    nullable: false,
    autoIncrement: false,
    generated: 'no',
    invisible: false,
  };
}

function table(key: string, note: string): TableSchema {
  const columns = [text('id', key), text('note', note)];
  return { db: 'd', table: 't', columns, primaryKey: [0], uniqueKeys: [] };
}

const BINARY = 'utf8mb4_0900_bin';

test('a key that is less exact on the target blocks, another column does not', () => {
  const source = table(BINARY, BINARY);
  const found = schemaDifferences(source, table('utf8mb4_0900_ai_ci', 'utf8mb4_0900_ai_ci'));
  expect(found.map(d => [d.column, d.blocks])).toEqual([
    ['id', true],
    ['note', false],
  ]);
  // Trailing blanks do not count in the second one.
  expect(schemaDifferences(source, table('utf8mb4_bin', BINARY))[0]?.blocks).toBe(true);
});

test('a key that compares otherwise on the target blocks, however exact it is', () => {
  const source = table('utf8mb4_0900_ai_ci', BINARY);
  expect(schemaDifferences(source, table('utf8mb4_0900_ai_ci', BINARY))).toEqual([]);
  for (const other of ['utf8mb4_general_ci', 'utf8mb4_0900_as_cs', BINARY]) {
    expect(schemaDifferences(source, table(other, BINARY)).map(d => d.blocks)).toEqual([true]);
  }
});

test('a key that is as exact under the other name of MariaDB does not block', () => {
  const found = schemaDifferences(table(BINARY, BINARY), table('utf8mb4_nopad_bin', BINARY));
  expect(found.map(d => d.blocks)).toEqual([false]);
});
