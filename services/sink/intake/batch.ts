/**
 * One transaction's worth of work: all that waits in a worker's partition tasks, up to a bound in
 * rows and bytes, folded for each table. At low load that is a handful of rows at once, at high
 * load thousands: the size follows what is waiting, never a timer.
 *
 * Nothing is taken from the partition tasks here: `Step` says how far each one would be, and the
 * partition tasks move when the target has committed. So a transaction that fails needs no undo.
 */
import type { LogPosition } from '../../../shared/kafka/wire/log-position.ts';
import type { ReshardError } from '../../../shared/runtime/error.ts';
import { CLEAR, DELETE, type Kind, TableFold, UNREADABLE, UPSERT } from './fold.ts';
import type { Advance, PartitionTask } from './partition-task.ts';
import { EVERYWHERE, int, type RoutedBatch } from './routed-batch.ts';
import type { SinkTable } from './sink-table.ts';

export interface BatchLimits {
  rows: number;
  bytes: number;
}

/** How far the batch brings one partition task. */
export interface Step extends Advance {
  /** Records used, whatever becomes of them. */
  records: number;
  /** Events for this target. */
  rows: number;
  /** Records delivered a second time. */
  skipped: number;
  /** The next record cannot be read: the partition task stops behind this step. */
  error: ReshardError | null;
}

export class Batch {
  readonly #limits: BatchLimits;
  /** Where the partition task that is collected has to stop, in totals of the batch. */
  #until: BatchLimits;
  readonly #folds = new Map<SinkTable, TableFold>();
  #held: RoutedBatch[] = [];
  steps: Step[] = [];
  /** Events for this target, before folding. */
  rows = 0;
  bytes = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
    this.#until = limits;
  }

  /** Tables that have something to do. */
  folds(): TableFold[] {
    return [...this.#folds.values()].filter(f => f.count > 0);
  }

  /**
   * Fills an empty batch. Tables whose partition tasks come first are served first; a partition
   * task with a limit of its own, which looks for the record that the target refuses, is alone in
   * its batch.
   *
   * The partition tasks of a table share what room there is: rows of a copy come in the order of
   * their keys, spread over the partitions, and the target takes those that are neighbours in its
   * index cheaper together than far apart.
   */
  collect(tasks: Iterable<PartitionTask>): void {
    const ready = [...tasks].filter(t => t.hasWork);
    const [first] = ready;
    if (first === undefined) return;
    if (isAlone(first)) {
      this.steps.push(this.#collectTask(first));
      return;
    }
    const byTable = Map.groupBy(ready, t => t.table);
    for (const ofTable of byTable.values()) {
      this.#collectTable(ofTable.filter(t => !isAlone(t)));
      if (this.#isFull(this.#limits)) return;
    }
  }

  /** Leaves out the steps that touch no row and need not be written yet. */
  postpone(isDue: (task: PartitionTask) => boolean): void {
    this.steps = this.steps.filter(s => s.rows > 0 || s.error !== null || isDue(s.task));
  }

  clear(): void {
    for (const routed of this.#held) routed.letGo();
    for (const fold of this.#folds.values()) fold.clear();
    this.#held = [];
    this.steps = [];
    this.rows = 0;
    this.bytes = 0;
  }

  /**
   * The one whose turn it is, then those that have least: what they leave of their share is for the
   * others. By what they have alone, one that has most would never be served where few large rows
   * fill a batch: those that have just been served have least.
   */
  #collectTable([first, ...others]: PartitionTask[]): void {
    const { rows, bytes } = this.#limits;
    if (first === undefined) return;
    others.sort((a, b) => a.bytesQueued - b.bytesQueued);
    const tasks = [first, ...others];
    for (const [i, task] of tasks.entries()) {
      if (this.#isFull(this.#limits)) break;
      const part = 1 / (tasks.length - i);
      this.#until = {
        rows: this.rows + (rows - this.rows) * part,
        bytes: this.bytes + (bytes - this.bytes) * part,
      };
      this.steps.push(this.#collectTask(task));
    }
    this.#until = this.#limits;
  }

  #isFull(limits: BatchLimits): boolean {
    return this.rows >= limits.rows || this.bytes >= limits.bytes;
  }

  #collectTask(task: PartitionTask): Step {
    const { next, epoch, ordinal, history } = task.position;
    const step: Step = {
      task,
      next,
      epoch,
      ordinal,
      history,
      records: 0,
      rows: 0,
      skipped: 0,
      error: null,
    };
    for (const { routed, start } of task.queue) {
      routed.hold();
      this.#held.push(routed);
      const most = task.limit - step.records;
      const end = this.#take(routed, start, Math.min(routed.count, start + most), step);
      step.records += end - start;
      if (end < routed.count) {
        reach(step, routed.fetched.positionBefore(end));
        return step;
      }
      reach(step, routed.end);
      step.error = routed.error;
      if (step.error !== null || step.records >= task.limit || this.#isFull(this.#until))
        return step;
    }
    return step;
  }

  /** Takes records [from, to) unless the batch is full before; returns the first not taken. */
  #take(routed: RoutedBatch, from: number, to: number, step: Step): number {
    const { task } = step;
    const fold = this.#foldOf(routed.table);
    for (let i = from; i < to; i++) {
      if (this.#isFull(this.#until)) return i;
      const ordinal = routed.ordinal[i] as number;
      if (ordinal >= 0) {
        const epoch = routed.epoch[i] as number;
        if (epoch < step.epoch || (epoch === step.epoch && ordinal <= step.ordinal)) {
          step.skipped += 1;
          continue;
        }
        step.epoch = epoch;
        step.ordinal = ordinal;
      }
      const kind = kindHere(task, fold, routed, i);
      if (kind === null) continue;
      fold.put(task, routed, i, kind);
      step.rows += 1;
      this.rows += 1;
      this.bytes += routed.bytesOf(i);
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

function isAlone(task: PartitionTask): boolean {
  return task.limit < Number.POSITIVE_INFINITY;
}

function reach(step: Step, { offset, history }: LogPosition): void {
  if (offset <= step.next) return;
  step.next = offset;
  step.history = history;
}

/**
 * What the record does to its key on the partition task's target; null if the target has no part in
 * it.
 */
function kindHere(
  task: PartitionTask,
  fold: TableFold,
  routed: RoutedBatch,
  i: number,
): Kind | null {
  const goesTo = int(routed.goesTo, i);
  if (goesTo === task.target || goesTo === EVERYWHERE) return UPSERT;
  const leaves = int(routed.leaves, i);
  if (leaves === task.target) return DELETE;
  if (leaves === EVERYWHERE) return routed.isTombstone(i) ? CLEAR : DELETE;
  // Its meaning is not known, so it may concern any target.
  if (routed.unreadable.size > 0 && routed.unreadable.has(i)) return UNREADABLE;
  // An event after an unreadable one tells again where the row is: not here.
  if (fold.isUnreadable(routed, i)) return DELETE;
  if (task.blocked.size === 0) return null;
  return task.blocked.has(routed.keyText(i)) ? DELETE : null;
}
