/**
 * The job, as everything behind the job file works with it. What validates the file is in
 * job-schema.ts and is loaded by who reads the file alone: it takes a sixth of a service's start.
 */
import type { Job } from './job-schema.ts';
import type { RouteSpec } from './route-schema.ts';

export type { Job } from './job-schema.ts';
export type JobSource = Job['sources'][number];
export type JobTarget = Job['targets'][number];

/** The server that rows of a source are read from: its replica where the job names one. */
export function readServer(source: JobSource): Omit<JobSource, 'replica' | 'serverId'> {
  const { replica, serverId: _, ...primary } = source;
  if (replica === undefined) return primary;
  const { host, port, user = source.user, password = source.password, tls } = replica;
  return { name: source.name, database: source.database, host, port, user, password, tls };
}

export function tablesOf(job: Job): string[] {
  return job.tables.map(t => t.name);
}

/** Tables of a cluster that grows, of which rows move. */
export function movingTables(job: Job): string[] {
  return tablesOf(job).filter(table => routeSpec(job, table).kind === 'moving');
}

/** How a table is routed. */
export function routeSpec(job: Job, table: string): RouteSpec {
  const own = job.tables.find(t => t.name === table);
  if (own?.route !== undefined) return own.route;
  const column = own?.shardColumn;
  return column === undefined ? job.route : { kind: 'modulus', column };
}
