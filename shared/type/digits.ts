/**
 * Decimal digits as bytes, both ways. Numbers are safe integers here; who may meet more digits
 * than fifteen checks the length first and takes BigInt.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';

const ZERO = 0x30;

/** The digits in [start, end) as a number: at most 15 of them. */
export function parseDigits(buf: Buffer, start: number, end: number): number {
  let v = 0;
  for (let i = start; i < end; i++) v = v * 10 + (at(buf, i) - ZERO);
  return v;
}

/** A safe integer that may be negative. */
export function writeInteger(out: ByteWriter, v: number): void {
  out.reserve(17);
  if (v < 0) {
    out.buf[out.pos++] = 0x2d;
    writeCounted(out, -v);
  } else writeCounted(out, v);
}

function writeCounted(out: ByteWriter, v: number): void {
  if (v < 1e9) {
    writeFixed(out, v, v < 10 ? 1 : countDigits(v));
    return;
  }
  const high = Math.floor(v / 1e9);
  writeFixed(out, high, countDigits(high));
  writeFixed(out, v - high * 1e9, 9);
}

function countDigits(v: number): number {
  let n = 1;
  for (let limit = 10; v >= limit; limit *= 10) n++;
  return n;
}

/** Exactly `width` digits of `v` < 10^9, zeros in front. Room must be there. */
export function writeFixed(out: ByteWriter, v: number, width: number): void {
  const { buf } = out;
  let rest = v | 0;
  for (let p = out.pos + width - 1; p >= out.pos; p--) {
    const next = (rest / 10) | 0;
    buf[p] = ZERO + (rest - next * 10);
    rest = next;
  }
  out.pos += width;
}

/** Exactly `width` digits of a safe integer, zeros in front. */
export function writePadded(out: ByteWriter, v: number, width: number): void {
  out.reserve(width);
  if (width <= 9) {
    writeFixed(out, v, width);
    return;
  }
  const high = Math.floor(v / 1e9);
  writePadded(out, high, width - 9);
  writeFixed(out, v - high * 1e9, 9);
}
