/**
 * A column that decides where a row goes, as the bytes that are hashed, listed and compared: digits
 * and dates as the server prints them, texts as UTF-8 or, in a character set with codes of its own,
 * as they are stored, bytes as they are. The same bytes here, from the row, and there, by SQL; a
 * type for which that cannot be promised is no column to route by. To convert all texts to UTF-8 is
 * the obvious way and wrong: a server has no character for some codes, or has one under some
 * collations only (0x97 of latin2), and makes `?` of them.
 * NULL has no bytes: such a column must be NOT NULL.
 */
import type { ByteWriter } from '../runtime/bytes.ts';
import { unreachable } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { byteLength, skipVarint } from '../type/avro-read.ts';
import { CharsetTextCodec } from '../type/charset-text.ts';
import type { Column, ColumnType } from '../type/column-type.ts';
import { isByBytes } from '../type/text.ts';
import { familyOf } from '../type/type-families.ts';
import { NotOfType } from '../type/type-family.ts';
import type { ValueCodec } from '../type/value-codec.ts';
import type { ColumnProblem, Dialect, RowView } from './route.ts';

const QUOTE = 0x27;
const DATE = /^\d{4}-\d\d-\d\d$/;

/** How the bytes of a type are had; null where the two sides could differ. */
type Form = 'printed' | 'text' | 'coded' | 'bytes' | null;

function formOf(type: ColumnType): Form {
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'date':
    case 'time':
    case 'datetime':
    case 'timestamp':
      return 'printed';
    case 'text':
      return isByBytes(type.charset) ? 'coded' : 'text';
    case 'binary':
      return 'bytes';
    case 'float':
    case 'double':
    case 'year':
    case 'enum':
    case 'set':
    case 'bit':
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

export class RoutedColumn {
  readonly name: string;
  /** Its place in the table. */
  readonly index: number;
  readonly type: ColumnType;
  readonly #codec: ValueCodec;
  readonly #form: Form;

  /** Only of a column that has no `routedColumnProblem`. */
  constructor(schema: TableSchema, name: string) {
    this.name = name;
    this.index = schema.columns.findIndex(c => c.name === name);
    const column = schema.columns[this.index];
    if (column === undefined) throw new RangeError(`no column ${name}`);
    this.type = column.type;
    this.#form = formOf(column.type);
    const place = { table: `${schema.db}.${schema.table}`, column: name };
    this.#codec = familyOf(column.type).codec(column.type, place);
  }

  /** Appends the value's bytes. */
  write(row: RowView, out: ByteWriter): void {
    const pos = row.start(this.index);
    if (this.#form === 'printed') {
      const start = out.pos;
      this.#codec.toSql(row.buf, pos, out);
      unquote(out, start);
      return;
    }
    if (this.#codec instanceof CharsetTextCodec) {
      this.#codec.writeStored(row.buf, pos, out);
      return;
    }
    const start = skipVarint(row.buf, pos);
    out.copy(row.buf, start, start + byteLength(row.buf, pos));
  }

  /** The value's bytes as a text that people read: those that are no UTF-8 text in hex. */
  readable(bytes: Buffer): string {
    const isText = this.#form === 'printed' || this.#form === 'text';
    return bytes.toString(isText ? 'utf8' : 'hex');
  }

  /** An expression of the same bytes. */
  sql(dialect: Dialect): string {
    const c = dialect.quote(this.name);
    switch (this.#form) {
      case 'printed':
        // ZEROFILL prints zeros that are no part of the number.
        return `CAST(CAST(${isNumber(this.type) ? `${c}+0` : c} AS CHAR) AS BINARY)`;
      case 'text':
        return `CAST(CONVERT(${c} USING utf8mb4) AS BINARY)`;
      case 'coded':
        return `CAST(${c} AS BINARY)`;
      case 'bytes':
        return c;
      case null:
        throw new RangeError(`${this.name} is no column to route by`);
      default:
        return unreachable(this.#form);
    }
  }

  /** Bytes of a value that people wrote in a job file, as `write` gives them; throws NotOfType. */
  valueOf(text: string): Buffer {
    const bytes = familyOf(this.type).printed(this.type, text);
    if (this.type.kind === 'integer') return Buffer.from(`${BigInt(text)}`, 'latin1');
    if (this.type.kind === 'date' && !DATE.test(text)) throw new NotOfType('is not YYYY-MM-DD');
    if (this.type.kind !== 'binary' || this.type.form !== 'binary') return bytes;
    return Buffer.concat([bytes, Buffer.alloc(Math.max(0, this.type.length - bytes.length))]);
  }
}

function isNumber(type: ColumnType): boolean {
  return type.kind === 'integer' || type.kind === 'decimal';
}

/** Takes the quotes of a literal away, which holds nothing that had to be escaped. */
function unquote(out: ByteWriter, start: number): void {
  if (out.buf[start] !== QUOTE) return;
  out.buf.copyWithin(start, start + 1, out.pos - 1);
  out.pos -= 2;
}

/** Why rows cannot be routed by the column. */
export function routedColumnProblem(schema: TableSchema, name: string): ColumnProblem | null {
  const index = schema.columns.findIndex(c => c.name === name);
  const column = schema.columns[index];
  if (column === undefined) return 'missing';
  if (formOf(column.type) === null) return 'type';
  return isNullable(schema, column, index) ? 'nullable' : null;
}

function isNullable(schema: TableSchema, column: Column, index: number): boolean {
  return column.nullable && !schema.primaryKey.includes(index);
}

/** The value as the column's type prints it, or why it is none. */
export function valueProblem(column: RoutedColumn, text: string): string | null {
  try {
    column.valueOf(text);
    return null;
  } catch (e) {
    if (e instanceof NotOfType) return e.message;
    throw e;
  }
}

/** Types of which a value has one text that people write. */
export function hasList(type: ColumnType): boolean {
  return ['integer', 'date', 'text', 'binary'].includes(type.kind);
}
