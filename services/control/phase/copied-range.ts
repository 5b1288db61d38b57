/** How much of the copy is in the log, by the ranges that it was planned in. */
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import type { ServiceContext } from '../../../shared/member/context.ts';

/** Every planned range of every table of every source is complete in its generation. */
export function isCopied(
  { job, view }: Pick<ServiceContext, 'job' | 'view'>,
  progress: ReadonlyMap<string, ProgressView>,
): boolean {
  const plans = [...view.plans.values()];
  if (plans.length < job.sources.length * job.tables.length) return false;
  return plans.every(plan => progress.get(plan.source)?.isCopied(plan));
}

export function countRanges(plans: Iterable<TablePlan>): number {
  let n = 0;
  for (const plan of plans) n += plan.ranges.length;
  return n;
}

export function done(
  plans: Iterable<TablePlan>,
  progress: ReadonlyMap<string, ProgressView>,
): number {
  let n = 0;
  for (const plan of plans) {
    const view = progress.get(plan.source);
    n += plan.ranges.filter(({ id }) => {
      const range = view?.range(plan.db, plan.table, id);
      return range?.complete === true && range.generation === plan.generation;
    }).length;
  }
  return n;
}
