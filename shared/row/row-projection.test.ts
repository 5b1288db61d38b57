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
