/**
 * `reshard throttle` as a use case: what the operator has written about limits, and the request that
 * control carries out. A pause is another matter (pause.ts): it needs no control.
 */
import type { Job } from '../../../shared/job/job.ts';
import { parseWindow } from '../../../shared/job/state/daily-window.ts';
import { stateKey } from '../../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import { LIMITS, type LimitName, type RetuneRequest } from '../../../shared/job/state/throttle.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { JobLink } from './job-handle.ts';
import { operator } from './operator.ts';

const LOOK_MS = 100;
const REMEDY =
  `limits: ${LIMITS.join(', ')}; ` +
  'for example --set rows=5000,max-lag=100000,window=22:00-06:00 (hours of the day, UTC)';

export type LimitChange = Pick<RetuneRequest, 'set' | 'clear'>;

/** `rows=5000,window=22:00-06:00` and `max-lag`; null if there is nothing to change. */
export function limitChange(
  set: string | undefined,
  clear: string | undefined,
): LimitChange | null {
  const change: LimitChange = { set: {}, clear: [] };
  for (const part of parts(set)) {
    const [name = '', value = '', ...more] = part.split('=').map(text => text.trim());
    const known = limitName(name, '--set');
    const number = known === 'window' ? parseWindow(value) : wholeNumber(value);
    if (more.length > 0 || number === null) {
      const stop = known === 'rows' && value === '0' ? '--pause stops the copy; ' : '';
      const wanted =
        known === 'window' ? 'two times of a day, HH:MM-HH:MM' : 'a whole number above 0';
      throw wrong(`--set ${part}: not ${wanted}`, stop + REMEDY);
    }
    if (change.set[known] !== undefined) throw wrong(`--set names ${known} twice`, REMEDY);
    change.set[known] = number;
  }
  for (const part of parts(clear)) {
    const known = limitName(part.trim(), '--clear');
    if (change.set[known] !== undefined) throw wrong(`${known} is set and cleared at once`, REMEDY);
    change.clear.push(known);
  }
  return set === undefined && clear === undefined ? null : change;
}

/** A limit of what nobody could ever measure would hold nothing, in silence. */
export function refuseUnmeasured(job: Job, { set }: LimitChange): void {
  if (set['max-replica-lag'] === undefined) return;
  if (job.replicas.length > 0 || job.sources.some(s => s.replica !== undefined)) return;
  throw wrong('max-replica-lag: the job file names no replica', 'name them under `replicas`');
}

/** Asks control for the change; false when the time is up: it is carried out when one leads. */
export async function retune(
  { requests, view }: Pick<JobLink, 'requests' | 'view'>,
  change: LimitChange,
  isOver: () => boolean,
  by = operator(),
): Promise<boolean> {
  const request = { id: requestId('retune'), requestedMs: Date.now(), by, ...change };
  const key = stateKey.retune(request.id);
  // Before it is sent: control may have removed it again when the sending returns.
  view.apply(key, { ...NO_RECORD, retune: request });
  await requests.retune(request);
  while (view.retunes.has(request.id)) {
    if (isOver()) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

function wholeNumber(text: string): number | null {
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}

function parts(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',');
}

function limitName(name: string, option: string): LimitName {
  const known = LIMITS.find(limit => limit === name);
  if (known === undefined) throw wrong(`${option}: "${name}" is not a limit of the copy`, REMEDY);
  return known;
}

function wrong(what: string, remedy: string): ReshardError {
  return new ReshardError('config', what, { remedy });
}
