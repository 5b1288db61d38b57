/**
 * What a reader hands out: the records of one partition of one response, as columns of places in
 * the received bytes. No object and no copy for a record: a consumer reads keys and values where
 * they are.
 */
import { Cursor } from './cursor.ts';
import { historyText, type LogPosition } from './log-position.ts';

/** A batch of the log; `first` is the number of its first record here. */
export interface SourceBatch {
  readonly first: number;
  readonly leaderEpoch: number;
  readonly batch: string;
}

export class FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  /** Next offset to read after this fetched batch: past control records and dropped records too. */
  position = 0;
  count = 0;
  /** Which topic of that name they are of; null where it is not known. */
  topicId: string | null = null;
  /** The log's own batches that it is made of, in order; the last one may have no records here. */
  readonly sources: SourceBatch[] = [];
  /** Bytes that this fetched batch counts against the reader's limit until it is released. */
  bytes = 0;
  readonly buf: Buffer;
  /** Places in `buf`; start and end are -1 for null. */
  readonly keyStart: Int32Array;
  readonly keyEnd: Int32Array;
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  readonly offsets: Float64Array;
  readonly times: Float64Array;

  constructor(topic: string, partition: number, buf: Buffer, capacity: number) {
    this.topic = topic;
    this.partition = partition;
    this.buf = buf;
    const places = new Int32Array(capacity * 4);
    this.keyStart = places.subarray(0, capacity);
    this.keyEnd = places.subarray(capacity, capacity * 2);
    this.valueStart = places.subarray(capacity * 2, capacity * 3);
    this.valueEnd = places.subarray(capacity * 3);
    const numbers = new Float64Array(capacity * 2);
    this.offsets = numbers.subarray(0, capacity);
    this.times = numbers.subarray(capacity);
  }

  /** Where reading goes on, and on which history: what a durable record keeps. */
  get end(): LogPosition {
    return this.#position(this.position, this.sources.at(-1));
  }

  /** The same for the place behind record `i`. */
  positionAfter(i: number): LogPosition {
    let low = 0;
    for (let high = this.sources.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((this.sources[middle]?.first ?? 0) <= i) low = middle;
      else high = middle;
    }
    return this.#position(this.offset(i) + 1, this.sources[low]);
  }

  /** The same for the place in front of record `i`, which may stand behind a gap. */
  positionBefore(i: number): LogPosition {
    const offset = this.offset(i);
    if (i > 0 && this.offset(i - 1) + 1 === offset) return this.positionAfter(i - 1);
    // What is in the gap (marks, dropped records) is not known here: the topic alone is.
    return this.#position(offset, { first: i, leaderEpoch: -1, batch: '' });
  }

  #position(offset: number, source: SourceBatch | undefined): LogPosition {
    const { topicId } = this;
    if (topicId === null || source === undefined) return { offset, history: null };
    const { leaderEpoch, batch } = source;
    return { offset, history: historyText({ topicId, leaderEpoch, batch }) };
  }

  offset(i: number): number {
    return this.offsets[i] as number;
  }

  /** Timestamp of the record in milliseconds. */
  ts(i: number): number {
    return this.times[i] as number;
  }

  /** A view of the key, or null. */
  key(i: number): Buffer | null {
    const start = this.keyStart[i] as number;
    return start < 0 ? null : this.buf.subarray(start, this.keyEnd[i]);
  }

  /** A view of the value, or null. */
  value(i: number): Buffer | null {
    const start = this.valueStart[i] as number;
    return start < 0 ? null : this.buf.subarray(start, this.valueEnd[i]);
  }

  /**
   * A view of the header of that name, or null. Only of a batch whose `buf` is what the broker
   * gave: headers are read where they lie, behind the value. A record without key and value has
   * none for us.
   */
  header(i: number, name: Buffer): Buffer | null {
    const { buf } = this;
    const isNull = (this.valueStart[i] as number) < 0;
    if (isNull && (this.keyStart[i] as number) < 0) return null;
    // Behind the key stands the length of the value, in one byte where there is none.
    const behind = isNull ? (this.keyEnd[i] as number) + 1 : (this.valueEnd[i] as number);
    const cursor = new Cursor(buf, behind, buf.length);
    for (let left = cursor.varint(); left > 0; left--) {
      const nameBytes = cursor.varint();
      const nameAt = cursor.p;
      cursor.p += nameBytes;
      const bytes = Math.max(0, cursor.varint());
      const start = cursor.p;
      cursor.p += bytes;
      const isIt =
        nameBytes === name.length &&
        buf.compare(name, 0, nameBytes, nameAt, nameAt + nameBytes) === 0;
      if (isIt) return buf.subarray(start, cursor.p);
    }
    return null;
  }
}
