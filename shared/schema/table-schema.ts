/**
 * A table as every service agrees on it. The fingerprint goes with each snapshot chunk: the writer
 * merges a chunk only if it was read under the very schema that the binlog shows now.
 * Invariant: the fingerprint covers all that decides how a row is encoded (names, types, order,
 * nullability, primary key) and nothing that may differ harmlessly (secondary keys, database name).
 */
import { createHash } from 'node:crypto';
import type { Column, ColumnType } from '../type/column-type.ts';

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

/** utf8mb3 is stored and sent as the part of utf8mb4 that it is; latin1 is transcoded (cp1252). */
const CARRIED_CHARSETS = new Set(['utf8mb4', 'utf8mb3', 'utf8', 'ascii', 'latin1']);

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

type Refusal = { reason: string; remedy: string };

function refusal({ type, generated }: Column): Refusal | null {
  if (generated === 'virtual') {
    return {
      reason: 'a virtual generated column is not stored, so the log cannot prove its value',
      remedy: 'make it STORED, or drop it for the time of the job and add it on the targets',
    };
  }
  if (type.kind === 'unsupported') {
    return {
      reason: `type ${type.declared} is not carried: ${type.reason}`,
      remedy: 'convert the column to a carried type, or leave the table out of the job',
    };
  }
  if (type.kind === 'text' && !CARRIED_CHARSETS.has(type.charset)) {
    return {
      reason: `character set ${type.charset} is not carried`,
      remedy: 'ALTER TABLE ... MODIFY the column with CHARACTER SET utf8mb4',
    };
  }
  return null;
}

/**
 * Two keys that MySQL holds equal must be equal bytes, else one row has two partitions and two
 * histories. Only binary NO PAD collations promise that; -0 and 0 are equal floats of other bytes.
 */
export function keyRefusal({ type }: Column): Refusal | null {
  if (type.kind === 'text' && !/_(0900|nopad)_bin$/.test(type.collation)) {
    return {
      reason: `primary key text in collation ${type.collation}: keys of other bytes compare equal`,
      remedy:
        'use COLLATE utf8mb4_0900_bin (MariaDB: utf8mb4_nopad_bin) or VARBINARY for key columns',
    };
  }
  if (type.kind === 'float' || type.kind === 'double') {
    return {
      reason: 'floating point in the primary key: 0 and -0 are one key of two byte forms',
      remedy: 'use DECIMAL for key columns',
    };
  }
  return null;
}
