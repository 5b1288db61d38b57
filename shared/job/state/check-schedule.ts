/**
 * When a check starts by itself. Derived from what is recorded, so that every control, and every
 * view, comes to the same answer:
 * - Tables that no check has compared yet are compared as soon as the targets are in step: once the
 *   copy is through, and when tables join (`options.checkWhenInSync`).
 * - All tables are compared again `options.checkEveryHours` after the oldest of their proofs began,
 *   since a row is known as of then, or after the last time that this was asked for, whatever came
 *   of it.
 * A check that has failed is not asked for again before its time: its verdict is told.
 */
import type { Job } from '../job.ts';
import type { JobView } from './job-view.ts';
import type { VerifyRequest } from './verify-request.ts';

/** Who has asked for a check that starts by itself. */
export const SCHEDULE = 'schedule';

const HOUR_MS = 3_600_000;
/** Until a first check is asked for again whose verdict came to nothing: its basis had changed. */
const AGAIN_MS = 60_000;

export interface PlannedCheck {
  tables: string[];
  /** Not before this, and not before the targets are in step. */
  atMs: number;
}

type Known = Pick<JobView, 'proofs' | 'verifies' | 'job'>;
type Options = Pick<Job['options'], 'checkWhenInSync' | 'checkEveryHours'>;

/** The next one; null if there is none. */
export function plannedCheck(
  view: Known,
  tables: readonly string[],
  { checkWhenInSync, checkEveryHours }: Options,
): PlannedCheck | null {
  const proofs = tables.map(t => view.proofs.get(t));
  const lastMs = Math.max(0, ...scheduled(view).map(v => v.requestedMs));
  const fresh = tables.filter((_, i) => (proofs[i]?.result ?? 'none') === 'none');
  if (checkWhenInSync && fresh.length > 0) {
    return { tables: fresh, atMs: lastMs === 0 ? 0 : lastMs + AGAIN_MS };
  }
  if (checkEveryHours === 0 || tables.length === 0) return null;
  const oldestMs = Math.min(...proofs.map(p => p?.startedMs ?? 0));
  const from = Math.max(oldestMs, lastMs, view.job?.startedMs ?? 0);
  return { tables: [...tables], atMs: from + checkEveryHours * HOUR_MS };
}

/** Checks that were asked for by the schedule, the oldest first. */
export function scheduled({ verifies }: Pick<JobView, 'verifies'>): VerifyRequest[] {
  return [...verifies.values()].filter(isScheduled).sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function isScheduled({ by }: Pick<VerifyRequest, 'by'>): boolean {
  return by === SCHEDULE;
}
