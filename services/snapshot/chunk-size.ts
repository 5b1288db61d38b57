/**
 * Rows of the next SELECT: chunks aim at a time (locks nobody, so the time bounds how old a read
 * view gets and how much work a rejection costs) and at a size (one message), whichever is less.
 * Growth is limited, shrinking is not: one fast chunk says little, one large one is a warning.
 */
export const CHUNK_TARGET_MS = 250;
const FIRST_ROWS = 256;
const GROWTH = 4;

export class ChunkSize {
  readonly #rowsMax: number;
  readonly #bytes: number;
  #rows: number;

  constructor(rowsMax: number, bytes: number) {
    this.#rowsMax = rowsMax;
    this.#bytes = bytes;
    this.#rows = Math.min(FIRST_ROWS, rowsMax);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Learns from a chunk. */
  observe(rows: number, bytes: number, ms: number): void {
    if (rows === 0) return;
    const bySize = (this.#bytes * rows) / Math.max(1, bytes);
    const byTime = (CHUNK_TARGET_MS * rows) / Math.max(1, ms);
    const wanted = Math.floor(Math.min(bySize, byTime, this.#rows * GROWTH));
    this.#rows = Math.max(1, Math.min(wanted, this.#rowsMax));
  }
}
