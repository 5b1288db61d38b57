import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';
import { until } from './clock.ts';

const longest = (): number => 0;

test('pauses double up to the largest, and begin anew after a success', () => {
  const backoff = new Backoff({ minMs: 10, maxMs: 50, random: longest });
  expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([10, 20, 40, 50, 50]);
  backoff.reset();
  expect(backoff.next()).toBe(10);
});

test('a lower limit for one kind of failure holds the growth back, too', () => {
  const backoff = new Backoff({ minMs: 10, maxMs: 1000, random: longest });
  for (let i = 0; i < 20; i++) backoff.next(30);
  expect(backoff.next(30)).toBe(30);
  expect(backoff.dueMs).toBe(60);
});

test('a pause is never above the largest and never below half of what is due', () => {
  const option = fc.record({
    minMs: fc.integer({ min: 1, max: 1000 }),
    more: fc.integer({ min: 0, max: 100_000 }),
    factor: fc.double({ min: 1, max: 4, noNaN: true }),
    chance: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }),
  });
  fc.assert(
    fc.property(option, ({ minMs, more, factor, chance }) => {
      let i = 0;
      const random = (): number => chance[i++ % chance.length] ?? 0;
      const maxMs = minMs + more;
      const backoff = new Backoff({ minMs, maxMs, factor, random });
      for (let n = 0; n < 30; n++) {
        const due = backoff.dueMs;
        const ms = backoff.next();
        expect(ms).toBeLessThanOrEqual(Math.min(due, maxMs));
        expect(ms).toBeGreaterThanOrEqual(due / 2);
      }
    }),
  );
});

test('members that fail at one moment do not come back at one moment', () => {
  const pauses = Array.from({ length: 50 }, () => new Backoff({ minMs: 1000, maxMs: 1000 }).next());
  expect(new Set(pauses.map(Math.round)).size).toBeGreaterThan(20);
});

test('a wait ends at the signal', async () => {
  const stop = new AbortController();
  let ended = false;
  const waiting = new Backoff({ minMs: 60_000, maxMs: 60_000 }).wait(stop.signal).then(() => {
    ended = true;
  });
  stop.abort();
  await until(() => ended, { timeoutMs: 1000, what: 'the end of the wait' });
  await waiting;
});
