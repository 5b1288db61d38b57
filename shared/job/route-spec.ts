/**
 * Routes as the job file says them, and the one text of each: the text is part of the job's
 * identity, so whatever decides where a row goes must be in it; members have the route of a table
 * that was added while they run from there.
 */
import { z } from 'zod';
import { canonicalJson } from '../registry/registry.ts';
import { unreachable } from '../runtime/error.ts';

const column = z.string().min(1);
const value = z.union([z.string(), z.number().int()]).transform(v => `${v}`);
const target = z.string().describe('name of a target');

const modulus = z.strictObject({
  kind: z.literal('modulus').describe('target number = column modulo the number of targets'),
  column: column.describe('integer column, NOT NULL, in every table'),
});

const hash = z.strictObject({
  kind: z.literal('hash').describe('columns are hashed to 4,096 slots, slots belong to targets'),
  columns: z
    .union([column.transform(c => [c]), z.array(column).min(1)])
    .describe('one or more NOT NULL columns: integers, decimals, dates and times, texts, bytes'),
  weights: z
    .record(target, z.number().min(0))
    .optional()
    .describe('share of each target, by name; by default all have the same'),
});

const range = z.strictObject({
  kind: z.literal('range').describe('values in order, cut at bounds'),
  column: column.describe('NOT NULL: integer, date, datetime, timestamp, text or bytes'),
  ranges: z
    .array(
      z.strictObject({
        below: value.optional().describe('the first value that is no more of this range'),
        target,
      }),
    )
    .min(1)
    .describe('in ascending order; the last one has no `below`'),
});

const list = z.strictObject({
  kind: z.literal('list').describe('each value has its target'),
  column: column.describe('NOT NULL: integer, date, text or bytes'),
  values: z.record(target, z.array(value).min(1)).describe('by target, the values that go there'),
  otherwise: target
    .optional()
    .describe('target of values that are not listed; without it such a row is an error'),
});

const pinned = z.strictObject({
  kind: z.literal('target').describe('all rows go to one target'),
  target,
});

const all = z.strictObject({
  kind: z.literal('all').describe('each row goes to every target'),
});

export const route = z.discriminatedUnion('kind', [modulus, hash, range, list, pinned, all]);

export type RouteSpec = z.output<typeof route>;

/** Names in the route that are no targets. */
export function unknownTargets(spec: RouteSpec, targets: readonly string[]): string[] {
  return namedTargets(spec).filter(name => !targets.includes(name));
}

function namedTargets(spec: RouteSpec): string[] {
  switch (spec.kind) {
    case 'modulus':
    case 'all':
      return [];
    case 'hash':
      return Object.keys(spec.weights ?? {});
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

/** The route in one spelling: routes of one text send every row to the same targets. */
export function routeText(spec: RouteSpec): string {
  if (spec.kind !== 'list') return canonicalJson(spec);
  const values = Object.entries(spec.values).map(([name, list]) => [name, list.toSorted()]);
  return canonicalJson({ ...spec, values: Object.fromEntries(values) });
}

/** The route of a text that `routeText` has made. */
export function routeFromText(text: string): RouteSpec {
  return route.parse(JSON.parse(text));
}
