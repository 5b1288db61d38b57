/** Who waits for whom, and for how long. */
import { expect, test } from 'vitest';
import type { CutoverRun } from '../../shared/job/state/cutover.ts';
import { isAwaited, mayYield } from './yielding.ts';

const BEFORE = { isGoneOver: false };

test('the capture of a way back lets others go first until the application goes over', () => {
  for (const lagSeconds of [null, 0, 100, 1000]) {
    for (const yields of [false, true]) {
      expect(mayYield({ isGoneOver: true, lagSeconds }, yields)).toBe(false);
    }
  }
  expect(mayYield({ ...BEFORE, lagSeconds: 1 }, false)).toBe(true);
});

test('it does not fall behind for ever: it comes to the front, and stays until it has caught up', () => {
  let yields = true;
  const at = (lagSeconds: number): boolean => {
    yields = mayYield({ ...BEFORE, lagSeconds }, yields);
    return yields;
  };
  expect([0, 9, 200, 299].map(at)).toEqual([true, true, true, true]);
  expect([300, 200, 60, 10].map(at)).toEqual([false, false, false, false]);
  expect([9, 60].map(at)).toEqual([true, true]);
});

test('what is not known of the log changes nothing', () => {
  for (const yields of [false, true]) {
    expect(mayYield({ ...BEFORE, lagSeconds: null }, yields)).toBe(yields);
  }
});

const RUN: CutoverRun = {
  ...{ id: 'cutover-1', stage: 'undone', by: 'ann', startedMs: 1, stageMs: 1, sources: [] },
  ...{ targets: {}, steps: [], stopMs: 0, journalMs: null, why: null, way: 'over', thaws: [] },
  leg: null,
};

test('nobody waits for a way back but a write stop, and who has gone over', () => {
  const back = { job: 'shop.back' };
  expect(isAwaited({ job: 'shop' }, null)).toBe(true);
  expect([null, RUN].map(run => isAwaited(back, run))).toEqual([false, false]);
  const stages = ['freezing', 'opening', 'unopened', 'switched', 'finished'] as const;
  for (const stage of stages) expect(isAwaited(back, { ...RUN, stage }), stage).toBe(true);
  const leg = { number: 3, carries: 'over' as const, isOpen: true, begins: {} };
  expect(isAwaited(back, { ...RUN, leg })).toBe(true);
});
