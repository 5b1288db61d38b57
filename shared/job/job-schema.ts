/**
 * The job file: one schema gives validation, defaults, types and the JSON Schema for editors.
 * Parsed once, at the edge: everything behind it works with the frozen, complete `Job` (job.ts).
 */
import { parse } from 'yaml';
import { z } from 'zod';
import { ReshardError } from '../runtime/error.ts';
import { cutover } from './cutover-schema.ts';
import { refuseFences } from './fence.ts';
import { handover } from './handover-schema.ts';
import { JOB_KINDS, movingRoute, refuseMove, routeOfKind } from './job-kind.ts';
import { refuseWayBack } from './return-job.ts';
import { type ReadBeside, withLookups } from './route-file.ts';
import { type RouteSpec, route } from './route-schema.ts';
import { twiceOnRing, unknownTargets } from './route-spec.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, - and _, at most 64 characters');

const tls = z
  .strictObject({
    ca: z.string().optional().describe('PEM text of the certificate authority'),
    rejectUnauthorized: z.boolean().default(true).describe('refuse an unverified certificate'),
  })
  .describe('encrypt the connection; {} verifies against the system certificates');

const endpoint = {
  host: z.string().default('127.0.0.1').describe('server host name or address'),
  port: z.number().int().min(1).max(65535).default(3306),
  user: z.string().describe('account that the doctor checks privileges of'),
  password: z.string().default('').describe('use ${NAME} to take it from the environment'),
  database: z.string().describe('database that holds the tables'),
  tls: tls.optional(),
};

const source = z.strictObject({
  name: name.describe('prefix of the topics of this source'),
  ...endpoint,
  serverId: z
    .number()
    .int()
    .min(1)
    .max(4294967295)
    .optional()
    .describe('replication server id that our binlog reader uses; by default made from the name'),
  replica: z
    .strictObject({
      host: endpoint.host,
      port: endpoint.port,
      user: endpoint.user.optional().describe('by default that of the source'),
      password: z.string().optional().describe('by default that of the source'),
      tls: tls.optional(),
    })
    .optional()
    .describe('replica of this source that the copy reads from; the binlog stays with the source'),
});

const replica = z.strictObject({
  name,
  host: endpoint.host,
  port: endpoint.port,
  user: z.string().describe('account with REPLICATION CLIENT (MariaDB: REPLICA MONITOR)'),
  password: endpoint.password,
  tls: tls.optional(),
});

const target = z.strictObject({
  name,
  kind: z.literal('mysql').default('mysql'),
  ...endpoint,
});

const table = z.strictObject({
  name: z.string().describe('table name; the same on sources and targets'),
  shardColumn: z
    .string()
    .optional()
    .describe('column of this table, where the route of the job is one by modulus'),
  route: route.optional().describe('route of this table, other than that of the job'),
  oldRoute: route.optional().describe('of a cluster that grows: how its rows lie before'),
  key: z
    .array(z.string())
    .min(1)
    .optional()
    .describe(
      'columns of the unique index that tells rows apart; by default the primary key, else the' +
        ' first unique index of columns that are NOT NULL',
    ),
});

const options = z.strictObject({
  partitions: z.number().int().min(1).max(256).default(4).describe('partitions of a table topic'),
  compact: z.boolean().default(false).describe('compact table topics instead of time retention'),
  retentionHours: z.number().min(1).default(168).describe('retention of table topics'),
  maxMessageBytes: z
    .number()
    .int()
    .min(1024 * 1024)
    .max(256 * 1024 * 1024)
    .default(16 * 1024 * 1024)
    .describe('largest record; a row above it is refused by the doctor'),
  snapshotWorkers: z.number().int().min(1).max(64).default(2).describe('SELECTs at a time'),
  snapshotRowsPerSecond: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('most rows a second that are read from a source for the copy; 0 is no limit'),
  chunkRows: z.number().int().min(1).default(5000).describe('most rows of a chunk'),
  chunkBytes: z
    .number()
    .int()
    .min(16 * 1024)
    .default(768 * 1024)
    .describe('size that chunks adapt to'),
  inFlightBytes: z
    .number()
    .int()
    .min(1024 * 1024)
    .default(16 * 1024 * 1024)
    .describe('chunk bytes of a source that are not yet in its log'),
  touchedKeysBytes: z
    .number()
    .int()
    .min(1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe('memory of keys changed while a table is copied'),
  lingerMs: z
    .number()
    .min(0)
    .max(1000)
    .default(5)
    .describe('wait for more binlog events before a commit'),
  batchBytes: z
    .number()
    .int()
    .min(64 * 1024)
    .default(2 * 1024 * 1024)
    .describe('size of a batch to the log'),
  sinkConnections: z.number().int().min(1).max(64).default(2).describe('connections to a target'),
  sinkBatchRows: z
    .number()
    .int()
    .min(1)
    .default(4000)
    .describe('most rows of a target transaction'),
  sinkBufferBytes: z
    .number()
    .int()
    .min(1024 * 1024)
    .default(16 * 1024 * 1024)
    .describe('records read ahead of the targets'),
  addedColumns: z
    .enum(['apply', 'stop'])
    .default('apply')
    .describe(
      'columns that come to a table of a source, or get wider: take up, or halt the source there',
    ),
  droppedColumns: z
    .enum(['stop', 'drop', 'keep'])
    .default('stop')
    .describe(
      'columns that a source drops: halt the source there, drop them on the targets, or keep them',
    ),
  parkDeadlineSeconds: z
    .number()
    .min(1)
    .default(60)
    .describe('how long a row may wait for a unique value before it is an error'),
  checkConcurrency: z.number().int().min(1).max(32).default(2).describe('ranges at a time'),
  checkStallSeconds: z
    .number()
    .min(1)
    .default(600)
    .describe('a check fails when what it waits for has not moved for so long'),
  checkWhenInSync: z
    .boolean()
    .default(true)
    .describe('compare tables that no check has compared yet, when the targets are in step'),
  checkEveryHours: z
    .number()
    .min(0)
    .default(0)
    .describe('hours from one check of all tables to the next that starts by itself; 0 is none'),
  streamingCheck: z
    .boolean()
    .default(false)
    .describe('compare both logs all the time, from the first check on; needs `cutover.back`'),
  originMarks: z
    .boolean()
    .default(false)
    .describe('say in the table topics which changes of the sources another job has made there'),
  sessionTimeoutMs: z
    .number()
    .int()
    .min(1000)
    .default(6000)
    .describe('after this silence another member takes over'),
});

const jobSchema = z.strictObject({
  job: name.describe('name of the job; part of the names of its topics and groups'),
  kind: z
    .enum(JOB_KINDS)
    .default('reshard')
    .describe('what the job is for, which says how much of the rest it needs: docs/KINDS.md'),
  kafka: z.strictObject({
    brokers: z.array(z.string()).min(1).describe('host:port of one or more brokers'),
    replication: z.number().int().min(1).max(9).default(1).describe('copies of each topic'),
    ssl: tls.optional(),
    sasl: z
      .strictObject({
        mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
        username: z.string(),
        password: z.string(),
      })
      .optional(),
  }),
  registry: z.strictObject({
    url: z.string().describe('base URL of a Confluent-compatible schema registry'),
    username: z.string().optional(),
    password: z.string().optional(),
  }),
  sources: z.array(source).min(1),
  targets: z.array(target).min(1),
  tables: z.array(table).min(1),
  replicas: z
    .array(replica)
    .default([])
    .describe('servers whose replication lag may brake the copy: the limit max-replica-lag'),
  route: route.optional().describe('where rows go; a merge to one target and a copy need none'),
  oldRoute: route.optional().describe('of a cluster that grows: how its rows lie before'),
  options: options.prefault({}),
  cutover: cutover.prefault({}).describe('how the application goes over: docs/CUTOVER.md'),
  handover: handover.optional(),
});

type JobFile = z.output<typeof jobSchema>;
type JobTable = Omit<JobFile['tables'][number], 'route' | 'oldRoute'> & { route?: RouteSpec };
export type Job = Omit<JobFile, 'route' | 'oldRoute' | 'tables'> & {
  route: RouteSpec;
  tables: JobTable[];
};

/** Parses and validates the text of a job file; `env` fills ${NAME}, lookup tables are read. */
export function parseJob(
  text: string,
  env: Record<string, string | undefined>,
  readBeside?: ReadBeside,
): Job {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (cause) {
    throw new ReshardError('config', 'the job file is not valid YAML', { cause });
  }
  const filled = fillIn(raw, env, 'job file');
  const whole = readBeside === undefined ? filled : withLookups(filled, readBeside);
  const parsed = jobSchema.safeParse(whole);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(i => `${i.path.join('.') || 'file'}: ${i.message}`);
    throw new ReshardError('config', `the job file is wrong:\n  ${lines.join('\n  ')}`, {
      remedy: '`reshard schema` prints the JSON Schema, `reshard init` a commented example',
    });
  }
  const file = parsed.data;
  for (const [what, list] of [
    ['sources', file.sources],
    ['targets', file.targets],
    ['tables', file.tables],
    ['replicas', file.replicas],
  ] as const) {
    const names = list.map(x => x.name);
    const twice = names.find((n, i) => names.indexOf(n) !== i);
    if (twice !== undefined) {
      throw new ReshardError('config', `${what}: the name ${twice} is used twice`, {
        remedy: 'give each one a name of its own',
      });
    }
  }
  const job = completeJob(file);
  refuseCompacted(job);
  refuseRoutes(job);
  refuseWayBack(job);
  refuseFences(job);
  return Object.freeze(job);
}

/** What the kind of the job says of its routes is in the routes from here on. */
function completeJob({ oldRoute, ...file }: JobFile): Job {
  const route = routeOfKind({ ...file, oldRoute });
  const tables = file.tables.map(({ oldRoute: ownOld, route: own, ...table }): JobTable => {
    if (file.kind !== 'expand') return { ...table, ...(own === undefined ? {} : { route: own }) };
    const { shardColumn: _, ...moving } = table;
    const stated = { ...table, route: own, oldRoute: ownOld };
    return { ...moving, route: movingRoute({ ...file, oldRoute }, stated) };
  });
  return { ...file, route, tables };
}

/**
 * In a compacted topic a row that stays is one that may have left any target, since what it was
 * before may be gone: it would take a row of its key away that the application has written there.
 */
function refuseCompacted({ kind, options }: Job): void {
  if (kind !== 'expand' || !options.compact) return;
  throw new ReshardError('config', 'kind expand: its topics cannot be compacted', {
    remedy: 'leave out `options.compact`: rows that stay would be deleted on the servers that come',
  });
}

/** What can be told of routes without their tables. */
function refuseRoutes(job: Job): void {
  const names = job.targets.map(t => t.name);
  const routes: [where: string, spec: RouteSpec][] = [['route', job.route]];
  for (const { name, route, shardColumn } of job.tables) {
    if (route !== undefined) routes.push([`the route of table ${name}`, route]);
    if (shardColumn === undefined) continue;
    if (route === undefined && job.route.kind === 'modulus') continue;
    throw new ReshardError('config', `table ${name}: shardColumn is for routes by modulus`, {
      remedy: 'give the table a `route` of its own instead',
    });
  }
  for (const [where, spec] of routes) {
    const servers = spec.kind === 'moving' ? spec.after : names;
    const [unknown] = unknownTargets(spec, names);
    if (unknown !== undefined) {
      throw new ReshardError('config', `${where}: there is no target ${unknown}`, {
        remedy: `the ${spec.kind === 'moving' ? 'servers' : 'targets'} of the job are ${servers.join(', ')}`,
      });
    }
    const stated = spec.kind === 'moving' ? spec.is : spec;
    const twice = stated.kind === 'ring' ? twiceOnRing(stated, servers) : undefined;
    if (twice !== undefined) {
      throw new ReshardError('config', `${where}: two targets are ${twice} on the ring`, {
        remedy: 'give each target the name in `servers` that the application calls it by',
      });
    }
    if (spec.kind === 'all') refuseBroadcast(where, job, spec);
    if (spec.kind === 'moving') refuseMove(job, where.split(' ').at(-1) ?? '', spec);
  }
}

function refuseBroadcast(
  where: string,
  { sources }: Job,
  { from }: { from?: string | undefined },
): void {
  const names = sources.map(s => s.name);
  if (from === undefined ? names.length === 1 : names.includes(from)) return;
  const what =
    from === undefined
      ? 'rows of several sources cannot go to all targets'
      : `there is no source ${from}`;
  throw new ReshardError('config', `${where}: ${what}`, {
    remedy: `name the one source that the rows are to come from: \`from: ${names[0]}\``,
  });
}

/** Replaces ${NAME} in every string; a name that is not set is an error that tells where. */
function fillIn(x: unknown, env: Record<string, string | undefined>, where: string): unknown {
  if (typeof x === 'string') {
    return x.replace(/\$\{(\w+)\}/g, (_, key: string) => {
      const value = env[key];
      if (value === undefined) {
        throw new ReshardError('config', `${where}: environment variable ${key} is not set`, {
          remedy: `export ${key}=...`,
        });
      }
      return value;
    });
  }
  if (Array.isArray(x)) return x.map((v, i) => fillIn(v, env, `${where}[${i}]`));
  if (typeof x === 'object' && x !== null) {
    return Object.fromEntries(
      Object.entries(x).map(([k, v]) => [k, fillIn(v, env, `${where}.${k}`)]),
    );
  }
  return x;
}

/** JSON Schema of the job file. */
export function jobJsonSchema(): object {
  return z.toJSONSchema(jobSchema, { io: 'input' });
}
