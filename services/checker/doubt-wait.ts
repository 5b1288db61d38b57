/**
 * What a checker waits for after a verdict that is not equal: that control has counted the doubts
 * which follow from it. A check that begins before stands on a basis that is about to change, so
 * its verdict, however equal, would prove nothing.
 */
import type { CheckResult, TableResult } from '../../shared/job/state/check-result.ts';
import type { JobView } from '../../shared/job/state/job-view.ts';
import { basisOf } from '../../shared/job/state/proof.ts';
import { sleep } from '../../shared/runtime/clock.ts';

const LOOK_MS = 50;
/** Control notes a verdict within a quarter of a second; without a control checks go on. */
const WITHIN_MS = 3000;

/** Tables that the check says something else of than that they are equal. */
export function unequalTables({ tables }: Pick<CheckResult, 'tables'>): string[] {
  return tables
    .filter(t => t.differences.length > 0 || t.truncated || (!t.scope && isOpen(t)))
    .map(t => t.table);
}

/** Of a part that is no verdict of the table: nothing follows from it. */
function isOpen({ unsettled, blocked }: TableResult): boolean {
  return unsettled.length + blocked > 0;
}

/** `before`: the bases of those tables, by table, when the verdict was made. */
export async function untilDoubted(
  view: Pick<JobView, 'plans' | 'proofs'>,
  before: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + WITHIN_MS;
  const isOpen = (): boolean => Object.entries(before).some(([t, b]) => basisOf(view, t) === b);
  while (isOpen() && !signal.aborted && performance.now() < end) await sleep(LOOK_MS, signal);
}
