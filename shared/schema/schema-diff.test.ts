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

test('a key that is no primary key is asked of the target in the form that helps it', () => {
  const keyed = { ...table(BINARY, BINARY), keyIndex: { name: 'u', serverKey: ['id'] } };
  const [a, b] = keyed.columns;
  if (a === undefined || b === undefined) throw new Error('two columns');
  const remedies = (target: TableSchema) =>
    schemaDifferences(keyed, target).flatMap(d => (d.blocks ? [d.remedy] : []));
  expect(remedies(table(BINARY, BINARY))).toEqual([]);
  expect(remedies({ ...keyed, primaryKey: [] })).toEqual([{ kind: 'add-index', index: 'u' }]);
  // The index is there, and takes NULL.
  const nullable = { ...keyed, columns: [{ ...a, nullable: true }, b], primaryKey: [] };
  const uniqueKeys = [{ name: 'u', columns: [0] }];
  expect(remedies({ ...nullable, uniqueKeys })).toEqual([{ kind: 'modify', column: 'id' }]);
  // The same columns once more, as a primary key or another index.
  expect(remedies({ ...keyed, uniqueKeys: [{ name: 'PRIMARY', columns: [0] }] })).toEqual([]);
  const primary = (there: TableSchema) =>
    schemaDifferences(table(BINARY, BINARY), there).find(d => d.blocks)?.remedy;
  expect(primary({ ...keyed, primaryKey: [] })).toEqual({ kind: 'primary-key', replaces: false });
  expect(primary({ ...table(BINARY, BINARY), primaryKey: [1] })).toEqual({
    kind: 'primary-key',
    replaces: true,
  });
});

test('a unique key of a part of a column is another one than of all of it', () => {
  const withKey = (parts: string[] | undefined): TableSchema => ({
    ...table(BINARY, BINARY),
    uniqueKeys: [{ name: 'u', columns: [1], ...(parts ? { parts } : {}) }],
  });
  const found = (source?: string[], target?: string[]) =>
    schemaDifferences(withKey(source), withKey(target)).map(d => [d.what, d.blocks, d.remedy.kind]);
  expect(found(['note(10)'], ['note(10)'])).toEqual([]);
  // It refuses texts that the source takes.
  expect(found(undefined, ['note(10)'])).toEqual([
    ['unique key (note(10)) is on the target only', true, 'drop-index'],
    ['unique key (note) is not on the target', false, 'add-index'],
  ]);
  expect(found(['note(10)'], ['note(9)']).map(([what]) => what)).toEqual([
    'unique key (note(9)) is on the target only',
    'unique key (note(10)) is not on the target',
  ]);
  expect(found(['(lower(`note`))'], ['(upper(`note`))'])).toHaveLength(2);
});

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

test('a column that is wider on the target takes every row; a narrower one does not', () => {
  const long = (schema: TableSchema, at: number): TableSchema => ({
    ...schema,
    columns: schema.columns.map((c, i) =>
      i === at && c.type.kind === 'text' ? { ...c, type: { ...c.type, length: 800 } } : c,
    ),
  });
  const of = (source: TableSchema, target: TableSchema) =>
    schemaDifferences(source, target).map(d => [d.column, d.blocks, d.width]);
  const plain = table(BINARY, BINARY);
  expect(of(plain, long(plain, 1))).toEqual([['note', false, 'wider']]);
  expect(of(plain, long(plain, 0))).toEqual([['id', false, 'wider']]);
  expect(of(long(plain, 1), plain)).toEqual([['note', true, 'narrower']]);
  // Keys of another type are not compared by the same literals.
  const numbers = (bits: 32 | 64): TableSchema => ({
    ...plain,
    columns: plain.columns.map(c => ({ ...c, type: { kind: 'integer', bits, unsigned: false } })),
  });
  expect(of(numbers(32), numbers(64))).toEqual([
    ['id', true, undefined],
    ['note', false, 'wider'],
  ]);
  expect(of(numbers(64), numbers(32))).toEqual([
    ['id', true, undefined],
    ['note', true, 'narrower'],
  ]);
  // Another collation is told too, and counts where it is of the key.
  const other = 'utf8mb4_0900_ai_ci';
  expect(of(plain, long(table(BINARY, other), 1))).toEqual([['note', false, undefined]]);
  expect(of(plain, long(table(other, BINARY), 0))).toEqual([['id', true, undefined]]);
  expect(of(long(table(BINARY, other), 1), plain)).toEqual([['note', true, undefined]]);
});
