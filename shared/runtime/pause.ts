/**
 * Pause is a set of reasons, not a flag: throttle, operator and cutover never share a boolean, so
 * that one of them cannot lift what another has asked for.
 */
export class PauseReasons {
  readonly #reasons = new Set<string>();
  #waiters: (() => void)[] = [];

  add(reason: string): void {
    this.#reasons.add(reason);
  }

  delete(reason: string): void {
    this.#reasons.delete(reason);
    if (this.#reasons.size > 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  get paused(): boolean {
    return this.#reasons.size > 0;
  }

  list(): string[] {
    return [...this.#reasons].sort();
  }

  /** Resolves when no reason is left, or at the signal. */
  async wait(signal: AbortSignal): Promise<void> {
    while (this.paused && !signal.aborted) {
      await new Promise<void>(resolve => {
        this.#waiters.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}
