/**
 * Doctor: whether the rows of a cluster that grows lie as `oldRoute` says. If they do not, the file
 * is of another cluster, or its servers stand in another order: rows would be called moving that
 * stay, and the other way round. A server that can compute the route looks at all rows, for as long
 * as there is time; of another one the first and the last rows are looked at.
 */
import { type Job, type JobSource, routeSpec } from '../../../shared/job/job.ts';
import { makeRoute } from '../../../shared/job/job-route.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { MYSQL_DIALECT, qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { type Route, serverPart } from '../../../shared/route/route.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { errorFinding, serverWhere } from './error-finding.ts';

const SAMPLE = 500;
const TIMEOUT_MS = 20_000;

/** `schemas` are those that all sources have, by table name. */
export async function checkMisplaced(
  job: Job,
  schemas: ReadonlyMap<string, TableSchema>,
  log: Logger,
): Promise<Finding[]> {
  if (job.kind !== 'expand') return [];
  const found = job.sources.map(async (source, own): Promise<Finding[]> => {
    try {
      const options = { role: 'read', log, statementTimeoutMs: TIMEOUT_MS } as const;
      await using session = await MysqlSession.open(source, options);
      const findings: Finding[] = [];
      for (const schema of schemas.values()) {
        const spec = routeSpec(job, schema.table);
        if (spec.kind !== 'moving') continue;
        const route = makeRoute(spec.was, schema, spec.before);
        const owner = await firstAlien(session, { source, schema, route, own });
        if (owner !== null) findings.push(finding(source, schema.table, spec.before[owner]));
      }
      return findings;
    } catch (e) {
      return [errorFinding(e, serverWhere('source', source))];
    }
  });
  return (await Promise.all(found)).flat();
}

/** Number of the server that a row belongs to which is not this one; null if there is none. */
async function firstAlien(
  session: MysqlSession,
  o: { source: JobSource; schema: TableSchema; route: Route; own: number },
): Promise<number | null> {
  const { source, schema, route, own } = o;
  const from = `FROM ${qualified(source.database, schema.table)}`;
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

function finding(source: JobSource, table: string, owner: string | undefined): Finding {
  return {
    level: 'blocker',
    code: 'row-on-wrong-server',
    where: `${serverWhere('source', source)} ${source.database}.${table}`,
    what: `has rows that belong to ${owner ?? 'no server'} by \`oldRoute\``,
    why: 'Which rows move is told by it: rows that stay would be moved, and others left behind.',
    fix: 'correct `oldRoute`, or the order of the sources; or bring the rows to their own server',
  };
}
