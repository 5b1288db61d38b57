/** What brakes copy and checks, as text of `reshard throttle` and `reshard status`. */
import type { Job } from '../../../shared/job/job.ts';
import { windowText } from '../../../shared/job/state/daily-window.ts';
import { BRAKES, type Limit, type Pause } from '../../../shared/job/state/throttle.ts';
import type { BrakeStatus, ThrottleStatus } from '../status/throttle-status.ts';
import { count, duration } from './number-text.ts';

export function throttleText(
  status: ThrottleStatus,
  pauses: readonly Pause[],
  { options }: Pick<Job, 'options'>,
): string[] {
  const { limits, brakes } = status;
  const ofFile = options.snapshotRowsPerSecond;
  const set = limits.map(limitText);
  if (ofFile > 0) set.push(`${count(ofFile)} rows a second of each source (by the job file)`);
  const spent = spentText(status);
  const reasons = pauses.map(p => p.reason).join(', ');
  const later =
    reasons === '' ? '' : ` (there is nothing to copy; the next copy is paused: ${reasons})`;
  return [
    ...(set.length === 0 ? ['no limit is set'] : set.map(text => `limit: ${text}`)),
    ...(brakes.length === 0 ? [`nothing is braked now${later}`] : brakes.map(brakeText)),
    ...(spent === null ? [] : [spent]),
  ];
}

/** What each reason has cost so far; null if none has. */
export function spentText({ spentSeconds }: Pick<ThrottleStatus, 'spentSeconds'>): string | null {
  const spent = BRAKES.filter(reason => spentSeconds[reason] > 0);
  if (spent.length === 0) return null;
  const times = spent.map(reason => `${reason} ${duration(1000 * spentSeconds[reason])}`);
  return `braked so far: ${times.join(', ')}`;
}

export function brakeText({ reason, work, copy, sinceMs, why, lifts }: BrakeStatus): string {
  const since = `${new Date(sinceMs).toISOString()}, ${duration(Date.now() - sinceMs)}`;
  const because = why === '' ? '' : `: ${why}`;
  return `${work} ${copy} by ${reason}${because} (since ${since}); lifted by ${lifts}`;
}

function limitText({ name, value, by, sinceMs }: Limit): string {
  const set = `(by ${by}, since ${new Date(sinceMs).toISOString()})`;
  if (name === 'rows') return `rows=${value}: rows a second of the job, over all members ${set}`;
  if (name === 'window') {
    return `window=${windowText(value)}: hours in which copy and checks may run ${set}`;
  }
  if (name === 'check-rows') return `check-rows=${value}: rows a second of a check ${set}`;
  if (name === 'max-lag') return `max-lag=${value}: records that a target may be behind ${set}`;
  if (name === 'max-threads') return `max-threads=${value}: running on a source or target ${set}`;
  if (name === 'max-replica-lag') {
    return `max-replica-lag=${value}: seconds that a replica may be behind ${set}`;
  }
  return `${name}=${value}: not of this version ${set}`;
}
