/**
 * BIT(1) is a boolean, BIT(n) Debezium's Bits: little-endian bytes, where both the text protocol
 * and the row image are big-endian.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { skipVarint } from './avro-read.ts';
import type { ColumnType } from './column-type.ts';
import { TYPE_CODE } from './seen-column.ts';
import { NotOfType, ORDERED_BY_VALUE, type TypeFamily, unquoted } from './type-family.ts';
import type { AvroSchema, ValueCodec } from './value-codec.ts';

const HEX = Buffer.from('0123456789abcdef');

class BitCodec implements ValueCodec {
  readonly avro: AvroSchema;
  readonly #bytes: number;
  readonly #boolean: boolean;

  constructor(bits: number) {
    this.#bytes = (bits + 7) >> 3;
    this.#boolean = bits === 1;
    this.avro = this.#boolean
      ? 'boolean'
      : {
          type: 'bytes',
          'connect.version': 1,
          'connect.parameters': { length: `${bits}` },
          'connect.name': 'io.debezium.data.Bits',
        };
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    this.#write(src, start, end, out);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    this.#write(src, pos, pos + this.#bytes, out);
    return pos + this.#bytes;
  }

  #write(src: Buffer, start: number, end: number, out: ByteWriter): void {
    if (this.#boolean) {
      out.u8(at(src, end - 1) & 1);
      return;
    }
    out.varint(this.#bytes);
    for (let i = end - 1; i >= end - this.#bytes; i--) out.u8(i >= start ? at(src, i) : 0);
  }

  skip(buf: Buffer, pos: number): number {
    return this.#boolean ? pos + 1 : skipVarint(buf, pos) + this.#bytes;
  }

  /** b'..' and 0x.. are binary strings, which a BIT column takes as a big-endian number. */
  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    if (this.#boolean) {
      out.ascii(at(buf, pos) === 0 ? "b'0'" : "b'1'");
      return;
    }
    const start = skipVarint(buf, pos);
    out.ascii('0x');
    for (let i = start + this.#bytes - 1; i >= start; i--) {
      out.u8(at(HEX, at(buf, i) >> 4));
      out.u8(at(HEX, at(buf, i) & 15));
    }
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    if (this.#boolean) {
      out.ascii(at(buf, pos) === 0 ? '0' : '1');
      return;
    }
    const start = skipVarint(buf, pos);
    let v = 0n;
    for (let i = start + this.#bytes - 1; i >= start; i--) v = (v << 8n) | BigInt(at(buf, i));
    out.ascii(v.toString());
  }

  toJs(buf: Buffer, pos: number): unknown {
    if (this.#boolean) return at(buf, pos) === 1;
    const start = skipVarint(buf, pos);
    return Buffer.from(buf.subarray(start, start + this.#bytes));
  }
}

type BitType = Extract<ColumnType, { kind: 'bit' }>;

export const BIT: TypeFamily<BitType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ dataType, precision }) =>
    dataType === 'bit' ? { kind: 'bit', bits: Number(precision ?? 1) } : null,
  matches: ({ bits }, { code, metadata }) => code === TYPE_CODE.BIT && metadata.bits === bits,
  codec: ({ bits }) => new BitCodec(bits),
  refusal: () => null,
  keyRefusal: () => null,
  select: c => c,
  rowText: (_, c) => ({ closed: `CAST(${c} AS UNSIGNED)` }),
  keyLiteral: c => `CAST(${c} AS UNSIGNED)`,
  readable: (_, literal) => unquoted(literal),
  printed: ({ bits }, text) => {
    if (!/^\d+$/.test(text)) throw new NotOfType('is not a number');
    const digits = ((bits + 7) >> 3) * 2;
    const hex = BigInt(text).toString(16).padStart(digits, '0');
    return Buffer.from(hex.slice(-digits), 'hex');
  },
  meaning: () => 'bit',
  isWider: () => false,
  words: ({ bits }) => `bit(${bits})`,
  maxBytes: () => 10,
  measure: () => null,
};
