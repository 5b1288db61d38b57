import { expect, it } from 'vitest';
import { UsageError } from '../support/usage.ts';
import { demoOptions, ordersPerSource } from './options.ts';

it('has defaults of the size that the demo promises', () => {
  const options = demoOptions([]);
  expect(options).toMatchObject({ rows: 200_000, sources: 1, targets: 2, keep: false });
  expect(options?.connections).toBe(50);
});

it('takes every option, and a seed that repeats a run', () => {
  const argv =
    '--rows 7 --seconds 0 --sources 2 --targets 3 --seed 99 --rate 0 --keep --cutover --json';
  const options = demoOptions(argv.split(' '));
  expect(options).toEqual({
    rows: 7,
    seconds: 0,
    sources: 2,
    targets: 3,
    connections: 50,
    rate: 0,
    seed: 99,
    keep: true,
    cutover: true,
    json: true,
  });
  expect(options && ordersPerSource(options)).toBe(4);
});

it.each([['--rows', '0'], ['--rows', 'many'], ['--targets', '1.5'], ['--unknown'], ['extra']])(
  'refuses %s %s',
  (...argv) => {
    expect(() => demoOptions(argv.filter(Boolean))).toThrow(UsageError);
  },
);

it('answers nothing when help is asked for', () => {
  expect(demoOptions(['--help'])).toBeUndefined();
});
