/**
 * How many seconds a log has not been complete. By position it is complete or not; for how long it
 * has not been is at most the time since the newest thing in it, and since we last saw it complete,
 * and at least the time that it has stood still, incomplete, before our eyes. The age of the newest
 * thing alone would jump at the first commit after an idle hour, and be as wrong as clocks are: one
 * that is newer than now, by our clock, tells that the clocks differ, and nothing of the lag.
 */
interface Seen {
  completeAt: number;
  newestMs: number;
  /** Since when it is incomplete with this newest thing. */
  stillSince: number;
}

/** Clocks that run together differ by less. */
const TOLERANCE_MS = 2000;

export class LagClock {
  readonly #seen = new Map<string, Seen>();

  /**
   * Seconds, of a log that holds everything up to `newestMs` of the wall clock. Null when the clocks
   * differ and nothing else is known: then the lag may be anything.
   */
  note(
    log: string,
    isComplete: boolean,
    newestMs: number,
    nowMs = Date.now(),
    monotonicMs = performance.now(),
  ): number | null {
    const old = this.#seen.get(log);
    const completeAt = isComplete ? monotonicMs : (old?.completeAt ?? -Infinity);
    const isStill = !isComplete && old?.newestMs === newestMs;
    const stillSince = isStill ? old.stillSince : monotonicMs;
    this.#seen.set(log, { completeAt, newestMs, stillSince });
    if (isComplete) return 0;
    const ageMs = nowMs - newestMs < -TOLERANCE_MS ? Infinity : nowMs - newestMs;
    const atMost = Math.min(ageMs, monotonicMs - completeAt);
    if (atMost === Infinity) return null;
    return Math.max(atMost, monotonicMs - stillSince, 0) / 1000;
  }
}
