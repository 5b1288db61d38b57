/**
 * Who stands behind a job: what reads the logs of its targets, and what compares both logs. Until
 * the application has gone over for the first time nobody waits for them but the streaming check,
 * whose proof may be older for a while; rows that come to the targets later cost more. So both let
 * others go first, and read nothing while the job has more to do than it can (pipeline-load.ts):
 * what they do costs brokers and servers too, which no priority of ours is for.
 *
 * There is an end to that: a log that is purged before it is read is lost. And who is asked for a
 * cutover, or a rehearsal, finds them awake.
 */
import type { Job } from '../job/job.ts';
import { isReturnJob } from '../job/return-job.ts';
import { isGoneOver, isHalfWay } from '../job/state/cutover.ts';
import type { JobView } from '../job/state/job-view.ts';

/** On a machine that is never idle it falls behind by so much, then it catches up. */
export const BEHIND_MAX_S = 300;
/** It has all that there is, or will have it in a moment. */
const CAUGHT_UP_S = 10;

export interface Standing {
  /** The application is, or has been, where the log is of. */
  isGoneOver: boolean;
  /** Of what is most behind; null: nothing is known, or there is none. */
  lagSeconds: number | null;
}

/** Whether one may stand behind, and if it does already, whether it may go on so. */
export function mayYield({ isGoneOver, lagSeconds }: Standing, yields: boolean): boolean {
  if (isGoneOver) return false;
  if (lagSeconds === null) return yields;
  return lagSeconds < (yields ? BEHIND_MAX_S : CAUGHT_UP_S);
}

/** What a job's state says of its cutovers. */
export type CutoverState = Pick<JobView, 'cutoverRun' | 'cutovers' | 'applied'>;

/** Whether somebody waits for what a job's log brings: always, but of a way back that stands by. */
export function isAwaited(job: Pick<Job, 'job'>, ruling: CutoverState): boolean {
  return !isReturnJob(job) || isCutoverAwaited(ruling);
}

/** Whether a cutover is asked for, or on its way, or has been: then nobody stands behind. */
export function isCutoverAwaited({ cutoverRun: run, cutovers, applied }: CutoverState): boolean {
  return isGoneOver(run) || isHalfWay(run) || [...cutovers.keys()].some(id => !applied.has(id));
}
