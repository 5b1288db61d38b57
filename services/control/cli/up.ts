/**
 * `reshard up`: all services of a job in one process tree. Each is a process of its own, started
 * again when it dies; the job does not care, since every service goes on from durable state.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Job } from '../../../shared/job/job.ts';
import type { ServiceName } from '../../../shared/member/context.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { ended } from './child-end.ts';
import { type ChildMessage, HANDED_ENV, handJob } from './child-message.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import type { ToldError } from './json-error.ts';
import { keepLog, logFile, makeLogFiles, type ServiceLog } from './service-log.ts';
import { Turns } from './turns.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
/**
 * Control comes first: the others wait for what it prepares. The checker comes last: it has nothing
 * to compare before there are rows.
 */
const ORDER: ServiceName[] = ['control', 'binlog', 'snapshot', 'sink', 'checker'];
const LAST: ServiceName = 'checker';
const RESTART_MS = 1000;
/** By then what can wait is loaded too, whatever the services wait for. */
const SETTLED_MS = 5000;

export interface Tree {
  /** Resolves when the services have joined the job, or have had their time to. */
  settled: Promise<void>;
  /** Resolves when the tree has ended: its exit code, and what the service said that ended it. */
  done: Promise<{ code: number; said: string; why: ToldError | null }>;
  pids(): Record<string, number>;
}

export interface TreeOptions {
  job: Job;
  jobFile: string;
  createTargets: boolean;
  /** Folder for a log file of each service; null passes the logs on to standard error. */
  logDir: string | null;
  log: Logger;
  signal: AbortSignal;
}

export function startTree(o: TreeOptions): Tree {
  if (o.logDir !== null) makeLogFiles(o.logDir, ORDER);
  const children = new Map<ServiceName, ChildProcess>();
  const stop = new AbortController();
  o.signal.addEventListener('abort', () => stop.abort(), { once: true });
  let code: number = EXIT.ok;
  let said = '';
  let why: ToldError | null = null;
  // To load its code takes a service a core for half a second: more at a time than there are cores
  // would only make the one late that the others wait for.
  const loading = new Turns(availableParallelism());
  const joined = new Map(ORDER.map(service => [service, Promise.withResolvers<void>()]));
  const settled = Promise.race([
    Promise.all([...joined].map(([service, { promise }]) => service === LAST || promise)),
    sleep(SETTLED_MS, stop.signal),
  ]).then(() => {});

  const keep = async (service: ServiceName): Promise<void> => {
    if (service === LAST) await settled;
    let job: Job | null = o.job;
    while (!stop.signal.aborted) {
      const done = await loading.take();
      if (stop.signal.aborted) return done();
      const { child, written } = spawnService(service, o);
      handJob(child, job);
      children.set(service, child);
      heard(child, 'loaded', done);
      heard(child, 'joined', () => joined.get(service)?.resolve());
      let last: ToldError | null = null;
      child.on('message', (told: ChildMessage) => {
        if (typeof told === 'object') last = told.error;
      });
      const exit = await ended(child, stop.signal);
      if (stop.signal.aborted) return;
      if (exit === EXIT.config || exit === EXIT.blocked) {
        code = exit;
        why = last;
        stop.abort();
        said = (await written?.words()) ?? '';
        return;
      }
      o.log.warn({ service, exit }, 'service ended, starting it again');
      await sleep(RESTART_MS, stop.signal);
      job = await readableJob(service, o, stop.signal);
    }
  };
  return {
    settled,
    done: Promise.all(ORDER.map(keep)).then(() => ({ code, said, why })),
    pids: () =>
      Object.fromEntries([...children].map(([service, child]) => [service, child.pid ?? 0])),
  };
}

/** A job file that is being edited must not end those that run: who starts again waits for it. */
async function readableJob(
  service: ServiceName,
  { jobFile, log }: TreeOptions,
  signal: AbortSignal,
): Promise<Job | null> {
  let told = '';
  while (!signal.aborted) {
    try {
      return await readJob(jobFile);
    } catch (e) {
      const why = describeError(e);
      if (why !== told) {
        log.error({ service }, `it starts again when the job file can be read: ${why}`);
      }
      told = why;
      await sleep(RESTART_MS, signal);
    }
  }
  return null;
}

interface Spawned {
  child: ChildProcess;
  /** If what it writes goes into a file. */
  written: ServiceLog | null;
}

function spawnService(service: ServiceName, o: TreeOptions): Spawned {
  const args = [MAIN, 'service', service, o.jobFile];
  if (service === 'control' && o.createTargets) args.push('--create-targets');
  const child = spawn(process.execPath, args, {
    // The checker may let others go first, which is a matter between sessions (priority.ts).
    detached: service === 'checker',
    // By the channel the child hears that we are gone, however that happens.
    stdio: ['ignore', 'inherit', o.logDir === null ? 'inherit' : 'pipe', 'ipc'],
    env: {
      ...process.env,
      ...HANDED_ENV,
      ...(o.logDir === null ? {} : { RESHARD_LOG_JSON: '1' }),
    },
  });
  // One that could not be started has nothing to write to.
  if (o.logDir === null || !child.stderr) return { child, written: null };
  const file = logFile(o.logDir, service);
  const written = keepLog(child.stderr, file, e => {
    o.log.error({ service, file }, `the log of the service is lost from here on: ${e.message}`);
  });
  return { child, written };
}

/** Calls back when the child says so, or will never say it. */
function heard(child: ChildProcess, message: ChildMessage & string, then: () => void): void {
  child
    .on('message', told => told === message && then())
    .once('error', then)
    .once('exit', then);
}
