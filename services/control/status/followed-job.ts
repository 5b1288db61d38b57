/**
 * The topics of a job, followed for a view: state, reports and the progress of each source. Each
 * part has its own deadline, and one that cannot be followed is unknown, not the end of the view.
 * The schema registry is asked for its versions and not needed: while it is away, records are read
 * by the schemas that the code has.
 */
import { ownRecordReader } from '../../../shared/codec/own-record.ts';
import {
  type RecordCodec,
  type RecordName,
  recordCodec,
} from '../../../shared/codec/record-codec.ts';
import type { Job } from '../../../shared/job/job.ts';
import type { JobView, StateRecord } from '../../../shared/job/state/job-view.ts';
import {
  liveJob,
  type OpenProgress,
  openProgress,
  openState,
  refuseOtherFile,
} from '../../../shared/job/state/open.ts';
import type { ProgressRecord, ProgressView } from '../../../shared/job/state/progress-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { tailTable } from '../../../shared/kafka/table.ts';
import { progressTopic, reportTopic, stateTopic } from '../../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf } from '../../../shared/member/context.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { within } from '../../../shared/runtime/clock.ts';
import { asReshardError, describeError, type ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { ReportView } from './report-view.ts';
import type { RegistryStatus } from './status.ts';

const REGISTRY_MS = 2000;
/** For a topic to be read to its end: long, since a busy machine is slow and nothing is wrong. */
const TOPIC_MS = 30_000;
/** For one that is asked again: whoever looks every second should not wait for it each time. */
const AGAIN_MS = 1000;

type Reader<T> = Pick<RecordCodec<T>, 'decode'>;

/** Codecs by the registry where it answers, by our own schemas where it does not. */
export class RecordReaders {
  readonly #registry: SchemaRegistry;
  /** Why the registry was not used; null while it answers. */
  away: RegistryStatus | null = null;

  constructor(job: Job) {
    this.#registry = new SchemaRegistry({ ...job.registry, timeoutMs: REGISTRY_MS });
  }

  async open<T>(name: RecordName, topic: string): Promise<Reader<T>> {
    if (this.away === null) {
      try {
        return await recordCodec<T>(this.#registry, name, `${topic}-value`);
      } catch (e) {
        this.away = { error: describeError(e) };
      }
    }
    return ownRecordReader<T>(name);
  }

  /** Asks the registry anew. */
  async look(topic: string): Promise<RegistryStatus | null> {
    try {
      await this.#registry.latest(`${topic}-value`);
      this.away = null;
    } catch (e) {
      this.away = { error: describeError(e) };
    }
    return this.away;
  }
}

/** The progress of one source: followed again when that has failed. */
class FollowedProgress implements AsyncDisposable {
  readonly #job: Job;
  readonly #jobId: string;
  readonly #kafka: KafkaLog;
  readonly #readers: RecordReaders;
  readonly #source: string;
  #open: OpenProgress | null = null;
  #opening: Promise<void> | null = null;
  #failure: string | null = null;

  constructor(
    of: { job: Job; jobId: string; source: string },
    kafka: KafkaLog,
    readers: RecordReaders,
  ) {
    this.#job = of.job;
    this.#jobId = of.jobId;
    this.#source = of.source;
    this.#kafka = kafka;
    this.#readers = readers;
  }

  get #view(): ProgressView | null {
    return this.#open?.view ?? null;
  }

  /** Null while it cannot be followed; then `whyNot` says why. */
  async view(waitMs = AGAIN_MS): Promise<ProgressView | null> {
    if (this.#view === null) {
      this.#opening ??= this.#follow().finally(() => {
        this.#opening = null;
      });
      const topic = progressTopic(this.#source);
      await within(waitMs, `topic ${topic}`, this.#opening).catch(e => this.#fail(e));
    }
    return this.#view;
  }

  get whyNot(): string | null {
    return this.#view === null ? (this.#failure ?? 'its progress is not known yet') : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.[Symbol.asyncDispose]();
  }

  async #follow(): Promise<void> {
    const topic = progressTopic(this.#source);
    const reader = await this.#readers.open<ProgressRecord>('progress', topic);
    const from = { kafka: this.#kafka, registry: registryOf(this.#job), reader };
    const opened = openProgress(from, this.#source, this.#jobId);
    try {
      this.#open = await within(TOPIC_MS, `topic ${topic}`, opened);
    } catch (e) {
      // One that comes too late is not needed any more.
      opened.then(late => late[Symbol.asyncDispose]()).catch(() => {});
      throw e;
    }
    this.#failure = null;
    this.#open.failed.catch(e => this.#fail(e));
  }

  #fail(e: unknown): void {
    this.#failure = describeError(e);
    void this.#open?.[Symbol.asyncDispose]();
    this.#open = null;
  }
}

export interface FollowedJob extends AsyncDisposable {
  readonly job: Job;
  readonly kafka: KafkaLog;
  readonly view: JobView;
  readonly reports: ReportView;
  readonly readers: RecordReaders;
  /** By source. */
  readonly progress: ReadonlyMap<string, FollowedProgress>;
  /** Why state and reports are no longer followed: what is known of the job is old. */
  readonly failure: ReshardError | null;
}

/** Null while the job has not been prepared. */
export async function followJob(job: Job, log: Logger): Promise<FollowedJob | null> {
  await using stack = new AsyncDisposableStack();
  const kafka = kafkaOf(job, log, 'reshard-status');
  stack.defer(() => kafka.close());
  const topics = new Set(await (await kafka.admin()).listTopics());
  if (!topics.has(reportTopic(job.job))) return null;
  const readers = new RecordReaders(job);
  let failure: ReshardError | null = null;
  const follow = async (
    topic: string,
    onRecord: (key: Buffer, value: Buffer | null) => void,
  ): Promise<void> => {
    const tail = stack.use(await within(TOPIC_MS, topic, tailTable(kafka, topic, onRecord)));
    tail.failed.catch(e => {
      failure ??= asReshardError(e);
    });
    await within(TOPIC_MS, `topic ${topic}`, tail.caughtUp);
  };
  const topic = stateTopic(job.job);
  const states = await readers.open<StateRecord>('state', topic);
  const from = { job, kafka, registry: registryOf(job), log, reader: states };
  const state = stack.use(await within(TOPIC_MS, `topic ${topic}`, openState(from)));
  state.failed.catch(e => {
    failure ??= asReshardError(e);
  });
  const { view } = state;
  refuseOtherFile(job, view);
  const reports = new ReportView();
  const reader = await readers.open<Report>('report', reportTopic(job.job));
  await follow(reportTopic(job.job), (key, value) => {
    const report = value === null ? null : reader.decode(value);
    // What an earlier job of the same name has said is not true of this one.
    reports.apply(key.toString(), report?.jobId === view.jobId ? report : null);
  });
  reports.live();
  const progress = new Map(
    job.sources.map(({ name }) => {
      const of = { job, jobId: view.jobId, source: name };
      return [name, stack.use(new FollowedProgress(of, kafka, readers))];
    }),
  );
  await Promise.all([...progress.values()].map(p => p.view(TOPIC_MS)));
  const owned = stack.move();
  return {
    job: liveJob(job, view),
    kafka,
    view,
    reports,
    readers,
    progress,
    get failure() {
      return failure;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
