/**
 * FLOAT and DOUBLE: their own IEEE bits in the log. Text never decides the bits of a FLOAT: the
 * server prints six digits of it, so the snapshot selects CAST(column AS DOUBLE), which prints the
 * shortest text that gives the same bits back (also for DOUBLE(M,D), which would print D digits).
 */
import type { ByteWriter } from '../runtime/bytes.ts';
import type { ColumnType } from './column-type.ts';
import { TYPE_CODE } from './seen-column.ts';
import { ORDERED_BY_VALUE, plainText, type TypeFamily, unquoted } from './type-family.ts';
import type { ValueCodec } from './value-codec.ts';

class FloatCodec implements ValueCodec {
  readonly avro: 'float' | 'double';
  readonly #bytes: 4 | 8;

  constructor(avro: 'float' | 'double') {
    this.avro = avro;
    this.#bytes = avro === 'float' ? 4 : 8;
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const v = Number(src.toString('latin1', start, end));
    out.reserve(this.#bytes);
    out.pos =
      this.#bytes === 4 ? out.buf.writeFloatLE(v, out.pos) : out.buf.writeDoubleLE(v, out.pos);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const end = pos + this.#bytes;
    out.copy(src, pos, end);
    return end;
  }

  skip(_buf: Buffer, pos: number): number {
    return pos + this.#bytes;
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    out.ascii(floatLiteral(this.toJs(buf, pos)));
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    const bits = Buffer.alloc(8);
    bits.writeDoubleLE(this.toJs(buf, pos));
    out.ascii(POINT_HEAD + bits.toString('hex').toUpperCase() + POINT_Y);
  }

  toJs(buf: Buffer, pos: number): number {
    return this.#bytes === 4 ? buf.readFloatLE(pos) : buf.readDoubleLE(pos);
  }
}

/** With an exponent, so that MySQL reads a double: without one the literal is a DECIMAL. */
function floatLiteral(v: number): string {
  const text = Object.is(v, -0) ? '-0' : String(v);
  return text.includes('e') ? text : `${text}e0`;
}

/** A point as servers store it: reference system, byte order, kind of shape, then x and y. */
const POINT_HEAD = '000000000101000000';
const POINT_Y = '0'.repeat(16);

function floatFamily<K extends 'float' | 'double'>(
  kind: K,
  code: number,
  keyLiteral: (c: string) => string,
): TypeFamily<Extract<ColumnType, { kind: K }>> {
  return {
    ...ORDERED_BY_VALUE,
    declare: ({ dataType }) =>
      dataType === kind ? ({ kind } as Extract<ColumnType, { kind: K }>) : null,
    matches: (_, seen) => seen.code === code,
    codec: () => new FloatCodec(kind),
    refusal: () => null,
    // 0 and -0 are two spellings of one key: shared/row/key-class.ts.
    keyRefusal: () => null,
    select: c => `CAST(${c} AS DOUBLE)`,
    // The bits, as servers of two kinds have two texts of one double, and MySQL another one of an
    // expression. (MariaDB has no part of it: SUBSTR of HEX is freed before CONCAT_WS has read it.)
    rowText: (_, c) => ({ closed: `HEX(POINT(${c},0))` }),
    keyLiteral,
    readable: (_, literal) => unquoted(literal),
    printed: (_, text) => plainText(text, /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i, 'floating-point number'),
    meaning: () => kind,
    isWider: () => false,
    words: () => kind,
    maxBytes: () => 8,
    measure: () => null,
  };
}

/** Six digits as it stands; 22 characters are more than a FLOAT needs. */
export const FLOAT = floatFamily('float', TYPE_CODE.FLOAT, c => `CAST(${c} AS DOUBLE)`);
/** Prints exactly only as it stands: CAST and IFNULL cut it to 22 characters. */
export const DOUBLE = floatFamily('double', TYPE_CODE.DOUBLE, c => c);
