/** How much of its machine a process wants, where others want it too. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { until } from './clock.ts';
import { describeError } from './error.ts';
import type { Logger } from './log.ts';

/** Of a process that lets others go first. */
const BEHIND = os.constants.priority.PRIORITY_BELOW_NORMAL;
const THREADS = '/proc/self/task';
/** Linux: the session of this process, as the scheduler sees it. */
const SESSION = '/proc/self/autogroup';

/**
 * From now on this process takes what others leave, and a tenth of an equal share where they leave
 * nothing: it becomes slow, and never stands still. So it is among processes that the system shares
 * the processor out between one by one; containers have shares of their own. There is no way back:
 * few processes may take a higher priority than they have.
 */
export async function letOthersGoFirst(log: Pick<Logger, 'warn'>): Promise<void> {
  try {
    for (const thread of threads()) {
      // Whoever has started it at a lower one has had a reason.
      if (os.getPriority(thread) < BEHIND) os.setPriority(thread, BEHIND);
    }
    if (existsSync(SESSION) && isOwnSession()) await lowerSession();
  } catch (e) {
    log.warn(`runs at the priority of all others: ${describeError(e)}`);
  }
}

/** On Linux each thread has a priority of its own, and those that collect garbage run already. */
function threads(): number[] {
  return existsSync(THREADS) ? readdirSync(THREADS).map(Number) : [0];
}

/**
 * Linux shares the processor out between sessions first, and only then, by their priorities,
 * between the processes of each: beside servers that were started elsewhere the priority of a
 * process says nothing, that of its session does (sched(7), "The autogroup feature").
 */
async function lowerSession(): Promise<void> {
  if (Number(/nice (-?\d+)/.exec(readFileSync(SESSION, 'utf8'))?.[1]) >= BEHIND) return;
  await until(async () => lowered(), {
    ...{ timeoutMs: 5000, everyMs: 100, what: 'the session to let others go first' },
  });
}

/** The system takes ten such words a second, from all of its processes together. */
function lowered(): true | undefined {
  try {
    writeFileSync(SESSION, String(BEHIND));
    return true;
  } catch (e) {
    if (e instanceof Error && 'code' in e && e.code === 'EAGAIN') return undefined;
    throw e;
  }
}

/** One that other processes are in may not be lowered for them. */
function isOwnSession(): boolean {
  // Behind the name, which may hold anything: state, parent, group, session.
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return Number(fields[3]) === process.pid;
}
