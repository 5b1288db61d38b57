/** Starts one service in this process. Services are loaded when they are asked for. */

import { returnJob } from '../../../shared/job/return-job.ts';
import { type ServiceName, StoppedEarly } from '../../../shared/member/context.ts';
import { ReshardError, unreachable } from '../../../shared/runtime/error.ts';
import { countBuffersInHeap, keepYoungSmall } from '../../../shared/runtime/heap.ts';
import type { ControlOptions } from '../run-control.ts';
import type { WayBackMember } from './way-back-member.ts';

export const SERVICES: readonly ServiceName[] = [
  'control',
  'binlog',
  'snapshot',
  'sink',
  'checker',
];

type Run = (o: ControlOptions) => Promise<void>;

/** Services that the way back of a job has. */
const OF_WAY_BACK: readonly ServiceName[] = ['control', 'binlog', 'sink'];

/** What a member is started with. */
export interface HostOptions extends ControlOptions {
  jobFile: string;
}

/**
 * Runs the service of a job and that of its way back: whoever has members has them for both. They
 * share a process, but for the binlog service (way-back-member.ts). One that ends with an error
 * ends both: the process starts again as a whole.
 */
export async function host(name: ServiceName, run: Run, o: HostOptions): Promise<void> {
  if (returnJob(o.job) === null || !OF_WAY_BACK.includes(name)) return run(o);
  const ended = new AbortController();
  let away: string | null = null;
  const tell = (text: string | null): void => {
    away = text;
  };
  const signal = AbortSignal.any([o.signal, ended.signal]);
  const both = { ...o, signal, guestAway: () => away };
  const guest = { ...both, tell, onJoined: () => {} };
  const back = name === 'binlog' ? elsewhere(name, guest) : runWayBack(run, guest);
  const runs = [run(both), back].map(running =>
    running.catch(e => {
      ended.abort();
      throw e;
    }),
  );
  const outcomes = await Promise.allSettled(runs);
  const [first, second] = outcomes.flatMap(r => (r.status === 'rejected' ? [r.reason] : []));
  // The other one was only stopped before it began.
  const failure = first instanceof StoppedEarly ? (second ?? first) : first;
  if (failure !== undefined) throw failure;
}

async function elsewhere(name: ServiceName, o: WayBackMember): Promise<void> {
  await (await import('./way-back-member.ts')).keepWayBack(name, o);
}

/** Runs the service of the way back of a job in this process. */
export async function runWayBack(run: Run, o: ControlOptions): Promise<void> {
  const job = returnJob(o.job);
  if (job === null) throw new ReshardError('config', `${o.job.job} has no \`cutover.back\``);
  const log = o.log.child({ job: job.job });
  await run({ ...o, job, ruledBy: o.job, log, httpPort: null, createTargets: false });
}

/** Loads the code of a service, which takes most of the time of its start. */
export async function loadService(name: ServiceName): Promise<Run> {
  // The writer holds the largest buffers, of huge rows, which have to go at once; the checker reads
  // rows and logs on and on, and keeps next to nothing of them.
  if (name === 'checker') keepYoungSmall();
  else if (name !== 'binlog') countBuffersInHeap();
  switch (name) {
    case 'control':
      return (await import('../run-control.ts')).runControl;
    case 'binlog':
      return (await import('../../binlog/main.ts')).runBinlog;
    case 'snapshot':
      return (await import('../../snapshot/main.ts')).runSnapshot;
    case 'sink':
      return (await import('../../sink/main.ts')).runSink;
    case 'checker':
      return (await import('../../checker/main.ts')).runChecker;
    default:
      return unreachable(name);
  }
}
