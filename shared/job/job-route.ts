/** The route of a job's table, as its job file says: the one place that makes routes. */
import { FixedRoute } from '../route/fixed.ts';
import { JumpRoute } from '../route/jump.ts';
import { ListRoute } from '../route/listed.ts';
import { columnProblem, ModulusRoute } from '../route/modulus.ts';
import { hasRanges, isAscending, RangeRoute } from '../route/range.ts';
import { Ring, RingRoute } from '../route/ring.ts';
import { ALL_TARGETS, type ColumnProblem, type Route } from '../route/route.ts';
import {
  hasList,
  RoutedColumn,
  routedColumnProblem,
  valueProblem,
} from '../route/routed-column.ts';
import { movedSlots, SlotRoute, slotRun, slotsByWeight } from '../route/slots.ts';
import { ReshardError, unreachable } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { type Job, routeSpec } from './job.ts';
import type { RouteSpec } from './route-spec.ts';

export function routeOf(job: Job, schema: TableSchema): Route {
  const targets = job.targets.map(t => t.name);
  return makeRoute(routeSpec(job, schema.table), schema, targets);
}

export function makeRoute(spec: RouteSpec, schema: TableSchema, targets: readonly string[]): Route {
  const numberOf = (name: string): number => targets.indexOf(name);
  switch (spec.kind) {
    case 'modulus':
      return new ModulusRoute(schema, spec.column, targets.length);
    case 'hash':
      return new SlotRoute(schema, spec.columns, slotsOf(spec, targets));
    case 'ring':
      return new RingRoute(schema, spec.columns, ringOf(spec, targets));
    case 'jump':
      return new JumpRoute(schema, spec.columns, targets.length);
    case 'range': {
      const parts = spec.ranges.flatMap(({ below, target }) =>
        below === undefined ? [] : { below, target: numberOf(target) },
      );
      const last = numberOf(spec.ranges.at(-1)?.target ?? '');
      return new RangeRoute(schema, spec.column, { parts, last });
    }
    case 'list': {
      const values = Object.entries(spec.values).flatMap(([name, list]) =>
        list.map((value): [string, number] => [value, numberOf(name)]),
      );
      const otherwise = spec.otherwise === undefined ? null : numberOf(spec.otherwise);
      return new ListRoute(schema, spec.column, { values, otherwise });
    }
    case 'target':
      return new FixedRoute(numberOf(spec.target));
    case 'all':
      return new FixedRoute(ALL_TARGETS);
    default:
      return unreachable(spec);
  }
}

/** The target of each slot: by the weights, then by the moves. */
export function slotsOf(spec: Spec<'hash'>, targets: readonly string[]): Uint16Array {
  const weights = targets.map(name => spec.weights?.[name] ?? (spec.weights ? 0 : 1));
  const moves = Object.entries(spec.moves ?? {}).map(([text, name]) => {
    const run = slotRun(text);
    if (run === null) throw new ReshardError('config', `${text} are no slots`);
    return { ...run, target: targets.indexOf(name) };
  });
  return movedSlots(slotsByWeight(weights), moves);
}

/** Of the targets in the job's order; one without a weight, among others that have one, is not on it. */
export function ringOf(spec: Spec<'ring'>, targets: readonly string[]): Ring {
  const { servers = {}, weights } = spec;
  const all = targets.map((name, target) => ({ name: servers[name] ?? name, target }));
  if (weights === undefined) return new Ring(all, null);
  const weightOf = (target: number): number => weights[targets[target] ?? ''] ?? 0;
  const weighted = all.filter(s => weightOf(s.target) > 0);
  return new Ring(
    weighted,
    weighted.map(s => weightOf(s.target)),
  );
}

/** Why a table cannot be routed so. */
export type RouteProblem =
  | { of: 'column'; column: string; problem: ColumnProblem }
  | { of: 'values'; column: string; what: string };

export function routeProblem(schema: TableSchema, spec: RouteSpec): RouteProblem | null {
  switch (spec.kind) {
    case 'target':
    case 'all':
      return null;
    case 'modulus':
      return ofColumn(spec.column, columnProblem(schema, spec.column));
    case 'hash':
    case 'ring':
    case 'jump':
      for (const column of spec.columns) {
        const found = ofColumn(column, routedColumnProblem(schema, column));
        if (found !== null) return found;
      }
      return null;
    case 'range':
      return (
        ofColumn(spec.column, routedColumnProblem(schema, spec.column)) ?? ofRanges(schema, spec)
      );
    case 'list':
      return (
        ofColumn(spec.column, routedColumnProblem(schema, spec.column)) ?? ofList(schema, spec)
      );
    default:
      return unreachable(spec);
  }
}

function ofColumn(column: string, problem: ColumnProblem | null): RouteProblem | null {
  return problem === null ? null : { of: 'column', column, problem };
}

type Spec<K extends RouteSpec['kind']> = Extract<RouteSpec, { kind: K }>;

function ofRanges(schema: TableSchema, spec: Spec<'range'>): RouteProblem | null {
  const column = new RoutedColumn(schema, spec.column);
  if (!hasRanges(column.type)) return ofColumn(spec.column, 'type');
  const wrong = (what: string): RouteProblem => ({ of: 'values', column: spec.column, what });
  const bounds = spec.ranges.slice(0, -1).map(r => r.below);
  if (spec.ranges.at(-1)?.below !== undefined) {
    return wrong('the last range has a bound: no target has the values above it');
  }
  const known = bounds.filter(b => b !== undefined);
  if (known.length < bounds.length) return wrong('a range before the last one has no `below`');
  return ofValues(column, known) ?? (isAscending(column, known) ? null : wrong(UNORDERED));
}

const UNORDERED = 'the bounds of the ranges do not go up';

function ofList(schema: TableSchema, spec: Spec<'list'>): RouteProblem | null {
  const column = new RoutedColumn(schema, spec.column);
  if (!hasList(column.type)) return ofColumn(spec.column, 'type');
  const values = Object.values(spec.values).flat();
  const found = ofValues(column, values);
  if (found !== null) return found;
  const seen = new Set(values.map(v => column.valueOf(v).toString('latin1')));
  if (seen.size === values.length) return null;
  return { of: 'values', column: spec.column, what: 'a value is listed twice' };
}

function ofValues(column: RoutedColumn, values: readonly string[]): RouteProblem | null {
  for (const value of values) {
    const why = valueProblem(column, value);
    if (why !== null) return { of: 'values', column: column.name, what: `"${value}" ${why}` };
  }
  return null;
}
