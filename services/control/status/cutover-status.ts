/**
 * How far the newest cutover is, and whether the sources are frozen as they must be from the
 * journal on. Each status asks the sources itself: it knows of a fence that is lost when control
 * is dead.
 */
import {
  type CutoverStage,
  fencedNow,
  hasWayBack,
  type Way,
} from '../../../shared/job/state/cutover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { ServerProbe } from './server-probe.ts';

export interface CutoverStatus {
  id: string;
  stage: CutoverStage;
  sinceMs: number;
  /** For how long writes were refused. */
  stopMs: number;
  why: string | null;
  /** Where the application goes. */
  way: Way;
  /** What the application writes is carried to the servers that it has left. */
  hasWayBack: boolean;
  /** Servers that take writes although they must not, each with what was seen. */
  lost: string[];
}

export async function cutoverStatus(
  { cutoverRun: run }: Pick<JobView, 'cutoverRun'>,
  probe: Pick<ServerProbe, 'fence'>,
): Promise<CutoverStatus | null> {
  if (run === null) return null;
  const { id, stage, stageMs, stopMs, why, way } = run;
  const isCarried = hasWayBack(run);
  const looks = await Promise.all(
    fencedNow(run).map(async (frozen): Promise<string[]> => {
      const { source, serverUuid } = frozen;
      const seen = await probe.fence(frozen);
      // A source that gives no answer is a problem of its own.
      if (seen === null) return [];
      // With a way back our sink writes there: read_only lets it through, and nobody else.
      const stands = isCarried ? seen.isReadOnly : seen.isFrozen;
      const down = isCarried ? 'read_only is OFF' : 'its fence is down';
      if (!stands) return [`${source} takes writes (${seen.why ?? down})`];
      const isOther = seen.serverUuid !== serverUuid;
      return isOther ? [`${source} is another server (${seen.serverUuid})`] : [];
    }),
  );
  return {
    id,
    stage,
    sinceMs: stageMs,
    stopMs,
    why,
    way,
    hasWayBack: isCarried,
    lost: looks.flat(),
  };
}
