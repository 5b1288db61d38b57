/** What is said of a cutover is the worst that is true of it. */
import { expect, test } from 'vitest';
import type { CutoverRun, CutoverStage } from '../../../shared/job/state/cutover.ts';
import { shopFile } from '../../../test/support/shop-file.ts';
import type { CutoverOutcome } from '../command/cutover.ts';
import { plannedSteps } from '../cutover/step.ts';
import { concerned, outcomeText, planText, rehearsalText } from './cutover-text.ts';

const outcome = (stage: CutoverStage, error: string | null): CutoverOutcome => {
  const run: CutoverRun = {
    ...{ id: 'cutover-1', stage, by: 'ann', startedMs: 0, stageMs: 0, sources: [], targets: {} },
    ...{ steps: [], stopMs: 1500, journalMs: stage === 'undone' ? null : 1, why: error },
    ...{ way: 'over', thaws: [], leg: null },
  };
  return { run, note: null, answer: { id: 'cutover-2', doneMs: error === null ? 1 : null, error } };
};

test('a second try to open that fails is not told as if nothing had been touched', () => {
  const again = outcome('unopened', 'the journal is written, and nobody is on the targets');
  const own = concerned(again, 'cutover-2');
  expect(own?.stage).toBe('unopened');
  expect(outcomeText(again, own, null)).toMatch(/^the journal is written.*\nwrites were refused/);
});

test.each(['undone', 'switched'] as const)(
  'a gate that is shut, after an earlier one is %s, has touched nothing',
  stage => {
    const shut = outcome(stage, 'gates are not open');
    expect(outcomeText(shut, concerned(shut, 'cutover-2'), null)).toBe(
      'nothing was touched: gates are not open',
    );
    expect(concerned(shut, 'cutover-1')?.stage).toBe(stage);
  },
);

test('a plan says whether both logs are compared inside the freeze, or rows are not', () => {
  const job = shopFile();
  const plan = (compares: boolean, way: 'over' | 'back' = 'over'): string => {
    const steps = plannedSteps(job, { turns: true, compares });
    const asked = { gates: [], canGo: true, way, hasWayBack: true, compares, steps };
    return planText('shop', { ...asked, promisedStopSeconds: 9 });
  };
  expect(plan(true)).toMatch(/compare: the streaming check .* end of both logs \(at most 3 s\)/);
  expect(plan(true)).toMatch(/Inside the freeze both logs are compared/);
  for (const text of [plan(false), plan(false, 'back')]) {
    expect(text).toMatch(/Rows are not compared again inside the freeze/);
    expect(text).not.toMatch(/compare:/);
  }
});

test('the steps say by what each server is frozen, and for how long that may take', () => {
  const limits = { lockSeconds: 1, lockTries: 2 };
  const fences = { s2: { kind: 'hook', command: './fence.sh', seconds: 40 } };
  const both = ['s1', 's2'].map(name => ({ name, user: 'u', database: 'shop' }));
  const of = (cutover: object) => {
    const job = shopFile({ sources: both, cutover: { limits, ...cutover } });
    const steps = plannedSteps(job, { turns: false, compares: false });
    const named = new Map(steps.map(s => [s.step, s]));
    const { what = '', budgetSeconds } = named.get('freeze') ?? {};
    return [what, budgetSeconds, named.get('persist')?.what] as const;
  };
  const accounts = { kind: 'accounts', lock: 'writers' };
  const [plain, tries] = of({});
  expect(plain).toMatch(/^each source: .* super_read_only = ON, 2 tries of 1 s/);
  expect(tries).toBe(4);
  const [what, seconds, persist] = of({ fence: accounts, fences });
  expect(what).toMatch(/^s1: ALTER USER .* ACCOUNT LOCK.*; s2: your hook/);
  expect(seconds).toBe(40);
  expect(persist).toMatch(/^s1: nothing: locks outlive a restart; s2: nothing/);
});

test('a rehearsal says beside its forecast what is promised at most', () => {
  const steps = [{ step: 'drain', atMs: 0, tookMs: 20 }];
  const forecast = [
    { step: 'freeze', ms: 5, doneMs: 0, basis: 'stand-in' },
    { step: 'drain', ms: 20, doneMs: 0, basis: 'measured' },
  ];
  const open = { step: 'open', ms: 1, doneMs: 0, basis: 'stand-in' };
  const made = { id: 'r', by: 'ann', atMs: 0, steps, forecastMs: 25, slowestMs: 60, forecast };
  const stop = { id: 'c', way: 'over', atMs: 0, stopMs: 40, steps, forecast };
  const text = rehearsalText({ list: [made], stops: [stop] }, 71.5);
  expect(text).toMatch(/freeze +5 ms, of a stand-in\n +drain +20 ms, measured\n/);
  expect(text).toMatch(/about 0\.03 s, 0\.06 s with each step at its slowest\n/);
  expect(text).toMatch(/refused for 0\.04 s; 0\.03 s were forecast\n/);
  expect(text).toMatch(/refuses writes for 72 s at most, or is undone/);
  expect(text).not.toMatch(/on top\n/);
  const first = rehearsalText({ list: [{ ...made, forecast: [open] }], stops: [] }, 71.5);
  expect(first).toMatch(/slowest, and what the open command takes on top\n/);
});

test('what a write stop took stands beside what was forecast', () => {
  const { run, ...rest } = outcome('switched', null);
  if (run === null) throw new Error('a run');
  const steps = [{ step: 'drain', atMs: 0, tookMs: 70 }];
  const forecast = [{ step: 'drain', ms: 20, doneMs: 0, basis: 'measured' }];
  const own = { ...run, steps, stopMs: 70 };
  const text = outcomeText({ run: own, ...rest }, own, { ...own, atMs: 0, forecast });
  expect(text).toMatch(/refused for 0\.07 s; 0\.02 s were forecast\n/);
  expect(text).toMatch(/drain +70 ms \(forecast 20 ms, measured\)/);
});
