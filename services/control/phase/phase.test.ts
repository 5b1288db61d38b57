import { describe, expect, test } from 'vitest';
import type { Phase } from '../../../shared/job/state/job-view.ts';
import { nextPhase, type PhaseEvent } from './phase.ts';

const PHASES: Phase[] = ['prepare', 'copying', 'following', 'verified', 'switched', 'finished'];
const EVENTS: PhaseEvent[] = [
  'prepared',
  'copied',
  'proven',
  'doubted',
  'recopied',
  'switched',
  'returned',
  'finished',
];

describe('phases', () => {
  test('the main line leads from prepare to finished', () => {
    const line: Phase[] = ['prepare'];
    for (const event of ['prepared', 'copied', 'proven', 'switched', 'finished'] as const) {
      line.push(nextPhase(line.at(-1) ?? 'prepare', event));
    }
    expect(line).toEqual(PHASES);
  });

  test('an event sent twice changes nothing more', () => {
    for (const phase of PHASES) {
      for (const event of EVENTS) {
        const once = nextPhase(phase, event);
        expect(nextPhase(once, event)).toBe(once);
      }
    }
  });

  test('no event leads back before the copy; only a doubt, a recopy, a rollback lead back at all', () => {
    const back: string[] = [];
    for (const phase of PHASES) {
      for (const event of EVENTS) {
        const to = nextPhase(phase, event);
        if (PHASES.indexOf(to) < PHASES.indexOf(phase)) back.push(`${phase} ${event} ${to}`);
      }
    }
    expect(back).toEqual([
      'following recopied copying',
      'verified doubted following',
      'verified recopied copying',
      'switched returned following',
    ]);
  });

  test('a job that is ended behind a rollback is never said to be switched on its way', () => {
    expect(nextPhase('following', 'finished')).toBe('finished');
    expect(nextPhase('verified', 'finished')).toBe('finished');
    expect(nextPhase('copying', 'finished')).toBe('copying');
  });

  test('nothing is verified that has not been copied', () => {
    expect(nextPhase('prepare', 'proven')).toBe('prepare');
    expect(nextPhase('copying', 'proven')).toBe('copying');
  });

  test('from the journal on nothing leads back, and nothing gets there that was not copied', () => {
    for (const event of EVENTS) {
      expect(nextPhase('finished', event)).toBe('finished');
      if (event === 'finished' || event === 'returned') continue;
      expect(nextPhase('switched', event)).toBe('switched');
    }
    expect(nextPhase('prepare', 'switched')).toBe('prepare');
    expect(nextPhase('copying', 'switched')).toBe('copying');
  });
});
