/**
 * Where rows go: how a route of the job file would spread what a source has, and where the rows
 * with a value are to be. Nothing of the job need run; only the sources are asked, by the route's
 * own SQL.
 */
import { type Job, type JobSource, readServer, routeSpec } from '../../../shared/job/job.ts';
import { inspectJobTable } from '../../../shared/job/job-key.ts';
import { routeOf, routeProblem } from '../../../shared/job/job-route.ts';
import { routeWords } from '../../../shared/job/route-spec.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { MYSQL_DIALECT, qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { ALL_TARGETS, NO_TARGET, serverPart, type TargetSet } from '../../../shared/route/route.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';

export interface ExplainOptions {
  log: Logger;
  /** Only this table. */
  table?: string;
  /** `column=value`: only rows that have it. */
  where?: string;
  /** Most rows of a source and table that are looked at: half from each end of the key. */
  sampleRows: number;
}

export interface TableSpread {
  table: string;
  /** The route as the job file says it. */
  route: string;
  /** Rows that were looked at. */
  rows: number;
  /** Whether there are more rows than were looked at. */
  isSample: boolean;
  targets: { target: string; rows: number }[];
  /** Rows that the route has no target for. */
  nowhere: number;
  /** Rows that stay on the server where they are, in a cluster that grows; null in other jobs. */
  staying: number | null;
  /** Rows that a function has no target for, on purpose; null where no function says so. */
  unrouted: number | null;
}

export async function explainRoutes(job: Job, o: ExplainOptions): Promise<TableSpread[]> {
  const tables = job.tables.filter(t => o.table === undefined || t.name === o.table);
  if (tables.length === 0) {
    throw new ReshardError('config', `the job has no table ${o.table}`, {
      remedy: `its tables are ${job.tables.map(t => t.name).join(', ')}`,
    });
  }
  const spreads = tables.map(({ name }) => emptySpread(job, name));
  for (const source of job.sources) {
    const server = readServer(source);
    await using session = await MysqlSession.open(server, { role: 'read', log: o.log });
    for (const spread of spreads) await addSource(session, job, source, spread, o);
  }
  return spreads;
}

function emptySpread(job: Job, table: string): TableSpread {
  const targets = job.targets.map(t => ({ target: t.name, rows: 0 }));
  const spec = routeSpec(job, table);
  const staying = job.kind === 'expand' ? 0 : null;
  const unrouted = spec.kind === 'function' ? 0 : null;
  const route = spec.kind === 'modulus' ? `modulus of ${spec.column}` : routeWords(spec);
  return { table, route, rows: 0, isSample: false, targets, nowhere: 0, staying, unrouted };
}

async function addSource(
  session: MysqlSession,
  job: Job,
  source: JobSource,
  spread: TableSpread,
  o: ExplainOptions,
): Promise<void> {
  const schema = await inspectJobTable(session, job, source.database, spread.table);
  refuseRoute(job, schema);
  const route = serverPart(routeOf(job, schema, source.name), MYSQL_DIALECT);
  const { condition, params } = conditionOf(schema, o.where);
  const half = Math.ceil(o.sampleRows / 2);
  const order = (way: string): string =>
    schema.primaryKey.map(i => `${quoteId(schema.columns[i]?.name ?? '')} ${way}`).join(',');
  const from = `FROM ${qualified(source.database, spread.table)}${condition}`;
  const [total] = await session.query<{ n: number | string }>(
    `SELECT COUNT(*) AS n FROM (SELECT 1 ${from} LIMIT ${o.sampleRows + 1}) AS some`,
    params,
  );
  const isSample = Number(total?.n ?? 0) > o.sampleRows;
  const parts = isSample
    ? [`ORDER BY ${order('ASC')} LIMIT ${half}`, `ORDER BY ${order('DESC')} LIMIT ${half}`]
    : [''];
  spread.isSample ||= isSample;
  for (const part of parts) {
    const found = await session.query<{ shard: string | number | null; n: string | number }>(
      `SELECT shard, COUNT(*) AS n FROM (SELECT ${route.sql} AS shard ${from} ${part}) AS rows_of_it ` +
        'GROUP BY shard',
      params,
    );
    for (const row of found)
      add(spread, row.shard === null ? null : route.targetOf(`${row.shard}`), +row.n);
  }
}

function add(spread: TableSpread, shard: TargetSet | null, rows: number): void {
  spread.rows += rows;
  if (shard === null) spread.nowhere += rows;
  if (shard === NO_TARGET && spread.staying !== null) spread.staying += rows;
  if (shard === NO_TARGET && spread.unrouted !== null) spread.unrouted += rows;
  spread.targets.forEach((target, i) => {
    if (shard === i || shard === ALL_TARGETS) target.rows += rows;
  });
}

function refuseRoute(job: Job, schema: TableSchema): void {
  const problem = routeProblem(schema, routeSpec(job, schema.table));
  if (problem === null) return;
  const what = problem.of === 'column' ? problem.problem : problem.what;
  throw new ReshardError('config', `${schema.table}.${problem.column}: ${what}`, {
    remedy: '`reshard doctor <job file>` says how to mend the route',
  });
}

function conditionOf(
  schema: TableSchema,
  where: string | undefined,
): { condition: string; params: string[] } {
  if (where === undefined) return { condition: '', params: [] };
  const [, column, value] = /^([^=]+)=(.*)$/s.exec(where) ?? [];
  if (column === undefined || value === undefined || !hasColumn(schema, column)) {
    throw new ReshardError('config', `${schema.table} has no rows by ${JSON.stringify(where)}`, {
      remedy: 'say it as column=value, with a column of the table',
    });
  }
  return { condition: ` WHERE ${quoteId(column)} = ?`, params: [value] };
}

function hasColumn(schema: TableSchema, name: string): boolean {
  return schema.columns.some(c => c.name === name);
}
