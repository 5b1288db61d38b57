/** The steps of a cutover in their order, and what each may take: what a dry run announces. */
import { fenceOf } from '../../../shared/job/fence.ts';
import type { Job } from '../../../shared/job/job.ts';
import type { Way } from '../../../shared/job/state/cutover.ts';

export type StepName =
  | 'gates'
  | 'marker'
  | 'freeze'
  | 'probe'
  | 'positions'
  | 'drain'
  | 'persist'
  | 'targets'
  | 'turn'
  | 'compare'
  | 'ids'
  | 'fence'
  | 'journal'
  /** Of the open command: servers that the application comes back to take writes again. */
  | 'thaw'
  | 'open';

type CutoverJob = Pick<Job, 'kind' | 'cutover'> & { sources: readonly { name: string }[] };

/** What a cutover does besides, by its job and where the application is. */
export interface StepsBesides {
  /** Rows are carried the other way afterwards. */
  turns: boolean;
  /** Both logs are compared inside the write stop. */
  compares: boolean;
}

export interface PlannedStep {
  step: StepName;
  what: string;
  /** Longest time in seconds; null: no wait of its own. */
  budgetSeconds: number | null;
  /** Writes to the sources are refused while it runs, and before the journal an error undoes. */
  isFrozen: boolean;
}

/** Between two tries to freeze, writes that have waited go through. */
export const LOCK_PAUSE_MS = 1000;

export function plannedSteps(job: CutoverJob, { turns, compares }: StepsBesides): PlannedStep[] {
  const { cutover } = job;
  const { drainSeconds, openSeconds } = cutover.limits;
  const { markerSeconds, compareSeconds } = cutover.limits;
  const step = (
    name: StepName,
    what: string,
    budgetSeconds: number | null = null,
    isFrozen = true,
  ): PlannedStep => ({ step: name, what, budgetSeconds, isFrozen });
  const opened = cutover.open === undefined ? BY_HAND : `runs the open command: ${cutover.open}`;
  return [
    step('gates', 'control asks all gates anew; a shut one ends it, nothing is done', null, false),
    ...(turns ? [step('marker', MARKER, markerSeconds, false)] : []),
    step('freeze', freezeText(job), freezeSeconds(job)),
    step('probe', 'an ordinary account tries to write to each source, and must be refused'),
    step('positions', 'gtid_executed of each source, after the freeze'),
    step('drain', 'log and targets pass these positions; nothing parked or blocked', drainSeconds),
    step('persist', persistText(job)),
    step('targets', 'gtid_executed of each target is recorded'),
    ...(turns ? [step('turn', TURN, drainSeconds)] : []),
    ...(compares ? [step('compare', COMPARE, compareSeconds)] : []),
    step('ids', 'AUTO_INCREMENT of each target is above all sources'),
    step('fence', 'drained still; each source is the same server, not restarted; probe again'),
    step('journal', `one record in the state of the job: ${turns ? TURNED : FINAL}`),
    step('open', opened, cutover.open === undefined ? null : openSeconds),
  ];
}

/** By what the servers are fenced that are left, each way once. */
function fencesOf(job: CutoverJob): ReturnType<typeof fenceOf>[] {
  const byKind = job.sources.map(s => fenceOf(job, s.name)).map(f => [f.kind, f] as const);
  return [...new Map(byKind).values()];
}

function freezeText(job: CutoverJob): string {
  const { lockSeconds, lockTries } = job.cutover.limits;
  const tries = `${lockTries} tries of ${lockSeconds} s`;
  const what = {
    triggers:
      `triggers that refuse rows that move, and none other; ${tries}, for ` +
      'which all that use a table wait',
    'read-only':
      `with ALL databases of its server: SET GLOBAL super_read_only = ON, ${tries}; ` +
      'the COMMIT of an open transaction is refused',
    accounts:
      `ALTER USER ... ACCOUNT LOCK, and KILL of their sessions, ${tries}; ` +
      'open transactions are rolled back, and nobody reads by these accounts either',
    hook: 'your hook, with RESHARD_FENCE=freeze; the probe tells whether it has worked',
  };
  return fencesOf(job)
    .map(f => `${sourcesBy(job, f.kind)}: ${what[f.kind]}`)
    .join('; ');
}

/** Those that are fenced so, by name where there are others. */
function sourcesBy(job: CutoverJob, kind: string): string {
  const names = job.sources.map(s => s.name).filter(name => fenceOf(job, name).kind === kind);
  return names.length === job.sources.length ? 'each source' : names.join(', ');
}

/** All are frozen at once. */
function freezeSeconds(job: CutoverJob): number {
  const { lockSeconds, lockTries } = job.cutover.limits;
  const tries = lockTries * (lockSeconds + LOCK_PAUSE_MS / 1000);
  return Math.max(...fencesOf(job).map(f => (f.kind === 'hook' ? f.seconds : tries)));
}

function persistText(job: CutoverJob): string {
  const what = {
    triggers: 'nothing: triggers outlive a restart',
    'read-only': 'SET PERSIST super_read_only = ON, so that a restart keeps it',
    accounts: 'nothing: locks outlive a restart',
    hook: 'nothing: what a restart leaves of it is the business of your hook',
  };
  return fencesOf(job)
    .map(f => `${sourcesBy(job, f.kind)}: ${what[f.kind]}`)
    .join('; ');
}

const MARKER = 'a row in reshard_marker of each target comes into the log that leads back';
const TURN = 'the log of the targets has all of that: rows will be carried back from there';
const COMPARE = 'the streaming check says of each table that it is equal at the end of both logs';
const FINAL = 'THE POINT OF NO RETURN';
const TURNED = 'from then on it is finished, and undone by going the other way';
const BY_HAND = 'no open command in the job file: let the application onto the targets by hand';

/** How long writes are refused at most, when nothing has to be undone. */
export function promisedStopSeconds(job: CutoverJob, besides: StepsBesides): number {
  const steps = plannedSteps(job, besides).filter(s => s.isFrozen);
  return steps.reduce((sum, s) => sum + (s.budgetSeconds ?? ASKING_S), 0);
}

/** Steps that only ask servers end after so long, or it is undone. */
export const ASKING_S = 3;

/** Said wherever somebody decides on a cutover. */
export const NO_WAY_BACK =
  'There is NO WAY BACK after the journal: nothing carries writes of the targets to the sources. ' +
  'The sources stay as they were frozen, without what is written to the targets from then on. ' +
  'A job file with `cutover.back` has one.';

export const WAY_BACK =
  'What is written after the journal is carried the other way; the servers that the application ' +
  'leaves take no writes but those. `reshard status <job file>` says whether that goes well: as long as it ' +
  'does, the application can come back.';

/** What a cutover rests on, said beside its gates. */
export function equalityText({ compares, way }: { compares: boolean; way: Way }): string {
  if (way === 'back') return BACK_NOT_COMPARED;
  return compares ? COMPARED : NOT_COMPARED;
}

const COMPARED =
  'Inside the freeze both logs are compared at their ends: that source equals target rests on that, ' +
  'and on the check of every row that proved each table.';
const BACK_NOT_COMPARED =
  'Rows are not compared again inside the freeze: that both sides are equal rests on everything ' +
  'that was written since the journal being in the log and on the sources.';
const NOT_COMPARED =
  'Rows are not compared again inside the freeze: that source equals target rests on the recent ' +
  'proof of each table, and on everything after it being in the log and on the targets. ' +
  'With `options.streamingCheck` both logs are compared there, until the first cutover.';
