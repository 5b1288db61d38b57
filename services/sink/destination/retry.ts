/**
 * Tries to put waiting rows of a worker's partition tasks back: parked ones all the time, since the
 * event that makes room may come at any moment; those of blocked keys at the start and then with
 * growing pauses, since only the operator can mend the destination.
 */
import type { ReshardError } from '../../../shared/runtime/error.ts';
import { unreachable } from '../../../shared/runtime/error.ts';
import type { PartitionTask } from '../intake/partition-task.ts';
import { IDLE_MS } from './due.ts';
import type { DestinationSession, RetryAttempt } from './port.ts';

const PARK_RETRY_MS = 75;
/** After a batch, which may have made room, parked rows are tried this soon. */
const PARK_PAUSE_MS = 10;
/** Rows of a partition task that are tried at once. */
const RETRY_KEYS = 100;

export interface RetryOptions {
  /** Pauses between attempts at blocked keys. */
  blockedMinMs: number;
  blockedMaxMs: number;
  /** At least one of the partition tasks has another owner. */
  onFenced: (session: DestinationSession, tasks: readonly PartitionTask[]) => Promise<void>;
  onRefused: (task: PartitionTask, error: ReshardError) => void;
  onCommitted: () => void;
}

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
  async turn(session: DestinationSession, all: Iterable<PartitionTask>): Promise<number> {
    const tasks = [...all].filter(l => l.state === 'running');
    const parked = tasks.filter(l => l.parked.size > 0);
    const blocked = tasks.filter(l => l.blocked.size > 0);
    const parkMs = await this.#retryParked(session, parked);
    const now = performance.now();
    for (const task of blocked.filter(l => l.state === 'running' && l.retryBlockedAt <= now)) {
      await this.#retryBlocked(session, task);
    }
    const next = blocked.map(l => l.retryBlockedAt - performance.now());
    return Math.max(1, Math.min(parkMs, ...next));
  }

  async #retryParked(session: DestinationSession, tasks: PartitionTask[]): Promise<number> {
    if (tasks.length === 0) return IDLE_MS;
    const wait = this.#parkedAt - performance.now();
    if (wait > 0) return wait;
    this.#turn += RETRY_KEYS;
    await this.#attempt(session, { tasks, was: 'parked', keysOf: task => this.#someOf(task) });
    this.#parkedAt = performance.now() + PARK_RETRY_MS;
    return PARK_RETRY_MS;
  }

  /** All blocked keys of the partition task, in transactions of a bounded size. */
  async #retryBlocked(session: DestinationSession, task: PartitionTask): Promise<void> {
    const { blockedMinMs, blockedMaxMs } = this.#o;
    const before = task.blocked.size;
    const keys = [...task.blocked.keys()];
    for (let i = 0; i < keys.length && task.state === 'running'; i += RETRY_KEYS) {
      const some = keys.slice(i, i + RETRY_KEYS);
      await this.#attempt(session, { tasks: [task], was: 'blocked', keysOf: () => some });
    }
    // What took one row may take the others soon.
    const isMending = task.blocked.size < before;
    const next = isMending ? blockedMinMs : Math.max(task.retryBlockedMs * 2, blockedMinMs);
    task.retryBlockedMs = Math.min(next, blockedMaxMs);
    task.retryBlockedAt = performance.now() + task.retryBlockedMs;
  }

  async #attempt(session: DestinationSession, attempt: RetryAttempt): Promise<void> {
    const answer = await session.retry(attempt);
    switch (answer.outcome) {
      case 'nothing':
        return;
      case 'applied':
        for (const change of answer.changes) change.committed();
        this.#o.onCommitted();
        return;
      case 'fenced':
        return await this.#o.onFenced(session, attempt.tasks);
      case 'refused':
        if (answer.task !== null) return this.#o.onRefused(answer.task, answer.error);
        throw answer.error;
      default:
        return unreachable(answer);
    }
  }

  /** Some parked keys of a partition task, others each time. */
  #someOf(task: PartitionTask): string[] {
    const all = [...task.parked.keys()];
    const first = this.#turn % all.length;
    return [...all.slice(first), ...all.slice(0, first)].slice(0, RETRY_KEYS);
  }
}
