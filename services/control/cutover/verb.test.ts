/** Every command, at every point of a cutover, works or is refused with a reason. */
import { expect, test } from 'vitest';
import type { CutoverStage } from '../../../shared/job/state/cutover.ts';
import { nextStage } from './stage.ts';
import { passageOf, refusal, refuseVerb, VERBS } from './verb.ts';

const STAGES: CutoverStage[] = [
  'freezing',
  'undone',
  'opening',
  'unopened',
  'switched',
  'finished',
];
const at = (stage: CutoverStage | null) => ({
  cutoverRun: stage === null ? null : ({ stage } as never),
});

test('nothing that brings rows of the sources to the targets works from the journal on', () => {
  for (const stage of ['opening', 'unopened', 'switched', 'finished'] as const) {
    for (const verb of ['repair', 'recopy', 'apply', 'ddl-change', 'verify'] as const) {
      expect(() => refuseVerb(verb, at(stage)), `${verb} ${stage}`).toThrow(/gone over/);
    }
  }
});

test('a job whose sources are frozen is not dropped', () => {
  for (const stage of STAGES) {
    const isFrozen = stage !== 'undone' && stage !== 'finished';
    expect(refusal('drop', passageOf(at(stage))) !== null, stage).toBe(isFrozen);
  }
  expect(refusal('drop', passageOf(at(null)))).toBeNull();
});

test('before a cutover, and after one that was undone, all works that needs none', () => {
  for (const view of [at(null), at('undone')]) {
    expect(VERBS.filter(verb => refusal(verb, passageOf(view)) !== null)).toEqual([
      'rollback',
      'finish',
      'cleanup',
    ]);
  }
});

test('no stage that has a journal leads to one that has none', () => {
  const events = ['lifted', 'journaled', 'opened', 'notOpened', 'retried', 'ended'] as const;
  for (const stage of ['opening', 'unopened', 'switched', 'finished'] as const) {
    for (const event of events) {
      expect(['freezing', 'undone']).not.toContain(nextStage(stage, event));
    }
  }
  expect(nextStage('freezing', 'ended')).toBeNull();
});
