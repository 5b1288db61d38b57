/** What is said of a cutover is the worst that is true of it. */
import { expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import type { CutoverRun, CutoverStage } from '../../../shared/job/state/cutover.ts';
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
  expect(outcomeText(again, own)).toMatch(/^the journal is written.*\nwrites were refused/);
});

test('a gate that is shut, after an earlier cutover was undone, has touched nothing', () => {
  const shut = outcome('undone', 'gates are not open');
  expect(outcomeText(shut, concerned(shut, 'cutover-2'))).toBe(
    'nothing was touched: gates are not open',
  );
  expect(concerned(shut, 'cutover-1')?.stage).toBe('undone');
});

test('a plan says whether both logs are compared inside the freeze, or rows are not', () => {
  const server = (name: string) => ({ name, user: 'u', database: 'shop' });
  const job = parseJob(
    JSON.stringify({
      ...{ job: 'shop', kafka: { brokers: ['b:1'] }, registry: { url: 'http://r' } },
      ...{ sources: [server('s1')], targets: [server('t1')], tables: [{ name: 'orders' }] },
      route: { kind: 'target', target: 't1' },
    }),
    {},
  );
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

test('a rehearsal says beside its forecast what is promised at most', () => {
  const steps = [{ step: 'drain', atMs: 0, tookMs: 20 }];
  const text = rehearsalText([{ id: 'r', by: 'ann', atMs: 0, steps, forecastMs: 20 }], 71.5);
  expect(text).toMatch(/about 0\.02 s\n.*refuses writes for 72 s at most, or is undone/);
});
