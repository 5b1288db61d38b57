/**
 * DECIMAL: Avro Decimal of the declared scale. Up to fifteen digits go through numbers, which are
 * exact there; the rest through BigInt. No float ever stands for a decimal.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { byteLength, skipBytes, skipVarint } from './avro-read.ts';
import type { ColumnType } from './column-type.ts';
import { writeInteger, writePadded } from './digits.ts';
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
const DOT = 0x2e;
/** Bytes that a group of 0..9 digits takes in the binlog. */
const GROUP_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;

class DecimalCodec implements ValueCodec {
  readonly avro: AvroSchema;
  readonly #scale: number;
  readonly #unit: number;
  /** Digits of each group of the binlog form, in order; the groups together are the unscaled. */
  readonly #groups: number[];
  readonly #bytes: number;

  constructor(precision: number, scale: number) {
    this.avro = decimalAvro(precision, scale);
    this.#scale = scale;
    this.#unit = 10 ** scale;
    const integer = precision - scale;
    this.#groups = [
      integer % 9,
      ...Array<number>(Math.floor(integer / 9)).fill(9),
      ...Array<number>(Math.floor(scale / 9)).fill(9),
      scale % 9,
    ].filter(n => n > 0);
    this.#bytes = this.#groups.reduce((sum, n) => sum + groupBytes(n), 0);
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    if (end - start > 16) {
      const text = src.toString('latin1', start, end);
      writeUnscaledBig(out, BigInt(text.replace('.', '')));
      return;
    }
    const negative = at(src, start) === MINUS;
    let v = 0;
    for (let i = negative ? start + 1 : start; i < end; i++) {
      const b = at(src, i);
      if (b !== DOT) v = v * 10 + (b - 0x30);
    }
    if (v > Number.MAX_SAFE_INTEGER) {
      writeUnscaledBig(out, BigInt(src.toString('latin1', start, end)));
    } else writeUnscaled(out, negative ? -v : v);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    // The top bit is set for positive values, and negative ones are stored inverted.
    const negative = at(src, pos) < 0x80;
    const mask = negative ? 0xff : 0;
    let v = 0;
    let p = pos;
    let flip = 0x80;
    for (const digits of this.#groups) {
      let group = 0;
      for (let n = groupBytes(digits); n > 0; n--) {
        group = group * 256 + (at(src, p++) ^ mask ^ flip);
        flip = 0;
      }
      v = v * 10 ** digits + group;
      if (v > Number.MAX_SAFE_INTEGER) {
        writeUnscaledBig(out, this.#bigFromBinlog(src, pos, negative));
        return pos + this.#bytes;
      }
    }
    writeUnscaled(out, negative && v !== 0 ? -v : v);
    return pos + this.#bytes;
  }

  #bigFromBinlog(src: Buffer, pos: number, negative: boolean): bigint {
    const mask = negative ? 0xff : 0;
    let v = 0n;
    let p = pos;
    let flip = 0x80;
    for (const digits of this.#groups) {
      let group = 0;
      for (let n = groupBytes(digits); n > 0; n--) {
        group = group * 256 + (at(src, p++) ^ mask ^ flip);
        flip = 0;
      }
      v = v * 10n ** BigInt(digits) + BigInt(group);
    }
    return negative ? -v : v;
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const length = byteLength(buf, pos);
    const start = skipVarint(buf, pos);
    if (length > 6) {
      out.ascii(decimalText(readUnscaledBig(buf, start, length), this.#scale));
      return;
    }
    let v = readUnscaled(buf, start, length);
    if (v < 0) {
      out.u8(MINUS);
      v = -v;
    }
    if (this.#scale === 0) {
      writeInteger(out, v);
      return;
    }
    // Six bytes hold less than 1.5e14; a unit past that makes the whole part 0, exactly.
    const whole = this.#scale > 15 ? 0 : Math.floor(v / this.#unit);
    writeInteger(out, whole);
    out.u8(DOT);
    writePadded(out, whole === 0 ? v : v - whole * this.#unit, this.#scale);
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    this.toSql(buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    const unscaled = readUnscaledBig(buf, skipVarint(buf, pos), byteLength(buf, pos));
    return decimalText(unscaled, this.#scale);
  }
}

function groupBytes(digits: number): number {
  return GROUP_BYTES[digits] ?? 0;
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

type DecimalType = Extract<ColumnType, { kind: 'decimal' }>;

export const DECIMAL: TypeFamily<DecimalType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ dataType, precision, scale }) => {
    if (dataType !== 'decimal' && dataType !== 'numeric') return null;
    return { kind: 'decimal', precision: Number(precision ?? 10), scale: Number(scale ?? 0) };
  },
  matches: (type, { code, metadata }) =>
    code === TYPE_CODE.NEWDECIMAL &&
    metadata.precision === type.precision &&
    metadata.decimals === type.scale,
  codec: ({ precision, scale }) => new DecimalCodec(precision, scale),
  refusal: () => null,
  keyRefusal: () => null,
  select: c => c,
  // Without ZEROFILL's zeros.
  rowText: ({ precision, scale }, c) => ({
    closed: `CAST(${c} AS DECIMAL(${precision},${scale}))`,
  }),
  keyLiteral: c => c,
  readable: (_, literal) => unquoted(literal),
  printed: (_, text) => plainText(text, /^-?\d+(\.\d+)?$/, 'decimal'),
  // A DECIMAL prints all digits of its scale.
  meaning: ({ scale }) => `decimal(,${scale})`,
  // The log has the digits without their point: with another scale they are another number.
  isWider: (was, is) => was.scale === is.scale && was.precision < is.precision,
  words: ({ precision, scale }) => `decimal(${precision},${scale})`,
  maxBytes: ({ precision }) => precision + 8,
  measure: () => null,
};
