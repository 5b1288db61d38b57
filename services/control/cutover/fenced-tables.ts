/** What of a cluster that grows has to be refused on a server from the cutover on. */
import { type Job, type JobSource, movingTables } from '../../../shared/job/job.ts';
import { routeOf } from '../../../shared/job/job-route.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { FencedTable } from '../../../shared/mysql/row-fence.ts';
import { placedCondition } from '../../../shared/route/route.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

export function fencedTables(
  job: Job,
  view: Pick<JobView, 'plansOf'>,
  source: JobSource,
): FencedTable[] {
  const plans = view.plansOf(source.name);
  return movingTables(job).map(table => {
    const plan = plans.find(p => p.table === table);
    if (plan === undefined) throw new ReshardError('bug', `${table} of ${source.name} has no plan`);
    const { schema } = plan;
    const route = routeOf(job, schema, source.name);
    const isZoned = schema.columns.some(
      c => c.type.kind === 'timestamp' && route.columns.includes(c.name),
    );
    return {
      table,
      // A trigger sees a TIMESTAMP in the time zone of whoever writes, and we in UTC.
      condition: quote =>
        (isZoned ? null : placedCondition(route, { quote })) ?? noCondition(table),
    };
  });
}

function noCondition(table: string): never {
  throw new ReshardError('config', `a trigger cannot compute the route of ${table}`, {
    remedy: 'route it by hash, range, list or modulus, and by no TIMESTAMP: docs/KINDS.md',
  });
}
