/**
 * A dead letter: a record that blocks its key, on its way to the dead-letter topic. It is written
 * to the destination in the transaction that blocks the key, and leaves it when the topic has it.
 * So a crash at any place between the two publishes it later, perhaps twice, and a newer event of
 * the key, which ends the block, cannot make it be forgotten.
 */
import type { BlockReason, PartitionTask } from '../intake/partition-task.ts';
import type { Refusal } from '../intake/refusal.ts';

export interface DeadLetter {
  task: PartitionTask;
  offset: number;
  /** Key and value as they are in the log. */
  key: Buffer;
  value: Buffer | null;
  reason: BlockReason;
  why: Refusal;
  sinceMs: number;
}

/** Those that wait in a destination. Each call is a transaction of its own. */
export interface DeadLetterQueue {
  /** The oldest ones of a partition task, in the order of the log. */
  oldest(task: PartitionTask, most: number): Promise<DeadLetter[]>;
  remove(task: PartitionTask, offsets: readonly number[]): Promise<void>;
}
