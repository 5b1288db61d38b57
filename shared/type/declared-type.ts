/**
 * A column's declared type, as INFORMATION_SCHEMA words it, to a ColumnType. Total: what is not
 * known becomes `unsupported` with the words kept, never text by default, because a type that is
 * carried as the wrong kind loses data silently.
 */
import type { ColumnType } from './column-type.ts';

/** The INFORMATION_SCHEMA.COLUMNS fields that decide a type. */
export interface DeclaredType {
  dataType: string;
  columnType: string;
  charset: string | null;
  collation: string | null;
  octetLength: string | number | null;
  precision: string | number | null;
  scale: string | number | null;
  fsp: string | number | null;
}

const INTEGER_BITS: Record<string, 8 | 16 | 24 | 32 | 64> = {
  tinyint: 8,
  smallint: 16,
  mediumint: 24,
  int: 32,
  integer: 32,
  bigint: 64,
};

const SPATIAL = 'spatial values with their reference system have no form in the log yet';

/** Why a type that exists is not carried. */
const UNSUPPORTED: Record<string, string> = {
  geometry: SPATIAL,
  point: SPATIAL,
  linestring: SPATIAL,
  polygon: SPATIAL,
  multipoint: SPATIAL,
  multilinestring: SPATIAL,
  multipolygon: SPATIAL,
  geomcollection: SPATIAL,
  geometrycollection: SPATIAL,
  vector: 'the reader of the binary log does not know it',
};

const TEXT_FORMS = ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'] as const;
const BINARY_FORMS = ['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'] as const;

function isOneOf<T extends string>(list: readonly T[], x: string): x is T {
  return list.some(item => item === x);
}

export function columnTypeOf(declared: DeclaredType): ColumnType {
  const name = declared.dataType.toLowerCase();
  const bits = INTEGER_BITS[name];
  if (bits !== undefined) {
    return { kind: 'integer', bits, unsigned: /\bunsigned\b/i.test(declared.columnType) };
  }
  if (isOneOf(TEXT_FORMS, name)) {
    return {
      kind: 'text',
      charset: declared.charset ?? '',
      collation: declared.collation ?? '',
      length: Number(declared.octetLength ?? 0),
      form: name,
    };
  }
  if (isOneOf(BINARY_FORMS, name)) {
    return { kind: 'binary', length: Number(declared.octetLength ?? 0), form: name };
  }
  return otherTypeOf(name, declared);
}

function otherTypeOf(name: string, declared: DeclaredType): ColumnType {
  const fsp = Number(declared.fsp ?? 0);
  switch (name) {
    case 'decimal':
    case 'numeric':
      return {
        kind: 'decimal',
        precision: Number(declared.precision ?? 10),
        scale: Number(declared.scale ?? 0),
      };
    case 'float':
      return { kind: 'float' };
    case 'double':
      return { kind: 'double' };
    case 'date':
      return { kind: 'date' };
    case 'year':
      return { kind: 'year' };
    case 'json':
      return { kind: 'json' };
    case 'time':
      return { kind: 'time', fsp };
    case 'datetime':
      return { kind: 'datetime', fsp };
    case 'timestamp':
      return { kind: 'timestamp', fsp };
    case 'bit':
      return { kind: 'bit', bits: Number(declared.precision ?? 1) };
    case 'enum':
      return { kind: 'enum', values: listedValues(declared.columnType) };
    case 'set':
      return { kind: 'set', values: listedValues(declared.columnType) };
    default:
      return {
        kind: 'unsupported',
        declared: declared.columnType,
        reason: UNSUPPORTED[name] ?? 'this version does not know it',
      };
  }
}

const ESCAPES: Record<string, string> = { '0': '\0', n: '\n', r: '\r', t: '\t', Z: '\x1a' };

/** Values of `enum('a','it''s')`; quotes are doubled, other special characters have a backslash. */
export function listedValues(columnType: string): string[] {
  const values: string[] = [];
  let i = columnType.indexOf('(') + 1;
  while (i > 0 && columnType[i] === "'") {
    let value = '';
    for (i += 1; i < columnType.length; i++) {
      const c = columnType[i] ?? '';
      if (c === '\\') {
        i += 1;
        const escaped = columnType[i] ?? '';
        value += ESCAPES[escaped] ?? escaped;
      } else if (c !== "'") {
        value += c;
      } else if (columnType[i + 1] === "'") {
        value += "'";
        i += 1;
      } else {
        break;
      }
    }
    values.push(value);
    i += 1;
    if (columnType[i] !== ',') break;
    i += 1;
  }
  return values;
}
