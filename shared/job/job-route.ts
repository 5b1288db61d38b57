/** The route of a job's table, as its job file says: the one place that makes routes. */
import { FunctionRoute } from '../route/by-function.ts';
import { FixedRoute } from '../route/fixed.ts';
import { JumpRoute } from '../route/jump.ts';
import { ListRoute } from '../route/listed.ts';
import { columnProblem, ModulusRoute } from '../route/modulus.ts';
import { MovingRoute } from '../route/moving.ts';
import { hasRanges, isAscending, RangeRoute } from '../route/range.ts';
import { RingRoute } from '../route/ring.ts';
import { ALL_TARGETS, type ColumnProblem, NO_TARGET, type Route } from '../route/route.ts';
import {
  hasList,
  RoutedColumn,
  routedColumnProblem,
  valueProblem,
} from '../route/routed-column.ts';
import { SlotRoute } from '../route/slots.ts';
import { unreachable } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { type Job, routeSpec } from './job.ts';
import { type MoveProblem, moveProblem } from './move-proof.ts';
import { ringOf, slotsOf } from './route-owners.ts';
import type { RouteSpec } from './route-spec.ts';

/** Of the rows of a source; without one, as if it were that which broadcast tables come from. */
export function routeOf(job: Job, schema: TableSchema, source?: string): Route {
  const targets = job.targets.map(t => t.name);
  const spec = routeSpec(job, schema.table);
  const isOther = spec.kind === 'all' && spec.from !== undefined && spec.from !== source;
  if (isOther && source !== undefined) return new FixedRoute(NO_TARGET);
  return makeRoute(spec, schema, targets);
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
    case 'function':
      return new FunctionRoute(schema, spec.columns, { code: spec.code, targets });
    case 'target':
      return new FixedRoute(numberOf(spec.target));
    case 'all':
      return new FixedRoute(ALL_TARGETS);
    case 'moving': {
      const was = makeRoute(spec.was, schema, spec.before);
      return new MovingRoute(was, makeRoute(spec.is, schema, spec.after), spec.before.length);
    }
    default:
      return unreachable(spec);
  }
}

/** Why a table cannot be routed so. */
export type RouteProblem =
  | { of: 'column'; column: string; problem: ColumnProblem }
  | { of: 'values'; column: string; what: string }
  | ({ of: 'move' } & MoveProblem);

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
    case 'function':
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
    case 'moving': {
      const found = routeProblem(schema, spec.was) ?? routeProblem(schema, spec.is);
      if (found !== null) return found;
      const problem = moveProblem(spec, schema);
      return problem === null ? null : { of: 'move', ...problem };
    }
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
