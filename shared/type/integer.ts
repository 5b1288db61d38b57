/**
 * TINYINT to BIGINT and YEAR: Avro int or long. BIGINT UNSIGNED does not fit a long, so it is a
 * Decimal of scale 0 for every value: a field that is negative past 2^63 would be a silent lie.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { byteLength, readLong, readVarint, skipBytes, skipVarint } from './avro-read.ts';
import type { ColumnType } from './column-type.ts';
import { parseDigits, writeInteger, writePadded } from './digits.ts';
import { TYPE_CODE } from './seen-column.ts';
import { ORDERED_BY_VALUE, plainText, type TypeFamily, unquoted } from './type-family.ts';
import {
  decimalAvro,
  readUnscaled,
  readUnscaledBig,
  writeUnscaled,
  writeUnscaledBig,
} from './unscaled.ts';
import type { AvroSchema, ValueCodec } from './value-codec.ts';

const MINUS = 0x2d;
const TWO_32 = 4294967296;

/** 8 to 32 bits of either sign: always a safe number. */
class SmallIntegerCodec implements ValueCodec {
  readonly avro: AvroSchema;
  readonly #bits: number;
  readonly #unsigned: boolean;

  constructor(bits: 8 | 16 | 24 | 32, unsigned: boolean) {
    this.#bits = bits;
    this.#unsigned = unsigned;
    const int16 = bits === 8 || (bits === 16 && !unsigned);
    this.avro = int16
      ? { type: 'int', 'connect.type': 'int16' }
      : bits === 32 && unsigned
        ? 'long'
        : 'int';
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const negative = at(src, start) === MINUS;
    const v = parseDigits(src, negative ? start + 1 : start, end);
    out.varint(negative ? -v : v);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const bytes = this.#bits >> 3;
    let v = 0;
    for (let i = bytes - 1; i >= 0; i--) v = (v << 8) | at(src, pos + i);
    if (this.#unsigned) v = v >>> 0;
    else {
      const unused = 32 - this.#bits;
      v = (v << unused) >> unused;
    }
    out.varint(v);
    return pos + bytes;
  }

  skip(buf: Buffer, pos: number): number {
    return skipVarint(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    writeInteger(out, readVarint(buf, pos));
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    this.toSql(buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return readVarint(buf, pos);
  }
}

class BigintCodec implements ValueCodec {
  readonly avro = 'long';

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    if (end - start > 15) {
      out.varlong(BigInt(src.toString('latin1', start, end)));
      return;
    }
    const negative = at(src, start) === MINUS;
    const v = parseDigits(src, negative ? start + 1 : start, end);
    out.varint(negative ? -v : v);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const high = src.readInt32LE(pos + 4);
    if (high >= -0x100000 && high < 0x100000) {
      out.varint(high * TWO_32 + src.readUInt32LE(pos));
    } else out.varlong(src.readBigInt64LE(pos));
    return pos + 8;
  }

  skip(buf: Buffer, pos: number): number {
    return skipVarint(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const v = readLong(buf, pos);
    if (typeof v === 'number') writeInteger(out, v);
    else out.ascii(v.toString());
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    this.toSql(buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return readLong(buf, pos);
  }
}

class UnsignedBigintCodec implements ValueCodec {
  readonly avro = decimalAvro(20, 0);

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    if (end - start <= 15) writeUnscaled(out, parseDigits(src, start, end));
    else writeUnscaledBig(out, BigInt(src.toString('latin1', start, end)));
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const high = src.readUInt32LE(pos + 4);
    if (high < 0x200000) writeUnscaled(out, high * TWO_32 + src.readUInt32LE(pos));
    else writeUnscaledBig(out, src.readBigUInt64LE(pos));
    return pos + 8;
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const length = byteLength(buf, pos);
    const start = skipVarint(buf, pos);
    if (length <= 6) writeInteger(out, readUnscaled(buf, start, length));
    else out.ascii(readUnscaledBig(buf, start, length).toString());
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    this.toSql(buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return readUnscaledBig(buf, skipVarint(buf, pos), byteLength(buf, pos));
  }
}

/** YEAR: 0 is the value 0000, and as a number (not as text '0', which is 2000) it stays that. */
class YearCodec implements ValueCodec {
  readonly avro = { type: 'int', 'connect.version': 1, 'connect.name': 'io.debezium.time.Year' };

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    out.varint(parseDigits(src, start, end));
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const v = at(src, pos);
    out.varint(v === 0 ? 0 : 1900 + v);
    return pos + 1;
  }

  skip(buf: Buffer, pos: number): number {
    return skipVarint(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    writeInteger(out, readVarint(buf, pos));
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    writePadded(out, readVarint(buf, pos), 4);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return readVarint(buf, pos);
  }
}

type IntegerType = Extract<ColumnType, { kind: 'integer' }>;
type YearType = Extract<ColumnType, { kind: 'year' }>;

const BITS: Record<string, IntegerType['bits']> = {
  tinyint: 8,
  smallint: 16,
  mediumint: 24,
  int: 32,
  integer: 32,
  bigint: 64,
};

const CODE_OF_BITS = { 8: 1, 16: 2, 24: 9, 32: 3, 64: 8 } as const;

/** BIGINT UNSIGNED is a Decimal in the log: other bytes than those of a number. */
function isWiderInteger(was: IntegerType, is: IntegerType): boolean {
  const isDecimal = is.bits === 64 && is.unsigned;
  return is.bits > was.bits && !isDecimal && (was.unsigned || !is.unsigned);
}

/** A varint of 64 bits takes ten bytes; 20 digits as a decimal take nine and a length. */
const INTEGER_BYTES = 12;

export const INTEGER: TypeFamily<IntegerType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ dataType, columnType }) => {
    const bits = BITS[dataType];
    if (bits === undefined) return null;
    return { kind: 'integer', bits, unsigned: /\bunsigned\b/i.test(columnType) };
  },
  matches: (type, seen) => seen.code === CODE_OF_BITS[type.bits] && seen.unsigned === type.unsigned,
  codec: ({ bits, unsigned }) => {
    if (bits !== 64) return new SmallIntegerCodec(bits, unsigned);
    return unsigned ? new UnsignedBigintCodec() : new BigintCodec();
  },
  refusal: () => null,
  keyRefusal: () => null,
  select: c => c,
  // Without ZEROFILL's zeros.
  rowText: (_, c) => ({ closed: `${c}+0` }),
  keyLiteral: c => `${c}+0`,
  readable: (_, literal) => unquoted(literal),
  printed: (_, text) => plainText(text, /^-?\d+$/, 'integer'),
  meaning: () => 'integer',
  isWider: isWiderInteger,
  words: ({ bits, unsigned }) => `${bits}-bit ${unsigned ? 'unsigned ' : ''}integer`,
  maxBytes: () => INTEGER_BYTES,
  measure: () => null,
};

export const YEAR: TypeFamily<YearType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ dataType }) => (dataType === 'year' ? { kind: 'year' } : null),
  matches: (_, seen) => seen.code === TYPE_CODE.YEAR,
  codec: () => new YearCodec(),
  refusal: () => null,
  keyRefusal: () => null,
  select: c => c,
  rowText: (_, c) => ({ closed: c }),
  keyLiteral: c => c,
  readable: (_, literal) => unquoted(literal),
  printed: (_, text) => plainText(text, /^\d{4}$/, 'year'),
  meaning: () => 'year',
  isWider: () => false,
  words: () => 'year',
  maxBytes: () => INTEGER_BYTES,
  measure: () => null,
};
