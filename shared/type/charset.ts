/**
 * Character sets that are not UTF-8. Both ways in carry the column's own bytes (the snapshot asks
 * for them, row images have them), and the way out is those bytes again: the text between is made
 * and read by one table, here. To let the server convert is the obvious way and wrong: what it has
 * no character for becomes `?`, two codes of one character become one, on both sides of a check.
 *
 * Contract: `encode(decode(bytes))` is `bytes`, for any bytes; what cannot keep that is NoText.
 * Where a table has no character for a code, or another code has it already, the code is written
 * as a private character: U+F0000 + code, or U+100000 + the last two bytes of a code of three.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { OTHERWISE, SINGLE_BYTE } from './charset-table.ts';

export interface Charset {
  /** UTF-8 of the bytes, at the end of `out`. */
  decode(src: Buffer, start: number, end: number, out: ByteWriter): void;
  /** The bytes of a UTF-8 text, at the end of `out`. */
  encode(src: Buffer, start: number, end: number, out: ByteWriter): void;
}

/** Bytes that no text stands for, or a text that the character set has no bytes for. */
export class NoText extends Error {}

const PRIVATE = 0xf0000;
const PRIVATE_WIDE = 0x100000;
const NONE = 0xfffd;

function writeUtf8(out: ByteWriter, c: number): void {
  out.reserve(4);
  const { buf } = out;
  if (c < 0x80) buf[out.pos++] = c;
  else if (c < 0x800) {
    buf[out.pos++] = 0xc0 | (c >> 6);
    buf[out.pos++] = 0x80 | (c & 63);
  } else if (c < 0x10000) {
    buf[out.pos++] = 0xe0 | (c >> 12);
    buf[out.pos++] = 0x80 | ((c >> 6) & 63);
    buf[out.pos++] = 0x80 | (c & 63);
  } else {
    buf[out.pos++] = 0xf0 | (c >> 18);
    buf[out.pos++] = 0x80 | ((c >> 12) & 63);
    buf[out.pos++] = 0x80 | ((c >> 6) & 63);
    buf[out.pos++] = 0x80 | (c & 63);
  }
}

/** Hands out each character of a UTF-8 text. */
function eachCharacter(src: Buffer, start: number, end: number, each: (c: number) => void): void {
  for (let i = start; i < end; ) {
    const b = at(src, i++);
    if (b < 0x80) {
      each(b);
      continue;
    }
    const more = b >= 0xf0 ? 3 : b >= 0xe0 ? 2 : 1;
    let c = b & (0x3f >> more);
    for (let n = 0; n < more; n++) c = (c << 6) | (at(src, i++) & 63);
    each(c);
  }
}

/** How many bytes the code that begins with `lead` has. */
type Width = (lead: number) => 1 | 2 | 3;

/** Characters as codes of one to three bytes, by a table. */
class CodedCharset implements Charset {
  readonly #width: Width;
  readonly #characters: ReadonlyMap<number, number>;
  readonly #codes = new Map<number, number>();

  /** `pairs`: code and character; of two codes of one character the first is its code. */
  constructor(width: Width, pairs: Iterable<readonly [number, number]>) {
    this.#width = width;
    const characters = new Map<number, number>();
    for (const [code, character] of pairs) {
      if (character === NONE || this.#codes.has(character)) continue;
      characters.set(code, character);
      this.#codes.set(character, code);
    }
    this.#characters = characters;
  }

  decode(src: Buffer, start: number, end: number, out: ByteWriter): void {
    for (let i = start; i < end; ) {
      const width = Math.min(this.#width(at(src, i)), end - i);
      let code = 0;
      for (let n = 0; n < width; n++) code = code * 256 + at(src, i + n);
      writeUtf8(out, this.#characters.get(code) ?? privateOf(code));
      i += width;
    }
  }

  encode(src: Buffer, start: number, end: number, out: ByteWriter): void {
    eachCharacter(src, start, end, c => {
      const code = this.#codes.get(c) ?? codeOfPrivate(c);
      if (code > 0xffff) out.u8(code >> 16);
      if (code > 0xff) out.u8((code >> 8) & 255);
      out.u8(code & 255);
    });
  }
}

/** Codes of three bytes begin with 0x8f, the only byte that does so. */
const WIDE = 0x8f0000;

function privateOf(code: number): number {
  if (code <= 0xffff) return PRIVATE + code;
  if (code >> 16 === WIDE >> 16) return PRIVATE_WIDE + (code & 0xffff);
  throw new NoText('a code without a character');
}

function codeOfPrivate(c: number): number {
  if (c >= PRIVATE_WIDE) return WIDE | (c & 0xffff);
  if (c >= PRIVATE) return c - PRIVATE;
  throw new NoText('a character that the character set does not have');
}

/** Units of two bytes, and two of them for a character past U+FFFF. */
class Utf16Charset implements Charset {
  readonly #low: 0 | 1;

  constructor(order: 'big' | 'little') {
    this.#low = order === 'big' ? 1 : 0;
  }

  decode(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const unit = (i: number): number =>
      i + 1 < end ? (at(src, i + 1 - this.#low) << 8) | at(src, i + this.#low) : -1;
    if ((end - start) % 2 !== 0) throw new NoText('half a character');
    for (let i = start; i < end; i += 2) {
      const first = unit(i);
      if (first < 0xd800 || first > 0xdfff) writeUtf8(out, first);
      else {
        const second = unit(i + 2);
        if (first > 0xdbff || second < 0xdc00 || second > 0xdfff) {
          throw new NoText('half of a pair of surrogates');
        }
        writeUtf8(out, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        i += 2;
      }
    }
  }

  encode(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const unit = (n: number): void => {
      out.u8(this.#low === 1 ? n >> 8 : n & 255);
      out.u8(this.#low === 1 ? n & 255 : n >> 8);
    };
    eachCharacter(src, start, end, c => {
      if (c < 0x10000) unit(c);
      else {
        unit(0xd800 + ((c - 0x10000) >> 10));
        unit(0xdc00 + ((c - 0x10000) & 0x3ff));
      }
    });
  }
}

const UTF32: Charset = {
  decode(src, start, end, out) {
    if ((end - start) % 4 !== 0) throw new NoText('a part of a character');
    for (let i = start; i < end; i += 4) {
      const c = src.readUInt32BE(i);
      if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) throw new NoText('no character');
      writeUtf8(out, c);
    }
  },
  encode(src, start, end, out) {
    eachCharacter(src, start, end, c => {
      out.reserve(4);
      out.pos = out.buf.writeUInt32BE(c, out.pos);
    });
  },
};

function singleByte(high: string): Charset {
  const characters = [...high].map(c => c.codePointAt(0) ?? NONE);
  const first = 256 - characters.length;
  const pairs = Array.from({ length: 256 }, (_, code): [number, number] => [
    code,
    characters[code - first] ?? code,
  ]);
  return new CodedCharset(() => 1, pairs);
}

const between = (b: number, low: number, high: number): boolean => b >= low && b <= high;
const DOUBLE: Width = lead => (between(lead, 0x81, 0xfe) ? 2 : 1);
const SHIFT: Width = lead => (between(lead, 0x81, 0x9f) || between(lead, 0xe0, 0xfc) ? 2 : 1);
const EXTENDED: Width = lead =>
  lead === 0x8f ? 3 : lead === 0x8e || between(lead, 0xa1, 0xfe) ? 2 : 1;
/** Every code of two bytes that a lead byte can begin. */
function* doubles(first: number, last: number): Generator<number> {
  for (let lead = first; lead <= last; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) if (trail !== 0x7f) yield lead * 256 + trail;
  }
}

function* range(first: number, last: number): Generator<number> {
  for (let n = first; n <= last; n++) yield n;
}

/** Codes of the platform's table under `label`, with what the servers read otherwise. */
function* tabled(
  label: string,
  name: string,
  codes: Iterable<number>,
): Generator<[number, number]> {
  const otherwise = new Map<number, number>();
  for (const [, code = '', c = ''] of (OTHERWISE[name] ?? '').matchAll(/([0-9a-f]{6})(.)/gsu)) {
    otherwise.set(Number.parseInt(code, 16), c.codePointAt(0) ?? NONE);
  }
  const decoder = new TextDecoder(label);
  for (const code of codes) {
    const bytes = [code >> 16, (code >> 8) & 255, code & 255];
    while (bytes.length > 1 && bytes[0] === 0) bytes.shift();
    const [first = '', ...more] = decoder.decode(Buffer.from(bytes));
    const c = more.length > 0 ? NONE : (first.codePointAt(0) ?? NONE);
    yield [code, otherwise.get(code) ?? c];
  }
}

/**
 * Hangul syllables that KS X 1001 lacks stand in the rest of the code page 949 in the order of
 * Unicode: the platform's table may lack them.
 */
function* unifiedHangul(known: ReadonlySet<number>): Generator<[number, number]> {
  let syllable = 0xac00;
  for (const code of doubles(0x81, 0xc6)) {
    const [lead, trail] = [code >> 8, code & 255];
    const isLetter = between(trail, 0x41, 0x5a) || between(trail, 0x61, 0x7a);
    if (!isLetter && !between(trail, 0x81, lead < 0xa1 ? 0xfe : 0xa0)) continue;
    while (known.has(syllable)) syllable++;
    if (syllable > 0xd7a3) return;
    yield [code, syllable++];
  }
}

function korean(): Charset {
  const plain = [...tabled('euc-kr', 'euckr', euc())];
  const known = new Set(plain.map(([, c]) => c));
  return new CodedCharset(DOUBLE, [...ascii(), ...plain, ...unifiedHangul(known)]);
}

function* ascii(): Generator<[number, number]> {
  for (const n of range(0, 127)) yield [n, n];
}

function* euc(): Generator<number> {
  for (const code of doubles(0xa1, 0xfe)) if ((code & 255) > 0xa0) yield code;
}

function* eucJapanese(): Generator<number> {
  yield* range(0x8ea1, 0x8edf);
  yield* euc();
  for (const code of euc()) yield WIDE | code;
}

function* shifted(): Generator<number> {
  yield* range(0xa1, 0xdf);
  yield* doubles(0x81, 0x9f);
  yield* doubles(0xe0, 0xfc);
}

function coded(label: string, name: string, width: Width, codes: Iterable<number>): Charset {
  return new CodedCharset(width, [...ascii(), ...tabled(label, name, codes)]);
}

const MAKERS: Record<string, () => Charset> = {
  utf16: () => new Utf16Charset('big'),
  ucs2: () => new Utf16Charset('big'),
  utf16le: () => new Utf16Charset('little'),
  utf32: () => UTF32,
  gbk: () => coded('gbk', 'gbk', DOUBLE, doubles(0x81, 0xfe)),
  gb2312: () => coded('gbk', 'gb2312', DOUBLE, euc()),
  big5: () => coded('big5', 'big5', DOUBLE, doubles(0x81, 0xfe)),
  sjis: () => coded('shift_jis', 'sjis', SHIFT, shifted()),
  cp932: () => coded('shift_jis', 'cp932', SHIFT, shifted()),
  ujis: () => coded('euc-jp', 'ujis', EXTENDED, eucJapanese()),
  eucjpms: () => coded('euc-jp', 'eucjpms', EXTENDED, eucJapanese()),
  euckr: korean,
};

const MADE = new Map<string, Charset>();

/** The bytes of these charsets are UTF-8, or become it by a rule of their own (text.ts). */
const UTF8 = new Set(['utf8mb4', 'utf8mb3', 'utf8', 'ascii', 'latin1']);

/** Every code is a character of Unicode, and every text goes into utf8mb4 and back. */
export function isUnicode(name: string): boolean {
  return /^(ucs2|utf16|utf16le|utf32)$/.test(name);
}

export function isCarriedCharset(name: string): boolean {
  return UTF8.has(name) || name in MAKERS || name in SINGLE_BYTE;
}

/** Null where the bytes need none. Made when it is first asked for: a table takes milliseconds. */
export function charsetOf(name: string): Charset | null {
  if (UTF8.has(name)) return null;
  const known = MADE.get(name);
  if (known !== undefined) return known;
  const high = SINGLE_BYTE[name];
  const made = MAKERS[name]?.() ?? (high === undefined ? null : singleByte(high));
  if (made !== null) MADE.set(name, made);
  return made;
}
