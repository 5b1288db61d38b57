import { expect, test } from 'vitest';
import { LagClock } from './lag-clock.ts';

const SECOND = 1000;

test('a log that stands still is further behind with every second', () => {
  const clock = new LagClock();
  expect(clock.note('s1', true, 0, 0, 0)).toBe(0);
  const lags = [1, 2, 3, 200].map(s => clock.note('s1', false, 0, s * SECOND, s * SECOND));
  expect(lags).toEqual([1, 2, 3, 200]);
});

test('the first commit after an idle hour does not make an hour', () => {
  const clock = new LagClock();
  const hour = 3600 * SECOND;
  clock.note('s1', true, 0, hour, hour);
  expect(clock.note('s1', false, 0, hour + SECOND, hour + SECOND)).toBe(1);
});

test('one that moves is as old as the newest thing in it', () => {
  const clock = new LagClock();
  for (let s = 0; s < 60; s++) {
    const lag = clock.note('s1', false, s * SECOND, (s + 2) * SECOND, s * SECOND);
    expect(lag).toBe(2);
  }
});

test('a log that is newer than now says that clocks differ, never that it is complete', () => {
  const clock = new LagClock();
  const ahead = 3600 * SECOND;
  expect(clock.note('s1', false, ahead, 0, 0)).toBeNull();
  // It moves all the time, and by that clock it is from the future all the time.
  for (let s = 1; s < 30; s++) {
    expect(clock.note('s1', false, ahead + s * SECOND, s * SECOND, s * SECOND)).toBeNull();
  }
});

test('once it was seen complete it is known how long it is not, whatever the clocks say', () => {
  const clock = new LagClock();
  const ahead = 3600 * SECOND;
  clock.note('s1', true, ahead, 0, 0);
  const lag = clock.note('s1', false, ahead + 5 * SECOND, 30 * SECOND, 30 * SECOND);
  expect(lag).toBe(30);
});
