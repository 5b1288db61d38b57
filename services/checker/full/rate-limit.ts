/**
 * Throttle of a check, over the whole of it: at most so many rows a second, and no further range
 * while something of the job's throttle stops checks. Both may change at any moment.
 */
import { sleep } from '../../../shared/runtime/clock.ts';

export interface CheckThrottle {
  /** Null is no limit. */
  rowsPerSecond(): number | null;
  isStopped(): boolean;
}

export const UNTHROTTLED_CHECK: CheckThrottle = {
  rowsPerSecond: () => null,
  isStopped: () => false,
};

const LOOK_MS = 250;

export class RateLimit {
  readonly #throttle: CheckThrottle;
  /** When the rows spent so far are allowed to have been spent. */
  #due = performance.now();

  constructor(throttle: CheckThrottle) {
    this.#throttle = throttle;
  }

  /** Waits until nothing stops checks. */
  async go(signal: AbortSignal): Promise<void> {
    while (this.#throttle.isStopped() && !signal.aborted) await sleep(LOOK_MS, signal);
  }

  /** Waits as long as the rows of a range take by the limit; by a new one as soon as it is set. */
  async spent(rows: number, signal: AbortSignal): Promise<void> {
    const limit = this.#throttle.rowsPerSecond();
    if (limit === null) return;
    const due = Math.max(this.#due, performance.now()) + (rows / limit) * 1000;
    this.#due = due;
    while (!signal.aborted && performance.now() < due) {
      if (this.#throttle.rowsPerSecond() !== limit) {
        this.#due = performance.now();
        return;
      }
      await sleep(Math.min(LOOK_MS, due - performance.now()), signal);
    }
  }
}
