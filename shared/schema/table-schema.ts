/**
 * A table as every service agrees on it. The fingerprint goes with each snapshot chunk: the writer
 * merges a chunk only if it was read under the very schema that the binlog shows now.
 * Invariant: the fingerprint covers all that decides how a row is encoded (names, types, order,
 * nullability, primary key) and nothing that may differ harmlessly (secondary keys, database name).
 */
import { createHash } from 'node:crypto';
import type { Column, ColumnType } from '../type/column-type.ts';
import { familyOf } from '../type/type-families.ts';
import type { Refusal } from '../type/type-family.ts';

export type TableSchema = {
  db: string;
  table: string;
  columns: Column[];
  /** Indexes into `columns`, in the order of the key. */
  primaryKey: number[];
  uniqueKeys: { name: string; columns: number[] }[];
};

export type UnsupportedColumn = { column: string; reason: string; remedy: string };

export function schemaFingerprint(schema: TableSchema): string {
  const parts = schema.columns.map(c => [
    c.name,
    typeParts(c.type),
    c.nullable,
    c.generated === 'no' ? 0 : c.generated,
  ]);
  const text = JSON.stringify([1, schema.table, parts, schema.primaryKey]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Key order of an object must not matter: entries are sorted by name. */
function typeParts(type: ColumnType): unknown[] {
  return Object.entries(type).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Everything that doctor and the running services refuse; empty when the table can be carried. */
export function unsupportedColumns(schema: TableSchema): UnsupportedColumn[] {
  const refused: UnsupportedColumn[] = [];
  if (schema.primaryKey.length === 0) {
    refused.push({
      column: '',
      reason: 'the table has no primary key: its rows cannot be told apart in the log',
      remedy: `ALTER TABLE ${schema.db}.${schema.table} ADD PRIMARY KEY (...)`,
    });
  }
  schema.columns.forEach((column, i) => {
    const found = refusal(column) ?? (schema.primaryKey.includes(i) ? keyRefusal(column) : null);
    if (found) refused.push({ column: column.name, ...found });
  });
  return refused;
}

function refusal({ type, generated }: Column): Refusal | null {
  if (generated === 'virtual') {
    return {
      reason: 'a virtual generated column is not stored, so the log cannot prove its value',
      remedy: 'make it STORED, or drop it for the time of the job and add it on the targets',
    };
  }
  return familyOf(type).refusal(type);
}

/**
 * Two keys that MySQL holds equal must be equal bytes, else one row has two partitions and two
 * histories.
 */
export function keyRefusal({ type }: Column): Refusal | null {
  return familyOf(type).keyRefusal(type);
}
