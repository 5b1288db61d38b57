/**
 * Every byte layout that crosses a process is pinned. If this test fails you changed one: check
 * the compatibility that schemas/README.md promises for it (a member of the old version may be
 * running), give new fields a default, then put the new hash here.
 */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../registry/registry.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { schemaFingerprint } from '../schema/table-schema.ts';
import { envelopeSchema, keySchema } from './avro-schema.ts';
import { type RecordName, staticSchema } from './record-codec.ts';

const PINNED: Record<RecordName, string> = {
  chunk: '9e3f10de50dfd665',
  mark: '3f794d240f41ae69',
  stream: '587ffeb92fb4136f',
  progress: '903b2baa5c4267d9',
  report: '4a1e8b9f2de31d3e',
  'schema-change': '3cd3d47c0b162e91',
  state: '7bfb318e1d12001b',
};

function hash(schema: unknown): string {
  return createHash('sha256')
    .update(canonicalJson(withoutDoc(schema)))
    .digest('hex')
    .slice(0, 16);
}

/** Words about a field may change freely. */
function withoutDoc(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutDoc);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([name]) => name !== 'doc');
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutDoc(value)]));
}

const TABLE: TableSchema = {
  db: 'shop',
  table: 'orders',
  columns: [
    {
      name: 'id',
      type: { kind: 'integer', bits: 64, unsigned: true },
      nullable: false,
      autoIncrement: true,
      generated: 'no',
      invisible: false,
    },
    {
      name: 'amount',
      type: { kind: 'decimal', precision: 12, scale: 2 },
      nullable: true,
      autoIncrement: false,
      generated: 'no',
      invisible: false,
    },
  ],
  primaryKey: [0],
  uniqueKeys: [{ name: 'u', columns: [1] }],
};

describe('wire layouts', () => {
  test.each(Object.entries(PINNED))('schemas/%s.avsc is what it was', (name, pinned) => {
    expect(hash(staticSchema(name as RecordName))).toBe(pinned);
  });

  test('every file in schemas/ is pinned', () => {
    const folder = new URL('../../schemas', import.meta.url);
    const files = readdirSync(folder).filter(f => f.endsWith('.avsc'));
    expect(files.map(f => f.replace('.avsc', '')).sort()).toEqual(Object.keys(PINNED).sort());
  });

  test('the records of a table are what they were', () => {
    expect(hash(envelopeSchema('s1', TABLE))).toBe('cca6220cca27b9a4');
    expect(hash(keySchema('s1', TABLE))).toBe('5198db36291d4f79');
  });

  test('a fingerprint covers what decides the bytes, and nothing else', () => {
    const own = schemaFingerprint(TABLE);
    expect(own).toBe('e0aebd3b402484904f7cd8bfa28dfcd7');
    const [id, amount] = TABLE.columns;
    if (id === undefined || amount === undefined) throw new Error('two columns');
    expect(schemaFingerprint({ ...TABLE, db: 'other', uniqueKeys: [] })).toBe(own);
    const others: TableSchema[] = [
      { ...TABLE, columns: [amount, id] },
      { ...TABLE, columns: [id, { ...amount, name: 'sum' }] },
      { ...TABLE, columns: [id, { ...amount, nullable: false }] },
      { ...TABLE, columns: [id, { ...amount, generated: 'stored' }] },
      {
        ...TABLE,
        columns: [id, { ...amount, type: { kind: 'decimal', precision: 12, scale: 3 } }],
      },
      { ...TABLE, columns: [id, amount, { ...amount, name: 'more' }] },
      { ...TABLE, primaryKey: [0, 1] },
      { ...TABLE, table: 'other' },
    ];
    expect(new Set([own, ...others.map(schemaFingerprint)]).size).toBe(others.length + 1);
  });
});
