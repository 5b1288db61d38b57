/**
 * Changes of columns on the targets that follow the last source of their table: each once, behind
 * it, beside control's loop. What waits for a source is told, as the operator has the ways out.
 *
 * The server's DDL is in no transaction, so what is done is found by looking; the plans forget a
 * change when all targets have it. A sink that has not heard of the last plan may still write by
 * that of before: it is given a moment, and a later one halts until it hears of it.
 */
import type { Job } from '../../../shared/job/job.ts';
import { isHalfWay, standsBy } from '../../../shared/job/state/cutover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { RunNote } from '../repair/repair-runs.ts';
import type { Ruling } from './growth-target.ts';
import { Inquiries } from './inquiry.ts';
import type { StateWriter } from './state-writer.ts';

export interface TargetChangesDeps {
  job: Job;
  view: JobView;
  ruling: Ruling;
  writer: Pick<StateWriter, 'put'>;
  log: Logger;
}

/** A change that the targets have still to get. */
export interface OpenChange {
  id: string;
  table: string;
  column: string;
  /** No source is waited for any more. */
  isReady: boolean;
  /** What it waits for, in words. */
  what: string;
}

/** How one kind of change is found, done and forgotten. */
export interface ChangeKind<T> {
  stage: string;
  /** For the log: what was done, and what is still as it was. */
  words: { done: string; left: string };
  open(view: JobView): T[];
  told(change: T): OpenChange;
  alter(deps: TargetChangesDeps, change: T): Promise<void>;
  /** The plans have it no more. */
  forget(deps: TargetChangesDeps, change: T): Promise<void>;
}

interface Watched {
  sinceMs: number;
  /** When the targets are looked at, and after a refusal once more. */
  dueMs: number;
  pauseMs: number;
  error: string | null;
}

const SINK_GRACE_MS = 3000;
const AGAIN = { minMs: 10_000, maxMs: 600_000 };

export class TargetChanges<T> {
  readonly #d: TargetChangesDeps;
  readonly #kind: ChangeKind<T>;
  readonly #asked: Inquiries<void>;
  readonly #watched = new Map<string, Watched>();

  constructor(deps: TargetChangesDeps, kind: ChangeKind<T>) {
    this.#d = deps;
    this.#kind = kind;
    this.#asked = new Inquiries(deps.log);
  }

  /** Brings each change on as far as it can go now, without waiting for a target. */
  async step(nowMs = Date.now()): Promise<void> {
    const open = this.#open();
    const ids = new Set(open.map(o => o.told.id));
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id);
    if (isStill(this.#d)) return;
    for (const { change, told } of open) {
      const watched = this.#watch(told.id, nowMs);
      if (!told.isReady) watched.dueMs = nowMs + SINK_GRACE_MS;
      else if (nowMs >= watched.dueMs) await this.#carryOut(change, told, watched, nowMs);
    }
  }

  /** Whether targets are being altered for it just now. */
  isUnderWay(id: string): boolean {
    return this.#asked.open().some(asked => asked.id === id);
  }

  /** What each waits for. */
  get waiting(): RunNote[] {
    return this.#open().flatMap(({ told: { id, table, what } }) => {
      const watched = this.#watched.get(id);
      if (watched === undefined) return [];
      const { sinceMs, error } = watched;
      return [{ id, stage: this.#kind.stage, what, sinceMs, error, tables: [table] }];
    });
  }

  #open(): { change: T; told: OpenChange }[] {
    return this.#kind.open(this.#d.view).map(change => ({ change, told: this.#kind.told(change) }));
  }

  #watch(id: string, nowMs: number): Watched {
    const pauseMs = AGAIN.minMs / 2;
    const made = { sinceMs: nowMs, dueMs: nowMs + SINK_GRACE_MS, pauseMs, error: null };
    const watched = this.#watched.get(id) ?? made;
    this.#watched.set(id, watched);
    return watched;
  }

  async #carryOut(change: T, told: OpenChange, watched: Watched, nowMs: number): Promise<void> {
    const { log } = this.#d;
    const { id, table, column } = told;
    const { words } = this.#kind;
    const answer = this.#asked.ask(id, () => this.#kind.alter(this.#d, change));
    if (answer === null) return;
    this.#asked.forget(id);
    if ('error' in answer) {
      watched.error = describeError(answer.error);
      watched.pauseMs = Math.min(watched.pauseMs * 2, AGAIN.maxMs);
      watched.dueMs = nowMs + watched.pauseMs;
      log.warn({ table, column }, `${words.left}: ${watched.error}`);
      return;
    }
    await this.#kind.forget(this.#d, change);
    log.info({ table, column }, words.done);
  }
}

/** Rows are carried the other way, or are about to be. */
function isStill({ job, ruling }: TargetChangesDeps): boolean {
  return standsBy(job, ruling.cutoverRun) || isHalfWay(ruling.cutoverRun);
}
