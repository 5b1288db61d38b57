/**
 * Record set of a fetch response -> fetched batches, with the read_committed filter done as the
 * protocol says: by producer id and first offset of each aborted transaction, ended by the control
 * batch of that producer. Control batches are told by their attribute and by the type inside their
 * key; a user's key that looks like a marker is data.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { at } from '../../runtime/bytes.ts';
import { ReshardError } from '../../runtime/error.ts';
import { crc32c } from './crc32c.ts';
import { Cursor } from './cursor.ts';
import { FetchedBatch, type SourceBatch } from './fetched-batch.ts';
import { batchText } from './log-position.ts';
import {
  CODEC_MASK,
  CONTROL,
  EPOCH_AT,
  HEADER_BYTES,
  LOG_APPEND_TIME,
  MAGIC,
  readLong,
  TRANSACTIONAL,
} from './record-batch.ts';

export interface AbortedTransaction {
  producerId: number;
  firstOffset: number;
}

export interface RecordSet {
  topic: string;
  partition: number;
  buf: Buffer;
  start: number;
  end: number;
  /** First offset that is wanted: a batch is delivered whole, so it may begin before it. */
  wanted: number;
  /** Null reads everything (isolation `uncommitted`). */
  aborted: readonly AbortedTransaction[] | null;
}

interface Batch {
  start: number;
  end: number;
  attributes: number;
}

export interface DecodedSet {
  fetchedBatches: FetchedBatch[];
  next: number;
  /** The last batch of the log in it, control batches too; undefined if there is none. */
  last: SourceBatch | undefined;
}

/** What a batch of the log says of itself. */
export function sourceBatch(buf: Buffer, start: number, first = 0): SourceBatch {
  const batch = batchText(
    readLong(buf, start + 43),
    buf.readInt16BE(start + 51),
    buf.readInt32BE(start + 53),
  );
  return { first, leaderEpoch: buf.readInt32BE(start + EPOCH_AT), batch };
}

/** Compressed batches have bytes of their own; runs of plain batches share the response's. */
export function decodeRecordSet(set: RecordSet): DecodedSet {
  const filter = new AbortedFilter(set.aborted ?? []);
  const runs: Batch[][] = [];
  let next = set.wanted;
  let lastStart = -1;
  let open: Batch[] | undefined;
  for (let p = set.start; p + HEADER_BYTES <= set.end; ) {
    const end = p + 12 + set.buf.readInt32BE(p + 8);
    if (end > set.end) break;
    const attributes = checkedAttributes(set, p, end);
    const batch = { start: p, end, attributes };
    const lastOffset = readLong(set.buf, p) + set.buf.readInt32BE(p + 23);
    if (filter.admits(set.buf, batch, lastOffset) && lastOffset >= set.wanted) {
      if ((attributes & CODEC_MASK) !== 0 || open === undefined) {
        const run: Batch[] = [];
        runs.push(run);
        open = run;
      }
      open.push(batch);
      if ((attributes & CODEC_MASK) !== 0) open = undefined;
    }
    next = Math.max(next, lastOffset + 1);
    lastStart = p;
    p = end;
  }
  const fetchedBatches = runs.map(run => decodeRun(set, run));
  if (fetchedBatches.length === 0 && next > set.wanted) {
    fetchedBatches.push(new FetchedBatch(set.topic, set.partition, EMPTY, 0));
  }
  const end = fetchedBatches.at(-1);
  if (lastStart < 0) return { fetchedBatches, next, last: undefined };
  const last = sourceBatch(set.buf, lastStart, end?.count);
  if (end) {
    // The position is behind batches that are not handed out: its history is that of the last one.
    end.position = next;
    end.sources.push(last);
  }
  return { fetchedBatches, next, last };
}

const EMPTY = Buffer.alloc(0);

function checkedAttributes(set: RecordSet, start: number, end: number): number {
  const { buf } = set;
  const magic = at(buf, start + 16);
  if (magic !== MAGIC) throw corrupt(set, start, `record format ${magic} is not 2`);
  if (end - start < HEADER_BYTES) throw corrupt(set, start, 'a batch is shorter than its header');
  if (crc32c(buf, start + 21, end) !== buf.readUInt32BE(start + 17)) {
    throw corrupt(set, start, 'the checksum of a batch does not match its bytes');
  }
  return buf.readInt16BE(start + 21);
}

function corrupt(set: RecordSet, start: number, message: string): ReshardError {
  const { topic, partition, wanted } = set;
  const offset = readLong(set.buf, start);
  return new ReshardError('corrupt', message, { context: { topic, partition, offset, wanted } });
}

/** State of the filter within one response; the broker lists what overlaps the fetched range. */
class AbortedFilter {
  readonly #waiting: AbortedTransaction[];
  readonly #aborting = new Set<number>();
  #taken = 0;

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  admits(buf: Buffer, batch: Batch, lastOffset: number): boolean {
    for (let next = this.#waiting[this.#taken]; next && next.firstOffset <= lastOffset; ) {
      this.#aborting.add(next.producerId);
      next = this.#waiting[++this.#taken];
    }
    const producerId = readLong(buf, batch.start + 43);
    if ((batch.attributes & CONTROL) !== 0) {
      if (isAbortMarker(buf, batch)) this.#aborting.delete(producerId);
      return false;
    }
    return (batch.attributes & TRANSACTIONAL) === 0 || !this.#aborting.has(producerId);
  }
}

/** Key of a control record: version i16, type i16 with 0 = abort, 1 = commit. */
function isAbortMarker(buf: Buffer, batch: Batch): boolean {
  const cursor = new Cursor(buf, batch.start + HEADER_BYTES, batch.end);
  cursor.varint();
  cursor.p++;
  cursor.varint();
  cursor.varint();
  const keyBytes = cursor.varint();
  return keyBytes >= 4 && buf.readInt16BE(cursor.p + 2) === 0;
}

function decodeRun(set: RecordSet, run: readonly Batch[]): FetchedBatch {
  let records = 0;
  let bytes = 0;
  for (const { start, end } of run) {
    records += set.buf.readInt32BE(start + 57);
    bytes += end - start;
  }
  const first = run[0];
  const plain = first && (first.attributes & CODEC_MASK) === 0;
  const data = first && !plain ? decompress(set, first) : set.buf;
  const fetched = new FetchedBatch(set.topic, set.partition, data, records);
  let next = set.wanted;
  for (const batch of run) {
    fetched.sources.push(sourceBatch(set.buf, batch.start, fetched.count));
    const from = plain ? batch.start + HEADER_BYTES : 0;
    decodeBatch(set, batch, fetched, new Cursor(data, from, plain ? batch.end : data.length));
    next = readLong(set.buf, batch.start) + set.buf.readInt32BE(batch.start + 23) + 1;
  }
  fetched.position = next;
  fetched.bytes = plain ? bytes : Math.max(bytes, data.length);
  return fetched;
}

function decompress(set: RecordSet, batch: Batch): Buffer {
  const codec = batch.attributes & CODEC_MASK;
  const packed = set.buf.subarray(batch.start + HEADER_BYTES, batch.end);
  if (codec === 1) return gunzipSync(packed);
  if (codec === 4) return zstdDecompressSync(packed);
  const name = codec === 2 ? 'snappy' : codec === 3 ? 'lz4' : `number ${codec}`;
  const { topic, partition } = set;
  throw new ReshardError('corrupt', `batches compressed with ${name} cannot be read`, {
    remedy: 'set compression.type of the topic to uncompressed, gzip or zstd',
    context: { topic, partition, offset: readLong(set.buf, batch.start) },
  });
}

function decodeBatch(set: RecordSet, batch: Batch, fetched: FetchedBatch, cursor: Cursor): void {
  const { buf } = set;
  const baseOffset = readLong(buf, batch.start);
  const appendTime = (batch.attributes & LOG_APPEND_TIME) !== 0;
  const baseTime = readLong(buf, batch.start + (appendTime ? 35 : 27));
  const { keyStart, keyEnd, valueStart, valueEnd, offsets, times } = fetched;
  let i = fetched.count;
  for (let left = buf.readInt32BE(batch.start + 57); left > 0; left--) {
    const bytes = cursor.varint();
    const end = cursor.p + bytes;
    if (bytes < 0 || end > cursor.end) throw corrupt(set, batch.start, 'a record is cut off');
    cursor.p++;
    const timeDelta = cursor.varint();
    const offset = baseOffset + cursor.varint();
    if (offset >= set.wanted) {
      offsets[i] = offset;
      times[i] = appendTime ? baseTime : baseTime + timeDelta;
      const keyBytes = cursor.varint();
      keyStart[i] = keyBytes < 0 ? -1 : cursor.p;
      if (keyBytes > 0) cursor.p += keyBytes;
      keyEnd[i] = keyBytes < 0 ? -1 : cursor.p;
      const valueBytes = cursor.varint();
      valueStart[i] = valueBytes < 0 ? -1 : cursor.p;
      if (valueBytes > 0) cursor.p += valueBytes;
      valueEnd[i] = valueBytes < 0 ? -1 : cursor.p;
      if (cursor.p > end) throw corrupt(set, batch.start, 'a record is longer than it says');
      i++;
    }
    cursor.p = end;
  }
  fetched.count = i;
}
