/**
 * What comes behind the journal of a cutover with a way back: the servers that the application has
 * left go on taking the writes of one, our sink, which carries what the application writes now.
 *
 *   [record: journal] -> sinks of the leg before are shut out, on every server that they wrote to
 *                     -> each server that the application has left lets our sink through, and an
 *                        ordinary account is refused still
 *                     -> [record: the leg is open], by which the sinks of the other way begin
 *
 * In this order no sink of before can meet a record that the other way has made. Each step may be
 * done again: a control that dies here leaves it to the next, and the application does not wait.
 */
import type { CutoverRun } from '../../../shared/job/state/cutover.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import { refusedAt } from './attempt.ts';
import type { CutoverSite } from './site.ts';
import { liftAll, type UndoDeps } from './undo.ts';

export interface TurnDeps {
  /** Of the way that the application has gone. */
  site: Pick<CutoverSite, 'fence' | 'probe' | 'shutOut'>;
  /** Durable, and under control's fence: throws when another control leads. */
  put(run: CutoverRun): Promise<void>;
}

/** Answers the run with its leg open. */
export async function openLeg({ site, put }: TurnDeps, run: CutoverRun): Promise<CutoverRun> {
  const { leg, sources } = run;
  if (leg === null) throw new ReshardError('bug', 'a cutover without a way back has no leg');
  await site.shutOut(leg.number);
  failpoint(FAILPOINTS.cutoverAfterShutOut);
  for (const frozen of sources) {
    await using fence = await site.fence(frozen.source, frozen);
    // By a new session nobody changes a fence without a record that Kafka has taken: see undo.ts.
    await put(run);
    const now = await fence.look();
    if (now.serverUuid !== frozen.serverUuid) {
      throw new ReshardError('server-setting', `${frozen.source} is another server by now`, {
        context: { now: now.serverUuid, frozen: frozen.serverUuid },
        remedy: 'lead its address to the server that was frozen; there is no way back without it',
      });
    }
    await fence.letSinkThrough();
    await refusedAt(site, frozen);
  }
  failpoint(FAILPOINTS.cutoverBeforeLeg);
  const next = { ...run, leg: { ...leg, isOpen: true }, why: null };
  await put(next);
  return next;
}

/**
 * The servers that the application comes back to take its writes again; before the open command.
 * Answers what is left to the operator.
 */
export function thaw(d: UndoDeps, run: CutoverRun): Promise<string[]> {
  return liftAll({ ...d, put: () => d.put(run) }, { ...run, sources: run.thaws });
}
