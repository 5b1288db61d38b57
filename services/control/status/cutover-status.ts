/**
 * How far the newest cutover is, and whether the sources are frozen as they must be from the
 * journal on. Each status asks the sources itself: it knows of a fence that is lost when control
 * is dead.
 */
import { type CutoverStage, mustBeFrozen } from '../../../shared/job/state/cutover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { ServerProbe } from './server-probe.ts';

export interface CutoverStatus {
  id: string;
  stage: CutoverStage;
  sinceMs: number;
  /** For how long writes were refused. */
  stopMs: number;
  why: string | null;
  /** Sources that take writes although they must not, each with what was seen. */
  lost: string[];
}

export async function cutoverStatus(
  { cutoverRun: run }: Pick<JobView, 'cutoverRun'>,
  probe: Pick<ServerProbe, 'fence'>,
): Promise<CutoverStatus | null> {
  if (run === null) return null;
  const { id, stage, stageMs, stopMs, why } = run;
  const asked = mustBeFrozen(run) ? run.sources : [];
  const looks = await Promise.all(
    asked.map(async ({ source, serverUuid }): Promise<string[]> => {
      const seen = await probe.fence(source);
      // A source that gives no answer is a problem of its own.
      if (seen === null) return [];
      if (!seen.isFrozen) return [`${source} takes writes (its fence is down)`];
      const isOther = seen.serverUuid !== serverUuid;
      return isOther ? [`${source} is another server (${seen.serverUuid})`] : [];
    }),
  );
  return { id, stage, sinceMs: stageMs, stopMs, why, lost: looks.flat() };
}
