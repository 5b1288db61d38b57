/**
 * A route as the job file says it, and the one text of each: the text is part of the job's
 * identity, so whatever decides where a row goes must be in it; members have the route of a table
 * that was added while they run from there.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from '../registry/registry.ts';
import { unreachable } from '../runtime/error.ts';
import type { RouteSpec, StatedRoute } from './route-schema.ts';

export type { MovingSpec, RouteSpec, StatedRoute } from './route-schema.ts';

/** Names in the route that are no targets. */
export function unknownTargets(spec: RouteSpec, targets: readonly string[]): string[] {
  if (spec.kind !== 'moving') return namedTargets(spec).filter(name => !targets.includes(name));
  return [...unknownTargets(spec.was, spec.before), ...unknownTargets(spec.is, spec.after)];
}

function namedTargets(spec: StatedRoute): string[] {
  switch (spec.kind) {
    case 'modulus':
    case 'jump':
    case 'function':
    case 'all':
      return [];
    case 'ring':
      return [...Object.keys(spec.servers ?? {}), ...Object.keys(spec.weights ?? {})];
    case 'hash':
      return [...Object.keys(spec.weights ?? {}), ...Object.values(spec.moves ?? {})];
    case 'range':
      return spec.ranges.map(r => r.target);
    case 'list':
      return [
        ...Object.keys(spec.values),
        ...(spec.otherwise === undefined ? [] : [spec.otherwise]),
      ];
    case 'target':
      return [spec.target];
    default:
      return unreachable(spec);
  }
}

/** A name that two targets have on the ring: all of its points would be of one of them. */
export function twiceOnRing(
  spec: Extract<RouteSpec, { kind: 'ring' }>,
  targets: readonly string[],
): string | undefined {
  const names = targets.map(t => spec.servers?.[t] ?? t);
  return names.find((name, i) => names.indexOf(name) !== i);
}

/** The route in one spelling: routes of one text send every row to the same targets. */
export function routeText(spec: RouteSpec): string {
  if (spec.kind === 'moving') {
    const [was, is] = [spec.was, spec.is].map(s => JSON.parse(routeText(s)));
    return canonicalJson({ ...spec, was, is });
  }
  if (spec.kind !== 'list') return canonicalJson(spec);
  const values = Object.entries(spec.values).map(([name, list]) => [name, list.toSorted()]);
  return canonicalJson({ ...spec, values: Object.fromEntries(values) });
}

const WORDS_MAX = 500;

/** The same for people: what is too long to be read is there by its hash. */
export function routeWords(spec: RouteSpec): string {
  if (spec.kind === 'function') {
    return `function of ${spec.columns.join(', ')}, SHA-256 ${hash('sha256', spec.code)}`;
  }
  const text = routeText(spec);
  if (spec.kind !== 'list' || text.length <= WORDS_MAX) return text;
  const count = Object.values(spec.values).flat().length;
  return `list of ${count} values of ${spec.column}, SHA-256 ${hash('sha256', text)}`;
}

/** The route of a text that `routeText` has made: the file that it is from was validated. */
export function routeFromText(text: string): RouteSpec {
  const spec: RouteSpec = JSON.parse(text);
  // One of a newer version would end here.
  unknownTargets(spec, []);
  return spec;
}
