/**
 * The limit of rows a second, shared by the workers of a source: a token bucket that may owe. A
 * read takes its rows before it begins, as soon as nothing is owed, and gives back what it did not
 * find. Waiting afterwards instead would let all workers read at once before anybody waits.
 *
 * Over any time T at most `limit * (T + BURST_S)` rows and one read are taken. The limit may change
 * at any moment: a waiting worker looks at it again and again, and what is owed from faster times
 * is at most a second's worth of the present ones, else a lower limit would first stop the copy.
 */
import { sleep } from '../../shared/runtime/clock.ts';

/** Time that nobody used is saved up for so long: it makes good for timers that come late. */
const BURST_S = 0.1;
const OWED_S = 1;
const LOOK_MS = 250;
/** A worker that has waited just now is still braked, although it reads at this moment. */
const BRAKING_MS = 1500;

export class RateLimit {
  readonly #perSecond: () => number | null;
  /** Rows that may be taken; below 0: owed. */
  #rows = 0;
  #at = 0;
  #waiting = 0;
  #waitedAt = -Infinity;

  /** The limit may change while it is in use; null is none, and with 0 nothing is read. */
  constructor(perSecond: () => number | null) {
    this.#perSecond = perSecond;
  }

  /** How many rows of the wanted ones are the caller's now; 0: none yet, ask again after `waitMs`. */
  ask(wanted: number, now: number): { rows: number; waitMs: number } {
    const limit = this.#perSecond();
    this.#refill(limit, now);
    if (limit === null) return { rows: wanted, waitMs: 0 };
    if (limit === 0 || this.#rows < 0) {
      const dueMs = limit === 0 ? LOOK_MS : (-1000 * this.#rows) / limit;
      return { rows: 0, waitMs: Math.min(LOOK_MS, Math.max(1, Math.ceil(dueMs))) };
    }
    // A second's worth at a time, so that waits stay short.
    const rows = Math.max(1, Math.min(wanted, Math.floor(limit)));
    this.#rows -= rows;
    return { rows, waitMs: 0 };
  }

  /** Waits until some of the rows may be read; 0 when they are no longer wanted. */
  async take(wanted: number, isWanted: () => boolean, signal: AbortSignal): Promise<number> {
    while (isWanted() && !signal.aborted) {
      const { rows, waitMs } = this.ask(wanted, performance.now());
      if (rows > 0) return rows;
      this.#waiting++;
      await sleep(waitMs, signal);
      this.#waiting--;
      this.#waitedAt = performance.now();
    }
    return 0;
  }

  giveBack(rows: number): void {
    const limit = this.#perSecond();
    if (limit !== null) this.#rows = Math.min(limit * BURST_S, this.#rows + rows);
  }

  /** Whether it is the limit that says how fast the copy is. */
  isBraking(now: number): boolean {
    return this.#perSecond() !== null && (this.#waiting > 0 || now - this.#waitedAt < BRAKING_MS);
  }

  #refill(limit: number | null, now: number): void {
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    if (limit === null) {
      this.#rows = 0;
      return;
    }
    const rows = Math.max(this.#rows, -Math.max(1, limit * OWED_S)) + limit * seconds;
    this.#rows = Math.min(limit * BURST_S, rows);
  }
}
