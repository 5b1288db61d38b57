/** Fetch v11: what to read from one leader, and the answer with its record bytes left in place. */
import type { AbortedTransaction } from './record-set.ts';
import { body, type WireReader } from './wire-format.ts';

export interface FetchFrom {
  topic: string;
  partition: number;
  offset: number;
}

export interface FetchOptions {
  committed: boolean;
  maxWaitMs: number;
  minBytes: number;
  maxBytes: number;
  maxPartitionBytes: number;
}

export interface FetchedPartition {
  topic: string;
  partition: number;
  code: number;
  aborted: AbortedTransaction[];
  /** Place of the record set in the answer's buffer. */
  start: number;
  end: number;
}

const NO_REPLICA = -1;
const ANY_EPOCH = -1;
const NO_SESSION = 0;
const SESSIONLESS = -1;

export function encodeFetch(list: readonly FetchFrom[], o: FetchOptions): Uint8Array[] {
  // A topic's partitions need not be together: the order of the list is the broker's order.
  return body(w => {
    w.i32(NO_REPLICA)
      .i32(o.maxWaitMs)
      .i32(o.minBytes)
      .i32(o.maxBytes)
      .i8(o.committed ? 1 : 0);
    w.i32(NO_SESSION).i32(SESSIONLESS);
    w.array(grouped(list), ({ topic, places }) => {
      w.string(topic).array(places, ({ partition, offset }) => {
        w.i32(partition).i32(ANY_EPOCH).i64(offset).i64(-1).i32(o.maxPartitionBytes);
      });
    });
    w.i32(0).string('');
  });
}

function grouped(list: readonly FetchFrom[]): { topic: string; places: FetchFrom[] }[] {
  const groups: { topic: string; places: FetchFrom[] }[] = [];
  for (const place of list) {
    const last = groups.at(-1);
    if (last?.topic === place.topic) last.places.push(place);
    else groups.push({ topic: place.topic, places: [place] });
  }
  return groups;
}

export interface FetchAnswer {
  code: number;
  throttleMs: number;
  buf: Buffer;
  partitions: FetchedPartition[];
}

export function decodeFetch(r: WireReader): FetchAnswer {
  const throttleMs = r.i32();
  const code = r.i16();
  r.i32();
  const partitions: FetchedPartition[] = [];
  r.array(() => {
    const topic = r.string();
    r.array(() => {
      const partition = r.i32();
      const partitionCode = r.i16();
      r.skip(24);
      const aborted = r.array(() => ({ producerId: r.i64(), firstOffset: r.i64() }));
      r.i32();
      const bytes = Math.max(0, r.i32());
      const start = r.skip(bytes);
      partitions.push({
        topic,
        partition,
        code: partitionCode,
        aborted,
        start,
        end: start + bytes,
      });
    });
  });
  return { code, throttleMs, buf: r.buf, partitions };
}
