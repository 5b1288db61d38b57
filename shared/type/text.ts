/**
 * CHAR, VARCHAR and TEXT: an Avro string, always UTF-8. The text protocol already speaks it (the
 * connection is utf8mb4), but a row image holds the column's own charset: utf8mb4, utf8mb3 and
 * ascii are UTF-8 as they stand, latin1 (which is cp1252 in MySQL) is transcoded here, all others
 * in charset-text.ts.
 */

import { at, type ByteWriter, ByteWriter as Writer } from '../runtime/bytes.ts';
import { byteLength, skipBytes, skipVarint, writeContent } from './avro-read.ts';
import { isWiderForm, lengthBytes, readLength, sameBytes } from './binlog-length.ts';
import { charsetOf, isCarriedCharset, isUnicode, NoText } from './charset.ts';
import { CharsetTextCodec } from './charset-text.ts';
import type { ColumnType } from './column-type.ts';
import { writeQuoted } from './quoted.ts';
import { NotOfType, ORDERED_BY_VALUE, type TypeFamily } from './type-family.ts';
import { corrupt, type Place, type ValueCodec } from './value-codec.ts';

type TextType = Extract<ColumnType, { kind: 'text' }>;

/** 0x80..0x9f of cp1252; the five unassigned codes stand for themselves in MySQL. */
const CP1252 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/** UTF-8 bytes of each latin1 byte from 0x80 up. */
const LATIN1_HIGH: Buffer[] = Array.from({ length: 128 }, (_, i) =>
  Buffer.from(i < 32 ? CP1252.charAt(i) : String.fromCharCode(0x80 + i)),
);

const LATIN1_CODES = new Map(LATIN1_HIGH.map((utf8, i) => [utf8.toString('utf8'), 0x80 + i]));

class TextCodec implements ValueCodec {
  readonly avro = 'string';
  readonly #lengthBytes: number;
  readonly #latin1: boolean;
  readonly #ascii: boolean;
  readonly #place: Place;

  constructor(type: TextType, place: Place) {
    this.#lengthBytes = lengthBytes(type.form, type.length);
    this.#latin1 = type.charset === 'latin1';
    this.#ascii = type.charset === 'ascii';
    this.#place = place;
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    out.varint(end - start);
    out.copy(src, start, end);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const start = pos + this.#lengthBytes;
    const end = start + readLength(src, pos, this.#lengthBytes);
    if (end > src.length) throw corrupt(this.#place, 'text longer than its row image');
    if (this.#latin1) writeLatin1(src, start, end, out);
    else {
      if (this.#ascii) this.#checkAscii(src, start, end);
      out.varint(end - start);
      out.copy(src, start, end);
    }
    return end;
  }

  passBinlog(src: Buffer, pos: number): number {
    return pos + this.#lengthBytes + readLength(src, pos, this.#lengthBytes);
  }

  #checkAscii(src: Buffer, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      if (at(src, i) > 0x7f) throw corrupt(this.#place, 'a byte past 0x7f in an ascii column');
    }
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const start = skipVarint(buf, pos);
    writeQuoted(buf, start, start + byteLength(buf, pos), out);
  }

  /** As a literal of the column's own character set: see `isConverted`. */
  toKeySql(buf: Buffer, pos: number, out: ByteWriter): void {
    if (!this.#latin1) {
      this.toSql(buf, pos, out);
      return;
    }
    const codes = [...textAt(buf, pos)].map(c => {
      const code = LATIN1_CODES.get(c) ?? c.charCodeAt(0);
      if (code > 0xff) throw corrupt(this.#place, 'a character that latin1 does not have');
      return code;
    });
    out.ascii(`_latin1 x'${Buffer.from(codes).toString('hex')}'`);
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    writeContent(buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return textAt(buf, pos);
  }
}

/** The text of bytes in a character set, as a codec carries it. */
export function textOf(bytes: Buffer, charset: string): string {
  const out = new Writer(bytes.length * TRANSCODE_GROWTH);
  const coded = charsetOf(charset);
  if (coded !== null) coded.decode(bytes, 0, bytes.length, out);
  else if (charset === 'latin1') return [...bytes].map(latin1Character).join('');
  else return bytes.toString('utf8');
  return out.take().toString('utf8');
}

function latin1Character(b: number): string {
  return b > 0x7f ? (LATIN1_HIGH[b - 0x80] ?? '').toString() : String.fromCharCode(b);
}

export function textAt(buf: Buffer, pos: number): string {
  const start = skipVarint(buf, pos);
  return buf.toString('utf8', start, start + byteLength(buf, pos));
}

function writeLatin1(src: Buffer, start: number, end: number, out: ByteWriter): void {
  let length = end - start;
  for (let i = start; i < end; i++) {
    const b = at(src, i);
    if (b > 0x7f) length += (LATIN1_HIGH[b - 0x80]?.length ?? 1) - 1;
  }
  out.varint(length);
  if (length === end - start) {
    out.copy(src, start, end);
    return;
  }
  for (let i = start; i < end; i++) {
    const b = at(src, i);
    const high = b > 0x7f ? LATIN1_HIGH[b - 0x80] : undefined;
    if (high) out.copy(high, 0, high.length);
    else out.u8(b);
  }
}

/**
 * A literal in utf8mb4 is converted before it is compared with the column. MariaDB does not do so
 * in a list of several row values: it finds no row by them.
 */
export function isConverted(type: ColumnType): boolean {
  return type.kind === 'text' && (type.charset === 'latin1' || isUnicode(type.charset));
}

/** Texts are equal only if their bytes are, and ordered by code point. */
export function isByteExact(type: ColumnType): boolean {
  return type.kind !== 'text' || /_(0900|nopad)_bin$/.test(type.collation);
}

const FORMS = ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'] as const;

/** MySQL warns of each literal that names them, and some of their codes have no character. */
const DEPRECATED = new Set(['dec8', 'hp8', 'macce', 'macroman']);

/** A character of one byte may take three bytes as UTF-8, one that has no Unicode four. */
const TRANSCODE_GROWTH = 4;
const LENGTH_BYTES_MAX = 5;

export const TEXT: TypeFamily<TextType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ dataType, charset, collation, octetLength }) => {
    const form = FORMS.find(f => f === dataType);
    if (form === undefined) return null;
    const length = Number(octetLength ?? 0);
    return { kind: 'text', charset: charset ?? '', collation: collation ?? '', length, form };
  },
  matches: (type, seen) =>
    sameBytes(type, seen) && seen.charset === (type.charset === 'utf8' ? 'utf8mb3' : type.charset),
  codec: (type, place) => {
    const charset = charsetOf(type.charset);
    if (charset === null) return new TextCodec(type, place);
    return new CharsetTextCodec(type, charset, place);
  },
  refusal: ({ charset }) => {
    if (isCarriedCharset(charset)) return null;
    return {
      reason: `character set ${charset} is not carried`,
      remedy: 'ALTER TABLE ... MODIFY the column with CHARACTER SET utf8mb4',
    };
  },
  // Keys of other bytes may compare equal: shared/row/key-class.ts says what that means.
  keyRefusal: type => {
    const { charset } = type;
    if (type.form === 'char' && /_nopad_/.test(type.collation)) {
      return {
        reason: `key of CHAR under ${type.collation}: its index has another order than its literals`,
        remedy: 'ALTER TABLE ... MODIFY the column as VARCHAR, on all servers',
      };
    }
    if (!DEPRECATED.has(charset)) return null;
    return {
      reason: `key text in character set ${charset}: no literal of it finds each row without a warning`,
      remedy: 'ALTER TABLE ... MODIFY the column with CHARACTER SET utf8mb4',
    };
  },
  select: (c, { charset }) => (isByBytes(charset) ? `CAST(${c} AS BINARY)` : c),
  rowText: ({ charset }, c) => {
    // What a conversion loses, it loses on both sides.
    if (isByBytes(charset)) return { length: `LENGTH(${c})`, content: `CAST(${c} AS BINARY)` };
    const text = isUtf8(charset) ? c : `CONVERT(${c} USING utf8mb4)`;
    return { length: `LENGTH(${text})`, content: text };
  },
  keyLiteral: (c, { charset }) =>
    isOwnLiteral(charset)
      ? `CONCAT('_${charset} x''',HEX(${c}),'''')`
      : `CONCAT('_utf8mb4 x''',HEX(CONVERT(${c} USING utf8mb4)),'''')`,
  readable: ({ charset }, literal) => {
    const bytes = Buffer.from(hexDigits(literal), 'hex');
    return isOwnLiteral(charset) ? textOf(bytes, charset) : bytes.toString('utf8');
  },
  printed: ({ charset }, text) => encoded(text, charset),
  meaning: ({ charset }) => (isByBytes(charset) ? `text in ${charset}` : 'text'),
  isWider: (was, is) => was.charset === is.charset && isWiderForm(was, is),
  words: ({ form, length, charset, collation }) =>
    `${form} of ${length} bytes, ${charset} ${collation}`,
  maxBytes: ({ length, charset }) =>
    length * (isUtf8(charset) ? 1 : TRANSCODE_GROWTH) + LENGTH_BYTES_MAX,
  measure: c => `LENGTH(CONVERT(${c} USING utf8mb4))`,
};

/** Literals of keys name the character set: a conversion would lose codes without a character. */
function isOwnLiteral(charset: string): boolean {
  return isByBytes(charset) && !isUnicode(charset);
}

/** What is selected of a text that people write. */
function encoded(text: string, charset: string): Buffer {
  const coded = charsetOf(charset);
  const bytes = Buffer.from(text, 'utf8');
  if (coded === null) return bytes;
  const out = new Writer(bytes.length);
  try {
    coded.encode(bytes, 0, bytes.length, out);
  } catch (e) {
    if (e instanceof NoText) throw new NotOfType(`is not a text of ${charset}`);
    throw e;
  }
  return out.take();
}

/** Whether the server is asked for the bytes of a text, not for its characters. */
export function isByBytes(charset: string): boolean {
  return charsetOf(charset) !== null;
}

/** Whether the bytes of the charset are bytes of utf8mb4. */
function isUtf8(charset: string): boolean {
  return ['utf8mb4', 'utf8mb3', 'utf8', 'ascii'].includes(charset);
}

/** Digits of the hexadecimal literal that a key column was printed as. */
export function hexDigits(literal: string): string {
  return /x'([0-9A-Fa-f]*)'$/.exec(literal)?.[1] ?? '';
}
