/**
 * What the text of a document does not say of its numbers and strings: SQL functions make documents
 * of DECIMALs, UNSIGNED INTEGERs, dates and bytes, which print as numbers and strings, and a parse
 * of the text makes a DOUBLE, an INTEGER or a STRING of them.
 *
 * The text in the log says it by white space behind such a value: two of TAB, LF and CR, which
 * stand for one of the nine kinds. To whoever parses JSON the document is the same, and with the
 * marks left out it is the server's text byte for byte, as it never prints these characters.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';

/** As JSON_TYPE names them. Their order is in the logs of jobs: it stays. */
const KINDS = [
  'DECIMAL',
  'UNSIGNED INTEGER',
  'DATE',
  'TIME',
  'DATETIME',
  'TIMESTAMP',
  'BLOB',
  'BIT',
  'OPAQUE',
] as const;
export type JsonKind = (typeof KINDS)[number];

const SPACES = [0x09, 0x0a, 0x0d];
export const MARK_BYTES = 2;
const FIRST_OF_MARK = Buffer.from(SPACES);
/** A native search costs as much as so many bytes one after the other. */
const SEARCHED_BY_BYTE_MAX = 200;

export function kindNamed(name: unknown): JsonKind | undefined {
  return KINDS.find(kind => kind === name);
}

export function writeMark(kind: JsonKind, out: ByteWriter): void {
  const code = KINDS.indexOf(kind);
  out.u8(SPACES[Math.floor(code / SPACES.length)] ?? 0);
  out.u8(SPACES[code % SPACES.length] ?? 0);
}

/** The kind that is marked at `pos`; null: none is. */
export function markAt(src: Buffer, pos: number, end: number): JsonKind | null {
  if (pos >= end) return null;
  const first = SPACES.indexOf(at(src, pos));
  if (first < 0) return null;
  const second = pos + 1 < end ? SPACES.indexOf(at(src, pos + 1)) : -1;
  const kind = KINDS[first * SPACES.length + second];
  if (second < 0 || kind === undefined) throw new JsonMalformed('a mark is cut short');
  return kind;
}

/** Whether any value of the text is marked. */
export function hasMarks(src: Buffer, start: number, end: number): boolean {
  if (end - start > SEARCHED_BY_BYTE_MAX) {
    const text = src.subarray(start, end);
    return FIRST_OF_MARK.some(space => text.includes(space));
  }
  for (let i = start; i < end; i++) if (at(src, i) < 0x20) return true;
  return false;
}

/** A text that no server prints and no writer of ours makes. */
export class JsonMalformed extends Error {}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;

/** `src[start, end)` is a number, a string or a literal; `behind` is where its mark ends. */
export type OnScalar = (
  start: number,
  end: number,
  kind: JsonKind | null,
  ordinal: number,
  behind: number,
) => void;

/**
 * Calls for each value that is not a container, in order. Its ordinal is its place among the values
 * that servers find by the path `$**[0]`: all but arrays, and arrays that stand first in an array.
 */
export function eachScalar(src: Buffer, start: number, end: number, onScalar: OnScalar): void {
  const isObject: boolean[] = [];
  let ordinal = 0;
  let isKey = false;
  let isFirst = false;
  for (let i = start; i < end; ) {
    const b = at(src, i);
    if (b === OPEN_OBJECT || b === OPEN_ARRAY) {
      if (b === OPEN_OBJECT || isFirst) ordinal++;
      isObject.push(b === OPEN_OBJECT);
      isKey = b === OPEN_OBJECT;
      isFirst = b === OPEN_ARRAY;
      i++;
    } else if (b === CLOSE_OBJECT || b === CLOSE_ARRAY) {
      if (isObject.pop() !== (b === CLOSE_OBJECT)) throw new JsonMalformed('a bracket too many');
      isKey = false;
      isFirst = false;
      i++;
    } else if (b === COMMA) {
      isKey = isObject.at(-1) === true;
      isFirst = false;
      i++;
    } else if (b === COLON) {
      isKey = false;
      i++;
    } else if (b === SPACE) i++;
    else if (isKey) i = endOfString(src, i, end);
    else {
      const stop = endOfScalar(src, i, end);
      const kind = markAt(src, stop, end);
      const behind = kind === null ? stop : stop + MARK_BYTES;
      ordinal++;
      isFirst = false;
      onScalar(i, stop, kind, ordinal, behind);
      i = behind;
    }
  }
  if (isObject.length > 0) throw new JsonMalformed('a container without an end');
}

/** The same text without its marks. */
export function writeUnmarked(src: Buffer, start: number, end: number, out: ByteWriter): void {
  if (!hasMarks(src, start, end)) {
    out.copy(src, start, end);
    return;
  }
  let from = start;
  eachScalar(src, start, end, (_, stop, kind, _ordinal, behind) => {
    if (kind === null) return;
    out.copy(src, from, stop);
    from = behind;
  });
  out.copy(src, from, end);
}

/** Where the number, string or literal ends that begins at `pos`. */
export function endOfScalar(src: Buffer, pos: number, end: number): number {
  if (at(src, pos) === QUOTE) return endOfString(src, pos, end);
  let i = pos;
  for (; i < end; i++) {
    const b = at(src, i);
    if (b === COMMA || b === CLOSE_ARRAY || b === CLOSE_OBJECT || b <= SPACE) break;
  }
  if (i === pos) throw new JsonMalformed('no value where one should be');
  return i;
}

/** Behind the closing quote of the string that begins at `pos`. */
export function endOfString(src: Buffer, pos: number, end: number): number {
  if (at(src, pos) !== QUOTE) throw new JsonMalformed('no string where one should be');
  for (let i = pos + 1; i < end; i++) {
    const b = at(src, i);
    if (b === QUOTE) return i + 1;
    if (b === BACKSLASH) i++;
  }
  throw new JsonMalformed('a string without an end');
}
