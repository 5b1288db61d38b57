/**
 * What is left of a batch of one table for one target when every key is touched once: the last
 * event of a key wins. Order between keys is not kept and need not be: the transaction shows its
 * end only, and collisions of unique values between keys are the business of apply.ts.
 *
 * A key that was inserted and deleted in the same batch still becomes a delete, although it looks
 * as if nothing happened: a snapshot row of the key may have been applied before its own insert
 * event (DESIGN section 3 allows it), and would stay for ever.
 *
 * Spellings of one key ('a', 'A') are keys of their own: of a change from one to the other the old
 * one is deleted and the new one comes, which is what the target has to do.
 *
 * Of a key that had several events it is remembered that it had: a server may leave a row as it is
 * where it holds the new one equal, though it has written what came between (apply.ts).
 *
 * A key whose last event cannot be read is kept as such: its row is not known any more.
 *
 * Keys are found by an open-addressed index on their bytes: no key becomes an object.
 */

import { FRAME_BYTES } from '../../../shared/codec/registry-frame.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { at } from '../../../shared/runtime/bytes.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { PartitionTask } from './partition-task.ts';
import { int, type RoutedBatch } from './routed-batch.ts';
import type { SinkTable } from './sink-table.ts';

const SLOTS_MIN = 1024;
const NONE = Buffer.alloc(0);

/**
 * What becomes of the key's row here: its source's row goes, it comes or changes, nobody knows, or
 * (a tombstone) it goes even if it came from no source.
 */
export const DELETE = 0;
export const UPSERT = 1;
export const UNREADABLE = 2;
export const CLEAR = 3;
export type Kind = typeof DELETE | typeof UPSERT | typeof UNREADABLE | typeof CLEAR;

export class TableFold {
  readonly table: SinkTable;
  count = 0;
  /** Keys by the kind of their last event. */
  readonly #counts = [0, 0, 0, 0];
  // One element for each key, in the order of its first event in the batch.
  #tasks: PartitionTask[] = [];
  #routedBatches: RoutedBatch[] = [];
  #records = new Int32Array(SLOTS_MIN);
  #kinds = new Uint8Array(SLOTS_MIN);
  /** 1: other events of the key came before the last one. */
  #folded = new Uint8Array(SLOTS_MIN);
  #hashes = new Int32Array(SLOTS_MIN);
  #slotOf = new Int32Array(SLOTS_MIN);
  /** Entry number + 1, or 0. */
  #slots = new Int32Array(SLOTS_MIN * 2);

  constructor(table: SinkTable) {
    this.table = table;
  }

  clear(): void {
    for (let i = 0; i < this.count; i++) this.#slots[int(this.#slotOf, i)] = 0;
    this.count = 0;
    this.#counts.fill(0);
    this.#tasks = [];
    this.#routedBatches = [];
  }

  put(task: PartitionTask, routed: RoutedBatch, record: number, kind: Kind): void {
    const { buf } = routed.fetched;
    const start = int(routed.fetched.keyStart, record) + FRAME_BYTES;
    const end = int(routed.fetched.keyEnd, record);
    const hash = hashOf(buf, start, end);
    const slot = this.#slotFor(hash, buf, start, end);
    const known = int(this.#slots, slot) - 1;
    if (known >= 0) {
      const before = this.kind(known);
      this.#counts[before] = this.countOf(before) - 1;
      // What a tombstone takes besides does not come back by a delete behind it.
      const left = before === CLEAR && kind === DELETE ? CLEAR : kind;
      this.#set(known, task, routed, record, left);
      this.#folded[known] = 1;
      return;
    }
    const i = this.count;
    this.count += 1;
    if (i === this.#records.length) this.#growEntries();
    this.#hashes[i] = hash;
    this.#slotOf[i] = slot;
    this.#slots[slot] = i + 1;
    this.#set(i, task, routed, record, kind);
    this.#folded[i] = 0;
    if (this.count * 2 > this.#slots.length) this.#growSlots();
  }

  /** Keys whose last event is of this kind. */
  countOf(kind: Kind): number {
    return this.#counts[kind] as number;
  }

  /** Whether the last event of the record's key, so far, could not be read. */
  isUnreadable(routed: RoutedBatch, record: number): boolean {
    if (this.countOf(UNREADABLE) === 0) return false;
    const { buf } = routed.fetched;
    const start = int(routed.fetched.keyStart, record) + FRAME_BYTES;
    const end = int(routed.fetched.keyEnd, record);
    const known = int(this.#slots, this.#slotFor(hashOf(buf, start, end), buf, start, end)) - 1;
    return known >= 0 && this.kind(known) === UNREADABLE;
  }

  kind(i: number): Kind {
    return this.#kinds[i] as Kind;
  }

  /** Whether entry `i` stands for several events of its key. */
  isFolded(i: number): boolean {
    return this.#folded[i] === 1;
  }

  /** Start and end of the canonical key bytes of entry `i`, in its fetched batch's buffer. */
  keyStart(i: number): number {
    return int(this.#fetched(i).keyStart, int(this.#records, i)) + FRAME_BYTES;
  }

  keyEnd(i: number): number {
    return int(this.#fetched(i).keyEnd, int(this.#records, i));
  }

  buf(i: number): Buffer {
    return this.#fetched(i).buf;
  }

  /** Canonical key bytes as latin1 text: a key for a map, for rare uses. */
  keyText(i: number): string {
    return this.buf(i).toString('latin1', this.keyStart(i), this.keyEnd(i));
  }

  rowStart(i: number): number {
    return int(this.#routed(i).rowStart, int(this.#records, i));
  }

  rowEnd(i: number): number {
    return int(this.#routed(i).rowEnd, int(this.#records, i));
  }

  /** The event's record as it is in the log. */
  record(i: number): { key: Buffer; value: Buffer | null } {
    const fetched = this.#fetched(i);
    const record = int(this.#records, i);
    return { key: fetched.key(record) ?? NONE, value: fetched.value(record) };
  }

  /** Why the event could not be read. */
  unreadable(i: number): ReshardError {
    const why = this.#routed(i).unreadable.get(int(this.#records, i));
    return why ?? new ReshardError('bug', 'a record that can be read counts as unreadable');
  }

  /** Offset of the event in its topic partition. */
  offset(i: number): number {
    return this.#routed(i).fetched.offset(int(this.#records, i));
  }

  task(i: number): PartitionTask {
    return this.#tasks[i] as PartitionTask;
  }

  #routed(i: number): RoutedBatch {
    return this.#routedBatches[i] as RoutedBatch;
  }

  #fetched(i: number): FetchedBatch {
    return this.#routed(i).fetched;
  }

  #set(i: number, task: PartitionTask, routed: RoutedBatch, record: number, kind: Kind): void {
    this.#tasks[i] = task;
    this.#routedBatches[i] = routed;
    this.#records[i] = record;
    this.#kinds[i] = kind;
    this.#counts[kind] = this.countOf(kind) + 1;
  }

  /** The slot of the key, or the free one where it belongs. */
  #slotFor(hash: number, buf: Buffer, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let e = int(this.#slots, slot); e !== 0; e = int(this.#slots, slot)) {
      if (this.#hashes[e - 1] === hash && this.#hasKey(e - 1, buf, start, end)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #hasKey(i: number, buf: Buffer, start: number, end: number): boolean {
    const otherStart = this.keyStart(i);
    const length = end - start;
    if (this.keyEnd(i) - otherStart !== length) return false;
    const other = this.buf(i);
    for (let k = 0; k < length; k++) {
      if (at(buf, start + k) !== at(other, otherStart + k)) return false;
    }
    return true;
  }

  #growEntries(): void {
    this.#records = grown(this.#records);
    this.#hashes = grown(this.#hashes);
    this.#slotOf = grown(this.#slotOf);
    this.#kinds = grownBytes(this.#kinds);
    this.#folded = grownBytes(this.#folded);
  }

  #growSlots(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let i = 0; i < this.count; i++) {
      let slot = int(this.#hashes, i) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slotOf[i] = slot;
      slots[slot] = i + 1;
    }
    this.#slots = slots;
  }
}

/** FNV-1a, finished so that the low bits depend on all bytes. */
function hashOf(buf: Buffer, start: number, end: number): number {
  let h = 0x811c9dc5;
  for (let i = start; i < end; i++) h = Math.imul(h ^ at(buf, i), 0x01000193);
  h ^= h >>> 15;
  return h | 0;
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}

function grownBytes(array: Uint8Array): Uint8Array<ArrayBuffer> {
  const bigger = new Uint8Array(array.length * 2);
  bigger.set(array);
  return bigger;
}
