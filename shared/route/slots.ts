/**
 * The route by hash: bytes of the columns to one of 4,096 slots, slots to targets. A slot is what
 * moves when targets are added later, so rows of one slot always stay together.
 *
 * Slot of bytes: bits 20 to 31 of CRC-32 times 2654435761, the multiplier of Fibonacci hashing
 * (Knuth, The Art of Computer Programming 3, section 6.4). CRC-32, because every server has it and
 * it is a hash of bytes, whatever the collation; the product, because keys in even steps differ in
 * few bits of their CRC, and the low ones alone would leave slots empty.
 */
import { crc32 } from 'node:zlib';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Dialect, Route, RowView, TargetSet } from './route.ts';
import { RoutedText } from './routed-text.ts';

export const SLOTS = 4096;
const MULTIPLIER = 2_654_435_761;
const SHIFT = 20;

/** Slots from `from` on, up to the next run, belong to `target`. */
export interface SlotRun {
  from: number;
  target: number;
}

/** Slots from `from` to `to`, both included, belong to `target` whatever the weights say. */
export interface SlotMove {
  from: number;
  to: number;
  target: number;
}

export class SlotRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[];
  readonly #text: RoutedText;
  /** Target of each slot. */
  readonly #targets: Uint16Array;
  readonly #runs: readonly SlotRun[];

  constructor(schema: TableSchema, columns: readonly string[], targets: Uint16Array, epoch = 1) {
    this.epoch = epoch;
    this.columns = columns;
    this.#text = new RoutedText(schema, columns);
    this.#targets = targets;
    this.#runs = runsOf(targets);
  }

  targetsOf(row: RowView): TargetSet {
    return this.#targets[slotOfBytes(this.#text.of(row))] as number;
  }

  sql(dialect: Dialect): string {
    const [first, ...others] = this.#runs;
    if (first === undefined) throw new RangeError('slots without a target');
    if (others.length === 0) return `${first.target}`;
    const slot = `(((CRC32(${this.#text.sql(dialect)})*${MULTIPLIER})>>${SHIFT})&${SLOTS - 1})`;
    const starts = others.map(r => r.from).join(',');
    const targets = this.#runs.map(r => r.target).join(',');
    return `ELT(1+INTERVAL(${slot},${starts}),${targets})`;
  }
}

export function slotOfBytes(bytes: Buffer): number {
  return Math.imul(crc32(bytes), MULTIPLIER) >>> SHIFT;
}

/** Slots in order, to targets in order, each with its weight's share. */
export function slotsByWeight(weights: readonly number[], slots = SLOTS): Uint16Array {
  const total = weights.reduce((a, b) => a + b, 0);
  if (!(total > 0) || weights.some(w => !(w >= 0))) {
    throw new ReshardError('config', 'the weights of the targets must be numbers above 0', {
      remedy: 'give each target a weight of 1, and more to those that can take more',
    });
  }
  const targets = new Uint16Array(slots);
  let sum = 0;
  let from = 0;
  weights.forEach((weight, target) => {
    sum += weight;
    const to = Math.round((sum / total) * slots);
    targets.fill(target, from, to);
    from = to;
  });
  return targets;
}

const SLOT_RUN = /^(0|[1-9]\d{0,3})(?:-(0|[1-9]\d{0,3}))?$/;

/** Slots as a job file writes them: `0-127`, or `7` for a single one; null if they are none. */
export function slotRun(text: string): { from: number; to: number } | null {
  const found = SLOT_RUN.exec(text);
  if (found === null) return null;
  const [, from, to = from] = found;
  const run = { from: Number(from), to: Number(to) };
  return run.from <= run.to && run.to < SLOTS ? run : null;
}

/** The targets of slots after explicit moves; all slots that are not named stay where they are. */
export function movedSlots(before: Uint16Array, moves: readonly SlotMove[]): Uint16Array {
  const targets = before.slice();
  for (const { from, to, target } of moves) targets.fill(target, from, to + 1);
  return targets;
}

/**
 * Slots after servers have come: each server that is there gives what it has above its share by
 * weight, the last slots first, and the new ones share that by theirs. No slot moves between
 * servers that stay, whatever the weights.
 */
export function grownSlots(
  before: Uint16Array,
  weights: readonly number[],
  servers: number,
): Uint16Array {
  const [staying, coming] = [weights.slice(0, servers), weights.slice(servers)];
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const moving = Math.round((sum(coming) / sum(weights)) * SLOTS);
  const quotas = sharesOf(staying, SLOTS - moving);
  const counts = staying.map((_, i) => before.reduce((n, owner) => n + Number(owner === i), 0));
  const surplus = quotas.map((quota, i) => Math.max(0, (counts[i] ?? 0) - quota));
  const given: number[] = [];
  for (let slot = SLOTS - 1; slot >= 0; slot--) {
    const owner = before[slot] as number;
    if (owner >= servers || (surplus[owner] ?? 0) === 0) continue;
    surplus[owner] = (surplus[owner] as number) - 1;
    given.push(slot);
  }
  given.reverse();
  const after = before.slice();
  const ends = slotsByWeight(coming, given.length);
  given.forEach((slot, i) => {
    after[slot] = servers + (ends[i] as number);
  });
  return after;
}

/** Whole slots for each weight: those that lose most by rounding down get one more. */
function sharesOf(weights: readonly number[], slots: number): number[] {
  const total = weights.reduce((a, b) => a + b, 0);
  const exact = weights.map(w => (w / total) * slots);
  const shares = exact.map(Math.floor);
  const left = slots - shares.reduce((a, b) => a + b, 0);
  const byRest = exact.map((x, i) => ({ i, rest: x - Math.floor(x) }));
  byRest.sort((a, b) => b.rest - a.rest || a.i - b.i);
  for (const { i } of byRest.slice(0, left)) shares[i] = (shares[i] as number) + 1;
  return shares;
}

export function runsOf(targets: Uint16Array): SlotRun[] {
  const runs: SlotRun[] = [];
  targets.forEach((target, from) => {
    if (runs.at(-1)?.target !== target) runs.push({ from, target });
  });
  return runs;
}
