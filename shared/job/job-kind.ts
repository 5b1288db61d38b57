/**
 * Kinds of jobs. Each is a way through the same machine: what makes a kind is how many sources and
 * targets it has and how its tables are routed, and a job file that says otherwise is refused. A
 * kind that leaves no choice needs no route in the job file; it is completed here.
 */
import { ReshardError, unreachable } from '../runtime/error.ts';
import type { RouteSpec } from './route-spec.ts';

export const JOB_KINDS = ['reshard', 'merge', 'split', 'copy'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** What a kind is judged by. */
export interface KindOfFile {
  kind: JobKind;
  sources: readonly { name: string }[];
  targets: readonly { name: string }[];
  tables: readonly {
    name: string;
    route?: RouteSpec | undefined;
    shardColumn?: string | undefined;
  }[];
  route?: RouteSpec | undefined;
}

/** The route of the job, whether its file says it or its kind does; throws if they do not agree. */
export function routeOfKind(file: KindOfFile): RouteSpec {
  switch (file.kind) {
    case 'reshard':
      return file.route ?? missingRoute(file);
    case 'merge':
      return routeOfMerge(file);
    case 'split':
      return routeOfSplit(file);
    case 'copy':
      return routeOfCopy(file);
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

function missingRoute({ kind }: KindOfFile): never {
  throw new ReshardError('config', 'the job file has no `route`: nothing says where rows go', {
    remedy: `give it one (docs/ROUTES.md); \`reshard init --kind ${kind}\` writes an example`,
  });
}

function refused({ kind }: KindOfFile, what: string, remedy: string): ReshardError {
  return new ReshardError('config', `kind ${kind}: ${what}`, { remedy });
}
