/** VECTOR (MySQL 9): Debezium's FloatVector, an array of the very 32 bits that are stored. */
import type { ByteWriter } from '../runtime/bytes.ts';
import { readVarint, skipVarint } from './avro-read.ts';
import { readLength } from './binlog-length.ts';
import type { ColumnType } from './column-type.ts';
import { writeHex } from './quoted.ts';
import { TYPE_CODE } from './seen-column.ts';
import { NEVER_A_KEY, NotOfType, type TypeFamily } from './type-family.ts';
import { type AvroSchema, corrupt, type Place, type ValueCodec } from './value-codec.ts';

type VectorType = Extract<ColumnType, { kind: 'vector' }>;

const LENGTH_BYTES = 4;
const FLOAT_BYTES = 4;

class VectorCodec implements ValueCodec {
  readonly avro: AvroSchema = {
    type: 'array',
    items: 'float',
    'connect.version': 1,
    'connect.name': 'io.debezium.data.FloatVector',
  };
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  /** An array is blocks of items, each with their number in front, up to one of none. */
  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const bytes = end - start;
    if (bytes % FLOAT_BYTES !== 0) throw corrupt(this.#place, 'a part of a number in a vector');
    if (bytes > 0) {
      out.varint(bytes / FLOAT_BYTES);
      out.copy(src, start, end);
    }
    out.u8(0);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const start = pos + LENGTH_BYTES;
    const end = start + readLength(src, pos, LENGTH_BYTES);
    if (end > src.length) throw corrupt(this.#place, 'a vector longer than its row image');
    this.fromText(src, start, end, out);
    return end;
  }

  skip(buf: Buffer, pos: number): number {
    const numbers = readVarint(buf, pos);
    return numbers === 0 ? pos + 1 : skipVarint(buf, pos) + numbers * FLOAT_BYTES + 1;
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const start = skipVarint(buf, pos);
    writeHex(buf, start, start + readVarint(buf, pos) * FLOAT_BYTES, out);
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    const start = skipVarint(buf, pos);
    out.copy(buf, start, start + readVarint(buf, pos) * FLOAT_BYTES);
  }

  toJs(buf: Buffer, pos: number): unknown {
    const start = skipVarint(buf, pos);
    return Buffer.from(buf.subarray(start, start + readVarint(buf, pos) * FLOAT_BYTES));
  }
}

export const VECTOR: TypeFamily<VectorType> = {
  ...NEVER_A_KEY,
  declare: ({ dataType, octetLength, columnType }) =>
    dataType === 'vector' && octetLength !== null && /^vector\(/i.test(columnType)
      ? { kind: 'vector', bytes: Number(octetLength) }
      : null,
  matches: (_, seen) => seen.code === TYPE_CODE.VECTOR,
  codec: (_, place) => new VectorCodec(place),
  printed: () => {
    throw new NotOfType('is a vector, which is not part of a key');
  },
  meaning: () => 'vector',
  isWider: () => false,
  words: ({ bytes }) => `vector of ${bytes} bytes`,
  maxBytes: ({ bytes }) => bytes + 10,
};
