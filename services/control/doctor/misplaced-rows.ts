/**
 * Doctor: whether the rows of a cluster that grows lie as `oldRoute` says. If they do not, the file
 * is of another cluster, or its servers stand in another order: rows would be called moving that
 * stay, and the other way round. A server that can compute the route looks at all rows, for as long
 * as there is time; of another one the first and the last rows are looked at. Of a way back to
 * several sources the same: a row that lies elsewhere than its route says would be there twice.
 */
import { type Job, type JobSource, type JobTarget, routeSpec } from '../../../shared/job/job.ts';
import { makeRoute } from '../../../shared/job/job-route.ts';
import { isReturnJob } from '../../../shared/job/return-job.ts';
import type { RouteSpec } from '../../../shared/job/route-spec.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { MYSQL_DIALECT, qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { type Route, serverPart } from '../../../shared/route/route.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { errorFinding, serverWhere } from './error-finding.ts';

const SAMPLE = 500;
const TIMEOUT_MS = 20_000;

/** Where rows have to lie. */
interface Places {
  servers: readonly (JobSource | JobTarget)[];
  side: 'source' | 'target';
  /** Null where the rows of a table may lie anywhere. */
  routeOf(schema: TableSchema): { spec: RouteSpec; names: readonly string[] } | null;
  finding(where: string, owner: string | undefined): Finding;
  unseen(e: unknown, where: string): Finding;
}

/** `schemas` are those that all sources have, by table name. */
export async function checkMisplaced(
  job: Job,
  schemas: ReadonlyMap<string, TableSchema>,
  log: Logger,
): Promise<Finding[]> {
  const places = placesOf(job);
  if (places === null) return [];
  const found = places.servers.map(async (server, own): Promise<Finding[]> => {
    const where = serverWhere(places.side, server);
    try {
      const options = { role: 'read', log, statementTimeoutMs: TIMEOUT_MS } as const;
      await using session = await MysqlSession.open(server, options);
      const findings: Finding[] = [];
      for (const schema of schemas.values()) {
        const placed = places.routeOf(schema);
        if (placed === null) continue;
        const route = makeRoute(placed.spec, schema, placed.names);
        const owner = await firstAlien(session, { server, schema, route, own });
        if (owner === null) continue;
        const table = `${where} ${server.database}.${schema.table}`;
        findings.push(places.finding(table, placed.names[owner]));
      }
      return findings;
    } catch (e) {
      return [places.unseen(e, where)];
    }
  });
  return (await Promise.all(found)).flat();
}

/** A cluster that grows, or several old sources that rows come back to; null for all others. */
function placesOf(job: Job): Places | null {
  if (job.kind === 'expand') {
    const routeOf: Places['routeOf'] = ({ table }) => {
      const spec = routeSpec(job, table);
      return spec.kind === 'moving' ? { spec: spec.was, names: spec.before } : null;
    };
    const servers = job.sources;
    return { servers, side: 'source', routeOf, finding: alienFinding, unseen: errorFinding };
  }
  if (!isReturnJob(job) || job.targets.length < 2) return null;
  const names = job.targets.map(t => t.name);
  const routeOf: Places['routeOf'] = ({ table }) => ({ spec: routeSpec(job, table), names });
  const servers = job.targets;
  return { servers, side: 'target', routeOf, finding: strayFinding, unseen: unseenFinding };
}

/** Number of the server that a row belongs to which is not this one; null if there is none. */
async function firstAlien(
  session: MysqlSession,
  o: { server: JobSource | JobTarget; schema: TableSchema; route: Route; own: number },
): Promise<number | null> {
  const { server, schema, route, own } = o;
  const from = `FROM ${qualified(server.database, schema.table)}`;
  const { sql, targetOf } = serverPart(route, MYSQL_DIALECT);
  const asked = (rest: string): Promise<{ owner: string | number | null }[]> =>
    session.query(`SELECT ${sql} AS owner ${from} ${rest}`);
  if (typeof route.sql(MYSQL_DIALECT) === 'string') {
    const [row] = await asked(`WHERE NOT ((${sql}) <=> ${own}) LIMIT 1`);
    return row === undefined ? null : Number(row.owner ?? -1);
  }
  const order = (way: string): string =>
    schema.primaryKey.map(i => `${quoteId(schema.columns[i]?.name ?? '')} ${way}`).join(', ');
  for (const way of ['ASC', 'DESC']) {
    for (const { owner } of await asked(`ORDER BY ${order(way)} LIMIT ${SAMPLE}`)) {
      const number = owner === null ? -1 : targetOf(`${owner}`);
      if (number !== own) return number;
    }
  }
  return null;
}

function alienFinding(where: string, owner: string | undefined): Finding {
  return {
    level: 'blocker',
    code: 'row-on-wrong-server',
    where,
    what: `has rows that belong to ${owner ?? 'no server'} by \`oldRoute\``,
    why: 'Which rows move is told by it: rows that stay would be moved, and others left behind.',
    fix: 'correct `oldRoute`, or the order of the sources; or bring the rows to their own server',
  };
}

function strayFinding(where: string, owner: string | undefined): Finding {
  return {
    level: 'blocker',
    code: 'row-on-wrong-server',
    where,
    what: `has rows that go back to ${owner ?? 'no server'} by \`cutover.back\``,
    why: 'A change would come to that server, and this one would keep the old row beside it.',
    fix: 'correct `cutover.back`: its routes have to say on which source each row is',
  };
}

/** No blocker: a table may be too large to be looked at in time. */
function unseenFinding(e: unknown, where: string): Finding {
  const why = 'Whether rows go back to the source that has them was not looked at to the end.';
  return { ...errorFinding(e, where), level: 'warning', why };
}
