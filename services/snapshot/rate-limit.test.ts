/** The limit of rows a second: held over all workers, not saved up, not hit by what was unread. */
import { describe, expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

/** Workers that read again as soon as they may; a read takes no time. */
function rowsIn(ms: number, rateLimit: RateLimit, workers: number, rows: number): number {
  const freeAt = new Array<number>(workers).fill(0);
  for (let read = 0; ; ) {
    const now = Math.min(...freeAt);
    const limit = rateLimit.most(rows);
    const at = now + rateLimit.reserve(limit, now);
    if (at >= ms) return read;
    read += limit;
    freeAt[freeAt.indexOf(now)] = at;
  }
}

describe('pace', () => {
  test.each([
    [1, 5000, 200],
    [4, 5000, 200],
    [4, 50, 1000],
    [8, 10, 3],
  ])('%d workers that want %d rows at a time read %d rows a second', (workers, rows, limit) => {
    const seconds = 10;
    const read = rowsIn(seconds * 1000, new RateLimit(() => limit), workers, rows);
    expect(read).toBeGreaterThanOrEqual(limit * (seconds - 1));
    expect(read).toBeLessThanOrEqual(limit * (seconds + 1));
  });

  test('no limit cuts no read and waits for nothing', () => {
    const rateLimit = new RateLimit(() => 0);
    expect(rateLimit.most(5000)).toBe(5000);
    for (let i = 0; i < 1000; i++) expect(rateLimit.reserve(5000, 0)).toBe(0);
  });

  test('rows that were not found are free for others', () => {
    const rateLimit = new RateLimit(() => 100);
    expect(rateLimit.reserve(100, 0)).toBe(0);
    rateLimit.giveBack(90);
    expect(rateLimit.reserve(100, 0)).toBe(100);
  });

  test('time that nobody used is not saved up', () => {
    const rateLimit = new RateLimit(() => 100);
    expect(rateLimit.reserve(100, 60_000)).toBe(0);
    expect(rateLimit.reserve(100, 60_000)).toBe(1000);
  });
});
