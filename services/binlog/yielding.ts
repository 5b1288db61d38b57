/**
 * How much of its machine the capture of a way back takes. Until the application has gone over for
 * the first time nobody waits for it but the streaming check, whose proof may be older for a while;
 * rows that come to the targets later cost more. So it lets others go first. There is an end to
 * that: a log of the targets that is purged before it is read is a way back that is lost.
 *
 * A priority that was given up is not had back (shared/runtime/priority.ts): a process that has to
 * come to the front again ends, and is started anew.
 */
import { isGoneOver } from '../../shared/job/state/cutover.ts';
import type { ServiceContext } from '../../shared/member/context.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { letOthersGoFirst } from '../../shared/runtime/priority.ts';

/** On a machine that is never idle the log falls behind by so much, then it catches up. */
const BEHIND_MAX_S = 300;
/** The log has all of the targets, or will have it in a moment. */
const CAUGHT_UP_S = 10;
const LOOK_MS = 500;

export interface Standing {
  /** The application is, or has been, where the log is of. */
  isGoneOver: boolean;
  /** Of the source that is most behind; null: nothing is known, or this member has none. */
  lagSeconds: number | null;
}

/** Whether a process may let others go first, and if it does already, whether it may go on so. */
export function mayYield({ isGoneOver, lagSeconds }: Standing, yields: boolean): boolean {
  if (isGoneOver) return false;
  if (lagSeconds === null) return yields;
  return lagSeconds < (yields ? BEHIND_MAX_S : CAUGHT_UP_S);
}

/** Lets others go first while it may; resolves when it has to begin anew, or at the signal. */
export async function yieldWhileBehind(
  { ruling, log }: Pick<ServiceContext, 'ruling' | 'log'>,
  lagSeconds: () => number | null,
  signal: AbortSignal,
): Promise<void> {
  let yields = false;
  while (!signal.aborted) {
    const may = mayYield(
      { isGoneOver: isGoneOver(ruling.cutoverRun), lagSeconds: lagSeconds() },
      yields,
    );
    if (may && !yields) {
      yields = true;
      await letOthersGoFirst(log);
    }
    if (!may && yields) {
      log.info('others have gone first: begins anew, at the priority of all');
      return;
    }
    await sleep(LOOK_MS, signal);
  }
}
