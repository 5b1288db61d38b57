/**
 * A handover: the target of a copy becomes a native replica of its source, and the job ends. Its
 * request is a `cutover/<id>` of the action `handover`; control carries it out, and its record,
 * `handover-run`, says how far it is:
 *
 *   cutting   the log of the source ends between two of its transactions, and says so in the very
 *             record that has the position (progress.avsc, `handover`): what the target has when
 *             it has all of the log are these transactions and no others
 *   undone    the log goes on, the target takes our writes: all is as it was
 *   handing   no way back: the target becomes a replica, whoever leads goes on with that
 *   finished  a row of the source has come by replication; the job is over
 */

export type HandoverStage = 'cutting' | 'undone' | 'handing' | 'finished';

export interface HandoverRun {
  id: string;
  number: number;
  stage: HandoverStage;
  by: string;
  startedMs: number;
  /** When it came to the stage. */
  stageMs: number;
  sourceUuid: string;
  targetUuid: string;
  /** Transactions of the source that the target has, and none other; empty before that. */
  gtid: string;
  /** Why it was undone, or what it waits for. */
  why: string | null;
}

type Run = Pick<HandoverRun, 'number' | 'stage'>;

/** The target is a replica, or is being made one: nothing of the job writes there any more. */
export function isHandedOver(run: Pick<HandoverRun, 'stage'> | null): boolean {
  return run?.stage === 'handing' || run?.stage === 'finished';
}

/** The log is to end: for the handover of this number; null: it goes on. */
export function cutFor(run: Run | null): number | null {
  return run === null || run.stage === 'undone' ? null : run.number;
}

/**
 * Whether a log that has ended for a handover may go on. A view that does not know that one yet is
 * behind, so it may not.
 */
export function mayGoOn(run: Run | null, ended: number): boolean {
  if (ended === 0) return true;
  if (run === null || run.number < ended) return false;
  return run.number > ended || run.stage === 'undone';
}
