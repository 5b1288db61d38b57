/**
 * The use case repair by hand: what scripts that make the targets right are made from. It asks
 * nobody for anything and changes nothing; that what comes of it is right, a check says.
 */
import { routeOf } from '../../../shared/job/job-route.ts';
import { refuseStale } from '../../../shared/job/state/source-server.ts';
import { type MysqlEndpoint, MysqlSession } from '../../../shared/mysql/connect.ts';
import { rowKeyNames } from '../../../shared/schema/table-schema.ts';
import type { RepairPlan } from '../repair/repair-plan.ts';
import type { SqlRepair, SqlServer } from '../repair/repair-sql.ts';
import type { JobLink } from './job-handle.ts';

/** A server that is silent for longer is taken for lost. */
const STATEMENT_TIMEOUT_MS = 120_000;

/** `isMore`: the plan is not of all that differs. */
export function sqlRepair(
  link: Pick<JobLink, 'job' | 'view' | 'progress'>,
  { keys }: Pick<RepairPlan, 'keys'>,
  isMore: boolean,
): SqlRepair {
  const { job, view } = link;
  const byTable = Map.groupBy(keys, k => k.table);
  return {
    job: job.job,
    ...sqlServers(link),
    tables: [...byTable].map(([name, wanted]) => {
      const plan = [...view.plans.values()].find(p => p.table === name);
      return {
        name,
        key: plan === undefined ? undefined : rowKeyNames(plan.schema),
        routeOf: (schema, source) => routeOf(job, schema, source),
        keys: wanted.map(k => k.key),
      };
    }),
    isMore,
  };
}

/** Servers of the job, to read from. A source that is behind its own log is refused. */
export function sqlServers({
  job,
  progress,
}: Pick<JobLink, 'job' | 'progress'>): Pick<SqlRepair, 'sources' | 'targets'> {
  const open = (endpoint: MysqlEndpoint, side: 'source' | 'target'): Promise<MysqlSession> =>
    MysqlSession.open(endpoint, { role: 'read', side, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const sources = job.sources.map(
    (s): SqlServer => ({
      name: s.name,
      database: s.database,
      open: async () => {
        const session = await open(s, 'source');
        try {
          await refuseStale(session, s.name, progress.get(s.name)?.resume ?? null);
        } catch (e) {
          session.destroy();
          throw e;
        }
        return session;
      },
    }),
  );
  const targets = job.targets.map(t => ({
    name: t.name,
    database: t.database,
    open: () => open(t, 'target'),
  }));
  return { sources, targets };
}
