/**
 * A cutover: the application goes over from the sources to the targets. Its records:
 *
 * | record         | written by | says                                                    |
 * | -------------- | ---------- | ------------------------------------------------------- |
 * | `cutover/<id>` | a command  | the operator's word, of each kind that there is; once   |
 * | `cutover-run`  | control    | how far the newest cutover is, under control's fence    |
 * | `rehearsals`   | control    | the last ten rehearsals and write stops (rehearsal.ts)  |
 * | `comparison`   | control    | the newest question to the streaming check              |
 *
 * Control answers each word with an `applied/<id>`. The run is written three times at most before
 * the application is on the targets, since each write inside the write stop makes it longer:
 * `freezing` before the first source is touched, so that whoever leads next knows what to undo;
 * `opening`, which is the journal; and what came of the open command. docs/CUTOVER.md has the
 * steps.
 */
import type { AccountRecord } from '../../mysql/account-fence.ts';
import type { Job } from '../job.ts';
import { isReturnJob } from '../return-job.ts';

/** What the operator asks for. */
export type CutoverAction =
  | 'begin'
  | 'rollback'
  | 'rehearse'
  | 'cancel'
  | 'finish'
  /** Rows that have moved are deleted at their old place: those that are equal, or all. */
  | 'cleanup'
  | 'cleanup-stale'
  /** The target of a copy becomes a replica of its source (handover.ts). */
  | 'handover';

/** From the sources to the targets, or from the targets to the sources. */
export type Way = 'over' | 'back';

export interface CutoverRequest {
  id: string;
  requestedMs: number;
  by: string;
  /** A CutoverAction; of a later version perhaps another, which is refused. */
  action: string;
  /** Fingerprint of the settings that the operator was shown: control must have the same. */
  settings: string;
  /** Of `finish`: the sources take writes again. */
  release: boolean;
}

export type CutoverStage =
  /** Sources are being frozen, or are frozen, or were: whoever leads next makes them writable. */
  | 'freezing'
  /** It did not go through, and the sources are as they were. */
  | 'undone'
  /** The journal is written: there is no way back. The open command runs, or will. */
  | 'opening'
  /** The open command has failed, or nobody knows; `reshard cutover` runs it again. */
  | 'unopened'
  /** The application may be on the targets; the sources stay frozen. */
  | 'switched'
  /** The operator has ended it. */
  | 'finished';

/** A source as it was before it was frozen, and where it then stood. */
export interface FrozenSource {
  source: string;
  serverUuid: string;
  /** What was persisted of read_only and super_read_only before us. */
  persisted: Record<string, string>;
  /** Transactions of the source when it was frozen; empty before. */
  position: string;
  /** Null, or left out: by read_only, or by triggers in a cluster that grows. */
  by?: FrozenBy | null;
}

/** What is needed to lift a fence that the server itself does not tell of. */
export interface FrozenBy extends AccountRecord {
  /** A hook has no accounts. */
  kind: 'accounts' | 'hook';
  /** A moment before the freeze, by the clock of the control that froze. */
  atMs: number;
}

export interface CutoverStep {
  step: string;
  atMs: number;
  tookMs: number;
}

export interface CutoverRun {
  id: string;
  stage: CutoverStage;
  by: string;
  startedMs: number;
  /** When it came to the stage. */
  stageMs: number;
  sources: FrozenSource[];
  /** By target, its transactions when nothing but the pipeline had written there. */
  targets: Record<string, string>;
  steps: CutoverStep[];
  /**
   * From the first try to freeze until the sources took writes again, or the open command ended.
   */
  stopMs: number;
  /** Null while there is a way back. */
  journalMs: number | null;
  /** Why it was undone, or what the open command said. */
  why: string | null;
  /** Where the application goes. `sources` are what it leaves, `targets` what it goes to. */
  way: Way;
  /** Servers that take no writes since the application left them, and that it comes back to. */
  thaws: FrozenSource[];
  leg: Leg | null;
}

/**
 * Which way rows are carried since the newest journal. A job begins with leg 1, which has no
 * record; each journal of a job with a way back begins the next one, the other way round. It is in
 * the record of the run, so that the journal and the turn of the rows are one write.
 */
export interface Leg {
  number: number;
  carries: Way;
  /** Sinks of the leg before are shut out, and those of this one may write. */
  isOpen: boolean;
  /** By topic, the offset in each partition that the leg begins with: what is before is not its. */
  begins: Record<string, number[]>;
}

/** The leg that a sink of one way works in now; null while it must not write. */
export function legOf(run: Pick<CutoverRun, 'stage' | 'leg'> | null, way: Way): Leg | null {
  const leg = run?.leg ?? null;
  if (leg === null) return way === 'over' ? FIRST_LEG : null;
  const isEnded = run?.stage === 'finished';
  return leg.carries === way && leg.isOpen && !isEnded ? leg : null;
}

export const FIRST_LEG: Leg = { number: 1, carries: 'over', isOpen: true, begins: {} };

/** Which way the rows of a job go. */
export function wayOf(job: Pick<Job, 'job'>): Way {
  return isReturnJob(job) ? 'back' : 'over';
}

/**
 * Whether rows are carried the other way by the newest journal: the log of the job is kept up for
 * its turn, and what its targets hold is what the application writes there.
 */
export function standsBy(job: Pick<Job, 'job'>, run: Pick<CutoverRun, 'leg'> | null): boolean {
  return (run?.leg?.carries ?? 'over') !== wayOf(job);
}

/** The same but for the other one. */
export function otherWay(way: Way): Way {
  return way === 'over' ? 'back' : 'over';
}

/**
 * The question of a cutover to the streaming check: whether both sides are equal when both logs are
 * read up to these ends. Each slot answers in its report, by this id and no other, when it has come
 * so far (stream-report.ts).
 */
export interface Comparison {
  id: string;
  askedMs: number;
  /** By topic of a source or target, the offset in each partition. */
  ends: Record<string, number[]>;
}

/** Servers that take no writes of the application now: those that it has left last. */
export function fencedNow(run: CutoverRun | null): FrozenSource[] {
  if (run === null || run.stage === 'finished') return [];
  return mustBeFrozen(run) ? run.sources : run.thaws;
}

type Gone = Pick<CutoverRun, 'stage' | 'leg' | 'way'>;

/** Whether the application is on the targets, or to be there, by the newest journal. */
export function isOver(run: Gone | null): boolean {
  if (run === null) return false;
  return hasJournal(run) ? run.way !== 'back' : run.leg?.carries === 'back';
}

/**
 * Whether what the application writes by the newest journal is carried to the servers that it has
 * left. A job may go over without a way back, although it has had one before.
 */
export function hasWayBack(run: Gone): boolean {
  if (run.leg === null) return false;
  return !hasJournal(run) || run.leg.carries !== run.way;
}

/** The journal is that of this very run, not of one before it. */
function hasJournal(run: Pick<CutoverRun, 'stage'>): boolean {
  return mustBeFrozen(run) || run.stage === 'finished';
}

/**
 * What stands by the newest journal. A cutover that was undone has changed nothing of the one
 * before: the application is where it was, and has left the servers that it had left.
 */
export function standingRun(run: CutoverRun): CutoverRun {
  if (run.stage !== 'undone') return run;
  return { ...run, way: otherWay(run.way), sources: run.thaws, thaws: [] };
}

/** The journal is written, and sinks cannot carry what the application writes since, yet. */
export function isTurning(run: Pick<CutoverRun, 'stage' | 'leg'> | null): boolean {
  return mustBeFrozen(run) && run?.leg?.isOpen === false;
}

/** Whether the sources are, or may be, frozen without a journal: that must not last. */
export function isHalfWay(run: Pick<CutoverRun, 'stage'> | null): boolean {
  return run?.stage === 'freezing';
}

/** Whether the sources have to be frozen: the targets are what is true from the journal on. */
export function mustBeFrozen(run: Pick<CutoverRun, 'stage'> | null): boolean {
  return run?.stage === 'opening' || run?.stage === 'unopened' || run?.stage === 'switched';
}

/**
 * Whether the application has ever gone over: from then on the targets were not the sources' copy,
 * also where it has come back since.
 */
export function isGoneOver(run: Pick<CutoverRun, 'stage' | 'leg'> | null): boolean {
  return Boolean(run?.leg) || mustBeFrozen(run) || run?.stage === 'finished';
}
