/** A forecast has each step of a write stop once, and says what each rests on. */
import { expect, test } from 'vitest';
import type { MeasuredStop } from '../../../shared/job/state/rehearsal.ts';
import { forecastStop } from './forecast.ts';

const stepsOf = (times: Record<string, number>) =>
  Object.entries(times).map(([step, tookMs]) => ({ step, atMs: 0, tookMs }));

const ROUNDS = [
  stepsOf({ probe: 10, positions: 2, drain: 90, journal: 20, open: 5 }),
  stepsOf({ probe: 12, positions: 3, drain: 900, journal: 21, open: 6 }),
  stepsOf({ probe: 11, positions: 4, drain: 100, journal: 22, open: 7 }),
];

const stop = (id: string, way: string, times: Record<string, number>): MeasuredStop => ({
  ...{ id, way, atMs: 0, stopMs: 0, steps: stepsOf(times), forecast: [] },
});

test('before there was a write stop: the quickest round, and stand-ins that are named', () => {
  const made = forecastStop({ rounds: ROUNDS, stops: [], way: 'over', thaws: true, opens: false });
  expect(made.forecast.map(f => [f.step, f.ms, f.doneMs, f.basis])).toEqual([
    ['freeze', 2, 0, 'stand-in'],
    ['probe', 10, 10, 'measured'],
    ['positions', 2, 2, 'measured'],
    ['drain', 90, 90, 'measured'],
    ['persist', 2, 0, 'stand-in'],
    ['journal', 20, 20, 'measured'],
    ['thaw', 2, 0, 'stand-in'],
    ['open', 5, 0, 'stand-in'],
  ]);
  expect(made.forecastMs).toBe(133);
  expect(made.slowestMs).toBe(2 + 12 + 4 + 900 + 2 + 22 + 2 + 7);
  expect(made.steps.find(s => s.step === 'drain')?.tookMs).toBe(90);
});

test('what changes something takes what it took in the last stops of the same way', () => {
  const stops = [
    stop('1', 'over', { freeze: 999, open: 999 }),
    stop('2', 'over', { freeze: 30, open: 120 }),
    stop('3', 'back', { freeze: 500, thaw: 60, open: 80 }),
    stop('4', 'over', { freeze: 20, open: 100 }),
    stop('5', 'over', { freeze: 40, open: 400 }),
  ];
  const ms = (way: 'over' | 'back', thaws: boolean) =>
    Object.fromEntries(
      forecastStop({ rounds: ROUNDS, stops, way, thaws, opens: false }).forecast.map(f => [
        f.step,
        f.ms,
      ]),
    );
  expect(ms('over', true)).toMatchObject({
    freeze: 30,
    drain: 90,
    persist: 2,
    thaw: 60,
    open: 120,
  });
  expect(ms('over', false)).not.toHaveProperty('thaw');
  expect(ms('back', true)).toMatchObject({ freeze: 500, open: 80 });
});

test('what is measured is corrected by what the same step took beside what was measured before', () => {
  const rehearsed = (doneMs: number) => [{ step: 'drain', ms: 1, doneMs, basis: 'measured' }];
  const stops = [
    stop('1', 'over', { drain: 9999 }),
    { ...stop('2', 'over', { drain: 20 }), forecast: rehearsed(100) },
    { ...stop('3', 'over', { drain: 40 }), forecast: rehearsed(200) },
  ];
  const made = forecastStop({ rounds: ROUNDS, stops, way: 'over', thaws: false, opens: false });
  const drain = made.forecast.find(f => f.step === 'drain');
  expect(drain).toEqual({ step: 'drain', ms: 18, doneMs: 90, basis: 'corrected' });
});

test('an open command that is rehearsed is measured, and corrected by the last stops', () => {
  const forecast = [{ step: 'open', ms: 1, doneMs: 10, basis: 'measured' }];
  const stops = [{ ...stop('1', 'over', { open: 30 }), forecast }];
  const openOf = (known: typeof stops) =>
    forecastStop({ rounds: ROUNDS, stops: known, way: 'over', thaws: false, opens: true })
      .forecast.filter(f => f.step === 'open')
      .map(f => [f.ms, f.doneMs, f.basis]);
  expect(openOf([])).toEqual([[5, 5, 'measured']]);
  expect(openOf(stops)).toEqual([[15, 5, 'corrected']]);
  expect(openOf([{ ...stop('1', 'over', { open: 30 }), forecast: [] }])).toEqual([
    [5, 5, 'measured'],
  ]);
});
