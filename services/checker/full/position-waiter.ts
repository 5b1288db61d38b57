/**
 * How the checker waits for the pipeline. A row that differs while changes are on their way proves
 * nothing; one that differs when the target has every change that the probe at the source may have
 * seen, does.
 */
import type { GtidSet } from '../../../shared/change/gtid.ts';

export interface PositionWaiter {
  /**
   * Resolves when every target has all effects of the transactions in `seen` (by source name),
   * and may have later ones. Rejects when the signal fires, and when nothing has moved for as long
   * as the job allows: never as if it had passed.
   */
  passed(seen: ReadonlyMap<string, GtidSet>, signal: AbortSignal): Promise<void>;

  /**
   * By table, keys whose newest event is in the log and cannot be applied: of those nobody can say
   * that they are equal, even where the tables look so.
   */
  blockedKeys?(): Promise<ReadonlyMap<string, number>>;
}
