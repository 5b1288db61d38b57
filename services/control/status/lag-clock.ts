/**
 * How many seconds a log has not been complete. By position it is complete or not; for how long it
 * has not been is at most the time since the newest thing in it, and since we last saw it complete,
 * and at least the time that it has stood still, incomplete, before our eyes. The age of the newest
 * thing alone would jump at the first commit after an idle hour, and be as wrong as clocks are.
 */
interface Seen {
  completeAt: number;
  newestMs: number;
  /** Since when it is incomplete with this newest thing. */
  stillSince: number;
}

export class LagClock {
  readonly #seen = new Map<string, Seen>();

  /** Seconds, of a log that holds everything up to `newestMs` of the wall clock. */
  note(
    log: string,
    isComplete: boolean,
    newestMs: number,
    nowMs = Date.now(),
    monotonicMs = performance.now(),
  ): number {
    const old = this.#seen.get(log);
    const completeAt = isComplete ? monotonicMs : (old?.completeAt ?? -Infinity);
    const isStill = !isComplete && old?.newestMs === newestMs;
    const stillSince = isStill ? old.stillSince : monotonicMs;
    this.#seen.set(log, { completeAt, newestMs, stillSince });
    if (isComplete) return 0;
    const atMost = Math.min(nowMs - newestMs, monotonicMs - completeAt);
    return Math.max(atMost, monotonicMs - stillSince, 0) / 1000;
  }
}
