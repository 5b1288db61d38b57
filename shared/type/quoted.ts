/**
 * String literals of MySQL as bytes. Only three bytes need an escape inside '...' (NUL for the
 * sake of tools, quote, backslash), and in UTF-8 none of them is ever part of another character.
 * Needs a connection in utf8mb4 and a sql_mode without NO_BACKSLASH_ESCAPES.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';

const QUOTE = 0x27;
const BACKSLASH = 0x5c;

/** '...' of the bytes in [start, end). */
export function writeQuoted(buf: Buffer, start: number, end: number, out: ByteWriter): void {
  out.reserve((end - start) * 2 + 2);
  out.buf[out.pos++] = QUOTE;
  if (end - start > 64) copyRuns(buf, start, end, out);
  else {
    const target = out.buf;
    let p = out.pos;
    for (let i = start; i < end; i++) {
      const b = at(buf, i);
      if (b === QUOTE || b === BACKSLASH || b === 0) {
        target[p++] = BACKSLASH;
        target[p++] = b === 0 ? 0x30 : b;
      } else target[p++] = b;
    }
    out.pos = p;
  }
  out.buf[out.pos++] = QUOTE;
}

/** Long values: what lies between two escapes is copied in one go. */
function copyRuns(buf: Buffer, start: number, end: number, out: ByteWriter): void {
  let from = start;
  for (let i = start; i < end; i++) {
    const b = at(buf, i);
    if (b !== QUOTE && b !== BACKSLASH && b !== 0) continue;
    out.copy(buf, from, i);
    out.u8(BACKSLASH);
    out.u8(b === 0 ? 0x30 : b);
    from = i + 1;
  }
  out.copy(buf, from, end);
}

/** What stands between the quotes of the literal of a value that needs no escapes. */
export function writeUnquoted(
  codec: { toSql(buf: Buffer, pos: number, out: ByteWriter): void },
  buf: Buffer,
  pos: number,
  out: ByteWriter,
): void {
  const start = out.pos;
  codec.toSql(buf, pos, out);
  out.buf.copyWithin(start, start + 1, out.pos - 1);
  out.pos -= 2;
}

const HEX = Buffer.from('0123456789abcdef');

/** x'..' of the bytes in [start, end): pure ASCII, so that it survives as a string too. */
export function writeHex(buf: Buffer, start: number, end: number, out: ByteWriter): void {
  out.reserve((end - start) * 2 + 3);
  const target = out.buf;
  let p = out.pos;
  target[p++] = 0x78;
  target[p++] = QUOTE;
  for (let i = start; i < end; i++) {
    const b = at(buf, i);
    target[p++] = at(HEX, b >> 4);
    target[p++] = at(HEX, b & 15);
  }
  target[p++] = QUOTE;
  out.pos = p;
}
