/** What a command needs of a running job: its state, reports and progress; a hand to write. */
import type { Job } from '../../../shared/job/job.ts';
import { applyState, JobView } from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { tailTable } from '../../../shared/kafka/table.ts';
import { reportTopic, stateTopic } from '../../../shared/kafka/topic-name.ts';
import {
  kafkaOf,
  openProgress,
  registryOf,
  reportCodec,
  stateCodec,
} from '../../../shared/member/context.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger, type Logger } from '../../../shared/runtime/log.ts';
import { type StateWriter, stateWriter } from '../phase/state-writer.ts';
import { StatusFeed } from '../status/feed.ts';
import type { Status } from '../status/status.ts';

export interface JobLink extends AsyncDisposable {
  readonly job: Job;
  readonly log: Logger;
  readonly kafka: KafkaLog;
  readonly view: JobView;
  /** By `<service>/<unit>`. */
  readonly reports: ReadonlyMap<string, Report>;
  /** By source. */
  readonly progress: ReadonlyMap<string, ProgressView>;
  readonly state: StateWriter;
  /** The whole status, as `reshard status` shows it; a command that waits shows what hinders it. */
  status(): Promise<Status>;
}

export async function openJob(job: Job, command: string): Promise<JobLink> {
  const log = createLogger({ name: `reshard-${command}`, level: 'warn' });
  await using stack = new AsyncDisposableStack();
  const kafka = kafkaOf(job, log, `reshard-${command}`);
  stack.defer(() => kafka.close());
  if (!(await (await kafka.admin()).listTopics()).includes(reportTopic(job.job))) {
    throw new ReshardError('config', `the job ${job.job} has not been prepared on this Kafka`, {
      remedy: '`reshard up` prepares and runs it; `reshard status --watch` shows how far it is',
    });
  }
  const registry = registryOf(job);
  const view = new JobView();
  const states = await stateCodec(registry, job);
  const stateTail = await tailTable(kafka, stateTopic(job.job), (key, value) =>
    applyState(view, states, key, value),
  );
  stack.defer(() => stateTail.close());
  const reports = new Map<string, Report>();
  const codec = await reportCodec(registry, job);
  const reportTail = await tailTable(kafka, reportTopic(job.job), (key, value) => {
    if (value === null) reports.delete(key.toString());
    else reports.set(key.toString(), codec.decode(value));
  });
  stack.defer(() => reportTail.close());
  await Promise.all([stateTail.caughtUp, reportTail.caughtUp]);
  const progress = new Map<string, ProgressView>();
  for (const { name } of job.sources) {
    progress.set(name, stack.use(await openProgress({ kafka, registry }, name)).view);
  }
  const state = await stateWriter(kafka, job, states);
  let feed: Promise<StatusFeed | null> | undefined;
  stack.defer(async () => (await feed)?.[Symbol.asyncDispose]());
  const status = async (): Promise<Status> => {
    feed ??= StatusFeed.open(job, log);
    const opened = await feed;
    if (opened === null) throw new ReshardError('bug', 'the job has no reports');
    return opened.status();
  };
  const owned = stack.move();
  return {
    job,
    log,
    kafka,
    view,
    reports,
    progress,
    state,
    status,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
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
export function tellPaused({ view, job }: JobLink): void {
  const [first] = view.pauseList;
  if (first === undefined) return;
  const why = `paused: ${first.reason} (by ${first.by || 'unknown'})`;
  process.stderr.write(
    `reshard: the copy of ${job.job} is ${why}; this waits for reshard resume\n`,
  );
}

export function timeoutMsOf(seconds: string): number {
  const ms = Number(seconds) * 1000;
  if (ms > 0) return ms;
  throw new ReshardError('config', `--timeout ${seconds} is not a time`, {
    remedy: 'a number of seconds above 0',
  });
}
