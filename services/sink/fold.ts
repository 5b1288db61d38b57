/**
 * What is left of a batch of one table for one target when every key is touched once: the last
 * event of a key wins. Order between keys is not kept and need not be: the transaction shows its
 * end only, and collisions of unique values between keys are the business of apply.ts.
 *
 * A key that was inserted and deleted in the same batch still becomes a delete, although it looks
 * as if nothing happened: a snapshot row of the key may have been applied before its own insert
 * event (DESIGN section 3 allows it), and would stay for ever.
 *
 * Keys are found by an open-addressed index on their bytes: no key becomes an object.
 */
import { at } from '../../shared/runtime/bytes.ts';
import type { Slab } from '../../shared/topic/slab.ts';
import type { Lane } from './lane.ts';
import { FRAME_BYTES, int, type Portion } from './portion.ts';
import type { SinkTable } from './table.ts';

const SLOTS_MIN = 1024;

export class TableFold {
  readonly table: SinkTable;
  count = 0;
  /** Keys whose last event is a delete. */
  deletes = 0;
  // One element for each key, in the order of its first event in the batch.
  #lanes: Lane[] = [];
  #portions: Portion[] = [];
  #records = new Int32Array(SLOTS_MIN);
  #isUpsert = new Uint8Array(SLOTS_MIN);
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
    this.deletes = 0;
    this.#lanes = [];
    this.#portions = [];
  }

  put(lane: Lane, portion: Portion, record: number, isUpsert: boolean): void {
    const { buf } = portion.slab;
    const start = int(portion.slab.keyStart, record) + FRAME_BYTES;
    const end = int(portion.slab.keyEnd, record);
    const hash = hashOf(buf, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let e = int(this.#slots, slot); e !== 0; e = int(this.#slots, slot)) {
      const i = e - 1;
      if (this.#hashes[i] === hash && this.#hasKey(i, buf, start, end)) {
        if (this.#isUpsert[i] === 0) this.deletes -= 1;
        this.#set(i, lane, portion, record, isUpsert);
        return;
      }
      slot = (slot + 1) & mask;
    }
    const i = this.count;
    this.count += 1;
    if (i === this.#records.length) this.#growEntries();
    this.#hashes[i] = hash;
    this.#slotOf[i] = slot;
    this.#slots[slot] = i + 1;
    this.#set(i, lane, portion, record, isUpsert);
    if (this.count * 2 > this.#slots.length) this.#growSlots();
  }

  isUpsert(i: number): boolean {
    return this.#isUpsert[i] === 1;
  }

  /** Start and end of the canonical key bytes of entry `i`, in its slab's buffer. */
  keyStart(i: number): number {
    return int(this.#slab(i).keyStart, int(this.#records, i)) + FRAME_BYTES;
  }

  keyEnd(i: number): number {
    return int(this.#slab(i).keyEnd, int(this.#records, i));
  }

  buf(i: number): Buffer {
    return this.#slab(i).buf;
  }

  /** Canonical key bytes as latin1 text: a key for a map, for rare uses. */
  keyText(i: number): string {
    return this.buf(i).toString('latin1', this.keyStart(i), this.keyEnd(i));
  }

  rowStart(i: number): number {
    return int(this.#portion(i).rowStart, int(this.#records, i));
  }

  rowEnd(i: number): number {
    return int(this.#portion(i).rowEnd, int(this.#records, i));
  }

  /** Offset of the event in its topic partition. */
  offset(i: number): number {
    return this.#portion(i).slab.offset(int(this.#records, i));
  }

  lane(i: number): Lane {
    return this.#lanes[i] as Lane;
  }

  #portion(i: number): Portion {
    return this.#portions[i] as Portion;
  }

  #slab(i: number): Slab {
    return this.#portion(i).slab;
  }

  #set(i: number, lane: Lane, portion: Portion, record: number, isUpsert: boolean): void {
    this.#lanes[i] = lane;
    this.#portions[i] = portion;
    this.#records[i] = record;
    this.#isUpsert[i] = isUpsert ? 1 : 0;
    if (!isUpsert) this.deletes += 1;
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
    const isUpsert = new Uint8Array(this.#isUpsert.length * 2);
    isUpsert.set(this.#isUpsert);
    this.#isUpsert = isUpsert;
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
