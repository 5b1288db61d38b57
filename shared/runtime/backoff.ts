/**
 * The one back-off: pauses that grow from a smallest to a largest one, and begin anew after a
 * success. Each is shortened at random, because members that failed at one moment (a broker that
 * restarts) would otherwise all come back at one moment, again and again. Never above the largest,
 * never below half of what is due. What may be tried again is not decided here: error-policy.ts.
 */
import { sleep } from './clock.ts';

export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** By what a pause is longer than the one before; 2 unless said. */
  readonly factor?: number;
  /** For tests: a number from 0 up to 1. */
  readonly random?: () => number;
}

/** The part of a pause that chance may take away. */
const JITTER = 0.5;

export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #factor: number;
  readonly #random: () => number;
  #dueMs: number;

  constructor({ minMs, maxMs, factor = 2, random = Math.random }: BackoffOptions) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#factor = factor;
    this.#random = random;
    this.#dueMs = minMs;
  }

  /** The longest that the next pause can be: how bad it is by now. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Length of the pause to make now; the one after it is longer, as far as `atMostMs`. */
  next(atMostMs = this.#maxMs): number {
    const dueMs = Math.min(this.#dueMs, atMostMs);
    this.#dueMs = Math.min(dueMs * this.#factor, this.#maxMs);
    return dueMs * (1 - JITTER * this.#random());
  }

  /** Waits for the next pause, or until the signal. */
  async wait(signal?: AbortSignal): Promise<void> {
    await sleep(this.next(), signal);
  }

  /** It went well: the next pause is the smallest again. */
  reset(): void {
    this.#dueMs = this.#minMs;
  }
}
