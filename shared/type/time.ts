/**
 * TIME: signed microseconds, -838:59:59 to 838:59:59. It is a span, not a time of day. In a row
 * image a negative span is one number of whole and fraction together, so the fraction borrows.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { readVarint, skipVarint } from './avro-read.ts';
import { twoDigits, writeClock } from './civil-day.ts';
import { parseDigits } from './digits.ts';
import { fractionBytes, microsFromText, writeFraction } from './fraction.ts';
import { writeUnquoted } from './quoted.ts';
import type { ValueCodec } from './value-codec.ts';

const MINUS = 0x2d;
const QUOTE = 0x27;
/** Values of one fraction byte, two, three; and microseconds in one unit of the last. */
const FRACTION_RANGE = [1, 0x100, 0x10000, 0x1000000] as const;
const FRACTION_UNIT = [1, 10000, 100, 1] as const;

export class TimeCodec implements ValueCodec {
  readonly avro = {
    type: 'long',
    'connect.version': 1,
    'connect.name': 'io.debezium.time.MicroTime',
  };
  readonly #fsp: number;
  readonly #bytes: number;
  readonly #range: number;
  readonly #unit: number;

  constructor(fsp: number) {
    this.#fsp = fsp;
    const fraction = fractionBytes(fsp);
    this.#bytes = 3 + fraction;
    this.#range = FRACTION_RANGE[fraction] ?? 1;
    this.#unit = FRACTION_UNIT[fraction] ?? 1;
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const negative = at(src, start) === MINUS;
    const from = negative ? start + 1 : start;
    // Two or three digits of hours: what follows them has a fixed width.
    const colon = at(src, from + 2) === 0x3a ? from + 2 : from + 3;
    const seconds =
      parseDigits(src, from, colon) * 3600 +
      twoDigits(src, colon + 1) * 60 +
      twoDigits(src, colon + 4);
    const micros = seconds * 1000000 + microsFromText(src, colon + 6, end);
    out.varint(negative && micros !== 0 ? -micros : micros);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    let packed = 0;
    for (let i = 0; i < this.#bytes; i++) packed = packed * 256 + at(src, pos + i);
    packed -= 0x800000 * this.#range;
    const magnitude = packed < 0 ? -packed : packed;
    const clock = Math.floor(magnitude / this.#range);
    const fraction = magnitude - clock * this.#range;
    const seconds = (clock >> 12) * 3600 + ((clock >> 6) & 63) * 60 + (clock & 63);
    const micros = seconds * 1000000 + fraction * this.#unit;
    out.varint(packed < 0 ? -micros : micros);
    return pos + this.#bytes;
  }

  skip(buf: Buffer, pos: number): number {
    return skipVarint(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const v = readVarint(buf, pos);
    const magnitude = v < 0 ? -v : v;
    const seconds = Math.floor(magnitude / 1000000);
    out.reserve(20);
    out.buf[out.pos++] = QUOTE;
    if (v < 0) out.buf[out.pos++] = MINUS;
    writeClock(out, seconds);
    writeFraction(out, magnitude - seconds * 1000000, this.#fsp);
    out.buf[out.pos++] = QUOTE;
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    writeUnquoted(this, buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return readVarint(buf, pos);
  }
}
