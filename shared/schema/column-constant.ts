/**
 * What a constant of an ALTER TABLE is as a value of its column. It is the value of each row that
 * was there and that nobody has written since, and no event tells it; so it is taken only where the
 * text and the value are one thing: a number with the digits of its type, a text as it stands. What
 * a server would convert (rounding, short dates, other letters of a member, a moment in the zone of
 * a session) is refused, and so is what no Avro default can say.
 */
import { ByteWriter } from '../runtime/bytes.ts';
import { unreachable } from '../runtime/error.ts';
import { readLong, skipVarint } from '../type/avro-read.ts';
import type { Column } from '../type/column-type.ts';
import { textAt } from '../type/text.ts';
import { columnCodec, familyOf } from '../type/type-families.ts';
import { NotOfType } from '../type/type-family.ts';

/** A column as the statement that adds it declares it (services/binlog/ddl/constant.ts). */
export interface AddedConstant {
  /** In lower case. */
  name: string;
  /** As declared: `decimal(8,2) unsigned`, without character set and collation. */
  type: string;
  notNull: boolean;
  /** A number, or a string in single quotes; null: NOT NULL, and the type's own empty value. */
  literal: string | null;
}

export type ColumnConstant =
  | {
      /** The value in the log, without the branch of a union. */
      bytes: Buffer;
      /** As the default of a column. */
      sql: string;
      /** As the operand of a comparison with the column. */
      operand: string;
    }
  /** Why it is none, in words, behind the column's name. */
  | { refused: string };

/** `literal`: a number, or a string in single quotes; null: the type's own empty value. */
export function columnConstant(
  table: string,
  column: Column,
  literal: string | null,
): ColumnConstant {
  const text = textFor(column, literal);
  if (text === null) return { refused: `has a default that is no plain ${words(column)}` };
  try {
    const printed = familyOf(column.type).printed(column.type, text);
    const codec = columnCodec(table, column);
    const out = new ByteWriter(64);
    codec.fromText(printed, 0, printed.length, out);
    const bytes = out.take();
    if (defaultOf(table, column, bytes) === undefined) {
      return { refused: 'has a default that the topic cannot tell' };
    }
    out.clear();
    codec.toSql(bytes, 0, out);
    const operand = out.take().toString('utf8');
    const sql = isNumber(column) ? text : `'${text.replaceAll("'", "''")}'`;
    return { bytes, sql, operand };
  } catch (e) {
    if (!(e instanceof NotOfType)) throw e;
    return { refused: `has a default that ${e.message}` };
  }
}

/** The default of the column's field, in a schema. */
export function avroDefault(table: string, column: Column): unknown {
  return defaultOf(table, column, Buffer.from(column.fill ?? '', 'hex'));
}

const words = ({ type }: Column): string => familyOf(type).words(type);

const isNumber = ({ type }: Column): boolean =>
  ['integer', 'decimal', 'float', 'double', 'year'].includes(type.kind);

/** The text that `select` would print for it; null if that cannot be told. */
function textFor(column: Column, literal: string | null): string | null {
  const { type } = column;
  const isQuoted = literal?.startsWith("'") === true;
  const text = isQuoted ? (literal ?? '').slice(1, -1).replaceAll("''", "'") : literal;
  switch (type.kind) {
    case 'integer':
      return plainNumber(text ?? '0', 0);
    case 'float':
    case 'double':
      // Whether a server keeps the sign of a zero depends on how it is written.
      return Object.is(Number(text), -0) ? null : (text ?? '0');
    case 'decimal':
      return plainNumber(text ?? '0', type.scale);
    case 'text':
      // A server takes blanks from the end of a CHAR, and prints a number in its own way.
      if (text === null) return '';
      if (type.form === 'char' && text.endsWith(' ')) return null;
      return isQuoted || /^(0|[1-9]\d*)$/.test(text) ? text : null;
    case 'enum':
      return isQuoted ? text : null;
    case 'year':
      return text;
    case 'date':
      return isQuoted && /^\d{4}-\d\d-\d\d$/.test(text ?? '') ? text : null;
    case 'datetime': {
      const form = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)?$/.exec(text ?? '');
      if (!isQuoted || form === null) return null;
      return withDigits(form[1] ?? '', form[2] ?? '', type.fsp);
    }
    case 'time':
    case 'timestamp':
    case 'binary':
    case 'bit':
    case 'set':
    case 'json':
    case 'geometry':
    case 'vector':
    case 'address':
    case 'unsupported':
      return null;
    default:
      return unreachable(type);
  }
}

/** Null if it has more digits than the scale, or is written in another way. */
function plainNumber(text: string, scale: number): string | null {
  const form = /^(-?(?:0|[1-9]\d{0,64}))(\.\d+)?$/.exec(text);
  if (form === null || (text.startsWith('-') && !/[1-9]/.test(text))) return null;
  return withDigits(form[1] ?? '', form[2] ?? '', scale);
}

function withDigits(whole: string, fraction: string, scale: number): string | null {
  const digits = fraction.slice(1);
  if (digits.length > scale) return null;
  return scale === 0 ? whole : `${whole}.${digits.padEnd(scale, '0')}`;
}

/** As JSON has it by the field's type; undefined where JSON cannot say it. */
function defaultOf(table: string, column: Column, bytes: Buffer): unknown {
  const { avro } = columnCodec(table, column);
  const type = typeof avro === 'string' || Array.isArray(avro) ? avro : avro.type;
  switch (type) {
    case 'int':
    case 'long': {
      const value = readLong(bytes, 0);
      return typeof value === 'number' ? value : undefined;
    }
    case 'float':
      return bytes.readFloatLE(0);
    case 'double':
      return bytes.readDoubleLE(0);
    case 'string':
      return textAt(bytes, 0);
    case 'bytes':
      // Each byte is the character of its number.
      return bytes.toString('latin1', skipVarint(bytes, 0));
    default:
      return undefined;
  }
}
