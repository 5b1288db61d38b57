/**
 * What changes add to the sums of buckets, first in, first out, as columns of numbers: thousands
 * wait for the other side, and an object with a BigInt for each takes ten times the memory and most
 * of the time that a comparison takes. Sums are of 128 bits, in four words, the highest first.
 */
import type { Fingerprint } from './fingerprint.ts';

export const WORDS = 4;
const START = 64;
/** Room that is not used is given back from here on. */
const KEPT = 4096;
/** In place of the rows: it does not say what the row was. */
const UNKNOWN = 127;

export class ChangeQueue {
  #offsets = new Float64Array(START);
  #buckets = new Uint16Array(START);
  #rows = new Int8Array(START);
  #words = new Uint32Array(START * WORDS);
  #head = 0;
  #end = 0;

  get size(): number {
    return this.#end - this.#head;
  }

  /** Offset of the first one; undefined: there is none. */
  get first(): number | undefined {
    return this.size === 0 ? undefined : this.#offsets[this.#head];
  }

  /** A row of the bucket was `before` and is `after`; nothing is added if they are the same. */
  add(offset: number, bucket: number, before: Fingerprint | null, after: Fingerprint | null): void {
    this.#reserve(1);
    const at = this.#end * WORDS;
    const words = this.#words;
    words.fill(0, at, at + WORDS);
    if (after !== null) addWords(words, at, after, 0);
    if (before !== null) subtractWords(words, at, before, 0);
    const rows = Number(after !== null) - Number(before !== null);
    if (rows === 0 && isZero(words, at)) return;
    this.#place(offset, bucket, rows);
  }

  /** A record that does not say what the row of the bucket was. */
  addUnknown(offset: number, bucket: number): void {
    this.#reserve(1);
    this.#words.fill(0, this.#end * WORDS, (this.#end + 1) * WORDS);
    this.#place(offset, bucket, UNKNOWN);
  }

  #place(offset: number, bucket: number, rows: number): void {
    this.#offsets[this.#end] = offset;
    this.#buckets[this.#end] = bucket;
    this.#rows[this.#end] = rows;
    this.#end += 1;
  }

  /** Moves all of another queue behind its own. */
  take(other: ChangeQueue): void {
    const { size } = other;
    this.#reserve(size);
    const [from, to] = [other.#head, other.#end];
    this.#offsets.set(other.#offsets.subarray(from, to), this.#end);
    this.#buckets.set(other.#buckets.subarray(from, to), this.#end);
    this.#rows.set(other.#rows.subarray(from, to), this.#end);
    this.#words.set(other.#words.subarray(from * WORDS, to * WORDS), this.#end * WORDS);
    this.#end += size;
    other.#drop(size);
  }

  /** Adds the changes before an offset to sums; tells the buckets of those that do not say. */
  addBefore(offset: number, sums: MovedSums, onUnknown: (bucket: number) => void): void {
    let n = 0;
    for (; n < this.size && (this.#offsets[this.#head + n] as number) < offset; n++) {
      const i = this.#head + n;
      const bucket = this.#buckets[i] as number;
      if (this.#rows[i] === UNKNOWN) onUnknown(bucket);
      else sums.add(bucket, this.#words, i * WORDS, this.#rows[i] as number);
    }
    this.#drop(n);
  }

  /** Takes the first `n` changes away from sums. */
  subtract(n: number, sums: MovedSums): void {
    for (let i = this.#head; i < this.#head + n; i++) {
      sums.subtract(this.#buckets[i] as number, this.#words, i * WORDS, this.#rows[i] as number);
    }
    this.#drop(n);
  }

  #drop(n: number): void {
    this.#head += n;
    if (this.size > 0) return;
    [this.#head, this.#end] = [0, 0];
    if (this.#rows.length > KEPT) this.#move(START);
  }

  #reserve(n: number): void {
    if (this.#end + n <= this.#rows.length) return;
    const needed = this.size + n;
    // What was taken makes room as long as it is the larger part.
    const isRoomy = needed <= this.#rows.length / 2;
    this.#move(isRoomy ? this.#rows.length : Math.max(needed, this.#rows.length * 2));
  }

  #move(capacity: number): void {
    const [from, to] = [this.#head, this.#end];
    const [offsets, buckets, rows, words] = [
      this.#offsets.subarray(from, to),
      this.#buckets.subarray(from, to),
      this.#rows.subarray(from, to),
      this.#words.subarray(from * WORDS, to * WORDS),
    ];
    this.#offsets = new Float64Array(capacity);
    this.#buckets = new Uint16Array(capacity);
    this.#rows = new Int8Array(capacity);
    this.#words = new Uint32Array(capacity * WORDS);
    this.#offsets.set(offsets);
    this.#buckets.set(buckets);
    this.#rows.set(rows);
    this.#words.set(words);
    [this.#head, this.#end] = [0, to - from];
  }
}

/** By how much the sums of some buckets move in one step. */
export class MovedSums {
  readonly #slots = new Map<number, number>();
  #words = new Uint32Array(START * WORDS);
  #rows = new Int32Array(START);

  add(bucket: number, words: Uint32Array, at: number, rows: number): void {
    const slot = this.#slotOf(bucket);
    addWords(this.#words, slot * WORDS, words, at);
    this.#rows[slot] = (this.#rows[slot] as number) + rows;
  }

  subtract(bucket: number, words: Uint32Array, at: number, rows: number): void {
    const slot = this.#slotOf(bucket);
    subtractWords(this.#words, slot * WORDS, words, at);
    this.#rows[slot] = (this.#rows[slot] as number) - rows;
  }

  /** Calls `take` with each bucket that has moved, and forgets all. */
  drain(take: (bucket: number, sum: bigint, rows: number) => void): void {
    for (const [bucket, slot] of this.#slots) {
      const at = slot * WORDS;
      const rows = this.#rows[slot] as number;
      if (rows !== 0 || !isZero(this.#words, at)) take(bucket, sumAt(this.#words, at), rows);
    }
    this.#words.fill(0, 0, this.#slots.size * WORDS);
    this.#rows.fill(0, 0, this.#slots.size);
    this.#slots.clear();
  }

  #slotOf(bucket: number): number {
    const known = this.#slots.get(bucket);
    if (known !== undefined) return known;
    const slot = this.#slots.size;
    this.#slots.set(bucket, slot);
    if (slot < this.#rows.length) return slot;
    const [words, rows] = [this.#words, this.#rows];
    this.#words = new Uint32Array(words.length * 2);
    this.#rows = new Int32Array(rows.length * 2);
    this.#words.set(words);
    this.#rows.set(rows);
    return slot;
  }
}

/** Adds mod 2^128. */
function addWords(to: Uint32Array, at: number, words: Uint32Array, from: number): void {
  let carry = 0;
  for (let i = WORDS - 1; i >= 0; i--) {
    const sum = (to[at + i] as number) + (words[from + i] as number) + carry;
    to[at + i] = sum;
    carry = sum > 0xffffffff ? 1 : 0;
  }
}

/** Subtracts mod 2^128. */
function subtractWords(to: Uint32Array, at: number, words: Uint32Array, from: number): void {
  let borrow = 0;
  for (let i = WORDS - 1; i >= 0; i--) {
    const rest = (to[at + i] as number) - (words[from + i] as number) - borrow;
    to[at + i] = rest;
    borrow = rest < 0 ? 1 : 0;
  }
}

function isZero(words: Uint32Array, at: number): boolean {
  return (words[at] || words[at + 1] || words[at + 2] || words[at + 3]) === 0;
}

function sumAt(words: Uint32Array, at: number): bigint {
  let sum = 0n;
  for (let i = at; i < at + WORDS; i++) sum = (sum << 32n) | BigInt(words[i] as number);
  return sum;
}
