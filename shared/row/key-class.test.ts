import { describe, expect, test } from 'vitest';
import { KeyPartition } from '../kafka/key-partition.ts';
import { partitionOf } from '../kafka/partition.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { ColumnType } from '../type/column-type.ts';
import { KeyBound } from './key-bound.ts';
import { KeyClasses, keyClassesOf } from './key-class.ts';
import { keyFromText } from './key-text.ts';

const INT: ColumnType = { kind: 'integer', bits: 32, unsigned: false };

function text(collation: string): ColumnType {
  const charset = collation.split('_')[0] ?? '';
  return { kind: 'text', charset, collation, length: 400, form: 'varchar' };
}

function tableOf(...types: ColumnType[]): TableSchema {
  const rest = {
    nullable: false,
    autoIncrement: false,
    generated: 'no',
    invisible: false,
  } as const;
  const columns = types.map((type, i) => ({ name: `k${i}`, type, ...rest }));
  return { db: 'd', table: 't', columns, primaryKey: types.map((_, i) => i), uniqueKeys: [] };
}

function keyOf(schema: TableSchema, ...values: string[]): Buffer {
  return keyFromText(new KeyBound(schema), Object.fromEntries(values.map((v, i) => [`k${i}`, v])));
}

function classOfKey(schema: TableSchema, ...values: string[]): string {
  const out = new ByteWriter(8);
  new KeyClasses(schema, keyClassesOf(schema)).write(keyOf(schema, ...values), 0, out);
  return out.view().toString('latin1');
}

test('a plan names the class of each key column, and none where bytes are enough', () => {
  expect(keyClassesOf(tableOf(INT))).toEqual([]);
  expect(keyClassesOf(tableOf(text('utf8mb4_0900_bin'), text('utf8mb4_nopad_bin')))).toEqual([]);
  const named = (collation: string) => keyClassesOf(tableOf(INT, text(collation))).at(-1);
  expect(keyClassesOf(tableOf(INT, text('utf8mb4_bin')))).toEqual(['bytes', 'trim-1']);
  expect(named('latin1_bin')).toBe('trim-1');
  expect(named('utf8mb4_0900_ai_ci')).toBe('letters-1/uca1400');
  expect(named('utf8mb4_0900_as_cs')).toBe('letters-1/uca1400');
  expect(named('utf8mb3_unicode_ci')).toBe('letters-1/uca400');
  expect(named('utf8mb4_uca1400_nopad_ai_ci')).toBe('letters-1/uca1400');
  expect(named('latin1_swedish_ci')).toBe('letters-1/swedish');
  // Two characters have one weight there, or two letters are one.
  for (const other of ['utf8mb4_cs_0900_ai_ci', 'utf8mb4_lithuanian_ci', 'latin1_german2_ci']) {
    expect(named(other)).toBe('none-1');
  }
  // What is known of it is the order of its bytes, and of its spaces.
  expect(named('utf16_bin')).toBe('trim-1');
  expect(named('gbk_chinese_ci')).toBe('none-1');
  expect(keyClassesOf(tableOf(text('gbk_nopad_bin')))).toEqual([]);
  expect(keyClassesOf(tableOf({ kind: 'double' }, INT))).toEqual(['zero-1', 'bytes']);
});

describe('spellings of one key', () => {
  test.each([
    [
      'utf8mb4_0900_ai_ci',
      ['straße', 'STRASSE', 'stra\u0301sse', 'ｓｔｒａｓｓｅ', 's\u200dtrasse'],
    ],
    ['utf8mb4_unicode_ci', ['straße', 'STRASSE', 'strässe  ']],
    ['utf8mb4_general_ci', ['straße', 'STRASE', 'ströße'.replace('ö', 'a')]],
    ['latin1_swedish_ci', ['rose', 'RÓSE', 'rose   ']],
    ['ascii_general_ci', ['rose', 'ROSE', 'rose ']],
    ['utf8mb4_bin', ['rose', 'rose ', 'rose   ']],
  ])('%s: have one class', (collation, spellings) => {
    const classes = spellings.map(s => classOfKey(tableOf(text(collation)), s));
    expect(new Set(classes).size).toBe(1);
  });

  test.each(['float', 'double'] as const)('%s: 0 and -0 have one class, others none', kind => {
    const of = (value: string) => classOfKey(tableOf({ kind }), value);
    expect(of('-0')).toBe(of('0'));
    const all = ['0', '1', '-1', '1e-45', '-1e-45', '0.5', '-0.5', '3e38', '-3e38'];
    expect(new Set(all.map(of)).size).toBe(all.length);
  });

  test('other keys have other classes, for the most part', () => {
    const ai = tableOf(text('utf8mb4_0900_ai_ci'));
    const keys = Array.from({ length: 1000 }, (_, i) => `user${i}@example.com`);
    expect(new Set(keys.map(k => classOfKey(ai, k))).size).toBe(1000);
    const binary = tableOf(text('utf8mb4_bin'));
    expect(classOfKey(binary, 'a')).not.toBe(classOfKey(binary, 'A'));
    expect(classOfKey(tableOf(text('utf8mb4_cs_0900_ai_ci')), 'ch')).toBe('\0');
  });

  test('columns of a key do not run into each other', () => {
    const two = tableOf(text('utf8mb4_0900_ai_ci'), text('utf8mb4_0900_ai_ci'));
    expect(classOfKey(two, 'ab', 'c')).not.toBe(classOfKey(two, 'a', 'bc'));
    const mixed = tableOf(INT, text('utf8mb4_0900_ai_ci'));
    expect(classOfKey(mixed, '1', 'a')).not.toBe(classOfKey(mixed, '2', 'a'));
    expect(classOfKey(mixed, '7', 'É')).toBe(classOfKey(mixed, '7', 'e'));
  });
});

describe('the partition', () => {
  test('is by the bytes where the plan names no class, as it always was', () => {
    const schema = tableOf(text('utf8mb4_0900_bin'));
    const partition = new KeyPartition(schema, [], 64);
    for (const k of ['a', 'A', 'key-17']) {
      const key = keyOf(schema, k);
      expect(partition.of(key, 0, key.length)).toBe(partitionOf(key, 0, key.length, 64));
    }
  });

  test('is one for all spellings of a key, behind a header too', () => {
    const schema = tableOf(text('utf8mb4_0900_ai_ci'));
    const partition = new KeyPartition(schema, keyClassesOf(schema), 64);
    const of = (k: string): number => {
      const key = Buffer.concat([Buffer.alloc(5), keyOf(schema, k)]);
      return partition.of(key, 5, key.length);
    };
    const spread = new Set<number>();
    for (let i = 0; i < 500; i++) {
      expect(of(`KÉY-${i}`)).toBe(of(`key-${i}`));
      spread.add(of(`key-${i}`));
    }
    expect(spread.size).toBe(64);
  });

  test('a class that this version does not know is refused, never guessed', () => {
    const schema = tableOf(text('utf8mb4_0900_ai_ci'));
    for (const names of [['letters-2/uca1400'], ['letters-1/uca0'], [''], ['bytes', 'bytes']]) {
      expect(() => new KeyPartition(schema, names, 4)).toThrow(/key classes/);
    }
    expect(() => new KeyPartition(tableOf(INT), ['trim-1'], 4)).toThrow(/key classes/);
  });
});
