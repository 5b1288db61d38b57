/** Fractions of a second: microseconds from text and from the row image's big-endian bytes. */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { parseDigits, writeFixed } from './digits.ts';

const UNITS = [1000000, 100000, 10000, 1000, 100, 10, 1] as const;

/** Microseconds in one unit of the last of `fsp` digits. */
function fractionUnit(fsp: number): number {
  return UNITS[fsp] ?? 1;
}

/** Microseconds of the digits after the dot at `dot`; 0 when the text ends before it. */
export function microsFromText(src: Buffer, dot: number, end: number): number {
  if (dot >= end) return 0;
  return parseDigits(src, dot + 1, end) * fractionUnit(end - dot - 1);
}

/** Bytes of the fraction in a row image. */
export function fractionBytes(fsp: number): number {
  return (fsp + 1) >> 1;
}

/** Microseconds of a fraction of `bytes` bytes: hundredths, ten thousandths or millionths. */
export function microsFromBinlog(src: Buffer, pos: number, bytes: number): number {
  if (bytes === 0) return 0;
  if (bytes === 1) return at(src, pos) * 10000;
  if (bytes === 2) return ((at(src, pos) << 8) | at(src, pos + 1)) * 100;
  return (at(src, pos) << 16) | (at(src, pos + 1) << 8) | at(src, pos + 2);
}

/** Writes '.fff' with `fsp` digits, nothing for 0. Room must be there. */
export function writeFraction(out: ByteWriter, micros: number, fsp: number): void {
  if (fsp === 0) return;
  out.buf[out.pos++] = 0x2e;
  writeFixed(out, micros / fractionUnit(fsp), fsp);
}
