/**
 * Key bytes -> number, exact and bounded in bytes: one arena and one table of open addresses.
 * A Map of strings costs several times the memory and makes the collector walk every key; a set of
 * hashes alone would call two keys the same, and so drop a row that nobody else brings.
 */
import { at } from '../runtime/bytes.ts';

/** Words before the key bytes of an entry: hash, value, length. */
const HEADER = 3;
const FIRST_WORDS = 64;
const FIRST_SLOTS = 16;

export class TouchedKeys {
  readonly #limit: number;
  #words = new Int32Array(FIRST_WORDS);
  #bytes = new Uint8Array(this.#words.buffer);
  #slots = new Int32Array(FIRST_SLOTS);
  /** Word 0 is unused, so that slot value 0 means empty. */
  #next = 1;
  #count = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#words.byteLength + this.#slots.byteLength;
  }

  /** The value of the key, or -1. */
  get(key: Uint8Array, start: number, end: number): number {
    const slot = this.#find(key, start, end, hashOf(key, start, end));
    const word = this.#slots[slot] as number;
    return word === 0 ? -1 : (this.#words[word + 1] as number);
  }

  /** Sets the value; false when there is no room within the limit for a new key. */
  set(key: Uint8Array, start: number, end: number, value: number): boolean {
    const hash = hashOf(key, start, end);
    let slot = this.#find(key, start, end, hash);
    const found = this.#slots[slot] as number;
    if (found !== 0) {
      this.#words[found + 1] = value;
      return true;
    }
    const need = HEADER + ((end - start + 3) >> 2);
    if (!this.#makeRoom(need)) return false;
    slot = this.#find(key, start, end, hash);
    const word = this.#next;
    this.#words[word] = hash;
    this.#words[word + 1] = value;
    this.#words[word + 2] = end - start;
    const base = (word + HEADER) * 4;
    for (let i = start; i < end; i++) this.#bytes[base + i - start] = at(key, i);
    this.#slots[slot] = word;
    this.#next = word + need;
    this.#count += 1;
    return true;
  }

  #find(key: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const word = this.#slots[slot] as number;
      if (word === 0) return slot;
      if (this.#words[word] === hash && this.#same(word, key, start, end)) return slot;
    }
  }

  #same(word: number, key: Uint8Array, start: number, end: number): boolean {
    if (this.#words[word + 2] !== end - start) return false;
    const base = (word + HEADER) * 4 - start;
    for (let i = start; i < end; i++) {
      if (this.#bytes[base + i] !== key[i]) return false;
    }
    return true;
  }

  #makeRoom(need: number): boolean {
    let words = this.#words.length;
    while (this.#next + need > words) words *= 2;
    const slots = this.#slots.length * ((this.#count + 1) * 2 > this.#slots.length ? 2 : 1);
    const grows = words > this.#words.length || slots > this.#slots.length;
    if (!grows) return true;
    if ((words + slots) * 4 > this.#limit) return false;
    if (words > this.#words.length) {
      const wider = new Int32Array(words);
      wider.set(this.#words);
      this.#words = wider;
      this.#bytes = new Uint8Array(wider.buffer);
    }
    if (slots > this.#slots.length) this.#rehash(slots);
    return true;
  }

  #rehash(slots: number): void {
    const table = new Int32Array(slots);
    for (let word = 1; word < this.#next; ) {
      let slot = (this.#words[word] as number) & (slots - 1);
      while (table[slot] !== 0) slot = (slot + 1) & (slots - 1);
      table[slot] = word;
      word += HEADER + (((this.#words[word + 2] as number) + 3) >> 2);
    }
    this.#slots = table;
  }
}

/** FNV-1a with a final mix, as the low bits choose the slot. */
function hashOf(key: Uint8Array, start: number, end: number): number {
  let h = 0x811c9dc5;
  for (let i = start; i < end; i++) h = Math.imul(h ^ at(key, i), 0x01000193);
  h ^= h >>> 15;
  return Math.imul(h, 0x2c1b3c6d) ^ (h >>> 13);
}
