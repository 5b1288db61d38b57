/**
 * Text in a character set that is not UTF-8: an Avro string as any other, made of the column's own
 * bytes, and those bytes again in the literal (charset.ts says why).
 */
import { ByteWriter } from '../runtime/bytes.ts';
import { byteLength, skipBytes, skipVarint } from './avro-read.ts';
import { lengthBytes, readLength } from './binlog-length.ts';
import { type Charset, NoText } from './charset.ts';
import type { ColumnType } from './column-type.ts';
import { writeQuoted } from './quoted.ts';
import { corrupt, notCarried, type Place, type ValueCodec } from './value-codec.ts';

type TextType = Extract<ColumnType, { kind: 'text' }>;

export class CharsetTextCodec implements ValueCodec {
  readonly avro = 'string';
  readonly #charset: Charset;
  readonly #name: string;
  readonly #lengthBytes: number;
  readonly #place: Place;
  readonly #literal: string;
  /** The length goes before the text, so the text is written here first. */
  readonly #scratch = new ByteWriter(256);

  constructor(type: TextType, charset: Charset, place: Place) {
    this.#charset = charset;
    this.#name = type.charset;
    this.#lengthBytes = lengthBytes(type.form, type.length);
    this.#place = place;
    this.#literal = type.charset === 'ucs2' ? '' : `_${type.charset} x'`;
  }

  /** The snapshot selects the bytes as they are. */
  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const text = this.#scratch;
    text.clear();
    try {
      this.#charset.decode(src, start, end, text);
    } catch (e) {
      if (!(e instanceof NoText)) throw e;
      throw notCarried(
        this.#place,
        `bytes that are no text of ${this.#name} (${e.message})`,
        'UPDATE those rows to a text that the character set has',
      );
    }
    out.varint(text.pos);
    out.copy(text.buf, 0, text.pos);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const start = pos + this.#lengthBytes;
    const end = start + readLength(src, pos, this.#lengthBytes);
    if (end > src.length) throw corrupt(this.#place, 'text longer than its row image');
    this.fromText(src, start, end, out);
    return end;
  }

  passBinlog(src: Buffer, pos: number): number {
    return pos + this.#lengthBytes + readLength(src, pos, this.#lengthBytes);
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  /**
   * The server takes bytes for a column as they are; to name the character set is deprecated for
   * some of them, and a warning for each value.
   */
  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    out.ascii('_binary');
    const bytes = this.#bytesOf(buf, pos);
    writeQuoted(bytes.buf, 0, bytes.pos, out);
  }

  /**
   * For comparisons: bytes would be compared as bytes, past the collation and the index. MySQL
   * warns of the name of ucs2; each text of it comes out of a conversion as it is.
   */
  toKeySql(buf: Buffer, pos: number, out: ByteWriter): void {
    if (this.#literal === '') {
      const start = skipVarint(buf, pos);
      writeQuoted(buf, start, start + byteLength(buf, pos), out);
      return;
    }
    const bytes = this.#bytesOf(buf, pos);
    out.ascii(`${this.#literal}${bytes.view().toString('hex')}'`);
  }

  /** The column's own bytes. */
  writeStored(buf: Buffer, pos: number, out: ByteWriter): void {
    const bytes = this.#bytesOf(buf, pos);
    out.copy(bytes.buf, 0, bytes.pos);
  }

  #bytesOf(buf: Buffer, pos: number): ByteWriter {
    const start = skipVarint(buf, pos);
    const bytes = this.#scratch;
    bytes.clear();
    try {
      this.#charset.encode(buf, start, start + byteLength(buf, pos), bytes);
    } catch (e) {
      if (e instanceof NoText) throw corrupt(this.#place, e.message);
      throw e;
    }
    return bytes;
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    this.writeStored(buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    const start = skipVarint(buf, pos);
    return buf.toString('utf8', start, start + byteLength(buf, pos));
  }
}
