import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { ColumnType } from '../type/column-type.ts';
import { ModulusRoute, sqlShard } from './modulus.ts';

type Integer = Extract<ColumnType, { kind: 'integer' }>;

function tableWith(type: ColumnType, nullable = false): TableSchema {
  const column = { name: 'c', type, nullable, autoIncrement: false } as const;
  return {
    db: 'd',
    table: 't',
    columns: [{ ...column, generated: 'no', invisible: false }],
    primaryKey: nullable ? [] : [0],
    uniqueKeys: [],
  };
}

const int64: Integer = { kind: 'integer', bits: 64, unsigned: false };
const uint64: Integer = { kind: 'integer', bits: 64, unsigned: true };

function floorMod(v: bigint, n: number): number {
  const m = BigInt(n);
  return Number(((v % m) + m) % m);
}

function twosComplement(v: bigint): Buffer {
  let length = 1;
  while (BigInt.asIntN(length * 8, v) !== v) length += 1;
  const hex = BigInt.asUintN(length * 8, v)
    .toString(16)
    .padStart(length * 2, '0');
  return Buffer.from(hex, 'hex');
}

const targets = fc.integer({ min: 1, max: 65_536 });

describe('route by modulus', () => {
  test('every signed 64-bit integer has its floor modulus', () => {
    const v = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.maxSafeInteger().map(BigInt),
    );
    fc.assert(
      fc.property(v, targets, fc.boolean(), (value, n, nullable) => {
        const out = new ByteWriter(32);
        out.u8(0xee);
        if (nullable) out.varint(1);
        out.varlong(value);
        const route = new ModulusRoute(tableWith(int64, nullable), 'c', n);
        expect(route.shardOf(out.view(), 1)).toBe(floorMod(value, n));
      }),
      { numRuns: 5000 },
    );
  });

  test('every unsigned 64-bit integer, carried as decimal bytes, too', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), targets, (value, n) => {
        const out = new ByteWriter(32);
        const bytes = twosComplement(value);
        out.varint(bytes.length);
        out.copy(bytes, 0, bytes.length);
        const route = new ModulusRoute(tableWith(uint64), 'c', n);
        expect(route.shardOf(out.view(), 0)).toBe(floorMod(value, n));
      }),
      { numRuns: 5000 },
    );
  });

  test('a row without a value to route by is an error, not target 0', () => {
    const route = new ModulusRoute(tableWith(int64, true), 'c', 2);
    expect(() => route.shardOf(Buffer.from([0]), 0)).toThrow(/NULL/);
  });

  test('other types, missing columns and impossible numbers of targets are refused', () => {
    expect(() => new ModulusRoute(tableWith({ kind: 'date' }), 'c', 2)).toThrow(/integer/);
    expect(() => new ModulusRoute(tableWith(int64), 'other', 2)).toThrow(/no such column/);
    expect(() => new ModulusRoute(tableWith(int64), 'c', 0)).toThrow(/number of targets/);
  });

  test('the SQL form names the column it is given', () => {
    expect(sqlShard('`c`', 3)).toBe('MOD(MOD(`c`, 3) + 3, 3)');
  });
});
