/** Members share a limit of rows by what each has to copy: together they have one limit. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobView } from '../../shared/job/state/job-view.ts';
import { CopyRate } from './copy-rate.ts';

const NAMES = ['s1', 's2', 's3'];

/** `rows`: the job's limit. Each source has a plan of 8 ranges. */
function viewOf(rows: number | null): JobView {
  const limits = rows === null ? [] : [{ name: 'rows', value: rows, sinceMs: 1, by: 'ann' }];
  const plansOf = () => [{ ranges: Array.from({ length: 8 }) }];
  return { throttle: { limits, brakes: [], spentMs: {} }, plansOf } as unknown as JobView;
}

/** Ranges that are left, by source and member. */
const ownership = fc.array(
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 }),
  { minLength: 1, maxLength: 5 },
);

test('the parts of all members and sources make up the limit of the job, and never more', () => {
  fc.assert(
    fc.property(ownership, fc.integer({ min: 1, max: 100_000 }), (members, rows) => {
      const all = NAMES.map((_, s) => members.reduce((n, own) => n + (own[s] ?? 0), 0));
      let sum = 0;
      for (const own of members) {
        const rate = new CopyRate(viewOf(rows), NAMES, 0);
        NAMES.forEach((name, s) => {
          rate.follow(name, () => ({ ours: own[s] ?? 0, all: all[s] ?? 0, mark: 0 }));
        });
        for (const name of NAMES) sum += rate.of(name) ?? Number.POSITIVE_INFINITY;
      }
      const isLeft = all.some(n => n > 0);
      expect(sum).toBeCloseTo(isLeft ? rows : 0, 3);
    }),
  );
});

test('a source that this member does not copy yet counts with all its ranges', () => {
  const rate = new CopyRate(viewOf(1600), ['s1', 's2'], 0);
  rate.follow('s1', () => ({ ours: 8, all: 8, mark: 0 }));
  expect(rate.of('s1')).toBe(800);
});

test('the limit of the job file is that of each source, and the lower one of both holds', () => {
  const left = { ours: 2, all: 8, mark: 0 };
  const of = (rows: number | null, perSource: number): number | null => {
    const rate = new CopyRate(viewOf(rows), ['s1'], perSource);
    rate.follow('s1', () => left);
    return rate.of('s1');
  };
  expect(of(null, 0)).toBeNull();
  expect(of(null, 400)).toBe(100);
  expect(of(4000, 400)).toBe(100);
  expect(of(40, 400)).toBe(10);
});

test('a source that stands leaves its part to the others until it moves, and not for a pause', () => {
  let now = 0;
  let mark = 0;
  const rate = new CopyRate(viewOf(1000), ['s1', 's2'], 0, () => now);
  rate.follow('s1', () => ({ ours: 1, all: 1, mark: now }));
  rate.follow('s2', () => ({ ours: 99, all: 99, mark }));
  const after = (ms: number): number | null => {
    for (const end = now + ms; now < end; ) {
      now += 1000;
      rate.of('s1');
    }
    return rate.of('s1');
  };
  expect(after(29_000)).toBe(10);
  expect(after(10_000)).toBe(1000);
  // Its own part is what it was, so that it can move again.
  expect(rate.of('s2')).toBe(990);
  mark += 1;
  expect(after(1000)).toBe(10);
  // Nobody has asked for longer than it takes.
  now += 60_000;
  expect(after(1000)).toBe(10);
});
