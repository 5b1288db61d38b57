/**
 * The phases of a job as one total table (PHASE.md). Control alone changes the phase; everybody
 * else follows the state topic. An event that means nothing in a phase leaves it as it is, so a
 * repeated or late event can do no harm.
 */
import type { Phase } from '../../../shared/job/state/job-view.ts';

export type PhaseEvent =
  /** Topics, schemas, targets and plan are durable. */
  | 'prepared'
  /** Every planned range of every table is in the log. */
  | 'copied'
  /** A full check found source and targets equal. */
  | 'found-equal'
  /** A full check found differences. */
  | 'found-different'
  /** Tables were planned anew on the operator's word. */
  | 'recopied';

const TRANSITIONS: Record<Phase, Record<PhaseEvent, Phase>> = {
  prepare: {
    prepared: 'copying',
    copied: 'prepare',
    'found-equal': 'prepare',
    'found-different': 'prepare',
    recopied: 'prepare',
  },
  copying: {
    prepared: 'copying',
    copied: 'following',
    'found-equal': 'copying',
    'found-different': 'copying',
    recopied: 'copying',
  },
  following: {
    prepared: 'following',
    copied: 'following',
    'found-equal': 'verified',
    'found-different': 'following',
    recopied: 'copying',
  },
  verified: {
    prepared: 'verified',
    copied: 'verified',
    'found-equal': 'verified',
    'found-different': 'following',
    recopied: 'copying',
  },
};

export function nextPhase(phase: Phase, event: PhaseEvent): Phase {
  return TRANSITIONS[phase][event];
}
