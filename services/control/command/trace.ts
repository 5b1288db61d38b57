/** The use case trace: where the rows of keys were lost. It changes nothing. */
import { routeOf } from '../../../shared/job/job-route.ts';
import { type TracedKey, traceTable } from '../repair/trace.ts';
import type { JobLink } from './job-handle.ts';
import { sqlServers } from './repair-sql.ts';

/** Of keys that a check has listed: each is looked at several times, on all servers. */
export const TRACED_MAX = 100;

export interface TraceWanted {
  keys: readonly { table: string; key: Record<string, string> }[];
  /** Most records of a partition of a topic that are read. */
  records: number;
  /** How long a look waits for what is on its way. */
  waitMs: number;
}

export interface TraceStep {
  table: string;
  /** Keys that are not settled yet, and which look at them begins. */
  keys: number;
  look: number;
}

/** Traces the first TRACED_MAX of the keys. */
export async function* trace(
  link: Pick<JobLink, 'job' | 'view' | 'progress' | 'kafka'>,
  { keys, records, waitMs }: TraceWanted,
): AsyncGenerator<TraceStep, TracedKey[]> {
  const { job, view, progress, kafka } = link;
  const options = {
    ...{ ...sqlServers(link), kafka, progress, records, waitMs },
    owner: { job: job.job, jobId: view.jobId },
    plans: [...view.plans.values()],
    routeOf: (schema: Parameters<typeof routeOf>[1], source: string) =>
      routeOf(job, schema, source),
    partitions: job.options.partitions,
    isPartial: job.kind === 'expand',
  };
  const found: TracedKey[] = [];
  for (const [table, some] of Map.groupBy(keys.slice(0, TRACED_MAX), k => k.table)) {
    const traced = yield* traceTable(
      options,
      table,
      some.map(k => k.key),
    );
    found.push(...traced);
  }
  return found;
}
