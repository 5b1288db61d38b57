/**
 * Makes the sources of a cutover writable again, each for itself: one that is away keeps no other
 * one frozen. Used by who froze them, and by the next control when that one has died; so it goes by
 * the record alone, and may be done any number of times.
 *
 * Who may: the session that froze a source has held its lock since, so that nobody has gone on from
 * there, and needs nothing else. A new session proves nothing: a control that was stopped would
 * open one when it wakes up, and lift what the control after it has frozen, its journal written. So
 * whoever lifts by a new one first writes the state under control's fence, with the lock in its
 * hands: a later leader ends that session before it freezes anything.
 */
import type { CutoverRun, FrozenSource, Way } from '../../../shared/job/state/cutover.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { CutoverSite, Fence } from './site.ts';

export interface UndoDeps {
  site: Pick<CutoverSite, 'fence'>;
  log: Logger;
  /** Durable, and under control's fence: throws when another control leads. */
  put(run: CutoverRun): Promise<void>;
}

/**
 * `run`: as it is in the state. Throws if a source could not be reached; the others are writable by
 * then. Answers what is left to the operator: servers that are not there any more.
 */
export async function liftAll(
  d: UndoDeps,
  run: CutoverRun,
  fences: readonly Fence[] = [],
): Promise<string[]> {
  const ended = await Promise.allSettled(
    run.sources.map(s =>
      lift(
        d,
        run,
        s,
        fences.find(f => f.source === s.source),
      ),
    ),
  );
  const left: string[] = [];
  for (const e of ended) {
    if (e.status === 'rejected') throw e.reason;
    if (e.value !== null) left.push(e.value);
  }
  return left;
}

/** What is said of a cutover that was undone, the worst first. */
export function undoneText(why: string, left: readonly string[], way: Way): string {
  const who = way === 'over' ? 'sources' : 'targets';
  return left.length === 0
    ? `the ${who} take writes: ${why}`
    : [...left, `the other ${who} take writes: ${why}`].join('\n');
}

async function lift(
  d: UndoDeps,
  run: CutoverRun,
  frozen: FrozenSource,
  fence: Fence | undefined,
): Promise<string | null> {
  if (fence !== undefined) {
    try {
      return await liftBy(fence, frozen);
    } catch (e) {
      d.log.warn({ source: frozen.source }, `undone by another session: ${e}`);
    }
  }
  await using fresh = await d.site.fence(frozen.source, frozen);
  await d.put(run);
  return await liftBy(fresh, frozen);
}

/**
 * Another server at that address was not frozen by us: it may be read-only for a good reason. What
 * is signed has come there by replication, and would refuse writes for ever.
 */
async function liftBy(
  fence: Fence,
  { source, serverUuid, persisted }: FrozenSource,
): Promise<string | null> {
  const now = await fence.look();
  const isSame = now.serverUuid === serverUuid;
  if (isSame || fence.isSigned) await fence.lift(persisted);
  if (isSame) return null;
  const done = fence.isSigned ? 'which takes writes' : 'which was left as it is';
  return (
    `${source} is another server by now (${now.serverUuid}), ${done}; the one ` +
    `that was frozen (${serverUuid}) may still be: ${fence.byHand}`
  );
}
