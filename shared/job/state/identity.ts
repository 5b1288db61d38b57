/**
 * What a job is: record `identity` of the state topic, written by control when the job is made and
 * by `reshard apply` afterwards.
 *
 * The id is random and holds the job's name, so every durable record that names its job (`jobId`)
 * can be told from those of a job of the same name that was there before, and an error can say
 * whose a foreign record is. Names alone would not do: the second job of a name would take the
 * first one's progress for its own, and copy nothing.
 *
 * The rest is what must not change behind the job's back: where rows come from, where they go, and
 * how that is decided. A member compares its job file with it before it does anything.
 */
import { createHash, randomBytes } from 'node:crypto';
import { canonicalJson } from '../../registry/registry.ts';
import { ReshardError } from '../../runtime/error.ts';
import { type Job, routeSpec } from '../job.ts';
import { routeFromText, routeText, routeWords } from '../route-spec.ts';

export interface ServerIdentity {
  name: string;
  /** As it was when the job was made; a source or target may fail over to another server. */
  serverUuid: string;
  database: string;
}

export interface TableIdentity {
  name: string;
  /** Of a route by modulus, else empty. */
  shardColumn: string;
  /** Any other route (`routeText`), else empty. */
  route: string;
  /** Columns of the row key that the job file names; empty: it names none. */
  key: string[];
}

export interface JobIdentity {
  id: string;
  generation: number;
  createdMs: number;
  sources: ServerIdentity[];
  targets: ServerIdentity[];
  tables: TableIdentity[];
  route: { kind: string; column: string; epoch: number };
  partitions: number;
  compact: boolean;
  hash: string;
}

/** `<job>#<random>`; a job's name has no `#`. */
export function newJobId(job: string): string {
  return `${job}#${randomBytes(6).toString('hex')}`;
}

export function jobNameOf(id: string): string {
  return id.split('#')[0] ?? id;
}

type Contents = Omit<JobIdentity, 'id' | 'generation' | 'createdMs' | 'hash'>;

export function identityHash({
  sources,
  targets,
  tables,
  route,
  partitions,
  compact,
}: Contents): string {
  // Jobs of before there were other routes and keys have the hash that they had.
  const routed = tables.map(({ name, shardColumn, route: own, key }) => ({
    name,
    shardColumn,
    ...(own === '' ? {} : { route: own }),
    ...(key.length === 0 ? {} : { key }),
  }));
  const text = canonicalJson({ sources, targets, tables: routed, route, partitions, compact });
  return createHash('sha256').update(text).digest('hex');
}

export function tableIdentities(job: Job): TableIdentity[] {
  return job.tables.map(({ name, key = [] }) => {
    const spec = routeSpec(job, name);
    return spec.kind === 'modulus'
      ? { name, shardColumn: spec.column, route: '', key }
      : { name, shardColumn: '', route: routeText(spec), key };
  });
}

/** The tables of the job as a job file would say them. */
export function tablesFrom(identity: Pick<JobIdentity, 'tables'>): Job['tables'] {
  return identity.tables.map(({ name, shardColumn, route, key: named }) => {
    const key = named.length === 0 ? {} : { key: named };
    return route === ''
      ? { name, shardColumn, ...key }
      : { name, route: routeFromText(route), ...key };
  });
}

/** The identity of a job that is made now; `uuidOf` knows each server by its name. */
export function makeIdentity(
  job: Job,
  uuidOf: { source: (name: string) => string; target: (name: string) => string },
): JobIdentity {
  const contents: Contents = {
    sources: job.sources.map(({ name, database }) => ({
      name,
      serverUuid: uuidOf.source(name),
      database,
    })),
    targets: job.targets.map(({ name, database }) => ({
      name,
      serverUuid: uuidOf.target(name),
      database,
    })),
    tables: tableIdentities(job),
    route: {
      kind: job.route.kind,
      column: job.route.kind === 'modulus' ? job.route.column : routeText(job.route),
      epoch: 1,
    },
    partitions: job.options.partitions,
    compact: job.options.compact,
  };
  const made = { id: newJobId(job.job), generation: 1, createdMs: Date.now() };
  return { ...made, ...contents, hash: identityHash(contents) };
}

/** A difference between a job file and the job. */
export interface IdentityChange {
  kind: 'table-added' | 'refused';
  what: string;
  /** How the operator gets what they want. */
  way: string;
}

const NEW_JOB =
  'undo it in the job file; for the new layout make a new job (another job name, other source ' +
  'names), or `reshard drop <job file>` and begin again';

/** What the job file says otherwise than the job is; empty if they agree. */
export function identityChanges(job: Job, identity: JobIdentity): IdentityChange[] {
  const changes: IdentityChange[] = [];
  const refuse = (what: string, way = NEW_JOB): void => {
    changes.push({ kind: 'refused', what, way });
  };
  compareServers('source', job.sources, identity.sources, refuse);
  compareServers('target', job.targets, identity.targets, refuse);
  const { route, partitions, compact } = identity;
  if (job.route.kind !== route.kind) refuse(`the route is ${job.route.kind}, not ${route.kind}`);
  if (job.options.partitions !== partitions) {
    refuse(`options.partitions is ${job.options.partitions}, the topics have ${partitions}`);
  }
  if (job.options.compact !== compact) {
    refuse(`options.compact is ${job.options.compact}, the job was made with ${compact}`);
  }
  for (const table of tableIdentities(job)) {
    const known = identity.tables.find(t => t.name === table.name);
    if (known === undefined) {
      const way = '`reshard apply <job file>` takes it up while the job runs';
      changes.push({ kind: 'table-added', what: `the table ${table.name} is new`, way });
    } else if (routedBy(known) !== routedBy(table)) {
      refuse(`the table ${table.name} is routed by ${routedBy(table)}, not ${routedBy(known)}`);
    } else if (known.key.join('\0') !== table.key.join('\0')) {
      refuse(`the key of the table ${table.name} is ${keyWords(table)}, not ${keyWords(known)}`);
    }
  }
  for (const { name } of identity.tables) {
    if (job.tables.some(t => t.name === name)) continue;
    refuse(
      `the table ${name} of the job is not in the job file`,
      'put it back: a table cannot be taken out of a job; or `reshard drop <job file>`',
    );
  }
  return changes;
}

function routedBy({ shardColumn, route }: TableIdentity): string {
  return route === '' ? shardColumn : routeWords(routeFromText(route));
}

function keyWords({ key }: TableIdentity): string {
  return key.length === 0 ? 'the one that the table has' : `(${key.join(', ')})`;
}

type Named = { name: string; database: string };

/** By place: the number of a target is what rows are routed to, that of a source its lease. */
function compareServers(
  role: 'source' | 'target',
  file: readonly Named[],
  job: readonly Named[],
  refuse: (what: string) => void,
): void {
  for (const { name, database } of file) {
    const known = job.find(s => s.name === name);
    if (known === undefined) refuse(`the ${role} ${name} is not one of the job`);
    else if (known.database !== database) {
      refuse(`the ${role} ${name} has the database ${database}, not ${known.database}`);
    }
  }
  for (const { name } of job) {
    if (file.some(s => s.name === name)) continue;
    refuse(`the ${role} ${name} of the job is not in the job file`);
  }
  const order = (list: readonly Named[]): string => list.map(s => s.name).join(', ');
  const isSameSet = file.length === job.length && file.every(f => job.some(s => s.name === f.name));
  if (isSameSet && order(file) !== order(job)) {
    refuse(`the ${role}s are in the order ${order(file)}, not ${order(job)}`);
  }
}

/**
 * Throws if the job file says something that the job must not be. Tables that the file has more are
 * no reason to stop: the job is without them until `reshard apply`; they are answered.
 */
export function refuseChangedFile(job: Job, identity: JobIdentity): IdentityChange[] {
  const changes = identityChanges(job, identity);
  const refused = changes.filter(c => c.kind === 'refused');
  if (refused.length > 0) throw changedFile(job.job, refused);
  return changes;
}

export function changedFile(job: string, changes: readonly IdentityChange[]): ReshardError {
  const lines = changes.map(c => c.what);
  return new ReshardError(
    'job-changed',
    `the job file is not that of the job ${job}:\n  ${lines.join('\n  ')}`,
    { remedy: [...new Set(changes.map(c => c.way))].join('; ') },
  );
}

/**
 * Throws if the server behind a name is known to the job by another name: addresses were swapped.
 * A server that the job does not know may be a replica that has taken over; whoever uses it has to
 * see by its contents whether it is.
 */
export function refuseSwapped(
  role: 'source' | 'target',
  name: string,
  serverUuid: string,
  identity: JobIdentity,
): void {
  const list = role === 'source' ? identity.sources : identity.targets;
  const ours = list.find(s => s.name === name);
  if (ours === undefined || ours.serverUuid === serverUuid || serverUuid === '') return;
  const other = list.find(s => s.serverUuid === serverUuid && s.database === ours.database);
  if (other === undefined) return;
  throw new ReshardError('job-changed', `the ${role} ${name} is the server of ${other.name}`, {
    context: { job: identity.id, serverUuid },
    remedy: `correct the addresses of ${name} and ${other.name} in the job file`,
  });
}

/** The one error about records and topics of another job. */
export function foreignJob(o: {
  what: string;
  ours: string;
  /** Empty in what a version before ids wrote. */
  theirs: string;
  context?: Record<string, string>;
}): ReshardError {
  const { what, ours, theirs } = o;
  if (theirs === '') {
    return new ReshardError(
      'foreign-job',
      `${what} was written by a version of Reshard before jobs had ids: nobody can tell whose it is`,
      {
        context: { job: ours, ...o.context },
        remedy:
          '`reshard drop <its job file>`, with the file of whoever wrote it, removes what that job ' +
          'has left, then start again; or name the source otherwise',
      },
    );
  }
  const isSameName = jobNameOf(ours) === jobNameOf(theirs);
  const whose = `the job ${jobNameOf(theirs)} (${theirs})`;
  return new ReshardError(
    'foreign-job',
    `${what} belongs to ${whose}, not to ${ours}${isSameName ? ', which has the same name' : ''}`,
    {
      context: { job: ours, otherJob: theirs, ...o.context },
      remedy:
        `name the source (or job) otherwise in the job file of ${jobNameOf(ours)}; or, if the ` +
        `job ${jobNameOf(theirs)} is done with, \`reshard drop <its job file>\``,
    },
  );
}
