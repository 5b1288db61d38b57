/** A window of the day, from its text to its minutes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { opensAt, parseWindow, windowText } from './daily-window.ts';

const MINUTE = 60_000;
const at = (time: string): number => Date.parse(`2026-03-29T${time}:00Z`);
const windowOf = (text: string): number => {
  const window = parseWindow(text);
  if (window === null) throw new Error(`${text} is no window`);
  return window;
};

test('is open from its first minute up to its last one, over midnight too', () => {
  const night = windowOf('22:00-06:00');
  expect(night).toBe(22_000_600);
  expect(windowText(night)).toBe('22:00-06:00 UTC');
  for (const open of ['22:00', '23:59', '00:00', '05:59']) {
    expect(opensAt(night, at(open)), open).toBeNull();
  }
  for (const shut of ['06:00', '12:30', '21:59']) {
    expect(opensAt(night, at(shut)), shut).toBe(at('22:00'));
  }
  const noon = windowOf('12:00-13:00');
  expect(opensAt(noon, at('12:59'))).toBeNull();
  expect(opensAt(noon, at('11:59'))).toBe(at('12:00'));
  expect(opensAt(noon, at('13:00'))).toBe(at('12:00') + 24 * 60 * MINUTE);
});

test.each(['', '22:00', '24:00-06:00', '22:00-06:60', '9:00-10:00', '10:00-10:00', '22-06'])(
  '"%s" is refused',
  text => expect(parseWindow(text)).toBeNull(),
);

/** Hypothesis: minute by minute, it is open as long as it says, and opens when it says. */
test('of any day is open for as many minutes as lie between its times', () => {
  const minute = fc.integer({ min: 0, max: 1439 });
  const time = (m: number): string => new Date(m * MINUTE).toISOString().slice(11, 16);
  fc.assert(
    fc.property(minute, minute, fc.integer({ min: 0, max: 20_000 }), (from, to, day) => {
      fc.pre(from !== to);
      const window = windowOf(`${time(from)}-${time(to)}`);
      const start = day * 1440 * MINUTE;
      const minutes = Array.from({ length: 1440 }, (_, m) => start + m * MINUTE);
      const open = minutes.filter(ms => opensAt(window, ms) === null);
      expect(open.length).toBe((to - from + 1440) % 1440);
      for (const ms of minutes) {
        const next = opensAt(window, ms);
        if (next === null) continue;
        expect(next).toBeGreaterThan(ms);
        expect(opensAt(window, next)).toBeNull();
        expect(opensAt(window, next - MINUTE)).not.toBeNull();
      }
    }),
    { numRuns: 30 },
  );
});
