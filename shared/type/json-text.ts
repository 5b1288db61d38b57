/** JSON text exactly as MySQL prints it. */
import { at, type ByteWriter } from '../runtime/bytes.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** A double as MySQL prints it: shortest digits that read back, plain from 1e-15 up to 1e15. */
export function mysqlDouble(v: number): string {
  const magnitude = Math.abs(v);
  if (magnitude >= 1e-6 && magnitude < 1e15) return String(v);
  if (v === 0) return Object.is(v, -0) ? '-0' : '0';
  const sign = v < 0 ? '-' : '';
  const [mantissa = '', exponent = '0'] = magnitude.toExponential().split('e');
  const point = Number(exponent) + 1;
  if (point < -14 || point > 15) return `${sign}${mantissa}e${point - 1}`;
  return `${sign}0.${'0'.repeat(-point)}${mantissa.replace('.', '')}`;
}

/** As a JSON number of type DOUBLE: always with a point or an exponent. */
export function jsonDouble(v: number): string {
  const text = mysqlDouble(v);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

const ESCAPES: (Buffer | undefined)[] = Array.from({ length: 128 }, (_, i) => {
  if (i === QUOTE) return Buffer.from('\\"');
  if (i === BACKSLASH) return Buffer.from('\\\\');
  if (i >= 0x20) return undefined;
  const short = { 8: '\\b', 9: '\\t', 10: '\\n', 12: '\\f', 13: '\\r' }[i];
  return Buffer.from(short ?? `\\u00${i.toString(16).padStart(2, '0')}`);
});

export function writeJsonString(src: Buffer, start: number, end: number, out: ByteWriter): void {
  out.u8(QUOTE);
  let from = start;
  for (let i = start; i < end; i++) {
    const escaped = ESCAPES[at(src, i)];
    if (escaped === undefined) continue;
    out.copy(src, from, i);
    out.copy(escaped, 0, escaped.length);
    from = i + 1;
  }
  out.copy(src, from, end);
  out.u8(QUOTE);
}
