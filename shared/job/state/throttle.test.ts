/** Limits of the copy as requests change them, and what stops the copy. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkStops,
  copyStops,
  LIMITS,
  limitOf,
  type RetuneRequest,
  retuned,
  UNTHROTTLED,
} from './throttle.ts';

const request = (over: Partial<RetuneRequest>): RetuneRequest => ({
  ...{ id: 'retune-1', requestedMs: 7, by: 'ann', set: {}, clear: [] },
  ...over,
});

const anyRequest = fc
  .uniqueArray(fc.constantFrom(...LIMITS))
  .chain(names =>
    fc.record({
      set: fc.dictionary(fc.constantFrom(...names, 'rows'), fc.integer({ min: 1, max: 9 })),
      clear: fc.subarray(LIMITS.filter(name => !names.includes(name) && name !== 'rows')),
    }),
  )
  .map(request);

/** Hypothesis: control may carry a request out again after a crash, and nothing else changes. */
test('a request changes what it names and no other limit, however often it is carried out', () => {
  fc.assert(
    fc.property(fc.array(anyRequest, { maxLength: 6 }), anyRequest, (earlier, last) => {
      const before = earlier.reduce(retuned, UNTHROTTLED);
      const after = retuned(before, last);
      expect(retuned(after, last)).toEqual(after);
      for (const name of LIMITS) {
        const kept = last.clear.includes(name) ? null : limitOf(before, name);
        expect(limitOf(after, name)).toBe(last.set[name] ?? kept);
      }
      expect(new Set(after.limits.map(l => l.name)).size).toBe(after.limits.length);
    }),
  );
});

test('a limit says who has set it and when; one that nobody knows is not taken up', () => {
  const { limits } = retuned(UNTHROTTLED, request({ set: { rows: 5, cpu: 9 } }));
  expect(limits).toEqual([{ name: 'rows', value: 5, sinceMs: 7, by: 'ann' }]);
});

test('pauses and a backlog stop the copy, each for itself; a limit of rows does not', () => {
  const brake = (reason: string) => ({ reason, sinceMs: 1, why: '' });
  const throttle = { ...UNTHROTTLED, brakes: [brake('operator'), brake('rate')] };
  expect(copyStops({ paused: [], throttle })).toEqual([]);
  expect(copyStops({ paused: ['backup'], throttle: null })).toEqual(['backup']);
  const behind = { ...throttle, brakes: [...throttle.brakes, brake('lag')] };
  expect(copyStops({ paused: ['backup'], throttle: behind })).toEqual(['backup', 'lag']);
  expect(checkStops({ throttle: behind }, 0)).toEqual(['lag']);
  const shut = { ...throttle, brakes: [...throttle.brakes, brake('window')] };
  expect(copyStops({ paused: [], throttle: shut })).toEqual(['window']);
});

test('a check looks at the clock itself, and is held by no control that is away', () => {
  const window = { name: 'window', value: 22_000_600, sinceMs: 7, by: 'ann' };
  const noted = { reason: 'window', sinceMs: 1, why: '' };
  const throttle = { ...UNTHROTTLED, limits: [window], brakes: [noted] };
  expect(checkStops({ throttle: { ...throttle, brakes: [] } }, 12 * 3600_000)).toEqual(['window']);
  expect(checkStops({ throttle }, 23 * 3600_000)).toEqual([]);
  expect(checkStops({ throttle: null }, 0)).toEqual([]);
});
