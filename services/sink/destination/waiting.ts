/**
 * What a transaction does to the rows that wait (parked or blocked) and to the dead letters of its
 * partition tasks; the partition tasks take it over once it has committed. Bounded: too many
 * blocked keys in a partition task are no poisoned rows but a table that does not fit, and then the
 * partition task stops as a whole.
 */
import { createHash } from 'node:crypto';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { DeadLetter } from '../dead-letter/dead-letter.ts';
import type { BlockReason, PartitionTask } from '../intake/partition-task.ts';
import type { Refusal } from '../intake/refusal.ts';

export type ParkReason = 'unique' | 'owned' | BlockReason;

/** Waits for something that comes by itself; the other reasons block the key. */
export function isWaiting(reason: ParkReason): reason is 'unique' | 'owned' {
  return reason === 'unique' || reason === 'owned';
}

export interface ParkedRow {
  task: PartitionTask;
  /**
   * Canonical key bytes as latin1 text: the key in `partition task.parked` or `partition
   * task.blocked`.
   */
  key: string;
  offset: number;
  sinceMs: number;
  reason: ParkReason;
  /** Null if the row waits for its unique value. */
  why: Refusal | null;
  /** The record's whole value: whatever waits may yet become a dead letter. */
  value: Buffer;
}

/** A row that waits, read again: `row` is its Avro row by the table's present schema. */
export interface ReadRow extends ParkedRow {
  row: Buffer;
}

/** Blocked keys of a partition task. */
export const BLOCKED_MAX = 1000;
/** Dead letters of a partition task that its topic has not taken yet. */
const LETTERS_MAX = 5000;

export class WaitingChange {
  readonly parked: ParkedRow[] = [];
  readonly unparked: { task: PartitionTask; keys: readonly string[] }[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly #blockedMax: number;
  /** Blocked keys that a partition task has more than before; less if below zero. */
  readonly #blocked = new Map<PartitionTask, number>();
  readonly #posted = new Map<PartitionTask, number>();

  constructor(blockedMax: number) {
    this.#blockedMax = blockedMax;
  }

  get isEmpty(): boolean {
    return this.parked.length === 0 && this.unparked.length === 0;
  }

  /** Newer events of the keys came, or their rows went in. */
  unpark(task: PartitionTask, keys: readonly string[]): void {
    this.unparked.push({ task, keys });
    const blocked = keys.filter(k => task.blocked.has(k)).length;
    this.#blocked.set(task, (this.#blocked.get(task) ?? 0) - blocked);
  }

  /** The row waits; or its key was blocked, and is so for another reason now. */
  park(row: ParkedRow): void {
    this.parked.push(row);
  }

  /** The row's key is blocked; throws if that are too many. */
  block(row: ParkedRow, deadLetter: DeadLetter): void {
    const { task } = row;
    const more = (this.#blocked.get(task) ?? 0) + 1;
    if (task.blocked.size + more > this.#blockedMax) throw tooMany(row, this.#blockedMax);
    const deadLetters = (this.#posted.get(task) ?? 0) + 1;
    if (task.deadLetters + deadLetters > LETTERS_MAX) throw tooManyDeadLetters(row);
    this.#blocked.set(task, more);
    this.#posted.set(task, deadLetters);
    this.parked.push(row);
    this.deadLetters.push(deadLetter);
  }

  /** The target has committed it. */
  committed(): void {
    for (const { task, keys } of this.unparked) {
      for (const key of keys) {
        task.parked.delete(key);
        task.blocked.delete(key);
      }
    }
    for (const { task, key, sinceMs, offset, reason, why } of this.parked) {
      task.parked.delete(key);
      task.blocked.delete(key);
      const known = { sinceMs, offset };
      if (why === null) task.parked.set(key, known);
      else if (isWaiting(reason)) task.parked.set(key, { ...known, why });
      else task.blocked.set(key, { ...known, reason, why });
    }
    for (const [task, n] of this.#posted) task.deadLetters += n;
  }
}

function tooMany({ task, why }: ParkedRow, max: number): ReshardError {
  const text = `more than ${max} keys of a partition are blocked, the last one: ${why?.text}`;
  return new ReshardError(why?.kind === 'collision' ? 'collision' : 'target-data', text, {
    context: { table: task.table.name, partition: task.partition },
    remedy:
      why?.kind === 'collision'
        ? 'two sources have rows of the same keys (`reshard verify <job file>` finds all of them): ' +
          'give them other keys, or delete one of each; the rest is automatic'
        : 'make the target table like the source table; the rest is automatic',
  });
}

function tooManyDeadLetters({ task }: ParkedRow): ReshardError {
  return new ReshardError('target-data', `${LETTERS_MAX} dead letters wait for their topic`, {
    context: { table: task.table.name, partition: task.partition },
    remedy: 'look at why the dead-letter topic takes no records (`reshard topics <job file>`)',
  });
}

/** A key as it may be shown: the values in it may not. */
export function keyHash(key: string): string {
  return createHash('sha256').update(key, 'latin1').digest('hex');
}
