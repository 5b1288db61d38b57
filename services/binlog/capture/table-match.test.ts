import { describe, expect, test } from 'vitest';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column, ColumnType } from '../../../shared/type/column-type.ts';
import type { SeenColumn } from '../../../shared/type/seen-column.ts';
import { olderShape, tableDifference } from './table-match.ts';

const since = (added: string[] = [], narrower: [string, Column[]][] = []) => ({
  added: new Set(added),
  narrower: new Map(narrower),
});

const text = (
  form: 'char' | 'varchar' | 'text',
  length: number,
  charset = 'utf8mb4',
): ColumnType => ({
  kind: 'text',
  charset,
  collation: `${charset}_bin`,
  length,
  form,
});

/** Planned type, and how a TableMap event shows it. */
const SAME: [ColumnType, Partial<SeenColumn>][] = [
  [
    { kind: 'integer', bits: 8, unsigned: true },
    { code: 1, unsigned: true },
  ],
  [{ kind: 'integer', bits: 24, unsigned: false }, { code: 9 }],
  [
    { kind: 'integer', bits: 64, unsigned: true },
    { code: 8, unsigned: true },
  ],
  [
    { kind: 'decimal', precision: 12, scale: 2 },
    { code: 246, metadata: { precision: 12, decimals: 2 } },
  ],
  [{ kind: 'float' }, { code: 4, metadata: { size: 4 } }],
  [{ kind: 'double' }, { code: 5, metadata: { size: 8 } }],
  [text('varchar', 240), { code: 15, metadata: { max_length: 240 }, charset: 'utf8mb4' }],
  [text('char', 40, 'latin1'), { code: 254, metadata: { max_length: 40 }, charset: 'latin1' }],
  [text('text', 65535, 'utf8'), { code: 252, metadata: { length_size: 2 }, charset: 'utf8mb3' }],
  [
    { kind: 'binary', length: 16, form: 'binary' },
    { code: 254, metadata: { max_length: 16 } },
  ],
  [
    { kind: 'binary', length: 2 ** 32 - 1, form: 'longblob' },
    { code: 252, metadata: { length_size: 4 } },
  ],
  [{ kind: 'date' }, { code: 10 }],
  [{ kind: 'year' }, { code: 13 }],
  [
    { kind: 'time', fsp: 3 },
    { code: 19, metadata: { decimals: 3 } },
  ],
  [
    { kind: 'datetime', fsp: 6 },
    { code: 18, metadata: { decimals: 6 } },
  ],
  [
    { kind: 'timestamp', fsp: 0 },
    { code: 17, metadata: { decimals: 0 } },
  ],
  [
    { kind: 'enum', values: ['a', "b'"] },
    { code: 247, metadata: { size: 1 }, values: ['a', "b'"] },
  ],
  [
    { kind: 'set', values: ['x'] },
    { code: 248, metadata: { size: 1 }, values: ['x'] },
  ],
  [
    { kind: 'bit', bits: 9 },
    { code: 16, metadata: { bits: 9 } },
  ],
  [{ kind: 'json' }, { code: 245, metadata: { length_size: 4 } }],
];

const seenOf = (c: Partial<SeenColumn>): SeenColumn => ({
  name: 'c',
  code: 0,
  metadata: {},
  unsigned: false,
  charset: null,
  values: [],
  ...c,
});

function planned(...types: ColumnType[]): TableSchema {
  return {
    db: 'd',
    table: 't',
    columns: types.map((type, i) => ({
      name: i === 0 ? 'c' : `c${i}`,
      type,
      nullable: true,
      autoIncrement: false,
      generated: 'no',
      invisible: false,
    })),
    primaryKey: [0],
    uniqueKeys: [],
  };
}

function difference(type: ColumnType, seen: Partial<SeenColumn>): string | null {
  return tableDifference(planned(type), { columns: [seenOf(seen)], primaryKey: [0] });
}

describe.each(SAME)('%o', (type, seen) => {
  test('is what it is, and nothing that another type or length is', () => {
    expect(difference(type, seen)).toBeNull();
    for (const [other, theirs] of SAME) {
      if (other !== type) expect(difference(type, theirs)).toMatch(/^column c was/);
    }
    expect(difference(type, { ...seen, code: (seen.code ?? 0) + 100 })).not.toBeNull();
    for (const key of Object.keys(seen.metadata ?? {})) {
      if (key === 'size' || type.kind === 'json') continue;
      const metadata = { ...seen.metadata, [key]: (seen.metadata?.[key] ?? 0) + 1 };
      expect(difference(type, { ...seen, metadata })).not.toBeNull();
    }
  });
});

test('other signs, character sets and values differ', () => {
  expect(
    difference({ kind: 'integer', bits: 32, unsigned: false }, { code: 3, unsigned: true }),
  ).not.toBeNull();
  const varchar = { code: 15, metadata: { max_length: 40 } };
  expect(difference(text('varchar', 40), { ...varchar, charset: 'latin1' })).not.toBeNull();
  expect(difference(text('varchar', 40), { ...varchar, charset: null })).not.toBeNull();
  const of = { code: 247, metadata: { size: 1 }, values: ['a', 'b'] };
  expect(difference({ kind: 'enum', values: ['b', 'a'] }, of)).not.toBeNull();
});

test('an ENUM value with a comma is not two values', () => {
  const seen = { code: 247, metadata: { size: 1 }, values: ['a,b'] };
  expect(difference({ kind: 'enum', values: ['a', 'b'] }, seen)).not.toBeNull();
});

test('columns renamed, added, dropped or in another order, and another key', () => {
  const int: ColumnType = { kind: 'integer', bits: 32, unsigned: false };
  const table = planned(int, int);
  const [a, b] = [seenOf({ code: 3 }), seenOf({ code: 3, name: 'c1' })];
  expect(tableDifference(table, { columns: [a, b], primaryKey: [0] })).toBeNull();
  expect(tableDifference(table, { columns: [a, b], primaryKey: [1] })).toMatch(/key was \(c\)/);
  expect(tableDifference(table, { columns: [a, b], primaryKey: [] })).toMatch(/and is \(\)/);
  for (const columns of [
    [b, a],
    [a],
    [a, b, seenOf({ name: 'c2' })],
    [a, seenOf({ name: 'x', code: 3 })],
  ]) {
    expect(tableDifference(table, { columns, primaryKey: [0] })).toMatch(/^columns were \(c, c1\)/);
  }
});

test("another key than the server's own is compared by what the server takes for it", () => {
  const int: ColumnType = { kind: 'integer', bits: 32, unsigned: false };
  const table = planned(int, int);
  const columns = [seenOf({ code: 3 }), seenOf({ code: 3, name: 'c1' })];
  const of = (serverKey: string[], primaryKey: number[]) =>
    tableDifference({ ...table, keyIndex: { name: 'u', serverKey } }, { columns, primaryKey });
  expect(of(['c'], [0])).toBeNull();
  expect(of(['c'], [])).toMatch(/^the key was \(c\) and is \(\)/);
  expect(of(['c1'], [1])).toBeNull();
  expect(of(['c1'], [0])).toMatch(/^the key was \(c1\) and is \(c\)/);
  const grown = { ...table, keyIndex: { name: 'u', serverKey: ['c1'] } };
  const older = olderShape(grown, since(), { columns: [...columns].reverse(), primaryKey: [0] });
  expect(older).toMatchObject({ primaryKey: [1], columns: [{ name: 'c1' }, { name: 'c' }] });
});

describe('a table that has grown', () => {
  const int: ColumnType = { kind: 'integer', bits: 32, unsigned: false };
  const grown = planned(int, int, int);
  const [a, b, c] = ['c', 'c1', 'c2'].map(name => seenOf({ code: 3, name }));
  if (!a || !b || !c) throw new Error('three columns');
  const of = (columns: SeenColumn[], added: string[], primaryKey = [0]) =>
    olderShape(grown, since(added), { columns, primaryKey })?.columns.map(x => x.name);

  test('is known as it was at each time, in the order of the event', () => {
    expect(of([a, b], ['c2'])).toEqual(['c', 'c1']);
    expect(of([a], ['c1', 'c2'])).toEqual(['c']);
    expect(of([c, a], ['c1', 'c2'], [1])).toEqual(['c2', 'c']);
    expect(of([b, a], ['c2'], [1])).toEqual(['c1', 'c']);
  });

  test('virtual columns have their places in the images, and none in the rows', () => {
    const v = { column: { ...grown.columns[0], name: 'v', type: int }, at: 1, expression: '' };
    const table = { ...grown, virtual: [v] } as TableSchema;
    const seen = seenOf({ code: 3, name: 'v' });
    const difference = (columns: SeenColumn[], primaryKey = [0]) =>
      tableDifference(table, { columns, primaryKey });
    expect(difference([a, seen, b, c])).toBeNull();
    expect(difference([a, b, seen, c])).toMatch(/^columns were \(c, v, c1, c2\)/);
    expect(difference([a, seen, b, c], [1])).toMatch(/key was \(c\) and is \(v\)/);
    const older = olderShape(table, since(['c2']), { columns: [seen, a, b], primaryKey: [1] });
    expect(older).toMatchObject({ primaryKey: [0], virtual: [{ at: 0, column: { name: 'v' } }] });
    expect(older?.columns.map(x => x.name)).toEqual(['c', 'c1']);
  });

  test('columns that were made wider are read by the type that the event tells', () => {
    const [id, was, is] = planned(int, text('varchar', 80), text('varchar', 800)).columns;
    if (!id || !was || !is) throw new Error('three columns');
    const name = 'c1';
    const table = planned(int, is.type);
    const at = (max_length: number) =>
      olderShape(table, since([], [[name, [was]]]), {
        columns: [a, seenOf({ name, code: 15, metadata: { max_length }, charset: 'utf8mb4' })],
        primaryKey: [0],
      })?.columns.map(c => ('length' in c.type ? c.type.length : 0));
    expect([at(80), at(800), at(400)]).toEqual([[0, 80], [0, 800], undefined]);
  });

  test('is not known by a shape that lacks a column which it always had, or has another one', () => {
    expect(of([a, b], [])).toBeUndefined();
    expect(of([a, c], ['c2'])).toBeUndefined();
    expect(of([a, b, seenOf({ code: 3, name: 'x' })], ['c2'])).toBeUndefined();
    expect(of([a, seenOf({ code: 8, name: 'c1' })], ['c2'])).toBeUndefined();
    expect(of([a, b], ['c2'], [1])).toBeUndefined();
    expect(of([a, b], ['c2'], [])).toBeUndefined();
  });
});
