/**
 * Rows of the next SELECT: chunks aim at a time (it bounds how old a read view gets, and how much
 * work a rejection costs) and at a size (one message), whichever is less.
 *
 * Growth is limited, shrinking is not: one fast chunk says little, one large one is a warning.
 * But time never takes a chunk below a few hundred rows: part of a chunk's time does not depend on
 * its rows, so on a busy server ever smaller chunks would only make the copy ever slower.
 *
 * What a SELECT returns above its chunk is thrown away. Where a row may be huge the first SELECT
 * asks for few: hundreds of such rows would take longer than any SELECT may.
 */
const CHUNK_TARGET_MS = 250;
const ROWS_BY_TIME_MIN = 256;
const GROWTH = 4;
const FIRST_BYTES_MAX = 256 * 1024 * 1024;

export class ChunkSize {
  readonly #rowsMax: number;
  readonly #bytes: number;
  #rows: number;

  /** `rowBytesMax` is what a row may have by its definition. */
  constructor(rowsMax: number, bytes: number, rowBytesMax: number) {
    this.#rowsMax = rowsMax;
    this.#bytes = bytes;
    const few = Math.floor(FIRST_BYTES_MAX / rowBytesMax);
    this.#rows = Math.max(1, Math.min(few, ROWS_BY_TIME_MIN, rowsMax));
  }

  get rows(): number {
    return this.#rows;
  }

  /** Learns from a chunk. */
  observe(rows: number, bytes: number, ms: number): void {
    if (rows === 0) return;
    const bySize = (this.#bytes * rows) / Math.max(1, bytes);
    const byTime = Math.max(ROWS_BY_TIME_MIN, (CHUNK_TARGET_MS * rows) / Math.max(1, ms));
    const wanted = Math.floor(Math.min(bySize, byTime, this.#rows * GROWTH));
    this.#rows = Math.max(1, Math.min(wanted, this.#rowsMax));
  }
}
