/** What control knows of servers without waiting for them. */
const EVERY_MS = 1000;

/**
 * What is asked of servers beside control's loop, at most once a second, while anybody wants to
 * know it: a server that is away takes seconds to say so, and the loop waits for none.
 */
export class Measurement<T> {
  readonly #ask: () => Promise<T>;
  #answer: T | null = null;
  #isWanted = false;
  #isAsking = false;
  #answeredAt = -Infinity;

  /** `ask` resolves, whatever the servers do. */
  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** The last one; null before the first one, and while nobody wants to know. */
  get answer(): T | null {
    return this.#answer;
  }

  /** In each turn of the loop. */
  follow(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (!isWanted) this.#answer = null;
    const isDue = performance.now() - this.#answeredAt > EVERY_MS;
    if (!isWanted || this.#isAsking || !isDue) return;
    this.#isAsking = true;
    void this.#ask().then(answer => {
      // Asked for what nobody wants any more, it is too old for the next one who does.
      this.#answer = this.#isWanted ? answer : null;
      this.#isAsking = false;
      this.#answeredAt = performance.now();
    });
  }
}
