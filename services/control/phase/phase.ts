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
  /** Each table of the job has an equal proof, and nothing has made one doubtful since. */
  | 'proven'
  /** Some table of the job has not. */
  | 'doubted'
  /** Tables were planned anew on the operator's word. */
  | 'recopied'
  /** The journal of a cutover is written: the application may be on the targets. */
  | 'switched'
  /** The journal of a rollback is written: the application is on the sources again, or to be. */
  | 'returned'
  /** The operator has ended the job, wherever the application is. */
  | 'finished';

const TRANSITIONS: Record<Phase, Record<PhaseEvent, Phase>> = {
  prepare: {
    prepared: 'copying',
    copied: 'prepare',
    proven: 'prepare',
    doubted: 'prepare',
    recopied: 'prepare',
    switched: 'prepare',
    returned: 'prepare',
    finished: 'prepare',
  },
  copying: {
    prepared: 'copying',
    copied: 'following',
    proven: 'copying',
    doubted: 'copying',
    recopied: 'copying',
    switched: 'copying',
    returned: 'copying',
    finished: 'copying',
  },
  following: {
    prepared: 'following',
    copied: 'following',
    proven: 'verified',
    doubted: 'following',
    recopied: 'copying',
    switched: 'switched',
    returned: 'following',
    finished: 'finished',
  },
  verified: {
    prepared: 'verified',
    copied: 'verified',
    proven: 'verified',
    doubted: 'following',
    recopied: 'copying',
    switched: 'switched',
    returned: 'verified',
    finished: 'finished',
  },
  switched: {
    prepared: 'switched',
    copied: 'switched',
    proven: 'switched',
    doubted: 'switched',
    recopied: 'switched',
    switched: 'switched',
    returned: 'following',
    finished: 'finished',
  },
  finished: {
    prepared: 'finished',
    copied: 'finished',
    proven: 'finished',
    doubted: 'finished',
    recopied: 'finished',
    switched: 'finished',
    returned: 'finished',
    finished: 'finished',
  },
};

export function nextPhase(phase: Phase, event: PhaseEvent): Phase {
  return TRANSITIONS[phase][event];
}
