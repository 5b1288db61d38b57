/** Virtual columns are in row images and not in rows: they are passed over, whatever they hold. */
import { expect, test } from 'vitest';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column, ColumnType } from '../type/column-type.ts';
import { RowCodec } from './row-codec.ts';

const INT: ColumnType = { kind: 'integer', bits: 32, unsigned: false };
const TEXT: ColumnType = {
  kind: 'text',
  charset: 'utf8mb4',
  collation: '',
  length: 80,
  form: 'varchar',
};

function column(name: string, type: ColumnType, generated: Column['generated'] = 'no'): Column {
  return { name, type, nullable: true, autoIncrement: false, generated, invisible: false };
}

function virtual(at: number, name: string, type: ColumnType) {
  return { at, column: column(name, type, 'virtual'), expression: 'x' };
}

const SCHEMA: TableSchema = {
  db: 'd',
  table: 't',
  columns: [column('id', INT), column('a', TEXT)],
  primaryKey: [0],
  uniqueKeys: [],
  virtual: [
    virtual(0, 'v', INT),
    virtual(2, 'w', TEXT),
    virtual(3, 'j', { kind: 'json' }),
    virtual(5, 'd', { kind: 'date' }),
  ],
};

/** v INT, id INT, w TEXT, j JSON, a TEXT, d DATE. The document is a DECIMAL, which no row holds. */
function image(nulls: number, parts: string[]): Buffer {
  return Buffer.concat([Buffer.from([nulls]), Buffer.from(parts.join(''), 'hex')]);
}

const read = (bytes: Buffer): unknown[] => {
  const codec = new RowCodec(SCHEMA);
  const out = new ByteWriter(16);
  expect(codec.fromBinlog(bytes, 0, bytes.length, out)).toBe(bytes.length);
  return codec.toJs(out.take(), 0);
};

test('values of all kinds, NULLs, and none', () => {
  const [v, id, w, j, a, d] = [
    '63000000',
    '07000000',
    '0278 79',
    '02000000 0ff6',
    '0161',
    '5f0f10',
  ];
  const hex = [v, id, w, j, a, d].map(part => (part ?? '').replaceAll(' ', ''));
  expect(read(image(0, hex))).toEqual([7, 'a']);
  expect(read(image(0b101101, [hex[1] ?? '', hex[4] ?? '']))).toEqual([7, 'a']);
  expect(read(image(0b010000, hex.toSpliced(4, 1)))).toEqual([7, null]);
});

test('a NULL of a virtual column is no NULL of another one', () => {
  expect(read(image(0b111101, ['07000000']))).toEqual([7, null]);
});
