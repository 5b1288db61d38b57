/**
 * The running comparison of one partition of a table on one target, in memory that does not grow
 * with rows: for each bucket of keys, how far the sum of what the sources have changed is from the
 * sum of what has changed on the target, as of the same cut.
 *
 * The cut. A mark in the target's log says that the target has all records of a source's partition
 * before an offset: only those are taken from the source's side then, however far it has been read.
 * So nothing that is merely on its way is ever seen as a difference.
 *
 * What it knows. Changes alone say that a bucket is as equal as it was. It is known to be equal
 * from a base on: a check of every row, from before whose start until after whose end no sum has
 * moved. Without one a bucket is `unknown`, and it becomes so again by whatever changes rows
 * without saying what they were (rows of a repair, tombstones, records that nobody can read). A
 * bucket with a key that waits on the target is compared when it waits no more.
 */

import { ChangeQueue, MovedSums } from './change-queue.ts';
import type { Fingerprint } from './fingerprint.ts';

/** Sums are of 128 bits. */
const MASK = (1n << 128n) - 1n;

/** What has come of the target's log up to a place where both sides can be compared. */
export interface TargetStep {
  /** Next offset of the target's log behind it. */
  position: number;
  /** How far the target is behind it; none: somebody else's change. */
  marks: readonly { source: string; next: number }[];
  waits: readonly { bucket: number; waits: boolean }[];
  /** What waits is not known any more. */
  lost: boolean;
}

interface Sum {
  sum: bigint;
  rows: number;
}

/** Two sums that should be one. */
export interface Mismatch {
  bucket: number;
  /** Rows that the target has less than it should; below zero: more. */
  rows: number;
}

export interface SavedLedger {
  position: number;
  reached: Record<string, number>;
  sums: [bucket: number, sum: string, rows: number][];
  unknown: number[];
  waits: [bucket: number, keys: number][];
  /** Buckets that were told to differ. */
  told: number[];
  /** The check that it rests on; null: nothing is known. */
  base: string | null;
}

export class Ledger {
  /** Next offset of the target's log: all before it is in the sums. */
  position: number;
  base: string | null;
  /** By source: the sums have all records before it. */
  readonly reached: Map<string, number>;
  readonly #sums = new Map<number, Sum>();
  readonly #unknown: Set<number>;
  /** When the sum of a bucket has moved last, or it became unknown; not before `#sinceMs`. */
  readonly #movedMs = new Map<number, number>();
  readonly #buckets: number;
  #sinceMs: number;
  readonly #waits: Map<number, number>;
  readonly #entries = new Map<string, ChangeQueue>();
  readonly #steps = new Queue<TargetStep & { changes: number }>();
  /** Of the steps, in their order. */
  readonly #changes = new ChangeQueue();
  /** What the steps hold. */
  #stepChanges = 0;
  readonly #moved = new MovedSums();
  /** Buckets that were told to differ. */
  readonly #told: Set<number>;

  constructor(saved: SavedLedger, buckets: number, nowMs: number) {
    this.#buckets = buckets;
    this.#sinceMs = nowMs;
    this.position = saved.position;
    this.base = saved.base;
    this.reached = new Map(Object.entries(saved.reached));
    this.#unknown = new Set(saved.unknown);
    this.#waits = new Map(saved.waits);
    this.#told = new Set(saved.told);
    for (const [bucket, sum, rows] of saved.sums) {
      this.#sums.set(bucket, { sum: BigInt(`0x${sum}`), rows });
    }
  }

  /** Changes that wait for the other side: records of the sources, and rows of the steps. */
  get pending(): { entries: number; steps: number } {
    let entries = 0;
    for (const queue of this.#entries.values()) entries += queue.size;
    return { entries, steps: this.#stepChanges };
  }

  /** The first record of a source that waits for the target; undefined: none does. */
  waitsFrom(source: string): number | undefined {
    return this.#entries.get(source)?.first;
  }

  /** Whether the target's next step is of more of a source than was read. */
  awaits(source: string, read: number): boolean {
    return this.#steps.first?.marks.some(m => m.source === source && m.next > read) ?? false;
  }

  /** Whether the target has passed all changes of a source that have come from before an offset. */
  hasPassed(source: string, offset: number): boolean {
    return (this.waitsFrom(source) ?? offset) >= offset;
  }

  /** Why the partition is not known to be equal at the last cut; null: it is. */
  get doubt(): 'unknown' | 'differs' | 'waits' | null {
    if ([...this.#sums.keys()].some(b => this.differsIn(b))) return 'differs';
    if (this.base === null || this.#unknown.size > 0) return 'unknown';
    return this.#waits.size > 0 ? 'waits' : null;
  }

  /** Whether a bucket is known to differ at the last cut. */
  differsIn(bucket: number): boolean {
    return this.#sums.has(bucket) && this.#isKnown(bucket);
  }

  /** Buckets of which nothing is known. */
  get unknown(): number {
    return this.base === null ? this.#buckets : this.#unknown.size;
  }

  /** By how much the sources' rows of a bucket are more than the target's, mod 2^128. */
  sumOf(bucket: number): bigint {
    return this.#sums.get(bucket)?.sum ?? 0n;
  }

  /** A record of a source, as far as the row that it changes was and is this target's. */
  addSource(
    source: string,
    offset: number,
    bucket: number,
    row: { before: Fingerprint | null; after: Fingerprint | null },
  ): void {
    if (offset < (this.reached.get(source) ?? 0)) return;
    this.#queueOf(source).add(offset, bucket, row.before, row.after);
  }

  /** A record of a source that does not say what the row of the bucket was. */
  addUnknown(source: string, offset: number, bucket: number): void {
    if (offset < (this.reached.get(source) ?? 0)) return;
    this.#queueOf(source).addUnknown(offset, bucket);
  }

  /** Takes `changes` over, which are left empty. */
  addStep(step: TargetStep, changes = new ChangeQueue()): void {
    const counted = { ...step, changes: changes.size };
    this.#steps.add(counted);
    this.#stepChanges += heldBy(counted);
    this.#changes.take(changes);
  }

  /** Nothing that was compared before says anything of now. */
  forget(nowMs: number): void {
    this.base = null;
    this.#sinceMs = nowMs;
    this.#told.clear();
  }

  /**
   * A check that began at `startedMs` has found every row equal, and all that had happened by its
   * end is in the sums. Each bucket whose sum has not moved since it began rests on it; of the
   * others those that were known before stay as they are.
   */
  rest(check: string, startedMs: number): void {
    const wasNone = this.base === null;
    for (let bucket = 0; bucket < this.#buckets; bucket++) {
      const isQuiet = (this.#movedMs.get(bucket) ?? this.#sinceMs) < startedMs;
      if (isQuiet && !this.#waits.has(bucket)) {
        this.#unknown.delete(bucket);
        this.#sums.delete(bucket);
        this.#told.delete(bucket);
      } else if (wasNone) this.#unknown.add(bucket);
    }
    this.base = check;
  }

  #isKnown(bucket: number): boolean {
    return this.base !== null && !this.#unknown.has(bucket) && !this.#waits.has(bucket);
  }

  /**
   * Takes the steps that the sources' side has come to: `read` is the next offset of each source.
   * Answers what is found to differ now and was not told before.
   */
  advance(read: ReadonlyMap<string, number>, nowMs: number): Mismatch[] {
    const found: Mismatch[] = [];
    const isDue = ({ marks }: TargetStep): boolean =>
      marks.every(({ source, next }) => next <= (read.get(source) ?? 0));
    for (let step = this.#steps.take(isDue); step; step = this.#steps.take(isDue)) {
      for (const bucket of this.#take(step, nowMs)) found.push(...this.#compare(bucket));
    }
    return found;
  }

  #take(step: TargetStep & { changes: number }, nowMs: number): Set<number> {
    const { marks, waits, lost } = step;
    this.#stepChanges -= heldBy(step);
    this.#changes.subtract(step.changes, this.#moved);
    const touched = new Set<number>();
    for (const mark of marks) this.#passed(mark, nowMs);
    for (const { bucket, waits: begins } of waits) {
      const keys = (this.#waits.get(bucket) ?? 0) + (begins ? 1 : -1);
      if (keys > 0) this.#waits.set(bucket, keys);
      else this.#waits.delete(bucket);
      touched.add(bucket);
      this.#movedMs.set(bucket, nowMs);
    }
    if (lost) {
      // Of whatever waits no end may be told; a check is equal only where nothing does.
      this.#waits.clear();
      this.forget(nowMs);
    }
    this.#moved.drain((bucket, sum, rows) => {
      add(this.#sums, bucket, sum, rows);
      touched.add(bucket);
      this.#movedMs.set(bucket, nowMs);
    });
    this.position = step.position;
    return touched;
  }

  #passed({ source, next }: { source: string; next: number }, nowMs: number): void {
    this.#queueOf(source).addBefore(next, this.#moved, bucket => {
      this.#unknown.add(bucket);
      this.#movedMs.set(bucket, nowMs);
    });
    this.reached.set(source, Math.max(next, this.reached.get(source) ?? 0));
  }

  #queueOf(source: string): ChangeQueue {
    const known = this.#entries.get(source);
    if (known !== undefined) return known;
    const queue = new ChangeQueue();
    this.#entries.set(source, queue);
    return queue;
  }

  #compare(bucket: number): Mismatch[] {
    const sum = this.#sums.get(bucket);
    if (sum === undefined) {
      this.#told.delete(bucket);
      return [];
    }
    if (!this.#isKnown(bucket) || this.#told.has(bucket)) return [];
    this.#told.add(bucket);
    return [{ bucket, rows: sum.rows }];
  }

  save(): SavedLedger {
    return {
      position: this.position,
      reached: Object.fromEntries(this.reached),
      sums: [...this.#sums].map(([bucket, s]) => [bucket, s.sum.toString(16), s.rows]),
      unknown: [...this.#unknown],
      waits: [...this.#waits],
      told: [...this.#told],
      base: this.base,
    };
  }
}

type Sums = Map<number, Sum>;

/** What a step takes of memory: a transaction of the sink may have thousands of rows. */
function heldBy({ changes, waits }: { changes: number; waits: TargetStep['waits'] }): number {
  return 1 + changes + waits.length;
}

/** First in, first out, without moving what stays. */
class Queue<T> {
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  add(item: T): void {
    this.#items.push(item);
  }

  /** The first one, if it is due. */
  take(isDue: (item: T) => boolean): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined || !isDue(item)) return undefined;
    this.#head += 1;
    if (this.#head === this.#items.length || this.#head > 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/** A sum that is zero again is none. */
function add(sums: Sums, bucket: number, sum: bigint, rows: number): void {
  const known = sums.get(bucket);
  const total = ((known?.sum ?? 0n) + sum) & MASK;
  const count = (known?.rows ?? 0) + rows;
  if (total === 0n && count === 0) sums.delete(bucket);
  else sums.set(bucket, { sum: total, rows: count });
}
