/** How much of its machine a process wants, where others want it too. */
import os from 'node:os';
import { describeError } from './error.ts';
import type { Logger } from './log.ts';

/**
 * From now on this process takes what others leave, and a tenth of an equal share where they leave
 * nothing: it becomes slow, and never stands still. So it is among processes that the system shares
 * the processor out between one by one; containers have shares of their own.
 */
export function letOthersGoFirst(log: Pick<Logger, 'warn'>): void {
  const wanted = os.constants.priority.PRIORITY_BELOW_NORMAL;
  try {
    // Whoever has started it at a lower one has had a reason.
    if (os.getPriority() < wanted) os.setPriority(wanted);
  } catch (e) {
    log.warn(`runs at the priority of all others: ${describeError(e)}`);
  }
}
