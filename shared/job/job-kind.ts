/**
 * Kinds of jobs. Each is a way through the same machine: what makes a kind is how many sources and
 * targets it has and how its tables are routed, and a job file that says otherwise is refused. A
 * kind that leaves no choice needs no route in the job file; it is completed here.
 */
import { ReshardError, unreachable } from '../runtime/error.ts';
import { moveProblem } from './move-proof.ts';
import type { MovingSpec, RouteSpec, StatedRoute } from './route-spec.ts';

export const JOB_KINDS = ['reshard', 'merge', 'split', 'copy', 'expand'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** What a kind is judged by. */
export interface KindOfFile {
  kind: JobKind;
  sources: readonly { name: string }[];
  targets: readonly { name: string }[];
  tables: readonly TableOfFile[];
  route?: StatedRoute | undefined;
  oldRoute?: StatedRoute | undefined;
}

interface TableOfFile {
  name: string;
  route?: StatedRoute | undefined;
  oldRoute?: StatedRoute | undefined;
  shardColumn?: string | undefined;
}

/** The route of the job, whether its file says it or its kind does; throws if they do not agree. */
export function routeOfKind(file: KindOfFile): RouteSpec {
  const old = [file, ...file.tables].find(x => x.oldRoute !== undefined);
  if (old !== undefined && file.kind !== 'expand') {
    throw refused(
      file,
      '`oldRoute` is for clusters that grow',
      'take it out, or make the job one of `kind: expand`',
    );
  }
  switch (file.kind) {
    case 'reshard':
      return file.route ?? missingRoute(file);
    case 'merge':
      return routeOfMerge(file);
    case 'split':
      return routeOfSplit(file);
    case 'copy':
      return routeOfCopy(file);
    case 'expand':
      return routeOfExpand(file);
    default:
      return unreachable(file.kind);
  }
}

function routeOfMerge(file: KindOfFile): RouteSpec {
  const { sources, targets, route } = file;
  if (sources.length <= targets.length) {
    const counted = `${sources.length} to ${targets.length}`;
    throw refused(
      file,
      `it brings several sources together on fewer targets, not ${counted}`,
      'name all sources that are to become one; to spread rows over more servers, `kind: reshard`',
    );
  }
  if (route !== undefined) return route;
  const [only, ...others] = targets;
  if (only === undefined || others.length > 0) return missingRoute(file);
  return { kind: 'target', target: only.name };
}

/** Whole tables go to their servers: a route that looks at rows is a reshard of its own. */
function routeOfSplit(file: KindOfFile): RouteSpec {
  const { targets, tables } = file;
  if (file.route !== undefined) {
    throw refused(
      file,
      'it has no route of its own: each table names the server that it goes to',
      'give each table `route: { kind: target, target: ... }`, or `{ kind: all }`',
    );
  }
  for (const { name, route, shardColumn } of tables) {
    if (shardColumn === undefined && (route?.kind === 'target' || route?.kind === 'all')) continue;
    throw refused(
      file,
      `the table ${name} goes to no target as a whole`,
      `give it \`route: { kind: target, target: ${targets[0]?.name} }\`, or \`{ kind: all }\` if ` +
        'every target needs it; to spread the rows of a table, `kind: reshard`',
    );
  }
  const named = new Set(tables.flatMap(t => (t.route?.kind === 'target' ? t.route.target : [])));
  const idle = targets.find(t => !named.has(t.name));
  if (idle !== undefined) {
    throw refused(
      file,
      `no table goes to the target ${idle.name} alone`,
      'route a table to it, or leave the target out',
    );
  }
  // Never asked, since each table has its own; but the same whatever the order of tables.
  return { kind: 'target', target: targets[0]?.name ?? '' };
}

function routeOfCopy(file: KindOfFile): RouteSpec {
  const { sources, targets, tables, route } = file;
  const [target, ...others] = targets;
  if (target === undefined || others.length > 0 || sources.length !== 1) {
    throw refused(
      file,
      `it has one source and one target, not ${sources.length} and ${targets.length}`,
      'several sources become one by `kind: merge`, one becomes several by `kind: reshard`',
    );
  }
  const ofJob: KindOfFile['tables'][number] = { name: '', route };
  const other = [ofJob, ...tables].find(
    t => t.shardColumn !== undefined || (t.route !== undefined && t.route.kind !== 'target'),
  );
  if (other !== undefined) {
    throw refused(
      file,
      `all rows go to ${target.name}, but ${other.name === '' ? 'the job' : other.name} is routed`,
      'take `route` and `shardColumn` out of the job file: a copy needs none',
    );
  }
  return { kind: 'target', target: target.name };
}

/** Never asked: each table moves by a route of its own, movingRoute. */
function routeOfExpand(file: KindOfFile): RouteSpec {
  const { sources, targets } = file;
  const twice = targets.find(t => sources.some(s => s.name === t.name));
  if (twice !== undefined) {
    throw refused(
      file,
      `${twice.name} is a source and a target`,
      'the sources are the servers that the cluster has, the targets are those that come',
    );
  }
  const moves = file.tables.some(t => (t.route ?? file.route)?.kind !== 'all');
  if (!moves) {
    throw refused(
      file,
      'no table of it has rows that move',
      'name the tables whose rows the new servers share; a table that is on all is no move',
    );
  }
  return { kind: 'target', target: targets[0]?.name ?? '' };
}

/** The route of a table of a cluster that grows: what it was, and what it is to be. */
export function movingRoute(file: KindOfFile, table: TableOfFile): RouteSpec {
  const { name, route, oldRoute, shardColumn } = table;
  const byColumn: StatedRoute | undefined =
    shardColumn === undefined ? undefined : { kind: 'modulus', column: shardColumn };
  const is = route ?? byColumn ?? file.route;
  if (is?.kind === 'all') return fromOne(file, name, is);
  const was = oldRoute ?? byColumn ?? (route === undefined ? file.oldRoute : undefined);
  if (is === undefined || was === undefined) {
    throw refused(
      file,
      `the table ${name} has no ${is === undefined ? '`route`' : '`oldRoute`'}`,
      'the route before and the route after are needed, of the job or of the table: docs/KINDS.md',
    );
  }
  const before = file.sources.map(s => s.name);
  const after = [...before, ...file.targets.map(t => t.name)];
  return { kind: 'moving', was, is, before, after };
}

/** What can be said of it without the table. */
export function refuseMove(file: Pick<KindOfFile, 'kind'>, table: string, spec: MovingSpec): void {
  const problem = moveProblem(spec, null);
  if (problem === null) return;
  throw refused(file, `the table ${table}: ${problem.what}`, problem.fix);
}

function fromOne(
  file: KindOfFile,
  table: string,
  spec: Extract<StatedRoute, { kind: 'all' }>,
): RouteSpec {
  if (spec.from !== undefined) return spec;
  throw refused(
    file,
    `nothing says from which server the table ${table} comes`,
    `name one: \`{ kind: all, from: ${file.sources[0]?.name} }\``,
  );
}

function missingRoute({ kind }: KindOfFile): never {
  throw new ReshardError('config', 'the job file has no `route`: nothing says where rows go', {
    remedy: `give it one (docs/ROUTES.md); \`reshard init --kind ${kind}\` writes an example`,
  });
}

function refused({ kind }: Pick<KindOfFile, 'kind'>, what: string, remedy: string): ReshardError {
  return new ReshardError('config', `kind ${kind}: ${what}`, { remedy });
}
