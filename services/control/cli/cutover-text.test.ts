/** What is said of a cutover is the worst that is true of it. */
import { expect, test } from 'vitest';
import type { CutoverRun, CutoverStage } from '../../../shared/job/state/cutover.ts';
import type { CutoverOutcome } from '../command/cutover.ts';
import { concerned, outcomeText } from './cutover-text.ts';

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
