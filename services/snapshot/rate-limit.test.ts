/**
 * The limit of rows a second: held over all workers and over any time, with a burst that is
 * bounded; not hit by what was unread, and followed at once when it changes.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

interface Taken {
  at: number;
  rows: number;
}

/** Workers that ask again when they are told to, and read for `readMs` what they get. */
function played(
  ms: number,
  rateLimit: RateLimit,
  workers: { wanted: number; readMs: number }[],
): Taken[] {
  const taken: Taken[] = [];
  const freeAt = workers.map(() => 0);
  for (;;) {
    const at = Math.min(...freeAt);
    if (at >= ms) return taken;
    const i = freeAt.indexOf(at);
    const { wanted = 1, readMs = 0 } = workers[i] ?? {};
    const { rows, waitMs } = rateLimit.ask(wanted, at);
    if (rows > 0) taken.push({ at, rows });
    freeAt[i] = at + (rows > 0 ? Math.max(0.01, readMs) : waitMs);
  }
}

function sum(taken: readonly Taken[]): number {
  return taken.reduce((n, { rows }) => n + rows, 0);
}

const someWorkers = fc.array(
  fc.record({
    wanted: fc.integer({ min: 1, max: 5000 }),
    readMs: fc.integer({ min: 0, max: 400 }),
  }),
  { minLength: 1, maxLength: 6 },
);

describe('pace', () => {
  test.each([
    [1, 5000, 200],
    [4, 5000, 200],
    [4, 50, 1000],
    [8, 10, 3],
  ])('%d workers that want %d rows at a time read %d rows a second', (n, wanted, limit) => {
    const seconds = 10;
    const workers = Array.from({ length: n }, () => ({ wanted, readMs: 0 }));
    const read = sum(played(seconds * 1000, new RateLimit(() => limit), workers));
    expect(read).toBeGreaterThanOrEqual(limit * (seconds - 1));
    expect(read).toBeLessThanOrEqual(limit * (seconds + 1.1));
  });

  /** Hypothesis: whoever reads how fast, no stretch of time has more than its rows and one read. */
  test('over any time is at most the limit, a tenth of a second more, and one read', () => {
    fc.assert(
      fc.property(someWorkers, fc.integer({ min: 1, max: 3000 }), (workers, limit) => {
        const taken = played(8000, new RateLimit(() => limit), workers);
        const read = Math.max(1, limit);
        let tooMany = 0;
        for (const [i, first] of taken.entries()) {
          let rows = 0;
          for (const { at, rows: more } of taken.slice(i, i + 100)) {
            rows += more;
            const seconds = (at - first.at) / 1000;
            tooMany = Math.max(tooMany, rows - limit * (seconds + 0.1) - read);
          }
        }
        expect(tooMany).toBeLessThan(1e-6);
      }),
      { numRuns: 40 },
    );
  });

  /** Hypothesis: a worker that asks is answered within a second, however the limit has changed. */
  test('after any change is that of the new limit, without a long stop', () => {
    const limits = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(limits, someWorkers, (steps, workers) => {
        let now = 0;
        const rateLimit = new RateLimit(() => steps[now] ?? 1);
        let from = 0;
        for (; now < steps.length; now++) {
          const limit = steps[now] ?? 1;
          let rows = 0;
          let first = Number.NaN;
          for (let at = from; at < from + 4000; at += 10) {
            for (const { wanted } of workers) {
              const got = rateLimit.ask(wanted, at).rows;
              if (got > 0 && Number.isNaN(first)) first = at;
              rows += got;
            }
          }
          from += 4000;
          expect(first - (from - 4000)).toBeLessThanOrEqual(1010);
          expect(rows).toBeLessThanOrEqual(limit * 4.1 + Math.max(1, limit) + 1e-6);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('time that nobody used is saved up for a tenth of a second alone', () => {
    const rateLimit = new RateLimit(() => 100);
    expect(rateLimit.ask(100, 60_000).rows).toBe(100);
    expect(rateLimit.ask(100, 60_000)).toEqual({ rows: 0, waitMs: 250 });
    expect(rateLimit.ask(100, 60_899).rows).toBe(0);
    expect(rateLimit.ask(100, 60_900).rows).toBe(100);
  });

  test('no limit cuts no read and waits for nothing', () => {
    const rateLimit = new RateLimit(() => null);
    for (let i = 0; i < 1000; i++) {
      expect(rateLimit.ask(5000, 0)).toEqual({ rows: 5000, waitMs: 0 });
    }
    expect(rateLimit.isBraking(0)).toBe(false);
  });

  test('a limit of nothing reads nothing', () => {
    const rateLimit = new RateLimit(() => 0);
    expect(rateLimit.ask(5000, 60_000).rows).toBe(0);
  });

  test('rows that were not found are free for others', () => {
    const rateLimit = new RateLimit(() => 100);
    expect(rateLimit.ask(100, 1).rows).toBe(100);
    rateLimit.giveBack(95);
    expect(rateLimit.ask(100, 52)).toEqual({ rows: 100, waitMs: 0 });
  });

  test('one who waits reads as soon as the limit is gone, and not at all when it is not wanted', async () => {
    let limit: number | null = 1;
    const rateLimit = new RateLimit(() => limit);
    const { signal } = new AbortController();
    expect(await rateLimit.take(10, () => true, signal)).toBe(1);
    const waiting = rateLimit.take(10, () => true, signal);
    expect(rateLimit.isBraking(performance.now())).toBe(true);
    limit = null;
    expect(await waiting).toBe(10);
    limit = 1;
    await rateLimit.take(10, () => true, signal);
    let isWanted = true;
    const unwanted = rateLimit.take(10, () => isWanted, signal);
    isWanted = false;
    expect(await unwanted).toBe(0);
  });
});
