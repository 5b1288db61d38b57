/**
 * The values in MySQL's binary JSON that JSON itself does not have, as the server prints them:
 * value ::= fieldType:u8 length:varint bytes. A DECIMAL is its precision, its scale and the bytes
 * that a column of them has; times are packed in eight bytes; bytes are base64 in a string.
 */
import { at, ByteWriter } from '../runtime/bytes.ts';
import { DECIMAL } from './decimal.ts';
import type { JsonKind } from './json-kind.ts';
import type { ValueCodec } from './value-codec.ts';

const FIELD = {
  TIMESTAMP: 7,
  DATE: 10,
  TIME: 11,
  DATETIME: 12,
  VARCHAR: 15,
  BIT: 16,
  DECIMAL: 246,
} as const;
const PACKED_BYTES = 8;
/** More than columns have: a literal's digits are in nine groups of nine. */
const PRECISION_MAX = 81;

/** The types of columns that make a BLOB in a document, by the names that a JSON_TABLE takes. */
const BLOB_COLUMNS: Record<number, string> = {
  249: 'TINYBLOB',
  250: 'MEDIUMBLOB',
  251: 'LONGBLOB',
  252: 'BLOB',
  254: 'BINARY',
};

/** How a statement makes bytes of this field type; null: none does. */
export function bytesColumn(fieldType: number): string | null {
  if (fieldType === FIELD.VARCHAR) return 'VARBINARY';
  return fieldType === FIELD.BIT ? 'BIT' : (BLOB_COLUMNS[fieldType] ?? null);
}

/** Prints the value in `src[pos, end)`; null if nobody could write it again. */
export function writeOpaque(
  src: Buffer,
  fieldType: number,
  pos: number,
  end: number,
  out: ByteWriter,
): JsonKind | null {
  switch (fieldType) {
    case FIELD.DECIMAL:
      return writeDecimal(src, pos, end, out) ? 'DECIMAL' : null;
    case FIELD.DATE:
      return writeDatetime(src, pos, end, 'DATE', out);
    case FIELD.DATETIME:
      return writeDatetime(src, pos, end, 'DATETIME', out);
    case FIELD.TIMESTAMP:
      return writeDatetime(src, pos, end, 'TIMESTAMP', out);
    case FIELD.TIME:
      return writeTime(src, pos, end, out);
    default:
      if (bytesColumn(fieldType) === null) return null;
      writeBase64(src, fieldType, pos, end, out);
      return fieldType === FIELD.BIT ? 'BIT' : 'BLOB';
  }
}

const decimals = new Map<number, ValueCodec>();
const digits = new ByteWriter(64);

function writeDecimal(src: Buffer, pos: number, end: number, out: ByteWriter): boolean {
  if (pos + 2 > end) return false;
  const [precision, scale] = [at(src, pos), at(src, pos + 1)];
  if (precision > PRECISION_MAX || scale > precision) return false;
  const code = precision * 256 + scale;
  let codec = decimals.get(code);
  if (codec === undefined) {
    const place = { table: '', column: '' };
    codec = DECIMAL.codec({ kind: 'decimal', precision, scale }, place);
    decimals.set(code, codec);
  }
  digits.clear();
  if (codec.fromBinlog(src, pos + 2, digits) !== end) return false;
  codec.toSql(digits.buf, 0, out);
  return true;
}

/** Fields from the top: 17 bits year * 13 + month, 5 day, 5 hour, 6 minute, 6 second, 24 micro. */
function writeDatetime(
  src: Buffer,
  pos: number,
  end: number,
  kind: 'DATE' | 'DATETIME' | 'TIMESTAMP',
  out: ByteWriter,
): JsonKind | null {
  const packed = packedAt(src, pos, end);
  if (packed === null || packed < 0n) return null;
  const days = Number(packed >> 41n);
  const yearMonth = days >> 5;
  const year = Math.floor(yearMonth / 13);
  const date = [padded(year, 4), padded(yearMonth % 13, 2), padded(days & 31, 2)].join('-');
  if (kind === 'DATE') out.ascii(`"${date}"`);
  else out.ascii(`"${date} ${clock(packed, 31)}"`);
  return kind;
}

/** The same without days, of ten bits of hours, and below zero as its negative. */
function writeTime(src: Buffer, pos: number, end: number, out: ByteWriter): JsonKind | null {
  const packed = packedAt(src, pos, end);
  if (packed === null) return null;
  out.ascii(packed < 0n ? `"-${clock(-packed, 1023)}"` : `"${clock(packed, 1023)}"`);
  return 'TIME';
}

function packedAt(src: Buffer, pos: number, end: number): bigint | null {
  return end - pos === PACKED_BYTES ? src.readBigInt64LE(pos) : null;
}

function clock(packed: bigint, hourMask: number): string {
  const micros = padded(Number(packed & 0xffffffn), 6);
  const seconds = Number((packed >> 24n) & 0x3fffffn);
  const parts = [(seconds >> 12) & hourMask, (seconds >> 6) & 63, seconds & 63];
  return `${parts.map(n => padded(n, 2)).join(':')}.${micros}`;
}

function padded(n: number, width: number): string {
  return String(n).padStart(width, '0');
}

/** The server breaks lines, and JSON has its line feeds as an escape. */
const LINE_CHARACTERS = 76;

function writeBase64(
  src: Buffer,
  fieldType: number,
  pos: number,
  end: number,
  out: ByteWriter,
): void {
  const text = src.toString('base64', pos, end);
  out.ascii(`"base64:type${fieldType}:`);
  for (let i = 0; i < text.length; i += LINE_CHARACTERS) {
    if (i > 0) out.ascii('\\n');
    out.ascii(text.slice(i, i + LINE_CHARACTERS));
  }
  out.ascii('"');
}

/** What `writeBase64` has printed in `src[start, end)`; null if that is another text. */
export function readBase64(
  src: Buffer,
  start: number,
  end: number,
): { fieldType: number; bytes: Buffer } | null {
  const text = src.toString('latin1', start, end);
  const [whole, type, data] = /^"base64:type(\d+):([A-Za-z0-9+/=\\n]*)"$/.exec(text) ?? [];
  if (whole === undefined || data === undefined) return null;
  const bytes = Buffer.from(data.replaceAll('\\n', ''), 'base64');
  return { fieldType: Number(type), bytes };
}
