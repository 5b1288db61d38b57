/**
 * One transaction's worth of work: all that waits in a worker's lanes, up to a bound in rows and
 * bytes, folded for each table. At low load that is a handful of rows at once, at high load
 * thousands: the size follows what is waiting, never a timer.
 *
 * Nothing is taken from the lanes here: `Step` says how far each one would be, and the lanes move
 * when the target has committed. So a transaction that fails needs no undo.
 */
import type { ReshardError } from '../../shared/runtime/error.ts';
import { DELETE, type Kind, TableFold, UNREADABLE, UPSERT } from './fold.ts';
import type { Lane } from './lane.ts';
import type { Advance } from './offset.ts';
import { EVERYWHERE, int, type Portion } from './portion.ts';
import type { SinkTable } from './table.ts';

export interface BatchLimits {
  rows: number;
  bytes: number;
}

/** How far the batch brings one lane. */
export interface Step extends Advance {
  /** Records used, whatever becomes of them. */
  records: number;
  /** Events for this target. */
  rows: number;
  /** Records delivered a second time. */
  skipped: number;
  /** The next record cannot be read: the lane stops behind this step. */
  error: ReshardError | null;
}

export class Batch {
  readonly #limits: BatchLimits;
  readonly #folds = new Map<SinkTable, TableFold>();
  #held: Portion[] = [];
  steps: Step[] = [];
  /** Events for this target, before folding. */
  rows = 0;
  bytes = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  /** Tables that have something to do. */
  folds(): TableFold[] {
    return [...this.#folds.values()].filter(f => f.count > 0);
  }

  /**
   * Fills an empty batch. Lanes that come first are served first; a lane with a limit of its own,
   * which looks for the record that the target refuses, is alone in its batch.
   */
  collect(lanes: Iterable<Lane>): void {
    for (const lane of lanes) {
      if (lane.state !== 'running' || lane.queue.length === 0) continue;
      const isAlone = lane.limit < Number.POSITIVE_INFINITY;
      if (isAlone && this.steps.length > 0) continue;
      this.steps.push(this.#collectLane(lane));
      if (isAlone || this.#isFull()) break;
    }
  }

  /** Leaves out the steps that touch no row and need not be written yet. */
  postpone(isDue: (lane: Lane) => boolean): void {
    this.steps = this.steps.filter(s => s.rows > 0 || s.error !== null || isDue(s.lane));
  }

  clear(): void {
    for (const portion of this.#held) portion.letGo();
    for (const fold of this.#folds.values()) fold.clear();
    this.#held = [];
    this.steps = [];
    this.rows = 0;
    this.bytes = 0;
  }

  #isFull(): boolean {
    return this.rows >= this.#limits.rows || this.bytes >= this.#limits.bytes;
  }

  #collectLane(lane: Lane): Step {
    const { next, epoch, ordinal } = lane.position;
    const step: Step = {
      lane,
      next,
      epoch,
      ordinal,
      records: 0,
      rows: 0,
      skipped: 0,
      error: null,
    };
    for (const { portion, start } of lane.queue) {
      portion.hold();
      this.#held.push(portion);
      const most = lane.limit - step.records;
      const end = this.#take(portion, start, Math.min(portion.count, start + most), step);
      step.records += end - start;
      if (end < portion.count) {
        step.next = Math.max(step.next, portion.slab.offset(end));
        return step;
      }
      step.next = portion.position;
      step.error = portion.error;
      if (step.error !== null || step.records >= lane.limit || this.#isFull()) return step;
    }
    return step;
  }

  /** Takes records [from, to) unless the batch is full before; returns the first not taken. */
  #take(portion: Portion, from: number, to: number, step: Step): number {
    const { lane } = step;
    const fold = this.#foldOf(portion.table);
    for (let i = from; i < to; i++) {
      if (this.#isFull()) return i;
      const ordinal = portion.ordinal[i] as number;
      if (ordinal >= 0) {
        const epoch = portion.epoch[i] as number;
        if (epoch < step.epoch || (epoch === step.epoch && ordinal <= step.ordinal)) {
          step.skipped += 1;
          continue;
        }
        step.epoch = epoch;
        step.ordinal = ordinal;
      }
      const kind = kindHere(lane, fold, portion, i);
      if (kind === null) continue;
      fold.put(lane, portion, i, kind);
      step.rows += 1;
      this.rows += 1;
      this.bytes += portion.bytesOf(i);
    }
    return to;
  }

  #foldOf(table: SinkTable): TableFold {
    let fold = this.#folds.get(table);
    if (fold === undefined) {
      fold = new TableFold(table);
      this.#folds.set(table, fold);
    }
    return fold;
  }
}

/** What the record does to its key on the lane's target; null if the target has no part in it. */
function kindHere(lane: Lane, fold: TableFold, portion: Portion, i: number): Kind | null {
  if (int(portion.goesTo, i) === lane.target) return UPSERT;
  const leaves = int(portion.leaves, i);
  if (leaves === lane.target || leaves === EVERYWHERE) return DELETE;
  // Its meaning is not known, so it may concern any target.
  if (portion.unreadable.size > 0 && portion.unreadable.has(i)) return UNREADABLE;
  // An event after an unreadable one tells again where the row is: not here.
  if (fold.isUnreadable(portion, i)) return DELETE;
  if (lane.blocked.size === 0) return null;
  return lane.blocked.has(portion.keyText(i)) ? DELETE : null;
}
