/**
 * The stages of a cutover as one total table. What a control finds in the record when it begins to
 * lead decides what it does: half way it undoes, from the journal on it finishes.
 */
import type { CutoverStage } from '../../../shared/job/state/cutover.ts';

export type CutoverEvent =
  /** The sources take writes again. */
  | 'lifted'
  /** The journal is durable. */
  | 'journaled'
  /** The open command has done its work, or there is none. */
  | 'opened'
  /** It has failed, or nobody knows. */
  | 'notOpened'
  /** The operator wants it to be run again. */
  | 'retried'
  /** The operator ends the cutover. */
  | 'ended';

/** Null: it cannot happen there, and whoever asks for it is refused. */
const TRANSITIONS: Record<CutoverStage, Record<CutoverEvent, CutoverStage | null>> = {
  freezing: {
    lifted: 'undone',
    journaled: 'opening',
    opened: null,
    notOpened: null,
    retried: null,
    ended: null,
  },
  undone: {
    lifted: 'undone',
    journaled: null,
    opened: null,
    notOpened: null,
    retried: null,
    // Of a job that has gone over before: that is what ends.
    ended: 'finished',
  },
  opening: {
    lifted: null,
    journaled: 'opening',
    opened: 'switched',
    notOpened: 'unopened',
    retried: 'opening',
    ended: null,
  },
  unopened: {
    lifted: null,
    journaled: null,
    opened: null,
    notOpened: 'unopened',
    retried: 'opening',
    ended: 'finished',
  },
  switched: {
    lifted: null,
    journaled: null,
    opened: 'switched',
    notOpened: null,
    retried: null,
    ended: 'finished',
  },
  finished: {
    lifted: null,
    journaled: null,
    opened: null,
    notOpened: null,
    retried: null,
    ended: 'finished',
  },
};

export function nextStage(stage: CutoverStage, event: CutoverEvent): CutoverStage | null {
  return TRANSITIONS[stage][event];
}
