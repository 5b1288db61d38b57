/**
 * What the sink needs of a place that rows go to; `mysql/` is its first implementation. The worker
 * beside this file drives it and knows nothing of SQL, connections or error numbers.
 *
 * Duplicates. The log is delivered at least once, and batches are folded by key. A destination
 * makes of it exactly once: `apply` takes rows, position and what waits together or not at all
 * ('atomic-position'); one that cannot do that must compare the version of each row it writes with
 * the one it has, and the position may only ever be behind the rows ('versioned-upsert').
 *
 * Fences. A position has a revision, a fencing token. `claim` raises it: from the moment the claim
 * is durable, every `apply` and `retry` of an earlier owner of the partition task is refused as
 * 'fenced', also one that was under way. Nobody else fences: leases of the consumer group only say
 * who should work.
 *
 * Concurrency. A session is used by one worker, one call at a time. Several sessions, of this and
 * of other members, work on the same tables at once, on partition tasks of their own; keys of
 * different partition tasks may meet in a unique value, or as keys of two sources, and the
 * destination must keep every row then: it parks what cannot be in its table yet.
 *
 * Durability. What `apply`, `retry` and `claim` answer is durable. If they throw, the session is
 * done for and it is not known whether its last transaction happened: the worker opens a new one,
 * claims again, and reads from what the destination says. It never reasons about it.
 *
 * What others may know of a target (checker, status, doctor) they read by shared/mysql/
 * target-state.ts, which is the only other place that knows these tables.
 */
import type { ReshardError } from '../../../shared/runtime/error.ts';
import type { DeadLetterQueue } from '../dead-letter/dead-letter.ts';
import type { Batch } from '../intake/batch.ts';
import type { PartitionTask, TaskPosition, Waiting } from '../intake/partition-task.ts';
import type { WaitingChange } from './waiting.ts';

export interface Destination {
  /** Number of the target in the job; partition tasks name it. */
  readonly number: number;
  readonly name: string;
  readonly guarantee: 'atomic-position' | 'versioned-upsert';
  /** A session on a destination that has all that the sink keeps there. */
  open(limits: SessionLimits): Promise<DestinationSession>;
}

export interface SessionLimits {
  /** Keys of a partition task that may be blocked; with more it is refused as a whole. */
  blockedKeys: number;
  /** A row that waits longer for another source to let go of its key is a collision. */
  parkDeadlineMs: number;
}

export interface DestinationSession {
  readonly deadLetters: DeadLetterQueue;
  /**
   * Takes partition tasks over: looks at their tables, fences earlier owners, tells where they
   * stand. Those whose table does not fit are `unfit`.
   */
  claim(tasks: readonly PartitionTask[]): Promise<Claims>;
  /** Rows, positions and what waits: all of it, or an answer that says why nothing of it. */
  apply(batch: Batch): Promise<Applied>;
  /** Tries to put rows that wait back, all parked or all of blocked keys. */
  retry(attempt: RetryAttempt): Promise<Applied>;
  /** Where partition tasks stand, whoever owns them. */
  positions(tasks: readonly PartitionTask[]): Promise<ReadonlyMap<PartitionTask, TaskPosition>>;
  /** Said by a worker without work, so that the destination does not take it for dead. */
  signOfLife(): Promise<void>;
  close(): Promise<void>;
  /** At once, whatever is under way. */
  destroy(): void;
}

export interface Claim {
  task: PartitionTask;
  position: TaskPosition;
  waiting: Waiting;
}

export interface Claims {
  claims: Claim[];
  unfit: { task: PartitionTask; error: ReshardError }[];
}

export interface RetryAttempt {
  tasks: readonly PartitionTask[];
  was: 'parked' | 'blocked';
  keysOf: (task: PartitionTask) => readonly string[];
}

export type Applied =
  /** Durable; the partition tasks' positions follow by `change`, which is theirs to take over. */
  | { outcome: 'applied'; changes: readonly WaitingChange[]; attempts: number }
  /** It passed (a deadlock), or there was nothing to do: nothing has changed. */
  | { outcome: 'nothing' }
  /** At least one of the partition tasks has another owner. */
  | { outcome: 'fenced' }
  /** The destination refuses data of it, and not single rows, which it would have blocked. */
  | { outcome: 'refused'; error: ReshardError; task: PartitionTask | null };
