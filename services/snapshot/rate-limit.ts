/**
 * The limit of rows a second, shared by the workers of a source: each reserves its rows before it
 * reads and gives back what it did not find. Waiting afterwards instead would let all workers read
 * at once before anybody waits. Time that nobody used is not saved up for a burst.
 */
import { sleep } from '../../shared/runtime/clock.ts';

export class RateLimit {
  readonly #perSecond: () => number;
  #freeAt = 0;

  /** The limit may change while it is in use; 0 is none. */
  constructor(perSecond: () => number) {
    this.#perSecond = perSecond;
  }

  /** How many of the rows may be read at a time: a second's worth, so that waits stay short. */
  most(rows: number): number {
    const limit = this.#perSecond();
    return limit === 0 ? rows : Math.max(1, Math.min(rows, Math.floor(limit)));
  }

  /** How long from `now` until so many rows may be read; they are ours then. */
  reserve(rows: number, now: number): number {
    const limit = this.#perSecond();
    if (limit === 0) return 0;
    const at = Math.max(now, this.#freeAt);
    this.#freeAt = at + (1000 * rows) / limit;
    return at - now;
  }

  async take(rows: number, signal: AbortSignal): Promise<void> {
    const waitMs = this.reserve(rows, performance.now());
    if (waitMs > 0) await sleep(waitMs, signal);
  }

  giveBack(rows: number): void {
    const limit = this.#perSecond();
    if (limit > 0) this.#freeAt -= (1000 * rows) / limit;
  }
}
