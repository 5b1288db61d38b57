/**
 * Fetch v13: what to read from one leader, and the answer with its record bytes left in place.
 *
 * A request names the topic by its id, the epoch of its leader, and the epoch of the last batch
 * that was read. So the leader refuses another topic of the same name, a leader that is not the
 * newest is found out, and a log whose history is another one than what was read (cut and grown
 * again) answers where the two part, in the same step that would read from it.
 */
import type { AbortedTransaction } from './record-set.ts';
import { body, type WireReader } from './wire-format.ts';

export interface FetchFrom {
  topicId: string;
  partition: number;
  offset: number;
  /** Of the leader as known; a leader of another epoch refuses. */
  currentEpoch: number;
  /** Epoch of the batch before `offset`; -1 asks for no comparison. */
  lastEpoch: number;
}

export interface FetchOptions {
  committed: boolean;
  maxWaitMs: number;
  minBytes: number;
  maxBytes: number;
  maxPartitionBytes: number;
}

/** The log's own history of the epoch that was read last, where it is another one. */
export interface Divergence {
  /** The largest epoch of the log that is not above the one that was named. */
  epoch: number;
  /** Where that epoch ends in the log. */
  endOffset: number;
}

export interface FetchedPartition {
  topicId: string;
  partition: number;
  code: number;
  aborted: AbortedTransaction[];
  /** Place of the record set in the answer's buffer. */
  start: number;
  end: number;
  divergence: Divergence | null;
}

const NO_REPLICA = -1;
const NO_SESSION = 0;
const SESSIONLESS = -1;
const NO_LOG_START = -1;
const DIVERGING_EPOCH_TAG = 0;

export function encodeFetch(list: readonly FetchFrom[], o: FetchOptions): Uint8Array[] {
  // A topic's partitions need not be together: the order of the list is the broker's order.
  return body(w => {
    w.i32(NO_REPLICA)
      .i32(o.maxWaitMs)
      .i32(o.minBytes)
      .i32(o.maxBytes)
      .i8(o.committed ? 1 : 0);
    w.i32(NO_SESSION).i32(SESSIONLESS);
    w.compactArray(grouped(list), ({ topicId, places }) => {
      w.uuid(topicId);
      w.compactArray(places, ({ partition, currentEpoch, offset, lastEpoch }) => {
        w.i32(partition).i32(currentEpoch).i64(offset).i32(lastEpoch).i64(NO_LOG_START);
        w.i32(o.maxPartitionBytes).noTags();
      });
      w.noTags();
    });
    w.compactArray([], () => {}).compactString('');
    w.noTags();
  });
}

function grouped(list: readonly FetchFrom[]): { topicId: string; places: FetchFrom[] }[] {
  const groups: { topicId: string; places: FetchFrom[] }[] = [];
  for (const place of list) {
    const last = groups.at(-1);
    if (last?.topicId === place.topicId) last.places.push(place);
    else groups.push({ topicId: place.topicId, places: [place] });
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
  r.compactArray(() => {
    const topicId = r.uuid();
    r.compactArray(() => partitions.push(readPartition(r, topicId)));
    r.tags();
  });
  r.tags();
  return { code, throttleMs, buf: r.buf, partitions };
}

function readPartition(r: WireReader, topicId: string): FetchedPartition {
  const partition = r.i32();
  const code = r.i16();
  // High watermark, last stable offset, start of the log.
  r.skip(24);
  const aborted = r.compactArray(() => {
    const transaction = { producerId: r.i64(), firstOffset: r.i64() };
    r.tags();
    return transaction;
  });
  r.i32();
  const bytes = Math.max(0, r.uvarint() - 1);
  const start = r.skip(bytes);
  let divergence: Divergence | null = null;
  r.tags(tag => {
    if (tag === DIVERGING_EPOCH_TAG) divergence = { epoch: r.i32(), endOffset: r.i64() };
  });
  return { topicId, partition, code, aborted, start, end: start + bytes, divergence };
}
