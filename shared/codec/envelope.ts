/**
 * The change record: Debezium's envelope around our row bytes. What is the same for all rows of a
 * transaction (or of a chunk) is encoded once by `begin`; a row then costs copies.
 * Invariant: the version in `source.sequence` has a fixed width, so that the ordered writer can
 * stamp a snapshot row with its own epoch and ordinal without decoding or moving a byte.
 */

import type { RowCodec } from '../row/row-codec.ts';
import { at, ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import { readVarint, skipBytes, skipVarint } from '../type/avro-read.ts';
import { FRAME_BYTES, registryFrame } from './registry-frame.ts';

export type SourceInfo = {
  /** When the transaction was committed (or, for a snapshot row, when it was read). */
  tsMs: number;
  snapshot: 'false' | 'incremental';
  serverId: number;
  gtid: string | null;
  file: string;
  pos: number;
  thread: bigint | null;
};

export type Slice = { buf: Buffer; start: number; end: number };
export type Operation = 'c' | 'u' | 'd' | 'r';

const SOURCE_VERSION = '1';

const SNAPSHOT = { false: textBytes('false'), incremental: textBytes('incremental') };

const EPOCH_DIGITS = 10;
const ORDINAL_DIGITS = 20;
/** Offsets of the two numbers in ["eeeeeeeeee","oooooooooooooooooooo"]. */
const EPOCH_AT = 2;
const ORDINAL_AT = EPOCH_AT + EPOCH_DIGITS + 3;
const SEQUENCE_BYTES = ORDINAL_AT + ORDINAL_DIGITS + 2;
const BLANK = Buffer.from(`["${'0'.repeat(EPOCH_DIGITS)}","${'0'.repeat(ORDINAL_DIGITS)}"]`);

export class EnvelopeEncoder {
  /** Distance of the sequence text from the end of the value that was written last. */
  sequenceFromEnd = 0;
  readonly #codec: RowCodec;
  /** What `begin` writes again and again: text costs more than a copy of its bytes. */
  readonly #lead: Buffer;
  readonly #db: Buffer;
  readonly #table: Buffer;
  #file = '';
  #fileText = textBytes('');
  readonly #keyHeader: Buffer;
  readonly #valueHeader: Buffer;
  /** source up to the sequence text, from there to `row`, from there to `op`. */
  readonly #head = new ByteWriter(256);
  readonly #tail = new ByteWriter(256);
  readonly #rest = new ByteWriter(64);
  readonly #clock = new ByteWriter(64);
  #clockMs = Number.NaN;
  #begun = false;

  constructor(o: {
    codec: RowCodec;
    prefix: string;
    keySchemaId: number;
    valueSchemaId: number;
  }) {
    this.#codec = o.codec;
    const { db, table } = o.codec.schema;
    this.#lead = Buffer.concat([SOURCE_VERSION, 'mysql', o.prefix].map(textBytes));
    this.#db = textBytes(db);
    this.#table = textBytes(table);
    this.#keyHeader = registryFrame(o.keySchemaId);
    this.#valueHeader = registryFrame(o.valueSchemaId);
  }

  /** Sets the source of the rows that follow. */
  begin(info: SourceInfo): void {
    const head = this.#head;
    head.clear();
    writeBytes(head, this.#lead);
    head.varint(info.tsMs);
    head.u8(0);
    writeBytes(head, SNAPSHOT[info.snapshot]);
    writeBytes(head, this.#db);
    head.u8(2);
    head.varint(SEQUENCE_BYTES);
    const tail = this.#tail;
    tail.clear();
    writeTimes(tail, info.tsMs);
    tail.u8(2);
    writeBytes(tail, this.#table);
    tail.varint(info.serverId);
    writeOptionalText(tail, info.gtid);
    if (info.file !== this.#file) {
      this.#file = info.file;
      this.#fileText = textBytes(info.file);
    }
    writeBytes(tail, this.#fileText);
    tail.varint(info.pos);
    const rest = this.#rest;
    rest.clear();
    if (info.thread === null) rest.u8(0);
    else {
      rest.u8(2);
      rest.varlong(info.thread);
    }
    rest.u8(0); // query
    rest.u8(0); // transaction
    this.#begun = true;
  }

  /** Key record with its header. */
  key(out: ByteWriter, rowBuf: Buffer, start: number, end: number): void {
    out.copy(this.#keyHeader, 0, FRAME_BYTES);
    this.#codec.key(rowBuf, start, end, out);
  }

  /** Envelope with its header; `row` is the row's number in its event. */
  value(
    out: ByteWriter,
    op: Operation,
    before: Slice | null,
    after: Slice | null,
    row: number,
    epoch: number,
    ordinal: bigint | number,
    nowMs: number,
  ): void {
    if (!this.#begun) throw new ReshardError('bug', 'EnvelopeEncoder.value before begin');
    if (nowMs !== this.#clockMs) this.#setClock(nowMs);
    out.copy(this.#valueHeader, 0, FRAME_BYTES);
    writeRow(out, before);
    writeRow(out, after);
    out.copy(this.#head.buf, 0, this.#head.pos);
    const sequence = out.pos;
    out.copy(BLANK, 0, SEQUENCE_BYTES);
    writeVersion(out.buf, sequence, epoch, ordinal);
    out.copy(this.#tail.buf, 0, this.#tail.pos);
    out.varint(row);
    out.copy(this.#rest.buf, 0, this.#rest.pos);
    out.u8(2); // op: one character
    out.u8(op.charCodeAt(0));
    out.copy(this.#clock.buf, 0, this.#clock.pos);
    this.sequenceFromEnd = out.pos - sequence;
  }

  #setClock(nowMs: number): void {
    this.#clockMs = nowMs;
    this.#clock.clear();
    this.#clock.u8(2);
    this.#clock.varint(nowMs);
    writeTimes(this.#clock, nowMs);
  }
}

/** Stamps a version onto an encoded value. `fromEnd` is the encoder's `sequenceFromEnd`. */
export function patchSequence(
  value: Buffer,
  end: number,
  fromEnd: number,
  epoch: number,
  ordinal: bigint | number,
): void {
  const start = end - fromEnd;
  if (start < FRAME_BYTES || at(value, start) !== 0x5b || at(value, start + 1) !== 0x22) {
    throw new ReshardError('corrupt', 'no version text where a chunk says its rows have one');
  }
  writeVersion(value, start, epoch, ordinal);
}

function writeVersion(buf: Buffer, start: number, epoch: number, ordinal: bigint | number): void {
  const epochEnd = start + EPOCH_AT + EPOCH_DIGITS;
  if (!writeDigits(buf, start + EPOCH_AT, epochEnd, epoch)) {
    throw new ReshardError('bug', `writer epoch ${epoch} does not fit the version`);
  }
  const ordinalEnd = start + ORDINAL_AT + ORDINAL_DIGITS;
  const n = Number(ordinal);
  if (!writeDigits(buf, start + ORDINAL_AT, ordinalEnd, n)) {
    throw new ReshardError('bug', `source ordinal ${ordinal} does not fit the version`);
  }
}

/** Right-aligned digits of a safe integer; false when it does not fit or is no such number. */
function writeDigits(buf: Buffer, start: number, end: number, v: number): boolean {
  if (!Number.isSafeInteger(v) || v < 0) return false;
  let rest = v;
  let p = end;
  while (rest >= 0x40000000) {
    const next = Math.floor(rest / 10);
    buf[--p] = 0x30 + (rest - next * 10);
    rest = next;
  }
  for (let small = rest | 0; p > start; ) {
    const next = (small / 10) | 0;
    buf[--p] = 0x30 + (small - next * 10);
    small = next;
    if (p === start) return small === 0;
  }
  return false;
}

function writeRow(out: ByteWriter, row: Slice | null): void {
  if (row === null) {
    out.u8(0);
    return;
  }
  out.u8(2);
  out.copy(row.buf, row.start, row.end);
}

function writeBytes(out: ByteWriter, bytes: Buffer): void {
  out.copy(bytes, 0, bytes.length);
}

function textBytes(text: string): Buffer {
  const out = new ByteWriter(16);
  writeText(out, text);
  return out.take();
}

function writeText(out: ByteWriter, text: string): void {
  out.varint(Buffer.byteLength(text));
  out.utf8(text);
}

function writeOptionalText(out: ByteWriter, text: string | null): void {
  if (text === null) out.u8(0);
  else {
    out.u8(2);
    writeText(out, text);
  }
}

/** ts_us and ts_ns of a millisecond, both optional longs. */
function writeTimes(out: ByteWriter, ms: number): void {
  out.u8(2);
  out.varlong(BigInt(ms) * 1000n);
  out.u8(2);
  out.varlong(BigInt(ms) * 1000000n);
}

/**
 * Finds the parts of one value in place. The fields hold positions into the buffer given to
 * `decode`, valid until the next call. Reads only values of the codec's own schema: the caller
 * compares `schemaId` with the id that the codec's schema was registered under.
 */
export class EnvelopeDecoder {
  schemaId = 0;
  op: Operation = 'c';
  hasBefore = false;
  beforeStart = 0;
  beforeEnd = 0;
  hasAfter = false;
  afterStart = 0;
  afterEnd = 0;
  /** Version: writer epoch, then the ordinal in the source. */
  epoch = 0;
  ordinal = 0;
  /** source.ts_ms: when the source committed. */
  tsMs = 0;
  /** ts_ms: when the record was made. */
  recordMs = 0;
  /** Bytes of source.gtid, empty when it is null. */
  gtidStart = 0;
  gtidEnd = 0;
  readonly #codec: RowCodec;

  constructor(codec: RowCodec) {
    this.#codec = codec;
  }

  decode(buf: Buffer, start: number, end: number): void {
    if (end - start < FRAME_BYTES || at(buf, start) !== 0) throw damaged('no Confluent header');
    this.schemaId = buf.readUInt32BE(start + 1);
    let pos = this.#rows(buf, start + FRAME_BYTES);
    pos = this.#source(buf, pos, end);
    pos = skipOptional(buf, pos, skipTransaction);
    if (at(buf, pos) !== 2) throw damaged('op is not one character');
    this.op = operation(at(buf, pos + 1));
    pos = this.#clock(buf, pos + 2);
    if (pos !== end) throw damaged('its length is not that of its schema');
  }

  #rows(buf: Buffer, start: number): number {
    let pos = start;
    this.hasBefore = at(buf, pos++) === 2;
    this.beforeStart = pos;
    if (this.hasBefore) pos = this.#codec.skip(buf, pos);
    this.beforeEnd = pos;
    this.hasAfter = at(buf, pos++) === 2;
    this.afterStart = pos;
    if (this.hasAfter) pos = this.#codec.skip(buf, pos);
    this.afterEnd = pos;
    return pos;
  }

  #source(buf: Buffer, start: number, end: number): number {
    let pos = skipBytes(buf, skipBytes(buf, skipBytes(buf, start))); // version connector name
    this.tsMs = readVarint(buf, pos);
    pos = skipVarint(buf, pos);
    if (at(buf, pos++) === 0) pos = skipBytes(buf, pos); // snapshot
    pos = skipBytes(buf, pos); // db
    if (at(buf, pos) !== 2 || at(buf, pos + 1) !== SEQUENCE_BYTES * 2) {
      throw damaged('source.sequence is not our version');
    }
    pos += 2;
    if (pos + SEQUENCE_BYTES > end) throw damaged('cut short');
    this.epoch = readDigits(buf, pos + EPOCH_AT, EPOCH_DIGITS);
    this.ordinal = readDigits(buf, pos + ORDINAL_AT, ORDINAL_DIGITS);
    pos += SEQUENCE_BYTES;
    pos = skipOptional(buf, pos, skipVarint); // ts_us
    pos = skipOptional(buf, pos, skipVarint); // ts_ns
    pos = skipOptional(buf, pos, skipBytes); // table
    pos = skipVarint(buf, pos); // server_id
    const gtid = pos;
    pos = skipOptional(buf, pos, skipBytes);
    this.gtidStart = at(buf, gtid) === 0 ? pos : skipVarint(buf, gtid + 1);
    this.gtidEnd = pos;
    pos = skipVarint(buf, skipVarint(buf, skipBytes(buf, pos))); // file pos row
    pos = skipOptional(buf, pos, skipVarint); // thread
    return skipOptional(buf, pos, skipBytes); // query
  }

  #clock(buf: Buffer, start: number): number {
    this.recordMs = at(buf, start) === 0 ? 0 : readVarint(buf, start + 1);
    let pos = skipOptional(buf, start, skipVarint);
    pos = skipOptional(buf, pos, skipVarint);
    return skipOptional(buf, pos, skipVarint);
  }
}

function skipOptional(
  buf: Buffer,
  pos: number,
  skip: (buf: Buffer, pos: number) => number,
): number {
  return at(buf, pos) === 0 ? pos + 1 : skip(buf, pos + 1);
}

function skipTransaction(buf: Buffer, pos: number): number {
  return skipVarint(buf, skipVarint(buf, skipBytes(buf, pos)));
}

function operation(code: number): Operation {
  switch (code) {
    case 0x63:
      return 'c';
    case 0x75:
      return 'u';
    case 0x64:
      return 'd';
    case 0x72:
      return 'r';
    default:
      throw damaged('unknown op');
  }
}

function readDigits(buf: Buffer, pos: number, width: number): number {
  let v = 0;
  for (let i = pos; i < pos + width; i++) {
    const digit = at(buf, i) - 0x30;
    if (digit < 0 || digit > 9) throw damaged('the version is not digits');
    v = v * 10 + digit;
  }
  if (!Number.isSafeInteger(v)) throw damaged('the version is past 2^53');
  return v;
}

function damaged(what: string): ReshardError {
  return new ReshardError('corrupt', `a change record does not decode: ${what}`);
}
