/** Every command, at every point of a cutover, works or is refused with a reason. */
import { expect, test } from 'vitest';
import type { CutoverStage, Leg } from '../../../shared/job/state/cutover.ts';
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
const at = (stage: CutoverStage | null, leg: Partial<Leg> | null = null) => ({
  cutoverRun: stage === null ? null : ({ stage, leg, way: 'over' } as never),
});

test('nothing that brings rows of the sources to the targets works from the journal on', () => {
  for (const stage of ['opening', 'unopened', 'switched', 'finished'] as const) {
    for (const verb of ['repair', 'recopy', 'apply', 'ddl-change', 'verify'] as const) {
      expect(() => refuseVerb(verb, at(stage)), `${verb} ${stage}`).toThrow(/gone over/);
    }
  }
});

test('with a way back statements are taken up and passed over from the journal on, and no more', () => {
  for (const isOpen of [false, true]) {
    for (const stage of ['opening', 'unopened', 'switched'] as const) {
      const view = at(stage, { carries: 'back', isOpen });
      expect(() => refuseVerb('ddl-change', view)).not.toThrow();
      for (const verb of ['repair', 'recopy', 'apply', 'verify'] as const) {
        expect(() => refuseVerb(verb, view), `${verb} ${stage}`).toThrow(/gone over/);
      }
      expect(refusal('drop', passageOf(view))).not.toBeNull();
    }
  }
  const undone = { cutoverRun: { stage: 'undone', leg: { carries: 'back' }, way: 'back' } };
  expect(passageOf(undone as never)).toBe('returnable');
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

test('whatever is refused names the way on: a command, or a new job', () => {
  const views = STAGES.flatMap(stage =>
    [null, { carries: 'back' }, { carries: 'over' }].flatMap(leg =>
      ['over', 'back'].map(way => ({ cutoverRun: { stage, leg, way } }) as never),
    ),
  );
  for (const view of [at(null), ...views]) {
    for (const verb of VERBS) {
      const why = refusal(verb, passageOf(view));
      if (why !== null) expect(why, `${verb} ${passageOf(view)}`).toMatch(/`reshard |a new job/);
    }
  }
});

test.each([
  ['over again', 'over', 'over', 'returned'],
  ['a rollback', 'back', 'back', 'returnable'],
])('what was undone on the way of %s can be finished', (_, way, carries, passage) => {
  const view = { cutoverRun: { stage: 'undone', leg: { carries, number: 3 }, way } } as never;
  expect(passageOf(view)).toBe(passage);
  expect(refusal('finish', passageOf(view))).toBeNull();
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
