/** Writes a job file for the shop's tables: the only way in which tests and demo describe a job. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import type { RouteSpec } from '../../shared/job/route-spec.ts';
import type { DevServers } from './dev.ts';
import { LOAD_TABLES, SHARD_COLUMN } from './load/tables.ts';

export type MysqlServer = DevServers['mysql'][string];

export type JobFileOptions = {
  dir: string;
  /** Name of the job; names of sources derive from it, as they name topics. */
  job: string;
  servers: Pick<DevServers, 'brokers' | 'registryUrl'>;
  sources: readonly MysqlServer[];
  targets: readonly MysqlServer[];
  database: string;
  /** By default those of the shop; with a route where it has one of its own. */
  tables?: readonly (string | { name: string; route: RouteSpec })[];
  /** Columns of row keys, by table, where it is another one than the table's own. */
  keys?: Record<string, readonly string[]>;
  /** By default that of the shop. */
  shardColumn?: string;
  /** Copies of each topic. */
  replication?: number;
  options?: Record<string, number | boolean | string>;
  /** With a way back the targets' names are the job's own: they name topics then. */
  cutover?: { back?: object } & Record<string, unknown>;
};

export function sourceName(job: string, index: number): string {
  return `${job}-s${index + 1}`;
}

export function targetName({ job, cutover }: Pick<JobFileOptions, 'job' | 'cutover'>, i: number) {
  return cutover?.back === undefined ? `target${i + 1}` : `${job}-t${i + 1}`;
}

export function writeJobFile(o: JobFileOptions): string {
  mkdirSync(o.dir, { recursive: true });
  const place = ({ host, port, user, password }: MysqlServer) => ({
    host,
    port,
    user,
    password,
    database: o.database,
  });
  const text = stringify({
    job: o.job,
    kafka: { brokers: o.servers.brokers, replication: o.replication ?? 1 },
    registry: { url: o.servers.registryUrl },
    sources: o.sources.map((s, i) => ({ name: sourceName(o.job, i), ...place(s) })),
    targets: o.targets.map((t, i) => ({ name: targetName(o, i), ...place(t) })),
    tables: (o.tables ?? LOAD_TABLES).map(t => {
      const table = typeof t === 'string' ? { name: t } : t;
      const key = o.keys?.[table.name];
      return key === undefined ? table : { ...table, key };
    }),
    route: { kind: 'modulus', column: o.shardColumn ?? SHARD_COLUMN },
    // A check that starts by itself is not in the way of one that the test asks for.
    options: { checkWhenInSync: false, ...o.options },
    ...(o.cutover === undefined ? {} : { cutover: o.cutover }),
  });
  const file = path.join(o.dir, `${o.job}.yaml`);
  writeFileSync(file, text);
  return file;
}
