import { describe, expect, test } from 'vitest';
import type { Phase } from '../../shared/member/job-view.ts';
import { nextPhase, type PhaseEvent } from './phase.ts';

const PHASES: Phase[] = ['prepare', 'copying', 'following', 'verified'];
const EVENTS: PhaseEvent[] = ['prepared', 'copied', 'found-equal', 'found-different'];

describe('phases', () => {
  test('the main line leads from prepare to verified', () => {
    const line: Phase[] = ['prepare'];
    for (const event of ['prepared', 'copied', 'found-equal'] as const) {
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

  test('no event leads back before the copy, and only a difference takes verified back', () => {
    for (const phase of PHASES) {
      for (const event of EVENTS) {
        const went = PHASES.indexOf(nextPhase(phase, event)) - PHASES.indexOf(phase);
        if (went < 0) expect([phase, event]).toEqual(['verified', 'found-different']);
      }
    }
  });

  test('nothing is verified that has not been copied', () => {
    expect(nextPhase('prepare', 'found-equal')).toBe('prepare');
    expect(nextPhase('copying', 'found-equal')).toBe('copying');
  });
});
