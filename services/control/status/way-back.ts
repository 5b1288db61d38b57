/**
 * What a job says of its way back: whether rows are carried back, how far that is behind, and the
 * worst thing that is true of what carries them. From the journal on the application can come back
 * only as long as that goes well, so it is a part of the job's own headline.
 */
import type { Job } from '../../../shared/job/job.ts';
import { isTurning } from '../../../shared/job/state/cutover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { firstLine } from '../../../shared/runtime/error.ts';
import { levelOf, problemsOf, problemText } from './problem.ts';
import type { Status, UnreadLog, WayBackStatus } from './status.ts';

/**
 * Also where rows are to be carried back by the newest journal, and the job file does not ask for
 * that any more: nobody carries them then. One that has carried its last row is owed nothing.
 */
export function isOwedWayBack(
  { cutover }: Pick<Job, 'cutover'>,
  { cutoverRun: run }: Pick<JobView, 'cutoverRun'>,
): boolean {
  return cutover.back !== undefined || run?.leg?.carries === 'back';
}

/** `back`: the status of the return job; null while it cannot be asked. */
export function wayBackStatus(
  { cutoverRun: run }: Pick<JobView, 'cutoverRun'>,
  back: Status | null,
): WayBackStatus {
  const carries = run?.leg?.carries ?? 'over';
  const isBack = carries === 'back';
  return {
    carries,
    isTurning: isTurning(run),
    headline: back && { level: back.headline.level, text: back.headline.text },
    lagSeconds: worst(back?.sources.map(s => s.lagSeconds)),
    lagRecords: isBack ? worst(back?.targets.map(t => t.lagRecords)) : null,
    unread: back === null ? [] : unreadLogs(back),
  };
}

/** Logs that stand, are gone, or whose reader has died; each by the worst that is wrong. */
function unreadLogs(back: Status): UnreadLog[] {
  const found = problemsOf(back).filter(p => p.source !== '' && levelOf(p.word) === 'failure');
  const worst = Map.groupBy(found, p => p.source);
  return [...worst].flatMap(([server, [first]]) =>
    first === undefined ? [] : [{ server, why: firstLine(problemText(first)) }],
  );
}

/** Null if one of them is not known. */
function worst(list: readonly (number | null)[] | undefined): number | null {
  if (list === undefined || list.length === 0) return null;
  let most = 0;
  for (const x of list) {
    if (x === null) return null;
    most = Math.max(most, x);
  }
  return most;
}
