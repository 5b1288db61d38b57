/**
 * Record batch v2, written straight into one growing buffer that is used again for the next batch.
 * The client library builds several objects and small buffers for each record, which costs ten
 * times as much as all the rest of producing.
 *
 *   0 baseOffset i64 · 8 length i32 · 12 leaderEpoch i32 · 16 magic i8 · 17 crc u32 ·
 *   21 attributes i16 · 23 lastOffsetDelta i32 · 27 baseTimestamp i64 · 35 maxTimestamp i64 ·
 *   43 producerId i64 · 51 producerEpoch i16 · 53 baseSequence i32 · 57 count i32 · 61 records
 *   record: length varint · attributes i8 · timestampDelta varint · offsetDelta varint ·
 *           keyLength varint · key · valueLength varint · value · headerCount varint ·
 *           for each header: nameLength varint · name · valueLength varint · value
 */
import { at, ByteWriter } from '../../runtime/bytes.ts';
import { ReshardError } from '../../runtime/error.ts';
import { crc32c } from './crc32c.ts';
import type { RecordHeader, RecordSlices } from './record-slices.ts';

export const HEADER_BYTES = 61;
/** Place of the epoch of the leader that took a batch. */
export const EPOCH_AT = 12;
export const MAGIC = 2;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;
export const LOG_APPEND_TIME = 0x08;
export const CODEC_MASK = 0x07;
/** Bytes of a record besides its key and value, at most. */
const RECORD_OVERHEAD_MAX = 40;
const NULL_LENGTH = 1;

/** Who wrote a batch; the broker drops what it has already seen of (id, epoch, sequence). */
export interface BatchProducer {
  id: number;
  epoch: number;
  sequence: number;
  transactional: boolean;
}

/** Bytes of headers with their lengths, at most. */
export function headerBytesMax(headers: RecordSlices['headers']): number {
  if (headers === undefined) return 0;
  if ('name' in headers) return headers.name.length + headers.end - headers.start + 10;
  return headers.reduce((n, h) => n + headerBytesMax(h), 0);
}

export class RecordBatchBuilder {
  count = 0;
  readonly #out: ByteWriter;
  #baseTime = 0;
  #maxTime = 0;

  constructor(initialBytes = 16 * 1024) {
    this.#out = new ByteWriter(initialBytes);
    this.#out.pos = HEADER_BYTES;
  }

  get bytes(): number {
    return this.#out.pos;
  }

  get capacity(): number {
    return this.#out.buf.length;
  }

  clear(): void {
    this.#out.pos = HEADER_BYTES;
    this.count = 0;
  }

  /** Copies one record. */
  append(record: RecordSlices): void {
    const { key, keyStart, keyEnd, value, valueStart, valueEnd, timeMs, headers } = record;
    if (this.count === 0) {
      this.#baseTime = timeMs;
      this.#maxTime = timeMs;
    } else if (timeMs > this.#maxTime) {
      this.#maxTime = timeMs;
    }
    const timeDelta = timeMs - this.#baseTime;
    if (timeDelta < -0x20000000 || timeDelta > 0x1fffffff) {
      throw new ReshardError('bug', 'record times of one batch are more than six days apart');
    }
    const keyBytes = keyStart < 0 ? 0 : keyEnd - keyStart;
    const valueBytes = valueStart < 0 ? 0 : valueEnd - valueStart;
    const zTime = zigzag(timeDelta);
    const zOffset = this.count << 1;
    const zKey = keyStart < 0 ? NULL_LENGTH : keyBytes << 1;
    const zValue = valueStart < 0 ? NULL_LENGTH : valueBytes << 1;
    const headerBytes = headers === undefined ? 0 : sizeOfHeaders(headers);
    const body =
      2 +
      size(zTime) +
      size(zOffset) +
      size(zKey) +
      keyBytes +
      size(zValue) +
      valueBytes +
      headerBytes;
    const out = this.#out;
    out.reserve(keyBytes + valueBytes + headerBytes + RECORD_OVERHEAD_MAX);
    const { buf } = out;
    let p = put(buf, out.pos, body << 1);
    buf[p++] = 0;
    p = put(buf, p, zTime);
    p = put(buf, p, zOffset);
    p = put(buf, p, zKey);
    if (keyBytes > 0) p = copy(key, keyStart, keyEnd, buf, p);
    p = put(buf, p, zValue);
    if (valueBytes > 0) p = copy(value, valueStart, valueEnd, buf, p);
    if (headers === undefined) buf[p++] = 0;
    else p = putHeaders(buf, p, headers);
    out.pos = p;
    this.count++;
  }

  /** Fills in the header and gives the batch, valid until the builder is cleared or appended to. */
  finish(producer: BatchProducer): Buffer {
    const { buf, pos } = this.#out;
    buf.fill(0, 0, 8);
    buf.writeInt32BE(pos - 12, 8);
    buf.writeInt32BE(-1, 12);
    buf[16] = MAGIC;
    buf.writeInt16BE(producer.transactional ? TRANSACTIONAL : 0, 21);
    buf.writeInt32BE(this.count - 1, 23);
    writeLong(buf, this.#baseTime, 27);
    writeLong(buf, this.#maxTime, 35);
    writeLong(buf, producer.id, 43);
    buf.writeInt16BE(producer.epoch, 51);
    buf.writeInt32BE(producer.sequence, 53);
    buf.writeInt32BE(this.count, 57);
    buf.writeUInt32BE(crc32c(buf, 21, pos), 17);
    return buf.subarray(0, pos);
  }
}

/** The sequence after a batch: numbers go from 0 to 2^31 - 1 and start again. */
export function nextSequence(sequence: number, count: number): number {
  return (sequence + count) % 0x80000000;
}

/** A safe integer as a 64-bit one: most are, and BigInt costs an allocation. */
export function writeLong(buf: Buffer, v: number, p: number): void {
  buf.writeInt32BE(Math.floor(v / 0x100000000), p);
  buf.writeInt32BE(v | 0, p + 4);
}

export function readLong(buf: Buffer, p: number): number {
  return buf.readInt32BE(p) * 0x100000000 + buf.readUInt32BE(p + 4);
}

function zigzag(v: number): number {
  return ((v << 1) ^ (v >> 31)) >>> 0;
}

function size(z: number): number {
  return z < 0x80 ? 1 : z < 0x4000 ? 2 : z < 0x200000 ? 3 : z < 0x10000000 ? 4 : 5;
}

function put(buf: Buffer, p: number, z: number): number {
  let rest = z;
  while (rest > 0x7f) {
    buf[p++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buf[p++] = rest;
  return p;
}

function sizeOfHeader({ name, start, end }: RecordHeader): number {
  return size(name.length << 1) + name.length + size((end - start) << 1) + end - start;
}

/** Sum over the headers, without the byte or two of their number. */
function sizeOfHeaders(headers: RecordHeader | readonly RecordHeader[]): number {
  if ('name' in headers) return sizeOfHeader(headers);
  return headers.reduce((n, h) => n + sizeOfHeader(h), size(headers.length << 1) - 1);
}

function putHeaders(
  buf: Buffer,
  at: number,
  headers: RecordHeader | readonly RecordHeader[],
): number {
  if (!('name' in headers)) {
    let p = put(buf, at, headers.length << 1);
    for (const h of headers) p = putHeader(buf, p, h);
    return p;
  }
  buf[at] = 1 << 1;
  return putHeader(buf, at + 1, headers);
}

function putHeader(buf: Buffer, at: number, { name, buf: from, start, end }: RecordHeader): number {
  let p = put(buf, at, name.length << 1);
  p = copy(name, 0, name.length, buf, p);
  p = put(buf, p, (end - start) << 1);
  return copy(from, start, end, buf, p);
}

function copy(src: Buffer, start: number, end: number, dst: Buffer, p: number): number {
  // A native copy costs about 60 ns whatever its size: a loop is faster for short runs.
  if (end - start > 32) {
    src.copy(dst, p, start, end);
    return p + end - start;
  }
  for (let i = start; i < end; i++) dst[p++] = at(src, i);
  return p;
}
