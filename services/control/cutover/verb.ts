/**
 * What may be asked of a job before, during and after a cutover: each command either works or is
 * refused by name, with the reason and the way on: a command, or that there is none but a new job.
 * Before the journal all of them work as ever, but for those that would take a half-way cutover
 * apart.
 */
import { hasWayBack, isHalfWay, isOver } from '../../../shared/job/state/cutover.ts';
import { isHandedOver } from '../../../shared/job/state/handover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

export const VERBS = [
  'verify',
  'trace',
  'repair',
  'recopy',
  'apply',
  'ddl-change',
  'pause',
  'resume',
  'throttle',
  'cutover',
  'rollback',
  'cancel',
  'finish',
  'cleanup',
  'handover',
  'drop',
] as const;
export type Verb = (typeof VERBS)[number];

/** How far the newest cutover is, as far as commands go by it. */
export type Passage =
  | 'before'
  | 'half-way'
  /** For good: nothing is carried back. */
  | 'over'
  /** What the application writes on the targets is carried back. */
  | 'returnable'
  /** The application has come back to the sources, and may go over again. */
  | 'returned'
  | 'ended'
  /** The operator has ended the job after that: the application stays on the sources. */
  | 'given-up'
  /** The log ends for a handover: it goes on, or the target becomes a replica. */
  | 'cutting'
  /** The target is a replica of its source, or control makes it one. */
  | 'handed';

const LIVE =
  'the application has gone over to the targets: what is on the sources is old, and must neither ' +
  'be compared with them nor brought over them';
const LIVE_GONE = `${LIVE}; \`reshard finish <job file>\` ends the job`;
const HALF =
  'a cutover or rollback is half way and servers may be frozen: control undoes or finishes it, and ' +
  'one that is `unopened` goes on when it is asked for again; `reshard status <job file>` says how far';
const LIVE_BACK = `${LIVE}; \`reshard rollback <job file>\` comes first`;
/** What stands at a statement needs no copy: `reshard ddl` works there. */
const LIVE_DDL = `${LIVE}; what a log stands at, \`reshard ddl list <job file>\` shows`;
const OVER = 'the job is finished; a new move is a new job';
const GIVEN_UP =
  'the job is finished: the application stays on the sources, and nothing is carried any more; ' +
  '`reshard drop <job file>` removes what is left of it, a new move is a new job';
const NO_COPY = 'there is no copy any more; `reshard status <job file>` says what runs yet';

type Answers = Record<Passage, string | null>;

const CUTTING =
  'a handover is half way: control finishes or undoes it; `reshard status <job file>` says how far';
const HANDED =
  'the target is a replica of the source, or is being made one: the job carries nothing any more; ' +
  '`reshard drop <job file>` removes what is left of it';

const ALWAYS: Answers = {
  before: null,
  'half-way': null,
  over: null,
  returnable: null,
  returned: null,
  ended: null,
  'given-up': null,
  cutting: null,
  handed: null,
};
/** What brings rows of the sources to the targets, or rests on their being the same. */
const OF_ROWS: Answers = {
  ...ALWAYS,
  'half-way': HALF,
  over: LIVE_GONE,
  returnable: LIVE_BACK,
  ended: `${LIVE}; ${OVER}`,
  'given-up': GIVEN_UP,
  cutting: CUTTING,
  handed: HANDED,
};
const NOT_GONE =
  'the application is on the sources: there is nothing to go back from; `reshard cutover <job file>` ' +
  'goes over';
const NOT_MOVED =
  'the application has not gone over: no row has moved; `reshard cutover <job file>` comes first';
const FROZEN = '`reshard finish <job file>` comes first: the sources are frozen for this job';

/** Null: it works. */
const REFUSED: Record<Verb, Answers> = {
  verify: { ...OF_ROWS, 'half-way': null },
  trace: { ...OF_ROWS, 'half-way': null },
  repair: OF_ROWS,
  recopy: { ...OF_ROWS, returnable: LIVE_DDL },
  apply: OF_ROWS,
  'ddl-change': { ...OF_ROWS, returnable: null },
  pause: {
    ...ALWAYS,
    over: NO_COPY,
    returnable: NO_COPY,
    ended: NO_COPY,
    'given-up': NO_COPY,
    handed: NO_COPY,
  },
  resume: ALWAYS,
  throttle: ALWAYS,
  cutover: {
    ...ALWAYS,
    ended: 'the cutover is finished; a new one is a new job',
    'given-up': GIVEN_UP,
    cutting: CUTTING,
    handed: HANDED,
  },
  rollback: {
    ...ALWAYS,
    before: NOT_GONE,
    cutting: CUTTING,
    handed: HANDED,
    returned: NOT_GONE,
    ended: 'the job is finished, and with it the way back; a new move is a new job',
    'given-up': GIVEN_UP,
  },
  cancel: ALWAYS,
  finish: {
    ...ALWAYS,
    before: 'there is no cutover to finish: `reshard cutover <job file> --dry-run` comes first',
    'half-way': HALF,
    cutting: CUTTING,
    handed: HANDED,
  },
  cleanup: {
    ...ALWAYS,
    before: NOT_MOVED,
    'half-way': HALF,
    returned: NOT_MOVED,
    cutting: CUTTING,
    handed: HANDED,
  },
  // A rerun asks how it went.
  handover: { ...OF_ROWS, returnable: LIVE_BACK, cutting: null, handed: null },
  drop: { ...ALWAYS, 'half-way': HALF, over: FROZEN, returnable: FROZEN, cutting: CUTTING },
};

/** What passages go by. */
export type Passed = Pick<JobView, 'cutoverRun'> & Partial<Pick<JobView, 'handoverRun'>>;

export function passageOf({ cutoverRun: run, handoverRun = null }: Passed): Passage {
  if (isHandedOver(handoverRun)) return 'handed';
  if (handoverRun?.stage === 'cutting') return 'cutting';
  if (isHalfWay(run)) return 'half-way';
  if (run?.stage === 'finished') return run.way === 'back' ? 'given-up' : 'ended';
  if (run !== null && isOver(run)) return hasWayBack(run) ? 'returnable' : 'over';
  // On its way back to the sources, and not let onto them yet.
  const isComing = run?.stage === 'opening' || run?.stage === 'unopened';
  if (isComing) return 'half-way';
  // Also where it was to go over again, and that was undone.
  return run?.leg ? 'returned' : 'before';
}

export function refusal(verb: Verb, passage: Passage): string | null {
  return REFUSED[verb][passage];
}

export function refuseVerb(verb: Verb, view: Passed): void {
  const why = refusal(verb, passageOf(view));
  if (why !== null) throw new ReshardError('config', `${verb} is refused: ${why}`);
}
