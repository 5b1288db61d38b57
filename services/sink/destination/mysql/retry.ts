/**
 * Tries to put waiting rows of a worker's partition tasks back: parked ones all the time, since the
 * event that makes room may come at any moment; those of blocked keys at the start and then with
 * growing pauses, since only the operator can mend the target. In transactions that hold the offset
 * rows.
 */
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { asReshardError, ReshardError } from '../../../../shared/runtime/error.ts';
import type { PartitionTask } from '../../intake/partition-task.ts';
import type { Applier } from './apply.ts';
import { IDLE_MS } from './due.ts';
import { advanced } from './offset.ts';
import { isOfData, refused } from './refusal.ts';
import type { Target } from './target.ts';
import type { WaitingChange } from './waiting.ts';

const PARK_RETRY_MS = 75;
/** After a batch, which may have made room, parked rows are tried this soon. */
const PARK_PAUSE_MS = 10;
/** Rows of a partition task that are tried at once. */
const RETRY_KEYS = 100;

export interface RetryOptions {
  target: Target;
  /** Pauses between attempts at blocked keys. */
  blockedMinMs: number;
  blockedMaxMs: number;
  /** The partition tasks' offset rows are not as they were. */
  onFenced: (session: MysqlSession, tasks: readonly PartitionTask[]) => Promise<void>;
  /** True if the error passes: a deadlock. */
  isPassing: (e: unknown) => Promise<boolean>;
  onRefused: (task: PartitionTask, error: ReshardError) => void;
  onCommitted: () => void;
}

type Was = 'parked' | 'blocked';

export class Retry {
  readonly #o: RetryOptions;
  #parkedAt = 0;
  #turn = 0;

  constructor(o: RetryOptions) {
    this.#o = o;
  }

  /** A transaction was committed. */
  hasRoom(now: number): void {
    this.#parkedAt = Math.min(this.#parkedAt, now + PARK_PAUSE_MS);
  }

  /** Tries what is due; returns when to come again. */
  async turn(
    session: MysqlSession,
    applier: Applier,
    all: Iterable<PartitionTask>,
  ): Promise<number> {
    const tasks = [...all].filter(l => l.state === 'running');
    const parked = tasks.filter(l => l.parked.size > 0);
    const blocked = tasks.filter(l => l.blocked.size > 0);
    const parkMs = await this.#retryParked(session, applier, parked);
    const now = performance.now();
    for (const task of blocked.filter(l => l.state === 'running' && l.retryBlockedAt <= now)) {
      await this.#retryBlocked(session, applier, task);
    }
    const next = blocked.map(l => l.retryBlockedAt - performance.now());
    return Math.max(1, Math.min(parkMs, ...next));
  }

  async #retryParked(
    session: MysqlSession,
    applier: Applier,
    tasks: PartitionTask[],
  ): Promise<number> {
    if (tasks.length === 0) return IDLE_MS;
    const wait = this.#parkedAt - performance.now();
    if (wait > 0) return wait;
    this.#turn += RETRY_KEYS;
    await this.#attempt(session, applier, tasks, 'parked', task => this.#someOf(task));
    this.#parkedAt = performance.now() + PARK_RETRY_MS;
    return PARK_RETRY_MS;
  }

  /** All blocked keys of the partition task, in transactions of a bounded size. */
  async #retryBlocked(session: MysqlSession, applier: Applier, task: PartitionTask): Promise<void> {
    const { blockedMinMs, blockedMaxMs } = this.#o;
    const before = task.blocked.size;
    const keys = [...task.blocked.keys()];
    for (let i = 0; i < keys.length && task.state === 'running'; i += RETRY_KEYS) {
      const some = keys.slice(i, i + RETRY_KEYS);
      await this.#attempt(session, applier, [task], 'blocked', () => some);
    }
    // What took one row may take the others soon.
    const isMending = task.blocked.size < before;
    const next = isMending ? blockedMinMs : Math.max(task.retryBlockedMs * 2, blockedMinMs);
    task.retryBlockedMs = Math.min(next, blockedMaxMs);
    task.retryBlockedAt = performance.now() + task.retryBlockedMs;
  }

  /** One transaction; rolled back if nothing came of it. */
  async #attempt(
    session: MysqlSession,
    applier: Applier,
    tasks: readonly PartitionTask[],
    was: Was,
    keysOf: (task: PartitionTask) => readonly string[],
  ): Promise<void> {
    const stands = tasks.map(task => ({ ...task.position, task }));
    const changes: WaitingChange[] = [];
    let [current] = tasks;
    try {
      await this.#o.target.offsets.compareAndSet(session, stands);
      for (const task of tasks) {
        current = task;
        const change = await applier.retry(task, keysOf(task), was);
        if (!change.isEmpty) changes.push(change);
      }
      if (changes.length === 0) {
        await session.rawQuery('ROLLBACK');
        return;
      }
      await applier.commit();
      for (const stand of stands) stand.task.position = advanced(stand);
      for (const change of changes) change.committed();
      this.#o.onCommitted();
    } catch (e) {
      if (!session.alive) throw e;
      await session.rawQuery('ROLLBACK');
      if (e instanceof ReshardError && e.kind === 'fenced') {
        return await this.#o.onFenced(session, tasks);
      }
      if (await this.#o.isPassing(e)) return;
      if (!isOfData(e) || current === undefined) throw e;
      this.#o.onRefused(current, refused(asReshardError(e), current, this.#o.target.name));
    }
  }

  /** Some parked keys of a partition task, others each time. */
  #someOf(task: PartitionTask): string[] {
    const all = [...task.parked.keys()];
    const first = this.#turn % all.length;
    return [...all.slice(first), ...all.slice(0, first)].slice(0, RETRY_KEYS);
  }
}
