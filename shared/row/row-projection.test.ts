/** Rows of before a table grew, as rows of the table that it is. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import { RowProjection } from './row-projection.ts';

const column = (name: string, nullable = true): Column => ({
  name,
  type: { kind: 'integer', bits: 32, unsigned: false },
  nullable,
  autoIncrement: false,
  generated: 'no',
  invisible: false,
});

const table = (columns: Column[]): TableSchema => ({
  db: 'd',
  table: 't',
  columns,
  primaryKey: [columns.findIndex(c => c.name === 'id')],
  uniqueKeys: [],
});

/** A binlog row image of 32-bit integers. */
function image(values: readonly (number | null)[]): Buffer {
  const nulls = Buffer.alloc((values.length + 7) >> 3);
  const parts = values.flatMap((v, i) => {
    if (v === null) {
      nulls[i >> 3] = (nulls[i >> 3] ?? 0) | (1 << (i & 7));
      return [];
    }
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(v);
    return [bytes];
  });
  return Buffer.concat([nulls, ...parts]);
}

test('what came later is NULL, all else keeps its value, whatever the order', () => {
  const names = ['id', 'a', 'b', 'c', 'd'];
  const run = fc.property(
    fc.shuffledSubarray(names.slice(1)),
    fc.shuffledSubarray(names, { minLength: 5 }),
    fc.array(fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })), {
      minLength: 5,
      maxLength: 5,
    }),
    (kept, present, values) => {
      const olderNames = ['id', ...kept];
      const older = table(olderNames.map(n => column(n, n !== 'id')));
      const now = table(present.map(n => column(n, n !== 'id')));
      const projection = new RowProjection(older, now);
      const row = olderNames.map((n, i) => (n === 'id' ? 7 : (values[i] ?? null)));
      const old = new ByteWriter();
      const bytes = image(row);
      projection.older.fromBinlog(bytes, 0, bytes.length, old);
      const out = new ByteWriter();
      expect(projection.project(old.buf, 0, out)).toBe(old.pos);
      const whole = new RowProjection(now, now).older;
      const wanted = present.map(n => row[olderNames.indexOf(n)] ?? null);
      expect(whole.toJs(out.buf, 0)).toEqual(wanted);
      expect(whole.skip(out.buf, 0)).toBe(out.pos);
    },
  );
  fc.assert(run);
});

test('a column that was added with a constant has it in rows from before, NULL or not', () => {
  const filled = (name: string, fill: string, nullable: boolean): Column => ({
    ...column(name, nullable),
    fill,
  });
  const older = table([column('id', false)]);
  // Avro's 5 and -3.
  const now = table([filled('a', '0a', false), column('id', false), filled('b', '05', true)]);
  const old = new ByteWriter();
  const projection = new RowProjection(older, now);
  const bytes = image([7]);
  projection.older.fromBinlog(bytes, 0, bytes.length, old);
  const out = new ByteWriter();
  projection.project(old.buf, 0, out);
  expect(new RowProjection(now, now).older.toJs(out.buf, 0)).toEqual([5, 7, -3]);
});

test('a column that was made wider keeps its values, NULL or not', () => {
  const text = (name: string, length: number): Column => ({
    ...column(name),
    type: { kind: 'text', form: 'varchar', charset: 'utf8mb4', collation: 'utf8mb4_bin', length },
  });
  const older = table([column('id', false), text('a', 40), text('b', 400)]);
  const now = table([text('b', 800), column('id', false), text('a', 800)]);
  const projection = new RowProjection(older, now);
  const values = (a: string | null, b: string): Buffer => {
    // One byte says the length of what has no more than 255 bytes, two that of others.
    const short = a === null ? [] : [Buffer.from([a.length]), Buffer.from(a)];
    const long = [Buffer.from([b.length & 255, b.length >> 8]), Buffer.from(b)];
    return Buffer.concat([Buffer.from([a === null ? 2 : 0, 7, 0, 0, 0]), ...short, ...long]);
  };
  for (const [a, b] of [
    ['x', 'y'.repeat(300)],
    ['', ''],
    [null, 'z'],
  ] as const) {
    const [old, out] = [new ByteWriter(), new ByteWriter()];
    const bytes = values(a, b);
    expect(projection.older.fromBinlog(bytes, 0, bytes.length, old)).toBe(bytes.length);
    expect(projection.project(old.buf, 0, out)).toBe(old.pos);
    expect(new RowProjection(now, now).older.toJs(out.buf, 0)).toEqual([b, 7, a]);
  }
  expect(() => new RowProjection(now, older)).toThrow(/was another one/);
});

test('a column that may be NULL by now keeps its values, and NULL is one behind them', () => {
  const older = table([column('id', false), column('a', false), column('b', false)]);
  const wide: Column = { ...column('a'), type: { kind: 'integer', bits: 64, unsigned: false } };
  const now = table([wide, column('id', false), { ...column('b'), fill: '0a' }]);
  const projection = new RowProjection(older, now);
  const [old, out] = [new ByteWriter(), new ByteWriter()];
  const bytes = image([7, -5, 9]);
  projection.older.fromBinlog(bytes, 0, bytes.length, old);
  expect(projection.project(old.buf, 0, out)).toBe(old.pos);
  const codec = new RowProjection(now, now).older;
  expect(codec.toJs(out.buf, 0)).toEqual([-5, 7, 9]);
  expect(codec.skip(out.buf, 0)).toBe(out.pos);
  expect(() => new RowProjection(now, older)).toThrow(/was another one/);
});

test.each<[string, Column[], Column[]]>([
  [
    'a column that may not be NULL',
    [column('id', false)],
    [column('id', false), column('a', false)],
  ],
  ['a column that is gone', [column('id', false), column('a')], [column('id', false)]],
  [
    'a column of another type',
    [column('id', false), column('a')],
    [column('id', false), { ...column('a'), type: { kind: 'date' } }],
  ],
  [
    'a column that has become NOT NULL',
    [column('id', false), column('a')],
    [column('id', false), column('a', false)],
  ],
])('is refused for %s', (_, older, now) => {
  expect(() => new RowProjection(table(older), table(now))).toThrow(
    expect.objectContaining({ kind: 'schema-changed' }),
  );
});

test('a column that was dropped is left out, and one that has its name by now is NULL', () => {
  const older = table(['id', 'a', 'b', 'c'].map(n => column(n, n !== 'id')));
  const old = new ByteWriter();
  const bytes = image([7, 1, 2, 3]);
  const projected = (names: string[], gone: string[]): unknown[] => {
    const now = table(names.map(n => column(n, n !== 'id')));
    const projection = new RowProjection(older, now, gone);
    const out = new ByteWriter();
    old.clear();
    projection.older.fromBinlog(bytes, 0, bytes.length, old);
    expect(projection.project(old.buf, 0, out)).toBe(old.pos);
    return new RowProjection(now, now).older.toJs(out.buf, 0);
  };
  expect(projected(['id', 'a', 'c'], ['b'])).toEqual([7, 1, 3]);
  expect(projected(['c', 'b', 'id'], ['b', 'a'])).toEqual([3, null, 7]);
  expect(() => projected(['id', 'a', 'c'], [])).toThrow(/has lost columns/);
});
