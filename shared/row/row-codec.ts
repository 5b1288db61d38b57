/**
 * A whole row between its byte forms. The Avro Value record is what a row IS from here on: the log
 * carries it, the sink routes, folds and prints it, the checker names keys by it.
 * Invariant: the same stored row gives the same bytes whether it came by SELECT or by binlog, and
 * a key's bytes are the bytes of its columns in the row (key columns are never unions), so one key
 * has one byte form.
 */

import { at, ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import { allColumns, type TableSchema, unsupportedColumns } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import { EnumCodec } from '../type/enum-set.ts';
import { JsonCodec } from '../type/json.ts';
import type { JsonAsking } from '../type/json-asking.ts';
import { columnCodec } from '../type/type-families.ts';
import type { ValueCodec } from '../type/value-codec.ts';

const NULL_TEXT = 0xfb;
const NULL_SQL = Buffer.from('NULL');
/** Union branches of ['null', T] as Avro writes them. */
const BRANCH_NULL = 0;
const BRANCH_VALUE = 2;

export class RowCodec {
  readonly schema: TableSchema;
  /** Columns that an INSERT lists: a stored generated column is computed again by the target. */
  readonly insertable: number[];
  readonly codecs: readonly ValueCodec[];
  readonly #nullable: boolean[];
  readonly #isDocument: boolean[];
  readonly #keyColumns: number[];
  /** Columns up to the last one of the key: no more need be walked for a key. */
  readonly #keyPrefix: number;
  readonly #starts: Int32Array;
  /** How row images are read where they have virtual columns, which are passed over. */
  readonly #image: readonly ImagePart[] | null;

  constructor(schema: TableSchema) {
    const [refused] = unsupportedColumns(schema);
    if (refused !== undefined) {
      const where = refused.column === '' ? schema.table : `${schema.table}.${refused.column}`;
      throw new ReshardError('unsupported-type', `${where}: ${refused.reason}`, {
        remedy: refused.remedy,
        context: { table: schema.table, column: refused.column },
      });
    }
    this.schema = schema;
    this.codecs = schema.columns.map(c => columnCodec(schema.table, c));
    this.insertable = schema.columns.flatMap((c, i) => (c.generated === 'no' ? [i] : []));
    this.#nullable = schema.columns.map((c, i) => isUnion(schema, c, i));
    this.#isDocument = this.codecs.map(codec => codec instanceof JsonCodec);
    this.#keyColumns = schema.primaryKey;
    this.#keyPrefix = Math.max(...schema.primaryKey) + 1;
    this.#starts = new Int32Array(schema.columns.length + 1);
    this.#image = imageParts(schema);
  }

  /**
   * One row packet of the text protocol, whose columns are the selectExpression of each; a document
   * has a second cell.
   */
  fromText(buf: Buffer, start: number, end: number, out: ByteWriter): void {
    const { codecs } = this;
    let pos = start;
    for (let i = 0; i < codecs.length; i++) {
      let length = at(buf, pos++);
      if (length === NULL_TEXT) {
        this.#null(i, out);
        if (this.#isDocument[i]) pos = cellAt(buf, pos).end;
        continue;
      }
      if (length > NULL_TEXT) {
        const bytes = length === 0xfc ? 2 : length === 0xfd ? 3 : 8;
        length = readWide(buf, pos, bytes);
        pos += bytes;
      }
      if (this.#nullable[i]) out.u8(BRANCH_VALUE);
      if (this.#isDocument[i]) pos = this.#document(i, buf, pos, length, out);
      else {
        this.#codec(i).fromText(buf, pos, pos + length, out);
        pos += length;
      }
    }
    if (pos !== end) throw this.#corrupt('a row packet has other columns than the schema');
  }

  /** How the cell behind each document is asked for, by the name of its column. */
  get asking(): ReadonlyMap<string, JsonAsking> {
    return new Map(
      this.codecs.flatMap((codec, i): [string, JsonAsking][] => {
        return codec instanceof JsonCodec
          ? [[this.schema.columns[i]?.name ?? '', codec.asking]]
          : [];
      }),
    );
  }

  #document(i: number, buf: Buffer, start: number, length: number, out: ByteWriter): number {
    const end = start + length;
    const cell = cellAt(buf, end);
    const codec = this.#codec(i);
    const text = { start, end };
    if (codec instanceof JsonCodec) codec.fromCells(buf, text, cell.isNull ? null : cell, out);
    return cell.end;
  }

  /** One row image with all columns present; returns the position after it. */
  fromBinlog(buf: Buffer, pos: number, end: number, out: ByteWriter): number {
    const { codecs } = this;
    if (this.#image !== null) return this.#fromWiderImage(this.#image, buf, pos, end, out);
    let p = pos + ((codecs.length + 7) >> 3);
    for (let i = 0; i < codecs.length; i++) {
      if ((at(buf, pos + (i >> 3)) >> (i & 7)) & 1) {
        this.#null(i, out);
        continue;
      }
      if (this.#nullable[i]) out.u8(BRANCH_VALUE);
      p = this.#codec(i).fromBinlog(buf, p, out);
    }
    if (p > end) throw this.#corrupt('a row image has other columns than the schema');
    return p;
  }

  #fromWiderImage(
    parts: readonly ImagePart[],
    buf: Buffer,
    pos: number,
    end: number,
    out: ByteWriter,
  ): number {
    let p = pos + ((parts.length + 7) >> 3);
    for (const [bit, part] of parts.entries()) {
      const isNull = ((at(buf, pos + (bit >> 3)) >> (bit & 7)) & 1) === 1;
      if (typeof part !== 'number') {
        if (!isNull) p = passed(part, buf, p);
      } else if (isNull) this.#null(part, out);
      else {
        if (this.#nullable[part]) out.u8(BRANCH_VALUE);
        p = this.#codec(part).fromBinlog(buf, p, out);
      }
    }
    if (p > end) throw this.#corrupt('a row image has other columns than the schema');
    return p;
  }

  /** The canonical key bytes of a row: its key columns in key order. */
  key(row: Buffer, start: number, _end: number, out: ByteWriter): void {
    const starts = this.#starts;
    let pos = start;
    for (let i = 0; i < this.#keyPrefix; i++) {
      starts[i] = pos;
      pos = this.#skip(row, pos, i);
    }
    starts[this.#keyPrefix] = pos;
    for (const i of this.#keyColumns) {
      out.copy(row, starts[i] as number, starts[i + 1] as number);
    }
  }

  /** Start of every column (at its union branch if it is nullable); returns the row's end. */
  offsets(row: Buffer, start: number, out: Int32Array): number {
    let pos = start;
    for (let i = 0; i < this.codecs.length; i++) {
      out[i] = pos;
      pos = this.#skip(row, pos, i);
    }
    return pos;
  }

  /** The row's end. */
  skip(row: Buffer, start: number): number {
    let pos = start;
    for (let i = 0; i < this.codecs.length; i++) pos = this.#skip(row, pos, i);
    return pos;
  }

  /** The SQL literal of one column, given its offset. */
  toSql(row: Buffer, columnOffset: number, column: number, out: ByteWriter): void {
    if (!this.#nullable[column]) this.#codec(column).toSql(row, columnOffset, out);
    else if (at(row, columnOffset) === BRANCH_NULL) out.copy(NULL_SQL, 0, 4);
    else this.#codec(column).toSql(row, columnOffset + 1, out);
  }

  /** The literal of a key column for comparisons, given its offset. */
  toKeySql(row: Buffer, columnOffset: number, column: number, out: ByteWriter): void {
    const codec = this.#codec(column);
    if (codec.toKeySql === undefined) codec.toSql(row, columnOffset, out);
    else codec.toKeySql(row, columnOffset, out);
  }

  /** The text of a column that is not NULL in the row that is hashed, given its offset. */
  toRowText(row: Buffer, columnOffset: number, column: number, out: ByteWriter): void {
    const value = this.#nullable[column] ? columnOffset + 1 : columnOffset;
    this.#codec(column).toRowText(row, value, out);
  }

  /** Whether it is a document with values of kinds that its text does not say. */
  hasKinds(row: Buffer, columnOffset: number, column: number): boolean {
    const codec = this.#codec(column);
    if (!(codec instanceof JsonCodec) || this.isNull(row, columnOffset, column)) return false;
    return codec.hasKinds(row, this.#nullable[column] ? columnOffset + 1 : columnOffset);
  }

  /** Whether the column at that offset is NULL. */
  isNull(row: Buffer, columnOffset: number, column: number): boolean {
    return this.#nullable[column] === true && at(row, columnOffset) === BRANCH_NULL;
  }

  /** Names of the ENUM columns that hold their error value in this row. */
  errorValues(row: Buffer, start: number): string[] {
    const starts = new Int32Array(this.codecs.length);
    this.offsets(row, start, starts);
    return this.codecs.flatMap((codec, i) => {
      const pos = starts[i] as number;
      if (!(codec instanceof EnumCodec) || this.isNull(row, pos, i)) return [];
      const isError = codec.isErrorValue(row, this.#nullable[i] ? pos + 1 : pos);
      return isError ? (this.schema.columns[i]?.name ?? []) : [];
    });
  }

  /** For humans and tests only. */
  toJs(row: Buffer, start: number): unknown[] {
    const starts = new Int32Array(this.codecs.length);
    this.offsets(row, start, starts);
    return this.codecs.map((codec, i) => {
      const pos = starts[i] as number;
      if (this.isNull(row, pos, i)) return null;
      return codec.toJs(row, this.#nullable[i] ? pos + 1 : pos);
    });
  }

  #codec(i: number): ValueCodec {
    return this.codecs[i] as ValueCodec;
  }

  #skip(row: Buffer, pos: number, i: number): number {
    if (!this.#nullable[i]) return this.#codec(i).skip(row, pos);
    const branch = at(row, pos);
    if (branch === BRANCH_NULL) return pos + 1;
    if (branch !== BRANCH_VALUE) throw this.#corrupt('bytes that are not a row of this schema');
    return this.#codec(i).skip(row, pos + 1);
  }

  #null(i: number, out: ByteWriter): void {
    if (!this.#nullable[i]) throw this.#corrupt('NULL in a column that is NOT NULL');
    out.u8(BRANCH_NULL);
  }

  #corrupt(what: string): ReshardError {
    const { table } = this.schema;
    return new ReshardError('corrupt', `${table}: ${what}`, { context: { table } });
  }
}

/** The index of a column that is read, or the codec of one that is not. */
type ImagePart = number | ValueCodec;

function imageParts(schema: TableSchema): ImagePart[] | null {
  if ((schema.virtual ?? []).length === 0) return null;
  return allColumns(schema).map(column => {
    const index = schema.columns.indexOf(column);
    return index < 0 ? columnCodec(schema.table, column) : index;
  });
}

const UNREAD = new ByteWriter(64);

function passed(codec: ValueCodec, buf: Buffer, pos: number): number {
  if (codec.passBinlog !== undefined) return codec.passBinlog(buf, pos);
  UNREAD.clear();
  return codec.fromBinlog(buf, pos, UNREAD);
}

/** Whether the column is a ['null', T] union in the Value record. */
export function isUnion(schema: TableSchema, column: Column, index: number): boolean {
  return column.nullable && !schema.primaryKey.includes(index);
}

/** One cell of a row packet. */
function cellAt(buf: Buffer, pos: number): { start: number; end: number; isNull: boolean } {
  const length = at(buf, pos);
  if (length <= NULL_TEXT) {
    const isNull = length === NULL_TEXT;
    return { start: pos + 1, end: pos + 1 + (isNull ? 0 : length), isNull };
  }
  const bytes = length === 0xfc ? 2 : length === 0xfd ? 3 : 8;
  const start = pos + 1 + bytes;
  return { start, end: start + readWide(buf, pos + 1, bytes), isNull: false };
}

function readWide(buf: Buffer, pos: number, bytes: number): number {
  let v = 0;
  for (let i = bytes - 1; i >= 0; i--) v = v * 256 + at(buf, pos + i);
  return v;
}
