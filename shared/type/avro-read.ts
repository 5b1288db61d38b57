/**
 * Reading Avro in place: where a value ends, what length it has, without an object per value.
 * The offsets come from bytes that our own codec wrote or that EnvelopeDecoder has bounded.
 */

import { at, type ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';

/** Position after the int or long at `pos`. */
export function skipVarint(buf: Buffer, pos: number): number {
  let p = pos;
  while (at(buf, p++) > 0x7f);
  return p;
}

/** The int or long at `pos`; a long past 2^53 throws: such callers use readLong. */
export function readVarint(buf: Buffer, pos: number): number {
  const first = at(buf, pos);
  if (first < 0x80) return (first >>> 1) ^ -(first & 1);
  let z = 0;
  let scale = 1;
  for (let p = pos; p < pos + 10; p++) {
    const b = at(buf, p);
    z += (b & 0x7f) * scale;
    if (b < 0x80) {
      if (z > Number.MAX_SAFE_INTEGER) break;
      return z % 2 === 0 ? z / 2 : -(z + 1) / 2;
    }
    scale *= 128;
  }
  throw new ReshardError('corrupt', 'integer past 2^53, or bytes cut short');
}

/** The long at `pos`: a number while a number is exact, else a bigint. */
export function readLong(buf: Buffer, pos: number): number | bigint {
  const end = skipVarint(buf, pos);
  if (end - pos <= 7) return readVarint(buf, pos);
  if (end - pos === 8) {
    // Microseconds since 1970 have this length: worth a way without bigint.
    const low = base128(buf, pos, pos + 4);
    const half = base128(buf, pos + 4, end) * 0x8000000 + (low >>> 1);
    if (half < Number.MAX_SAFE_INTEGER) return (low & 1) === 0 ? half : -half - 1;
  }
  if (end - pos > 10) throw new ReshardError('corrupt', 'integer longer than ten bytes');
  let z = 0n;
  for (let p = end - 1; p >= pos; p--) z = (z << 7n) | BigInt(at(buf, p) & 0x7f);
  const v = BigInt.asIntN(64, (z >> 1n) ^ -(z & 1n));
  return v <= BigInt(Number.MAX_SAFE_INTEGER) && v >= BigInt(Number.MIN_SAFE_INTEGER)
    ? Number(v)
    : v;
}

/** At most four digits of seven bits, low ones first. */
function base128(buf: Buffer, start: number, end: number): number {
  let v = 0;
  for (let p = end - 1; p >= start; p--) v = (v << 7) | (at(buf, p) & 0x7f);
  return v;
}

/** Length of the string or bytes at `pos`; its content starts at skipVarint(pos). */
export function byteLength(buf: Buffer, pos: number): number {
  const first = at(buf, pos);
  if (first < 0x80 && (first & 1) === 0) return first >>> 1;
  const n = readVarint(buf, pos);
  if (!(n >= 0)) throw new ReshardError('corrupt', 'negative length');
  return n;
}

/** Writes what the string or bytes at `pos` hold. */
export function writeContent(buf: Buffer, pos: number, out: ByteWriter): void {
  const start = skipVarint(buf, pos);
  out.copy(buf, start, start + byteLength(buf, pos));
}

/** Position after the string or bytes at `pos`. */
export function skipBytes(buf: Buffer, pos: number): number {
  const first = at(buf, pos);
  if (first < 0x80 && (first & 1) === 0) return pos + 1 + (first >>> 1);
  return skipVarint(buf, pos) + byteLength(buf, pos);
}
