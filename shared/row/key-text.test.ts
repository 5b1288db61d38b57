import { describe, expect, test } from 'vitest';
import type { Column, ColumnType } from '../type/column-type.ts';
import { KeyBound } from './key-bound.ts';
import { keyFromText } from './key-text.ts';

const column = (name: string, type: ColumnType): Column => ({
  name,
  type,
  nullable: false,
  autoIncrement: false,
  generated: 'no',
  invisible: false,
});

const bound = (...columns: Column[]): KeyBound =>
  new KeyBound({
    db: 'd',
    table: 't',
    columns,
    primaryKey: columns.map((_, i) => i),
    uniqueKeys: [],
  });

const TYPES: [string, ColumnType, string, string][] = [
  ['integer', { kind: 'integer', bits: 64, unsigned: true }, '18446744073709551615', ''],
  ['negative', { kind: 'integer', bits: 32, unsigned: false }, '-7', ''],
  ['decimal', { kind: 'decimal', precision: 12, scale: 2 }, '-10.50', ''],
  ['enum', { kind: 'enum', values: ['a', 'b', ''] }, 'b', '2'],
  ['set', { kind: 'set', values: ['x', 'y', 'z'] }, 'x,z', '5'],
  ['bytes', { kind: 'binary', length: 8, form: 'varbinary' }, '0x00ff27', "x'00ff27'"],
  ['date', { kind: 'date' }, '2026-02-03', "'2026-02-03'"],
  ['year', { kind: 'year' }, '1999', ''],
];

describe('a key as text', () => {
  test.each(TYPES)('%s comes back as the literal of the same value', (_, type, text, literal) => {
    const b = bound(column('k', type));
    const [found] = b.literals(keyFromText(b, { k: text }));
    expect(found?.toLowerCase()).toBe(literal === '' ? text : literal);
  });

  test('a text of any length and any characters', () => {
    const type: ColumnType = {
      kind: 'text',
      charset: 'utf8mb4',
      collation: 'utf8mb4_0900_bin',
      length: 1020,
      form: 'varchar',
    };
    const b = bound(column('k', type));
    for (const text of ['', "O'Neil\\ \t\n", 'ü'.repeat(200), 'x'.repeat(251)]) {
      const key = keyFromText(b, { k: text });
      expect(key.subarray(key.length - Buffer.byteLength(text)).toString('utf8')).toBe(text);
    }
  });

  test('columns are taken by name, in key order', () => {
    const int: ColumnType = { kind: 'integer', bits: 32, unsigned: false };
    const b = bound(column('a', int), column('b', int));
    expect(b.literals(keyFromText(b, { b: '2', a: '1' }))).toEqual(['1', '2']);
  });

  test('what is no key of the table is refused', () => {
    const b = bound(column('k', { kind: 'integer', bits: 32, unsigned: false }));
    expect(() => keyFromText(b, { other: '1' })).toThrow(/missing/);
    expect(() => keyFromText(b, { k: '' })).toThrow();
    const bytes = bound(column('k', { kind: 'binary', length: 8, form: 'varbinary' }));
    expect(() => keyFromText(bytes, { k: 'ff' })).toThrow(/0x/);
    const member = bound(column('k', { kind: 'enum', values: ['a'] }));
    expect(() => keyFromText(member, { k: 'b' })).toThrow(/member/);
  });
});
