/**
 * Is the table of a TableMap event the one that the job was planned with? Column names, order,
 * types, lengths, signs, character sets and the key must be the same, as the row images that follow
 * are decoded by position. Nullability is not compared: an image marks its NULLs itself, and a NULL
 * where the plan has none is refused when the row is encoded.
 */

import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column, ColumnType } from '../../../shared/type/column-type.ts';
import type { SeenColumn, SeenTable } from './zongji.ts';

/** The first difference in words, or null. */
export function tableDifference(planned: TableSchema, seen: SeenTable): string | null {
  const names = (list: { name: string }[]): string[] => list.map(c => c.name);
  const [were, are] = [names(planned.columns), names(seen.columns)];
  if (!sameList(were, are)) {
    return `columns were (${were.join(', ')}) and are (${are.join(', ')})`;
  }
  for (const [i, column] of planned.columns.entries()) {
    const now = seen.columns[i];
    if (now === undefined || !sameType(column.type, now)) {
      return `column ${column.name} was ${words(column)} and is ${now ? seenWords(now) : 'gone'}`;
    }
  }
  // Without FULL metadata the key is not told; then the names would be missing too.
  if (seen.primaryKey.length > 0 && !sameList(seen.primaryKey, planned.primaryKey)) {
    const key = (list: number[]): string => list.map(i => planned.columns[i]?.name).join(', ');
    return `primary key was (${key(planned.primaryKey)}) and is (${key(seen.primaryKey)})`;
  }
  return null;
}

const CODE = {
  FLOAT: 4,
  DOUBLE: 5,
  DATE: 10,
  YEAR: 13,
  VARCHAR: 15,
  BIT: 16,
  TIMESTAMP2: 17,
  DATETIME2: 18,
  TIME2: 19,
  JSON: 245,
  NEWDECIMAL: 246,
  ENUM: 247,
  SET: 248,
  BLOB: 252,
  STRING: 254,
} as const;

const INTEGER_CODE = { 8: 1, 16: 2, 24: 9, 32: 3, 64: 8 } as const;

/** Bytes of the length prefix of the four sizes of TEXT and BLOB. */
const BLOB_PREFIX: Record<string, number> = {
  tinytext: 1,
  text: 2,
  mediumtext: 3,
  longtext: 4,
  tinyblob: 1,
  blob: 2,
  mediumblob: 3,
  longblob: 4,
};

function sameType(type: ColumnType, seen: SeenColumn): boolean {
  const { code, metadata } = seen;
  switch (type.kind) {
    case 'integer':
      return code === INTEGER_CODE[type.bits] && seen.unsigned === type.unsigned;
    case 'decimal':
      return (
        code === CODE.NEWDECIMAL &&
        metadata.precision === type.precision &&
        metadata.decimals === type.scale
      );
    case 'float':
      return code === CODE.FLOAT;
    case 'double':
      return code === CODE.DOUBLE;
    case 'text':
      return (
        sameBytes(type, seen) &&
        seen.charset === (type.charset === 'utf8' ? 'utf8mb3' : type.charset)
      );
    case 'binary':
      return sameBytes(type, seen) && seen.charset === null;
    case 'date':
      return code === CODE.DATE;
    case 'year':
      return code === CODE.YEAR;
    case 'time':
      return code === CODE.TIME2 && metadata.decimals === type.fsp;
    case 'datetime':
      return code === CODE.DATETIME2 && metadata.decimals === type.fsp;
    case 'timestamp':
      return code === CODE.TIMESTAMP2 && metadata.decimals === type.fsp;
    case 'enum':
      return code === CODE.ENUM && sameList(seen.values, type.values);
    case 'set':
      return code === CODE.SET && sameList(seen.values, type.values);
    case 'bit':
      return code === CODE.BIT && metadata.bits === type.bits;
    case 'json':
      return code === CODE.JSON;
    case 'unsupported':
      return false;
  }
}

function sameBytes(
  type: Extract<ColumnType, { kind: 'text' | 'binary' }>,
  seen: SeenColumn,
): boolean {
  const prefix = BLOB_PREFIX[type.form];
  if (prefix !== undefined) return seen.code === CODE.BLOB && seen.metadata.length_size === prefix;
  const code = type.form === 'char' || type.form === 'binary' ? CODE.STRING : CODE.VARCHAR;
  return seen.code === code && seen.metadata.max_length === type.length;
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

function words({ type }: Column): string {
  return JSON.stringify(type);
}

function seenWords(seen: SeenColumn): string {
  return JSON.stringify({ ...seen, name: undefined });
}
