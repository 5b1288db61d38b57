/** Who waits for whom, and for how long. */
import { expect, test } from 'vitest';
import type { CutoverRequest, CutoverRun } from '../job/state/cutover.ts';
import { type CutoverState, isAwaited, isCutoverAwaited, mayYield } from './stand-behind.ts';

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

function ruling(run: CutoverRun | null, ...asked: CutoverRequest[]): CutoverState {
  return { cutoverRun: run, cutovers: new Map(asked.map(r => [r.id, r])), applied: new Map() };
}

test('nobody waits for a way back but a write stop, and who has gone over', () => {
  const back = { job: 'shop.back' };
  expect(isAwaited({ job: 'shop' }, ruling(null))).toBe(true);
  expect([null, RUN].map(run => isAwaited(back, ruling(run)))).toEqual([false, false]);
  const stages = ['freezing', 'opening', 'unopened', 'switched', 'finished'] as const;
  for (const stage of stages) expect(isAwaited(back, ruling({ ...RUN, stage })), stage).toBe(true);
  const leg = { number: 3, carries: 'over' as const, isOpen: true, begins: {} };
  expect(isAwaited(back, ruling({ ...RUN, leg }))).toBe(true);
});

test('whoever asks for a cutover, or a rehearsal, is waited for until he is answered', () => {
  const words = { requestedMs: 1, by: 'ann', settings: '', release: false };
  for (const action of ['begin', 'rehearse']) {
    const asked = ruling(RUN, { id: 'cutover-2', action, ...words });
    expect(isCutoverAwaited(asked)).toBe(true);
    expect(isAwaited({ job: 'shop.back' }, asked)).toBe(true);
    const answer = { id: 'cutover-2', doneMs: 2, error: null, by: 'ann', plannedMs: null };
    const applied = new Map([['cutover-2', answer]]);
    expect(isCutoverAwaited({ ...asked, applied })).toBe(false);
  }
});
