/**
 * How the checker waits for the pipeline. A row that differs while changes are on their way proves
 * nothing; one that differs when the target has every change that the look at the source may have
 * seen, does.
 */
import type { GtidSet } from '../../../shared/change/gtid.ts';

export interface PositionWaiter {
  /**
   * Resolves when every target has all effects of the transactions in `seen` (by source name),
   * and may have later ones. Rejects when the signal fires.
   */
  passed(seen: ReadonlyMap<string, GtidSet>, signal: AbortSignal): Promise<void>;

  /**
   * Keys whose newest event is in the log and cannot be applied: of those nobody can say that they
   * are equal, even where the tables look so.
   */
  blockedKeys?(): Promise<number>;
}
