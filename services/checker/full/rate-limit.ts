/** Throttle: holds the check at so many rows a second, over the whole of it. */
import { sleep } from '../../../shared/runtime/clock.ts';

export class RateLimit {
  readonly #rowsPerSecond: number | null;
  /** When the rows spent so far are allowed to have been spent. */
  #due = performance.now();

  constructor(rowsPerSecond: number | null) {
    this.#rowsPerSecond = rowsPerSecond;
  }

  async spent(rows: number, signal: AbortSignal): Promise<void> {
    if (this.#rowsPerSecond === null) return;
    const now = performance.now();
    this.#due = Math.max(this.#due, now) + (rows / this.#rowsPerSecond) * 1000;
    await sleep(this.#due - now, signal);
  }
}
