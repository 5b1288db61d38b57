/**
 * The proof that a cluster may grow by a route: for every slot, arc, range, value or remainder the
 * owner stays, or is a server that comes. What moves between servers that stay would be read at one
 * of them and written to no target: such a route is refused before anything starts, with the part
 * of it that moves.
 */
import { compareBounds } from '../route/range.ts';
import { RoutedColumn } from '../route/routed-column.ts';
import { grownSlots, runsOf, SLOTS, slotsByWeight } from '../route/slots.ts';
import { unreachable } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { ringOf, slotsOf } from './route-owners.ts';
import type { MovingSpec, StatedRoute } from './route-spec.ts';

export interface MoveProblem {
  column: string;
  what: string;
  fix: string;
}

/** A part of the route whose rows all have one owner before and one after, by name. */
interface Part {
  part: string;
  was: string | undefined;
  is: string | undefined;
}

const OTHER_WAY = 'or make it a job of kind reshard, which moves all rows to other servers';

/** Why not; without the table's schema, only what can be told of the route by itself. */
export function moveProblem(spec: MovingSpec, schema: TableSchema | null): MoveProblem | null {
  const { was, is, before, after } = spec;
  const column = columnsOf(is);
  if (was.kind !== is.kind || columnsOf(was) !== column) {
    const what = `\`oldRoute\` is ${named(was)}, the route after it ${named(is)}`;
    return { column, what, fix: `a cluster grows by one kind of route and column; ${OTHER_WAY}` };
  }
  if (is.kind === 'function') {
    const what = 'of a function nobody can prove that no row moves between servers that stay';
    return { column, what, fix: fixOf(spec) };
  }
  let moves = false;
  for (const { part, was: one, is: other } of partsOf(spec, schema)) {
    if (one === other) continue;
    moves = true;
    const isNew = other !== undefined && after.includes(other) && !before.includes(other);
    if (isNew && one !== undefined) continue;
    const what = `${part} would move from ${one ?? 'no server'} to ${other ?? 'no server'}`;
    return { column, what: `${what}: only servers that come may get rows`, fix: fixOf(spec) };
  }
  const isKnown = schema !== null || (is.kind !== 'range' && is.kind !== 'list');
  if (moves || !isKnown || is.kind === 'jump') return null;
  return { column, what: 'no row moves: the routes are the same', fix: fixOf(spec) };
}

function columnsOf(spec: StatedRoute): string {
  if ('columns' in spec) return spec.columns.join(',');
  return 'column' in spec ? spec.column : '';
}

function named(spec: StatedRoute): string {
  return `${spec.kind} by ${columnsOf(spec) || 'no column'}`;
}

function partsOf(spec: MovingSpec, schema: TableSchema | null): Part[] {
  const { was, is, before, after } = spec;
  if (was.kind === 'hash' && is.kind === 'hash') {
    const [one, other] = [slotsOf(was, before), slotsOf(is, after)];
    return Array.from(one, (owner, slot) => ({
      ...{ part: `the slot ${slot}`, was: before[owner], is: after[other[slot] ?? -1] },
    }));
  }
  if (was.kind === 'ring' && is.kind === 'ring') return ofRings(spec, was, is);
  if (was.kind === 'modulus' && is.kind === 'modulus') return ofRemainders(before, after);
  if (was.kind === 'range' && is.kind === 'range' && schema) return ofRanges(was, is, schema);
  if (was.kind === 'list' && is.kind === 'list' && schema) return ofLists(was, is, schema);
  // By jump hash the last servers alone get rows, and those that come are the last.
  return [];
}

type Spec<K extends StatedRoute['kind']> = Extract<StatedRoute, { kind: K }>;

/** An arc ends at a point of either ring; all values of it have the owners that its end has. */
function ofRings(spec: MovingSpec, was: Spec<'ring'>, is: Spec<'ring'>): Part[] {
  const [one, other] = [ringOf(was, spec.before), ringOf(is, spec.after)];
  const ends = new Set([...one.points, ...other.points]);
  return [...ends].map(end => ({
    part: `the arc of the ring up to ${end}`,
    was: spec.before[one.targets[one.indexOf(end)] ?? -1],
    is: spec.after[other.targets[other.indexOf(end)] ?? -1],
  }));
}

/** Both remainders of a number are those of its remainder by the least common multiple. */
function ofRemainders(before: readonly string[], after: readonly string[]): Part[] {
  const [n, m] = [before.length, after.length];
  const parts: Part[] = [];
  for (let x = 0; x < n * m; x++) {
    parts.push({ part: `the value ${x}`, was: before[x % n], is: after[x % m] });
  }
  return parts;
}

function ofRanges(was: Spec<'range'>, is: Spec<'range'>, schema: TableSchema): Part[] {
  const column = new RoutedColumn(schema, is.column);
  const bounds = [...was.ranges, ...is.ranges].flatMap(r => r.below ?? []);
  bounds.sort((a, b) => compareBounds(column, a, b));
  const owner = ({ ranges }: Spec<'range'>, from: string | undefined): string | undefined =>
    ranges.find(
      ({ below }) =>
        below === undefined || from === undefined || compareBounds(column, from, below) < 0,
    )?.target;
  return [undefined, ...bounds].map(from => ({
    part: from === undefined ? 'the lowest values' : `the values from ${from} on`,
    was: owner(was, from),
    is: owner(is, from),
  }));
}

function ofLists(was: Spec<'list'>, is: Spec<'list'>, schema: TableSchema): Part[] {
  const column = new RoutedColumn(schema, is.column);
  const byValue = (spec: Spec<'list'>): Map<string, string> =>
    new Map(
      Object.entries(spec.values).flatMap(([name, list]) =>
        list.map((v): [string, string] => [column.valueOf(v).toString('latin1'), name]),
      ),
    );
  const [one, other] = [byValue(was), byValue(is)];
  const all = [...new Set([...one.keys(), ...other.keys()])];
  return [
    { part: 'values that are not listed', was: was.otherwise, is: is.otherwise },
    ...all.map(value => ({
      part: `the value ${value}`,
      was: one.get(value) ?? was.otherwise,
      is: other.get(value) ?? is.otherwise,
    })),
  ];
}

function fixOf(spec: MovingSpec): string {
  const { was, is } = spec;
  switch (is.kind) {
    case 'hash':
      return was.kind === 'hash' ? `give the route these slots: ${grownRoute(spec, was, is)}` : '';
    case 'ring':
      return `leave out \`weights\`, with which other servers' points change too; ${OTHER_WAY}`;
    case 'modulus':
      return `by modulus a cluster grows to twice as many servers, in this order; ${OTHER_WAY}`;
    case 'range':
    case 'list':
      return `name only servers that come where the new route differs; ${OTHER_WAY}`;
    case 'jump':
    case 'function':
    case 'target':
    case 'all':
      return `leave the table out of the job: its rows stay where they are; ${OTHER_WAY}`;
    default:
      return unreachable(is);
  }
}

/** The new route with as few moves as its weights need, as a job file says it. */
function grownRoute(spec: MovingSpec, was: Spec<'hash'>, is: Spec<'hash'>): string {
  const { before, after } = spec;
  const weights = after.map(name => is.weights?.[name] ?? (is.weights ? 0 : 1));
  const kept = was.weights ?? Object.fromEntries(before.map(name => [name, 1]));
  const base = slotsByWeight(before.map(name => kept[name] ?? 0));
  const grown = grownSlots(slotsOf(was, before), weights, before.length);
  const moved = runsOf(grown.map((owner, slot) => (owner === base[slot] ? after.length : owner)));
  const moves = moved.flatMap(({ from, target }, i) => {
    const to = (moved[i + 1]?.from ?? SLOTS) - 1;
    const name = after[target];
    return name === undefined ? [] : [`"${from === to ? from : `${from}-${to}`}": ${name}`];
  });
  const shares = Object.entries(kept).map(([name, weight]) => `${name}: ${weight}`);
  return `{ kind: hash, columns: [${is.columns.join(', ')}], weights: { ${shares.join(', ')} }, moves: { ${moves.join(', ')} } }`;
}
