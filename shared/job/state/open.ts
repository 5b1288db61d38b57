/**
 * The one opener of a job's durable state: members, control, commands and views read the state topic
 * and the progress of the sources through it, so that a record of another job is met with the same
 * refusal everywhere. Nothing of a topic is used before the topic has been read to its end and is
 * known to be of this job: a compacted topic may hold the identity behind what it is about.
 */
import { type RecordCodec, recordCodec } from '../../codec/record-codec.ts';
import type { KafkaLog } from '../../kafka/kafka.ts';
import { tailTable } from '../../kafka/table.ts';
import { progressTopic, stateTopic } from '../../kafka/topic-name.ts';
import type { SchemaRegistry } from '../../registry/registry.ts';
import { describeError, ReshardError } from '../../runtime/error.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Job } from '../job.ts';
import { foreignJob, type IdentityChange, refuseChangedFile, tablesFrom } from './identity.ts';
import { JobView, type StateRecord, stateKey } from './job-view.ts';
import { refuseUnowned } from './owner.ts';
import { type ProgressRecord, ProgressView } from './progress-view.ts';
import { isOfCommands } from './record-writer.ts';

/** Codec of one of schemas/*.avsc for the topic's subject. */
export function stateCodec(registry: SchemaRegistry, job: Job): Promise<RecordCodec<StateRecord>> {
  return recordCodec<StateRecord>(registry, 'state', `${stateTopic(job.job)}-value`);
}

export function progressCodec(
  registry: SchemaRegistry,
  source: string,
): Promise<RecordCodec<ProgressRecord>> {
  return recordCodec<ProgressRecord>(registry, 'progress', `${progressTopic(source)}-value`);
}

export interface StateDeps {
  job: Job;
  kafka: KafkaLog;
  registry: SchemaRegistry;
  log: Logger;
  /** Reads the records instead of what the registry says: for views, while that is away. */
  reader?: Pick<RecordCodec<StateRecord>, 'decode'>;
}

export interface OpenState extends AsyncDisposable {
  readonly view: JobView;
  /** Rejects when the state can be followed no longer: the view is then stale. */
  readonly failed: Promise<never>;
}

/** Records that are written before the job has its identity. */
const BEFORE_IDENTITY: readonly string[] = [stateKey.prepare, stateKey.term, stateKey.drop];

/**
 * Reads the state topic to its end and follows it. Throws if records are there that are not of this
 * job. Whether the job file is that of the job is the caller's question: `refuseOtherFile`.
 */
export async function openState(o: StateDeps): Promise<OpenState> {
  const { job, kafka, registry, log } = o;
  const view = new JobView();
  const codec = o.reader ?? (await stateCodec(registry, job));
  const topic = stateTopic(job.job);
  const read: [key: string, record: StateRecord | null][] = [];
  let isOpen = false;
  const tail = await tailTable(kafka, topic, (keyBytes, value, offset) => {
    const key = keyBytes.toString();
    const record = value === null ? null : codec.decode(value);
    view.offset = offset;
    if (isOpen) admit(key, record);
    else read.push([key, record]);
  });
  const admit = (key: string, record: StateRecord | null): void => {
    const isIdentity = key === stateKey.identity;
    const ours = isIdentity ? (view.identity?.id ?? record?.identity?.id ?? '') : view.jobId;
    const theirs = (isIdentity ? record?.identity?.id : record?.jobId) ?? '';
    const isExempt = BEFORE_IDENTITY.includes(key) && theirs === '';
    if (record !== null && theirs !== ours && !isExempt) {
      const error = foreignJob({
        what: `the record ${key} of ${topic}`,
        ours: ours || job.job,
        theirs,
      });
      if (!isOfCommands(key)) throw error;
      // A command that was started before the job was made anew: it must not stop the job.
      log.error(`a request is not carried out: ${describeError(error)}`);
      return;
    }
    view.apply(key, record);
  };
  try {
    await tail.caughtUp;
    view.identity = newest(read)?.identity ?? null;
    for (const [key, record] of read) admit(key, record);
    isOpen = true;
  } catch (e) {
    await tail.close();
    throw e;
  }
  return { view, failed: tail.failed, [Symbol.asyncDispose]: () => tail.close() };
}

function newest(read: readonly [string, StateRecord | null][]): StateRecord | null {
  return read.findLast(([key]) => key === stateKey.identity)?.[1] ?? null;
}

/**
 * Throws unless the job is made, lives, and the job file is its own; answers what the file has more
 * than the job, which is left out until it is applied.
 */
export function refuseOtherFile(job: Job, view: JobView): IdentityChange[] {
  if (view.drop !== null) throw dropping(job.job);
  if (view.identity === null) {
    throw new ReshardError('foreign-job', `the state of ${job.job} does not say what the job is`, {
      remedy: '`reshard drop <job file>` removes what is left of it, then start again',
    });
  }
  return refuseChangedFile(job, view.identity);
}

export function dropping(job: string): ReshardError {
  return new ReshardError('foreign-job', `the job ${job} is being dropped`, {
    remedy: '`reshard drop <job file>` goes on with it; after that the name is free',
  });
}

/** The job as it is now: tables that were added while it runs are in it. */
export function liveJob(job: Job, view: JobView): Job {
  return {
    ...job,
    get tables() {
      return view.identity ? tablesFrom(view.identity) : job.tables;
    },
  };
}

type ProgressReader = Pick<RecordCodec<ProgressRecord>, 'decode'>;

export interface OpenProgress extends AsyncDisposable {
  readonly view: ProgressView;
  readonly failed: Promise<never>;
}

/**
 * Follows a source's progress topic; resolves when it is read to its end and found to be of the job.
 * `failed` rejects when it can be followed no longer. A null `jobId` reads whosever it is: to tell
 * whose.
 */
export async function openProgress(
  o: Pick<StateDeps, 'kafka' | 'registry'> & { reader?: ProgressReader },
  source: string,
  jobId: string | null,
): Promise<OpenProgress> {
  const { kafka, registry } = o;
  const view = new ProgressView();
  const topic = progressTopic(source);
  const codec = o.reader ?? (await progressCodec(registry, source));
  const tail = await tailTable(kafka, topic, (key, value) => {
    const name = key.toString();
    const record = value === null ? null : codec.decode(value);
    if (jobId !== null && record !== null && (record.jobId ?? '') !== jobId) {
      const theirs = record.jobId ?? '';
      throw foreignJob({ what: `the record ${name} of ${topic}`, ours: jobId, theirs });
    }
    view.apply(name, record);
  });
  try {
    await tail.caughtUp;
    if (jobId !== null) refuseUnowned(view, topic, jobId);
  } catch (e) {
    await tail.close();
    throw e;
  }
  return { view, failed: tail.failed, [Symbol.asyncDispose]: () => tail.close() };
}

/** The progress of several sources. */
export interface OpenLogs extends AsyncDisposable {
  /** By source. */
  readonly views: ReadonlyMap<string, ProgressView>;
  /** Rejects when one of them can be followed no longer; never resolves. */
  readonly failed: Promise<never>;
}

/** Follows the progress of these sources, each of the job with this id. */
export async function openLogs(
  o: Pick<StateDeps, 'kafka' | 'registry'>,
  owners: Iterable<readonly [source: string, jobId: string]>,
): Promise<OpenLogs> {
  await using stack = new AsyncDisposableStack();
  const views = new Map<string, ProgressView>();
  const failures: Promise<never>[] = [];
  for (const [source, jobId] of owners) {
    const opened = stack.use(await openProgress(o, source, jobId));
    views.set(source, opened.view);
    failures.push(opened.failed);
  }
  const failed = Promise.race(failures);
  failed.catch(() => {});
  const opened = stack.move();
  return { views, failed, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
