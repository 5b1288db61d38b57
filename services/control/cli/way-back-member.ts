/**
 * The member of the way back of a job's binlog service, in a process of its own: what it reads of
 * the targets' logs must not wait in front of what the member itself reads of the sources, nor
 * take the processor from it (services/binlog/yielding.ts). It belongs to the member all the same:
 * it is started by it and ends with it, however that happens, and nobody has to know of it.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job } from '../../../shared/job/job.ts';
import type { ServiceName } from '../../../shared/member/context.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { ended } from './child-end.ts';
import { type ChildMessage, HANDED_ENV, handJob, WAY_BACK_FLAG } from './child-message.ts';
import { EXIT } from './exit-code.ts';
import type { ToldError } from './json-error.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const RESTART_MS = 1000;

export interface WayBackMember {
  job: Job;
  jobFile: string;
  log: Logger;
  signal: AbortSignal;
  /** Told why none is at work, and null when one is. */
  tell: (away: string | null) => void;
  /** What is run; for tests. */
  main?: string;
}

/**
 * Until the signal: a member that dies is started again, and one that wants to begin anew is at
 * once. Throws what a member says that would meet the same again.
 */
export async function keepWayBack(service: ServiceName, o: WayBackMember): Promise<void> {
  while (!o.signal.aborted) {
    const { exit, why } = await oneMember(service, o);
    if (o.signal.aborted) return;
    if (exit === EXIT.config || exit === EXIT.blocked) throw asTold(why);
    if (exit === EXIT.ok) continue;
    o.tell(`ended with code ${exit}, starts again`);
    o.log.warn({ service, exit }, 'the member of the way back ended, starting it again');
    await sleep(RESTART_MS, o.signal);
  }
}

async function oneMember(
  service: ServiceName,
  { job, jobFile, signal, tell, main = MAIN }: WayBackMember,
): Promise<{ exit: number; why: ToldError | null }> {
  const args = [...process.execArgv, main, 'service', service, jobFile, WAY_BACK_FLAG];
  const child = spawn(process.execPath, args, {
    // Between sessions it is, how much of the processor each gets (shared/runtime/priority.ts).
    detached: true,
    // By the channel it hears that we are gone.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...HANDED_ENV },
  });
  handJob(child, job);
  let why: ToldError | null = null;
  child.on('message', (told: ChildMessage) => {
    if (typeof told === 'object') why = told.error;
    else if (told === 'joined') tell(null);
  });
  return { exit: await ended(child, signal), why };
}

function asTold(why: ToldError | null): ReshardError {
  if (why === null) return new ReshardError('config', 'the member of the way back cannot begin');
  const { kind, message, remedy } = why;
  return new ReshardError(kind, message, { remedy });
}
