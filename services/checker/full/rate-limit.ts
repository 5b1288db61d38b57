/**
 * Throttle of a check, over the whole of it: at most so many rows a second, and no further range
 * while something of the job's throttle stops checks.
 */
import { sleep } from '../../../shared/runtime/clock.ts';

const LOOK_MS = 250;

export class RateLimit {
  readonly #rowsPerSecond: number | null;
  readonly #isStopped: () => boolean;
  /** When the rows spent so far are allowed to have been spent. */
  #due = performance.now();

  constructor(rowsPerSecond: number | null, isStopped: () => boolean) {
    this.#rowsPerSecond = rowsPerSecond;
    this.#isStopped = isStopped;
  }

  /** Waits until nothing stops checks. */
  async go(signal: AbortSignal): Promise<void> {
    while (this.#isStopped() && !signal.aborted) await sleep(LOOK_MS, signal);
  }

  async spent(rows: number, signal: AbortSignal): Promise<void> {
    if (this.#rowsPerSecond === null) return;
    const now = performance.now();
    this.#due = Math.max(this.#due, now) + (rows / this.#rowsPerSecond) * 1000;
    await sleep(this.#due - now, signal);
  }
}
