/** What control knows of servers without waiting for them. */
const EVERY_MS = 1000;

export interface MeasurementOptions {
  everyMs?: number;
  /** Monotonic, in ms; for tests. */
  now?: (() => number) | undefined;
}

/**
 * What is asked of servers beside control's loop, at most once in `everyMs` (a second), while anybody
 * wants to know it: a server that is away takes seconds to say so, and the loop waits for none.
 */
export class Measurement<T> {
  readonly #ask: () => Promise<T>;
  readonly #everyMs: number;
  readonly #now: () => number;
  #answer: T | null = null;
  #isWanted = false;
  #isAsking = false;
  #answeredAt = -Infinity;

  /** `ask` resolves, whatever the servers do. */
  constructor(ask: () => Promise<T>, o: MeasurementOptions = {}) {
    this.#ask = ask;
    this.#everyMs = o.everyMs ?? EVERY_MS;
    this.#now = o.now ?? (() => performance.now());
  }

  /** The last one; null before the first one, and while nobody wants to know. */
  get answer(): T | null {
    return this.#answer;
  }

  /** In each turn of the loop. */
  follow(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (!isWanted) this.#answer = null;
    const isDue = this.#now() - this.#answeredAt >= this.#everyMs;
    if (!isWanted || this.#isAsking || !isDue) return;
    this.#isAsking = true;
    void this.#ask().then(answer => {
      // Asked for what nobody wants any more, it is too old for the next one who does.
      this.#answer = this.#isWanted ? answer : null;
      this.#isAsking = false;
      this.#answeredAt = this.#now();
    });
  }
}
