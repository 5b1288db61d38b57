/**
 * JSON text exactly as MySQL prints it, and the proof that a text can go back: the target parses
 * the text, so a document may hold only what a parse of its own text gives again. DECIMAL numbers
 * (1.50), dates, blobs and other opaque values come from SQL functions and would change their type.
 */
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

/** Texts of opaque values start so; a real string that does is refused too, rather than guessed. */
const OPAQUE = Buffer.from('base64:type');

/** What a text tells of its document. `temporal`: a date, or a string that looks like one. */
export type JsonFinding = 'exact' | 'temporal' | 'opaque' | 'decimal';

/**
 * Whether this text can be parsed back to the document that was printed. Dates inside a document
 * print as strings of one shape, so a string of that shape leaves a doubt that only the server can
 * settle. (A DECIMAL whose digits a double would print too cannot be told from one, by nobody.)
 */
export function readJsonText(src: Buffer, start: number, end: number): JsonFinding {
  let found: JsonFinding = 'exact';
  let i = start;
  while (i < end) {
    const b = at(src, i);
    if (b === QUOTE) {
      if (at(src, i + 1) === 0x62 && startsWith(src, i + 1, end, OPAQUE)) return 'opaque';
      const stop = endOfString(src, i + 1, end);
      if (looksTemporal(src, i + 1, stop - 1)) found = 'temporal';
      i = stop;
    } else if ((b >= 0x30 && b <= 0x39) || b === 0x2d) {
      const stop = endOfNumber(src, i, end);
      if (!numberIsExact(src, i, stop)) return 'decimal';
      i = stop;
    } else i++;
  }
  return found;
}

const TEMPORAL = /^(\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d\.\d{6})?|-?\d{2,3}:\d\d:\d\d\.\d{6})$/;

/** YYYY-MM-DD, with HH:MM:SS.ffffff, or that alone; the lengths spare nearly all the rest. */
function looksTemporal(src: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length === 10 || length === 26) {
    if (at(src, start + 4) !== 0x2d || at(src, start + 7) !== 0x2d) return false;
  } else if (length >= 15 && length <= 17) {
    if (at(src, end - 7) !== 0x2e || at(src, end - 10) !== 0x3a) return false;
  } else return false;
  return TEMPORAL.test(src.toString('latin1', start, end));
}

/** A loop: a native compare costs more than the one or two bytes that usually decide. */
function startsWith(src: Buffer, pos: number, end: number, prefix: Buffer): boolean {
  if (pos + prefix.length > end) return false;
  for (let i = 0; i < prefix.length; i++) {
    if (at(src, pos + i) !== at(prefix, i)) return false;
  }
  return true;
}

function endOfString(src: Buffer, pos: number, end: number): number {
  let i = pos;
  while (i < end) {
    const b = at(src, i);
    if (b === QUOTE) return i + 1;
    i += b === BACKSLASH ? 2 : 1;
  }
  return end;
}

function endOfNumber(src: Buffer, pos: number, end: number): number {
  let i = pos + 1;
  while (i < end) {
    const b = at(src, i);
    const more = (b >= 0x30 && b <= 0x39) || b === 0x2e || b === 0x65 || b === 0x2d || b === 0x2b;
    if (!more) break;
    i++;
  }
  return i;
}

function numberIsExact(src: Buffer, start: number, end: number): boolean {
  let whole = true;
  for (let i = start; i < end && whole; i++) {
    const b = at(src, i);
    whole = b !== 0x2e && b !== 0x65;
  }
  if (whole && end - start <= 18) return true;
  const text = src.toString('latin1', start, end);
  if (!whole) return jsonDouble(Number(text)) === text;
  const v = BigInt(text);
  return v >= -(2n ** 63n) && v < 2n ** 64n;
}
