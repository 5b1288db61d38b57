/**
 * BINARY, VARBINARY and BLOB: Avro bytes. A row image drops the trailing zero bytes of BINARY(n),
 * a SELECT does not: the value is the padded one. Literals are hex, because they may be part of a
 * key and pass through strings; blobs cannot be, and are too large to be sent at twice their size.
 */

import type { ByteWriter } from '../runtime/bytes.ts';
import { byteLength, skipBytes, skipVarint, writeContent } from './avro-read.ts';
import { isWiderForm, lengthBytes, readLength, sameBytes } from './binlog-length.ts';
import type { ColumnType } from './column-type.ts';
import { writeHex, writeQuoted } from './quoted.ts';
import { hexDigits } from './text.ts';
import { NotOfType, ORDERED_BY_VALUE, type TypeFamily } from './type-family.ts';
import { corrupt, type Place, type ValueCodec } from './value-codec.ts';

type BinaryType = Extract<ColumnType, { kind: 'binary' }>;

class BinaryCodec implements ValueCodec {
  readonly avro = 'bytes';
  readonly #lengthBytes: number;
  /** Length to pad to, 0 for the variable forms. */
  readonly #fixed: number;
  readonly #blob: boolean;
  readonly #place: Place;

  constructor(type: BinaryType, place: Place) {
    this.#lengthBytes = lengthBytes(type.form, type.length);
    this.#fixed = type.form === 'binary' ? type.length : 0;
    this.#blob = type.form.endsWith('blob');
    this.#place = place;
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    out.varint(end - start);
    out.copy(src, start, end);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const start = pos + this.#lengthBytes;
    const length = readLength(src, pos, this.#lengthBytes);
    const end = start + length;
    if (end > src.length) throw corrupt(this.#place, 'bytes longer than their row image');
    const padding = Math.max(0, this.#fixed - length);
    out.varint(length + padding);
    out.copy(src, start, end);
    if (padding > 0) {
      out.reserve(padding);
      out.buf.fill(0, out.pos, out.pos + padding);
      out.pos += padding;
    }
    return end;
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const start = skipVarint(buf, pos);
    const end = start + byteLength(buf, pos);
    if (!this.#blob) {
      writeHex(buf, start, end, out);
      return;
    }
    out.ascii('_binary');
    writeQuoted(buf, start, end, out);
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    writeContent(buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    const start = skipVarint(buf, pos);
    return Buffer.from(buf.subarray(start, start + byteLength(buf, pos)));
  }
}

const FORMS = ['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'] as const;

const LENGTH_BYTES_MAX = 5;

export const BINARY: TypeFamily<BinaryType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ dataType, octetLength }) => {
    const form = FORMS.find(f => f === dataType);
    return form === undefined ? null : { kind: 'binary', length: Number(octetLength ?? 0), form };
  },
  matches: (type, seen) => sameBytes(type, seen) && seen.charset === null,
  codec: (type, place) => new BinaryCodec(type, place),
  refusal: () => null,
  keyRefusal: () => null,
  select: c => c,
  rowText: (_, c) => ({ length: `LENGTH(${c})`, content: c }),
  keyLiteral: c => `CONCAT('x''',HEX(${c}),'''')`,
  readable: (_, literal) => `0x${hexDigits(literal)}`,
  printed: (_, text) => {
    if (!/^0x([0-9a-f]{2})*$/i.test(text)) throw new NotOfType('is not written as 0x...');
    return Buffer.from(text.slice(2), 'hex');
  },
  // BINARY(n) is padded to n bytes.
  meaning: ({ form, length }) => (form === 'binary' ? `binary(${length})` : 'bytes'),
  // A BINARY that is longer has more zero bytes behind each value.
  isWider: isWiderForm,
  words: ({ form, length }) => `${form} of ${length} bytes`,
  maxBytes: ({ length }) => length + LENGTH_BYTES_MAX,
  measure: c => `LENGTH(${c})`,
};
