/**
 * The ranges of a source that are this member's to copy, and which of them to read next.
 *
 * Every range belongs to a slot by hash, and slots are shared out by the consumer group, so members
 * need not talk to each other. Two members that for a moment both hold a slot waste work and break
 * nothing: the writer takes a chunk only where it continues what is durable.
 */
import { crc32 } from 'node:zlib';
import type { JobView, TablePlan } from '../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../shared/job/state/progress-view.ts';
import type { Left } from './copy-rate.ts';
import { RangeCopy } from './range-copy.ts';

export const SLOTS = 16;

export function slotOf(source: string, db: string, table: string, range: number): number {
  return crc32(`${source}/${db}.${table}/${range}`) % SLOTS;
}

export type OwnRange = {
  plan: TablePlan;
  copy: RangeCopy;
  claimed: boolean;
  dropped: boolean;
  /** By the monotonic clock; before that nobody reads it. */
  dueAtMs: number;
};

/** A table that has got columns is read on from where it is, with another list of columns. */
function isOf({ copy, plan: of }: OwnRange, plan: TablePlan): boolean {
  return copy.generation === plan.generation && of.valueSchemaId === plan.valueSchemaId;
}

export class RangeBoard {
  readonly #source: string;
  readonly #view: JobView;
  readonly #progress: ProgressView;
  readonly #slots: ReadonlySet<number>;
  readonly #own = new Map<string, OwnRange>();
  #left: Left = { ours: 0, all: 0, mark: 0 };

  constructor(source: string, view: JobView, progress: ProgressView, slots: ReadonlySet<number>) {
    this.#source = source;
    this.#view = view;
    this.#progress = progress;
    this.#slots = slots;
    this.refresh();
  }

  /** Brings the board up to date with plan, slots and progress. */
  refresh(): void {
    const live = new Set<string>();
    for (const plan of this.#view.plansOf(this.#source)) {
      for (const range of plan.ranges) {
        if (!this.#slots.has(slotOf(this.#source, plan.db, plan.table, range.id))) continue;
        const name = `${plan.db}.${plan.table}/${range.id}`;
        live.add(name);
        const progress = this.#progress.range(plan.db, plan.table, range.id);
        const own = this.#own.get(name);
        if (own !== undefined && isOf(own, plan)) {
          if (progress !== undefined) own.copy.progress(progress);
          continue;
        }
        if (own !== undefined) own.dropped = true;
        const copy = new RangeCopy(range, plan.generation, progress);
        this.#own.set(name, { plan, copy, claimed: false, dropped: false, dueAtMs: 0 });
      }
    }
    for (const [name, own] of this.#own) {
      if (live.has(name)) continue;
      own.dropped = true;
      this.#own.delete(name);
    }
    this.#left = this.#count();
  }

  /** Takes in what has become durable; `refresh` looks at plan and slots besides. */
  follow(): void {
    for (const { plan, copy } of this.#own.values()) {
      if (copy.complete) continue;
      const progress = this.#progress.range(plan.db, plan.table, copy.range.id);
      if (progress !== undefined) copy.progress(progress);
    }
  }

  /** Tells where the writer is in the chunks topic. */
  writerAt(chunksOffset: number): void {
    for (const own of this.#own.values()) own.copy.writerAt(chunksOffset);
  }

  /** A range to read, of the table that fewest workers are at; `release` it afterwards. */
  claim(): OwnRange | undefined {
    const workersAt = new Map<string, number>();
    for (const { plan, claimed } of this.#own.values()) {
      if (claimed) workersAt.set(plan.topic, (workersAt.get(plan.topic) ?? 0) + 1);
    }
    const nowMs = performance.now();
    let best: OwnRange | undefined;
    let bestWorkers = Number.POSITIVE_INFINITY;
    for (const own of this.#own.values()) {
      const workers = workersAt.get(own.plan.topic) ?? 0;
      if (own.claimed || own.copy.allSent || own.dueAtMs > nowMs) continue;
      if (workers >= bestWorkers) continue;
      best = own;
      bestWorkers = workers;
    }
    if (best !== undefined) best.claimed = true;
    return best;
  }

  release(own: OwnRange): void {
    own.claimed = false;
  }

  /** What is left to copy, as of the last refresh: asked for each read, it is not counted anew. */
  get left(): Left {
    return this.#left;
  }

  #count(): Left {
    let all = 0;
    let mark = 0;
    for (const plan of this.#view.plansOf(this.#source)) {
      for (const { id } of plan.ranges) {
        const range = this.#progress.range(plan.db, plan.table, id);
        if (!range?.complete || range.generation !== plan.generation) all++;
        mark += (range?.generation ?? 0) + (range?.nextSeq ?? 0);
      }
    }
    let ours = 0;
    for (const { copy } of this.#own.values()) if (!copy.complete) ours++;
    return { ours, all, mark };
  }

  /** Bytes sent and not yet known to be in the log. */
  get unconfirmedBytes(): number {
    let sum = 0;
    for (const { copy } of this.#own.values()) sum += copy.unconfirmedBytes;
    return sum;
  }

  get counts(): { ranges: number; complete: number; reading: number; rejected: number } {
    const counts = { ranges: 0, complete: 0, reading: 0, rejected: 0 };
    for (const { copy, claimed } of this.#own.values()) {
      counts.ranges++;
      counts.rejected += copy.rejected;
      if (copy.complete) counts.complete++;
      if (claimed) counts.reading++;
    }
    return counts;
  }
}
