/** When a worker has to do something next, if nothing new comes. */
import type { Step } from '../intake/batch.ts';
import type { PartitionTask } from '../intake/partition-task.ts';

/** A worker without work looks around this often. */
export const IDLE_MS = 1000;
/** The offset row follows records that are not for this target this much later at most. */
export const LAZY_MS = 200;

/** 0 if the steps must be written now; else how long they, or nothing at all, may wait. */
export function writeWaitMs(steps: readonly Step[], now: number): number {
  if (steps.length === 0) return IDLE_MS;
  let wait = LAZY_MS;
  for (const { rows, error, task } of steps) {
    if (rows > 0 || error !== null) return 0;
    wait = Math.min(wait, task.writtenAt + LAZY_MS - now);
  }
  return Math.max(0, Math.ceil(wait));
}

/** How long until the first partition task that stopped is tried again. */
export function retryWaitMs(tasks: Iterable<PartitionTask>, now: number): number {
  let wait = IDLE_MS;
  for (const { state, retryAt } of tasks) {
    if (state === 'running' || state === 'closed') continue;
    wait = Math.min(wait, Math.max(1, retryAt - now));
  }
  return wait;
}
