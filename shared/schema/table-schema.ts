/**
 * A table as every service agrees on it. The fingerprint goes with each snapshot chunk: the writer
 * merges a chunk only if it was read under the very schema that the binlog shows now.
 * Invariant: the fingerprint covers all that decides how a row is encoded (names, types, order,
 * nullability, row key) and nothing that may differ harmlessly (secondary keys, names of indexes
 * and of the database).
 */
import { createHash } from 'node:crypto';
import type { Column, ColumnType } from '../type/column-type.ts';
import { familyOf } from '../type/type-families.ts';
import { type Refusal, sameList } from '../type/type-family.ts';

/**
 * A column that is computed whenever it is read. Nobody can write it, and its value follows from
 * the others, so the log does without it; row images may have it, so its place is known.
 */
export type VirtualColumn = {
  column: Column;
  /** Its place among all columns of the table. */
  at: number;
  expression: string;
};

export type TableSchema = {
  db: string;
  table: string;
  /** What a row is made of: all columns but the virtual ones. */
  columns: Column[];
  /** In the order of the table. */
  virtual?: VirtualColumn[];
  /** The row key, by which rows are told apart: indexes into `columns`, in the order of the key. */
  primaryKey: number[];
  /** Where another unique index than the primary key is the row key (shared/mysql/row-key.ts). */
  keyIndex?: KeyIndex;
  uniqueKeys: UniqueKey[];
};

export type UniqueKey = {
  name: string;
  /** Its columns; those that are in an expression do not count. */
  columns: number[];
  /** All that it is made of, where that is not whole columns alone (shared/mysql/row-key.ts). */
  parts?: string[];
};

export type KeyIndex = {
  name: string;
  /** Columns of what the server takes for the table's key, as row images tell it; none: no key. */
  serverKey: string[];
};

export type UnsupportedColumn = { column: string; reason: string; remedy: string };

/** Every column in the order of the table, as row images and readers of the table see it. */
export function allColumns(schema: TableSchema): Column[] {
  const columns = [...schema.columns];
  for (const { at, column } of schema.virtual ?? []) columns.splice(at, 0, column);
  return columns;
}

export function schemaFingerprint(schema: TableSchema): string {
  const parts = allColumns(schema).map(c => [
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

/** Names of the columns of the row key, in its order. */
export function rowKeyNames({ columns, primaryKey }: TableSchema): string[] {
  return primaryKey.map(i => columns[i]?.name ?? '');
}

/** The index of the row key, for statements that are to read in its order. */
export function keyIndexName(schema: TableSchema): string {
  return schema.keyIndex?.name ?? 'PRIMARY';
}

/** Whether row images tell the row key, so that each of them shows that it still is one. */
export function isServerKey(schema: TableSchema): boolean {
  return schema.keyIndex === undefined || sameList(schema.keyIndex.serverKey, rowKeyNames(schema));
}

/** Everything that doctor and the running services refuse; empty when the table can be carried. */
export function unsupportedColumns(schema: TableSchema): UnsupportedColumn[] {
  const refused: UnsupportedColumn[] = [];
  if (schema.primaryKey.length === 0) {
    refused.push({
      column: '',
      reason:
        'the table has no primary key and no unique index of columns that are NOT NULL: its rows' +
        ' cannot be told apart',
      remedy: '`reshard doctor <job file>` prints the ALTER TABLE that gives it one',
    });
  }
  schema.columns.forEach((column, i) => {
    const found =
      familyOf(column.type).refusal(column.type) ??
      (schema.primaryKey.includes(i) ? keyRefusal(column) : null);
    if (found) refused.push({ column: column.name, ...found });
  });
  // Its value is passed over in row images, and compared by the checker.
  for (const { column } of schema.virtual ?? []) {
    const found = familyOf(column.type).refusal(column.type);
    if (found) refused.push({ column: column.name, ...found });
  }
  return refused;
}

/** Why the column may not be part of a key. */
function keyRefusal({ type }: Column): Refusal | null {
  return familyOf(type).keyRefusal(type);
}
