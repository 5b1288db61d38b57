/** Requests are carried out in the order in which they came; each has one answer. */
import type { JobView } from '../../../shared/job/state/job-view.ts';

/** The oldest that control has not answered. */
export function oldestOpen<T extends { id: string; requestedMs: number }>(
  { applied }: Pick<JobView, 'applied'>,
  requests: ReadonlyMap<string, T>,
): T | undefined {
  return [...requests.values()]
    .filter(r => !applied.has(r.id))
    .sort((a, b) => a.requestedMs - b.requestedMs)[0];
}
