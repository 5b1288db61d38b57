/**
 * DATE, DATETIME and TIMESTAMP. DATETIME has no zone and is counted as if it were UTC: the count
 * is a name for the digits, and no zone may ever be applied to it. TIMESTAMP is an instant: the
 * session that reads or writes its text must be at '+00:00'.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { readLong, readVarint, skipBytes, skipVarint } from './avro-read.ts';
import { dayFromText, dayOf, twoDigits, writeClock, writeDay } from './civil-day.ts';
import { fractionBytes, microsFromBinlog, microsFromText, writeFraction } from './fraction.ts';
import { writeUnquoted } from './quoted.ts';
import { textAt } from './text.ts';
import type { AvroSchema, ValueCodec } from './value-codec.ts';

const DAY_SECONDS = 86400;
const QUOTE = 0x27;

function annotated(type: string, name: string): AvroSchema {
  return { type, 'connect.version': 1, 'connect.name': `io.debezium.time.${name}` };
}

export class DateCodec implements ValueCodec {
  readonly avro = annotated('int', 'Date');

  fromText(src: Buffer, start: number, _end: number, out: ByteWriter): void {
    out.varint(dayFromText(src, start));
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const v = at(src, pos) | (at(src, pos + 1) << 8) | (at(src, pos + 2) << 16);
    out.varint(dayOf(v >> 9, (v >> 5) & 15, v & 31));
    return pos + 3;
  }

  skip(buf: Buffer, pos: number): number {
    return skipVarint(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    out.reserve(12);
    out.buf[out.pos++] = QUOTE;
    writeDay(out, readVarint(buf, pos));
    out.buf[out.pos++] = QUOTE;
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    writeUnquoted(this, buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return readVarint(buf, pos);
  }
}

/** Milliseconds up to three fractional digits, microseconds past that. */
export class DatetimeCodec implements ValueCodec {
  readonly avro: AvroSchema;
  readonly #fsp: number;
  readonly #fractionBytes: number;
  readonly #micros: boolean;

  constructor(fsp: number) {
    this.#fsp = fsp;
    this.#fractionBytes = fractionBytes(fsp);
    this.#micros = fsp > 3;
    this.avro = annotated('long', this.#micros ? 'MicroTimestamp' : 'Timestamp');
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const day = dayFromText(src, start);
    const clock =
      twoDigits(src, start + 11) * 3600 +
      twoDigits(src, start + 14) * 60 +
      twoDigits(src, start + 17);
    this.#write(day * DAY_SECONDS + clock, microsFromText(src, start + 19, end), out);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    // 40 bits from the top: sign (always 1), 17 year*13+month, 5 day, 5 hour, 6 minute, 6 second.
    const yearMonth =
      ((at(src, pos) & 0x7f) << 10) | (at(src, pos + 1) << 2) | (at(src, pos + 2) >> 6);
    const rest = ((at(src, pos + 2) & 0x3f) << 16) | (at(src, pos + 3) << 8) | at(src, pos + 4);
    const year = (yearMonth / 13) | 0;
    const day = dayOf(year, yearMonth - year * 13, rest >> 17);
    const clock = ((rest >> 12) & 31) * 3600 + ((rest >> 6) & 63) * 60 + (rest & 63);
    const micros = microsFromBinlog(src, pos + 5, this.#fractionBytes);
    this.#write(day * DAY_SECONDS + clock, micros, out);
    return pos + 5 + this.#fractionBytes;
  }

  #write(seconds: number, micros: number, out: ByteWriter): void {
    if (!this.#micros) {
      out.varint(seconds * 1000 + micros / 1000);
      return;
    }
    const total = seconds * 1000000 + micros;
    if (Number.isSafeInteger(total)) out.varint(total);
    else out.varlong(BigInt(seconds) * 1000000n + BigInt(micros));
  }

  skip(buf: Buffer, pos: number): number {
    return skipVarint(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const v = readLong(buf, pos);
    const unit = this.#micros ? 1000000 : 1000;
    let seconds: number;
    let fraction: number;
    if (typeof v === 'number') {
      seconds = Math.floor(v / unit);
      fraction = v - seconds * unit;
    } else {
      fraction = Number(((v % 1000000n) + 1000000n) % 1000000n);
      seconds = Number((v - BigInt(fraction)) / 1000000n);
    }
    const day = Math.floor(seconds / DAY_SECONDS);
    out.reserve(28);
    out.buf[out.pos++] = QUOTE;
    writeDay(out, day);
    out.buf[out.pos++] = 0x20;
    writeClock(out, seconds - day * DAY_SECONDS);
    writeFraction(out, this.#micros ? fraction : fraction * 1000, this.#fsp);
    out.buf[out.pos++] = QUOTE;
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    writeUnquoted(this, buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return readLong(buf, pos);
  }
}

/**
 * ISO text at UTC with exactly the declared fractional digits: '2026-01-02T03:04:05.123Z'. The zero
 * timestamp, which is no instant, has its own digits too: '0000-00-00T00:00:00Z'.
 */
export class TimestampCodec implements ValueCodec {
  readonly avro = annotated('string', 'ZonedTimestamp');
  readonly #fsp: number;
  readonly #fractionBytes: number;
  readonly #length: number;

  constructor(fsp: number) {
    this.#fsp = fsp;
    this.#fractionBytes = fractionBytes(fsp);
    this.#length = 20 + (fsp > 0 ? fsp + 1 : 0);
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    out.reserve(this.#length + 1);
    const { buf } = out;
    let p = out.pos;
    buf[p++] = this.#length << 1;
    for (let i = start; i < end; i++) buf[p++] = at(src, i);
    buf[p++] = 0x5a;
    buf[out.pos + 11] = 0x54;
    out.pos = p;
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const seconds = src.readUInt32BE(pos);
    const micros = microsFromBinlog(src, pos + 4, this.#fractionBytes);
    // MariaDB has instants within the first second.
    const isZero = seconds === 0 && micros === 0;
    const day = isZero ? dayOf(0, 0, 0) : (seconds / DAY_SECONDS) | 0;
    out.reserve(this.#length + 1);
    out.buf[out.pos++] = this.#length << 1;
    writeDay(out, day);
    out.buf[out.pos++] = 0x54;
    writeClock(out, isZero ? 0 : seconds - day * DAY_SECONDS);
    writeFraction(out, micros, this.#fsp);
    out.buf[out.pos++] = 0x5a;
    return pos + 4 + this.#fractionBytes;
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    out.reserve(this.#length + 1);
    const { buf: target } = out;
    const content = this.#length - 1;
    let p = out.pos;
    target[p++] = QUOTE;
    for (let i = 0; i < content; i++) target[p++] = at(buf, pos + 1 + i);
    target[out.pos + 11] = 0x20;
    target[p++] = QUOTE;
    out.pos = p;
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    writeUnquoted(this, buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return textAt(buf, pos);
  }
}
