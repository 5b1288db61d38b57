/**
 * The return job: the way back of a job, as a job of its own. Its sources are the targets, its
 * targets the old sources; it has topics, state and progress of its own, and copies nothing, since
 * the rows are on both sides already. No job file says it: it follows from that of the job, which
 * has the option `cutover.back`.
 *
 * What is captured of the targets is published as `<target>.<db>.<table>`, by the same keys, the
 * same partitions and their number as on the sources: partition p of a table holds the same keys on
 * both sides.
 */
import { ReshardError } from '../runtime/error.ts';
import { type Job, routeSpec } from './job.ts';
import type { JobKind } from './job-kind.ts';
import { type RouteSpec, twiceOnRing, unknownTargets } from './route-spec.ts';

/** A job file cannot give such a name: it takes no dots. */
const SUFFIX = '.back';
/** Of the columns on servers that hold names of jobs. */
const NAME_MAX = 64;

function returnJobName(job: string): string {
  return `${job}${SUFFIX}`;
}

/** Whether a job is the way back of another one. */
export function isReturnJob({ job }: Pick<Job, 'job'>): boolean {
  return job.endsWith(SUFFIX);
}

/** Null if the job file asks for no way back. */
export function returnJob(job: Job): Job | null {
  const { back, ...cutover } = job.cutover;
  if (back === undefined) return null;
  return {
    ...job,
    job: returnJobName(job.job),
    kind: 'reshard',
    sources: job.targets.map(({ kind: _, ...server }) => server),
    targets: job.sources.map(({ replica: _, serverId: __, ...server }) => {
      return { ...server, kind: 'mysql' };
    }),
    tables: job.tables.map(({ name, key }) => {
      return { name, route: routeBack(job, name), ...(key === undefined ? {} : { key }) };
    }),
    route: back.route ?? routeBack(job, ''),
    replicas: [],
    // Whether both sides are equal is asked by the job itself.
    options: {
      ...job.options,
      checkWhenInSync: false,
      checkEveryHours: 0,
      streamingCheck: false,
      originMarks: job.options.originMarks || job.options.streamingCheck,
    },
    cutover,
  };
}

function routeBack(job: Job, table: string): RouteSpec {
  const { route, routes = {} } = job.cutover.back ?? {};
  const [only] = job.sources;
  const found = routes[table] ?? route;
  if (found !== undefined) return found;
  return { kind: 'target', target: only?.name ?? '' };
}

/** Kinds of jobs of which a target has all rows of a table that are routed to it, and no others. */
const STREAMED: readonly JobKind[] = ['reshard', 'merge', 'copy'];

/** What can be told of the streaming check, which reads the log of the way back. */
function refuseStreaming({ kind, cutover }: Job): void {
  const refuse = (what: string, remedy: string): never => {
    throw new ReshardError('config', `options.streamingCheck: ${what}`, { remedy });
  };
  if (cutover.back === undefined) {
    const remedy = 'add `cutover: { back: {} }`: by it the log of the targets is published too';
    refuse('the targets are not captured', remedy);
  }
  if (STREAMED.includes(kind)) return;
  refuse(
    `not for a job of kind ${kind} yet`,
    'take it out: `reshard verify <job file>` compares every row',
  );
}

/** What can be told of the way back without its servers. */
export function refuseWayBack(job: Job): void {
  const { back } = job.cutover;
  if (job.options.streamingCheck) refuseStreaming(job);
  if (back === undefined) return;
  const refuse = (what: string, remedy: string): never => {
    throw new ReshardError('config', `cutover.back: ${what}`, { remedy });
  };
  if (job.kind === 'expand') {
    refuse('a cluster that grows has no way back', 'take `cutover.back` out of the job file');
  }
  const name = returnJobName(job.job);
  if (name.length > NAME_MAX) {
    const most = NAME_MAX - SUFFIX.length;
    refuse(`the name of the job is too long for a way back`, `give it ${most} characters at most`);
  }
  const sources = job.sources.map(s => s.name);
  const twice = job.targets.find(t => sources.includes(t.name));
  if (twice !== undefined) {
    const why = 'topics of the targets are named by them, as those of the sources are';
    refuse(`a source and a target are called ${twice.name}`, `${why}: name the target otherwise`);
  }
  for (const table of Object.keys(back.routes ?? {})) {
    if (job.tables.some(t => t.name === table)) continue;
    refuse(`routes: ${table} is no table of the job`, 'correct the name, or take it out');
  }
  for (const { name: table } of job.tables) refuseTable(job, table, refuse);
}

function refuseTable(job: Job, table: string, refuse: (what: string, fix: string) => void): void {
  const { back } = job.cutover;
  const sources = job.sources.map(s => s.name);
  const isNamed = back?.route !== undefined || back?.routes?.[table] !== undefined;
  if (sources.length > 1 && !isNamed) {
    const which = `which of ${sources.join(', ')} a row of ${table} goes back to is not said`;
    refuse(which, 'say `cutover.back.route`: a route, as that of the job, that names sources');
  }
  const spec = routeBack(job, table);
  const [unknown] = unknownTargets(spec, sources);
  if (unknown !== undefined) {
    refuse(`the route of ${table} names ${unknown}`, `the sources are ${sources.join(', ')}`);
  }
  if (spec.kind === 'ring' && twiceOnRing(spec, sources) !== undefined) {
    refuse(`two sources are one on the ring of ${table}`, 'give each a name in `servers`');
  }
  const isEverywhere = spec.kind === 'all' || routeSpec(job, table).kind === 'all';
  if (isEverywhere && job.targets.length > 1) {
    const what = `rows of ${table} are on every target: they would come back from each of them`;
    refuse(what, 'make a job of its own for the table');
  }
}
