/**
 * Between `reshard up` and the services that it starts (and a member and that of the way back, which
 * it starts): it hands each the job that it has read,
 * since the code that validates a file takes long to load; a service tells that its code is loaded,
 * so that another's can be, that it has joined the job, and why it has ended. The channel itself
 * tells each that the other is gone.
 */
import type { ChildProcess } from 'node:child_process';
import type { Job } from '../../../shared/job/job.ts';
import { DRAIN_MS } from './child-end.ts';
import { EXIT } from './exit-code.ts';
import type { ToldError } from './json-error.ts';

/** An error, as `--json` shows it, is the last that a service says. */
export type ChildMessage = 'loaded' | 'joined' | { error: ToldError };

/** In the environment of a service that is handed its job. */
const IS_HANDED = 'RESHARD_JOB_IS_HANDED';

/** Of `reshard service`: the member of the way back alone, as a member starts it. */
export const WAY_BACK_FLAG = '--way-back';

/** What is added to the environment of a child that `handJob` is called for. */
export const HANDED_ENV = { [IS_HANDED]: '1' };

/** Without a job, as of a file that is wrong by now, the service reads the file and says so. */
export function handJob(child: ChildProcess, job: Job | null): void {
  // One that could not be started has no channel; who is gone needs no job.
  if (child.connected) child.send({ job }, () => {});
}

/** The job that the parent has read; null if it has none for us, or is no `reshard up`. */
export function handedJob(): Promise<Job | null> {
  if (!process.connected || process.env[IS_HANDED] === undefined) return Promise.resolve(null);
  return new Promise(resolve => {
    process.once('message', ({ job }: { job: Job | null }) => resolve(job && Object.freeze(job)));
    process.once('disconnect', () => resolve(null));
  });
}

/**
 * Does nothing in a service that was started by itself. While code is loaded nobody hears that the
 * parent has ended: the word that does not arrive is no error, `parentGone` tells of it.
 */
export function tellParent(message: ChildMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/**
 * Aborted when the parent has ended, however that happened. Nobody is left to kill us then: who has
 * not drained by the time that a parent gives ends all the same.
 */
export function parentGone(drainMs = DRAIN_MS): AbortSignal {
  const gone = new AbortController();
  const end = (): void => {
    gone.abort();
    setTimeout(() => process.exit(EXIT.failed), drainMs).unref();
  };
  if (process.connected) process.once('disconnect', end);
  // It ended while we were loading.
  else if (process.env[IS_HANDED] !== undefined) end();
  return gone.signal;
}
