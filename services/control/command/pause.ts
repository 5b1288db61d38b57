/**
 * The use cases pause and resume: reasons for the copy to stand still. They are a set, each one a
 * record of its own in the state topic, so an operator cannot lift what another has asked for, and
 * control, which writes the job's record, cannot overwrite either. They outlive us all.
 */
import { stateKey } from '../../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import type { Pause } from '../../../shared/job/state/throttle.ts';
import type { JobLink } from './job-handle.ts';
import { operator } from './operator.ts';

type Link = Pick<JobLink, 'requests' | 'view'>;

/** Adds a reason; one that is there already keeps its age and who asked for it. */
export async function pause({ requests, view }: Link, reason: string, by?: string): Promise<void> {
  if (view.pauses.has(reason)) return;
  const made: Pause = { reason, sinceMs: Date.now(), by: by ?? operator() };
  await requests.pause(made);
  view.apply(stateKey.pause(reason), { ...NO_RECORD, pause: made });
}

/** Lifts one reason, or with null all of them; false if there is no such reason. */
export async function resume({ requests, view }: Link, reason: string | null): Promise<boolean> {
  if (reason !== null && !view.pauses.has(reason)) return false;
  for (const each of reason === null ? [...view.pauses.keys()] : [reason]) {
    await requests.lift(each);
    view.apply(stateKey.pause(each), null);
  }
  return true;
}
