/**
 * Room in the checkpoint of a check, shared by its tables: it is in each of its reports, and a
 * record that every member of the job keeps. A table that finds none stays at its checkpoint
 * before, if it has one: what is behind that is compared again, and nothing is left out.
 */
import type { KeyLiterals } from '../../../shared/row/key-range.ts';

const BYTES_MAX = 256 * 1024;
/** Quotes, commas and brackets of a literal and of its key. */
const FRAME_BYTES = 5;
/** What a table takes besides: names, counts and fingerprints. */
const TABLE_BYTES = 500;

export class CheckpointRoom {
  readonly #max: number;
  readonly #taken = new Map<string, number>();

  constructor(max = BYTES_MAX) {
    this.#max = max;
  }

  /** Whether the table with these keys fits in the place of what it had; then it has it. */
  takes(table: string, keys: readonly KeyLiterals[]): boolean {
    let bytes = TABLE_BYTES;
    for (const key of keys) {
      for (const literal of key) bytes += Buffer.byteLength(literal) + FRAME_BYTES;
    }
    const all = [...this.#taken.values()].reduce((a, b) => a + b, bytes);
    if (all - (this.#taken.get(table) ?? 0) > this.#max) return false;
    this.#taken.set(table, bytes);
    return true;
  }

  /** The table has no checkpoint any more. */
  leaves(table: string): void {
    this.#taken.delete(table);
  }
}
