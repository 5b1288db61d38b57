/** What a command needs of a running job: its state, reports and progress; a hand to write. */
import type { Job } from '../../../shared/job/job.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import {
  liveJob,
  openProgress,
  openState,
  refuseOtherFile,
  stateCodec,
} from '../../../shared/job/state/open.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import { type RequestWriter, requestWriter } from '../../../shared/job/state/record-writer.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { reportTopic } from '../../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf } from '../../../shared/member/context.ts';
import { tailReports } from '../../../shared/member/report-tail.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger, type Logger } from '../../../shared/runtime/log.ts';
import { refuseVerb, VERBS } from '../cutover/verb.ts';
import { StatusFeed } from '../status/feed.ts';
import type { Status } from '../status/status.ts';

export interface JobLink extends AsyncDisposable {
  readonly job: Job;
  readonly log: Logger;
  readonly kafka: KafkaLog;
  readonly view: JobView;
  /** Of the job that says which way rows are carried: its own, unless it is a way back. */
  readonly ruling: JobView;
  /** By `<service>/<unit>`. */
  readonly reports: ReadonlyMap<string, Report>;
  /** By source. */
  readonly progress: ReadonlyMap<string, ProgressView>;
  readonly requests: RequestWriter;
  /** The whole status, as `reshard status` shows it; a command that waits shows what hinders it. */
  status(): Promise<Status>;
  /** Rejects when one of the views can be followed no longer: waiting on it would never end. */
  readonly failed: Promise<never>;
}

/** `ruling`: of a way back, the job that says which way rows are carried. */
export async function openJob(job: Job, command: string, ruling?: JobView): Promise<JobLink> {
  const log = createLogger({ name: `reshard-${command}`, level: 'warn' });
  await using stack = new AsyncDisposableStack();
  const kafka = kafkaOf(job, log, `reshard-${command}`);
  stack.defer(() => kafka.close());
  if (!(await (await kafka.admin()).listTopics()).includes(reportTopic(job.job))) {
    throw notPrepared(job);
  }
  const registry = registryOf(job);
  const state = stack.use(await openState({ job, kafka, registry, log }));
  const { view } = state;
  refuseOtherFile(job, view);
  const verb = VERBS.find(v => v === command);
  if (verb !== undefined) refuseVerb(verb, view);
  const reports = new Map<string, Report>();
  const reportTail = await tailReports({ kafka, registry, job }, view, (key, report) => {
    if (report === null) reports.delete(key);
    else reports.set(key, report);
  });
  stack.defer(() => reportTail.close());
  await reportTail.caughtUp;
  const progress = new Map<string, ProgressView>();
  const failures = [state.failed, reportTail.failed];
  for (const { name } of job.sources) {
    const opened = stack.use(await openProgress({ kafka, registry }, name, view.jobId));
    progress.set(name, opened.view);
    failures.push(opened.failed);
  }
  const failed = Promise.race(failures);
  failed.catch(() => {});
  const codecOfState = await stateCodec(registry, job);
  const requests = await requestWriter({ kafka, job, codec: codecOfState, jobId: view.jobId });
  let feed: Promise<StatusFeed | null> | undefined;
  // One that could not be opened was told of by whoever asked for it.
  stack.defer(async () => (await feed?.catch(() => null))?.[Symbol.asyncDispose]());
  const status = async (): Promise<Status> => {
    feed ??= StatusFeed.open(job, log, ruling);
    const opened = await feed.catch(e => {
      feed = undefined;
      throw e;
    });
    if (opened === null) throw new ReshardError('bug', 'the job has no reports');
    return opened.status();
  };
  const owned = stack.move();
  return {
    ...{ log, kafka, view, ruling: ruling ?? view, reports, progress, requests, status, failed },
    job: liveJob(job, view),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export function notPrepared({ job }: Pick<Job, 'job'>): ReshardError {
  return new ReshardError('config', `the job ${job} has not been prepared on this Kafka`, {
    remedy:
      '`reshard up <job file>` prepares and runs it, or `reshard service control <job file>`; ' +
      '`reshard status <job file> --watch` shows how far it is',
  });
}

/** Names that are tables of the job, or an error that says which is not. */
export function tablesOf(job: Job, names: string | undefined): string[] {
  const tables = names?.split(',').map(t => t.trim()) ?? [];
  const unknown = tables.find(t => !job.tables.some(x => x.name === t));
  if (unknown === undefined) return tables;
  throw new ReshardError('config', `--tables: "${unknown}" is not a table of the job`, {
    remedy: `of: ${job.tables.map(t => t.name).join(', ')}`,
  });
}

/** What a command that needs the copy says while it is paused: it would seem to hang. */
export function pausedText({ view, job }: JobLink): string | null {
  const [first] = view.pauseList;
  if (first === undefined) return null;
  const why = `paused: ${first.reason} (by ${first.by || 'unknown'})`;
  return (
    `the copy of ${job.job} is ${why}; this waits for ` +
    `\`reshard resume <job file> --reason '${first.reason}'\``
  );
}

export function timeoutMsOf(seconds: string, option = '--timeout'): number {
  const ms = Number(seconds) * 1000;
  if (ms > 0) return ms;
  throw new ReshardError('config', `${option} ${seconds} is not a time`, {
    remedy: 'a number of seconds above 0',
  });
}
