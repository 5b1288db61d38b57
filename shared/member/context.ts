/**
 * What makes a process a member of a job: the job file, the log, the registry, the followed job
 * state, the report. Each service's main opens one and builds its units on it.
 */
import { hostname } from 'node:os';
import { type RecordCodec, recordCodec } from '../codec/record-codec.ts';
import type { Job } from '../job/job.ts';
import { applyState, JobView, type StateRecord } from '../job/state/job-view.ts';
import { applyProgress, type ProgressRecord, ProgressView } from '../job/state/progress-view.ts';
import { KafkaLog } from '../kafka/kafka.ts';
import { tailTable } from '../kafka/table.ts';
import { progressTopic, reportTopic, stateTopic } from '../kafka/topic-name.ts';
import { SchemaRegistry } from '../registry/registry.ts';
import { sleep } from '../runtime/clock.ts';
import { describeError, type ReshardError } from '../runtime/error.ts';
import type { Readiness } from '../runtime/http.ts';
import { serveHttp } from '../runtime/http.ts';
import type { Logger } from '../runtime/log.ts';
import { createRegistry, type Registry } from '../runtime/metric.ts';
import { persist } from './persist.ts';
import { type Report, Reporter } from './reporter.ts';

export type ServiceName = 'snapshot' | 'binlog' | 'sink' | 'checker' | 'control';

/** What the CLI hands to `run<Service>`. */
export interface ServiceOptions {
  job: Job;
  log: Logger;
  signal: AbortSignal;
  /** Port of health and metrics; 0 takes a free one. */
  httpPort: number;
  httpHost?: string;
  /** What the job has to wait for before it is prepared, where the service knows it. */
  waiting?: () => string | null;
}

export interface ServiceContext extends AsyncDisposable {
  readonly job: Job;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly kafka: KafkaLog;
  readonly registry: SchemaRegistry;
  readonly metrics: Registry;
  readonly member: string;
  readonly view: JobView;
  readonly report: Reporter;
  /** Becomes the body of /health/ready. */
  readiness: () => Readiness;
}

export function kafkaOf(job: Job, log: Logger, clientId: string): KafkaLog {
  return new KafkaLog({
    brokers: job.kafka.brokers,
    clientId,
    ...(job.kafka.ssl ? { ssl: job.kafka.ssl } : {}),
    ...(job.kafka.sasl ? { sasl: job.kafka.sasl } : {}),
    log,
  });
}

export function registryOf(job: Job): SchemaRegistry {
  return new SchemaRegistry(job.registry);
}

/** Codec of one of schemas/*.avsc for the topic's subject. */
export function stateCodec(registry: SchemaRegistry, job: Job): Promise<RecordCodec<StateRecord>> {
  return recordCodec<StateRecord>(registry, 'state', `${stateTopic(job.job)}-value`);
}

export function reportCodec(registry: SchemaRegistry, job: Job): Promise<RecordCodec<Report>> {
  return recordCodec<Report>(registry, 'report', `${reportTopic(job.job)}-value`);
}

export function progressCodec(
  registry: SchemaRegistry,
  source: string,
): Promise<RecordCodec<ProgressRecord>> {
  return recordCodec<ProgressRecord>(registry, 'progress', `${progressTopic(source)}-value`);
}

/**
 * Opens the context: waits until control has prepared the job (its topics exist), reads the state
 * to its end and follows it, serves health and metrics, starts to report.
 */
export async function openContext(
  service: ServiceName,
  o: ServiceOptions,
): Promise<ServiceContext> {
  const { job, log, signal } = o;
  const member = `${hostname()}:${process.pid}`;
  await using stack = new AsyncDisposableStack();
  const metrics = createRegistry({ job: job.job, service });
  let waiting: string | null = null;
  let readiness = (): Readiness => ({
    ok: false,
    detail: { waiting: waiting ?? o.waiting?.() ?? 'job to be prepared' },
  });
  stack.use(
    await serveHttp({
      port: o.httpPort,
      ...(o.httpHost ? { host: o.httpHost } : {}),
      registry: metrics,
      ready: () => readiness(),
    }),
  );
  const kafka = kafkaOf(job, log, `reshard-${service}`);
  stack.defer(() => kafka.close());
  const registry = registryOf(job);
  const onWait = (error: ReshardError): void => {
    waiting = describeError(error);
  };
  const patient = <T>(what: string, work: () => Promise<T>): Promise<T> =>
    persist(work, { what, log, signal, onWait }).catch(e => {
      throw signal.aborted ? new StoppedEarly('stopped before it began', { cause: e }) : e;
    });
  await patient('joining the job', () => waitPrepared(kafka, job, log, signal));
  waiting = null;

  const view = new JobView();
  const states = await patient('reading the job', () => stateCodec(registry, job));
  const reports = await patient('reading the job', () => reportCodec(registry, job));
  const tail = await patient('reading the job', async () => {
    const followed = await tailTable(kafka, stateTopic(job.job), (key, value) =>
      applyState(view, states, key, value),
    );
    await followed.caughtUp.catch(async e => {
      await followed.close();
      throw e;
    });
    return followed;
  });
  stack.defer(() => tail.close());
  // A member that no longer sees the job's state must not go on by an old one: the process ends,
  // whoever supervises it starts it again, and nothing is lost since all progress is durable.
  tail.failed.catch(e => {
    log.fatal(`the job state cannot be followed, ending: ${describeError(e)}`);
    process.exit(1);
  });

  const report = new Reporter({
    service,
    member,
    topic: reportTopic(job.job),
    codec: reports,
    writer: await kafka.writer({ mayBeRemade: true }),
    log,
  });
  const ended = new AbortController();
  const reporting = report.run(ended.signal);
  stack.defer(async () => {
    ended.abort();
    await reporting;
  });
  const owned = stack.move();
  return {
    job,
    log,
    signal,
    kafka,
    registry,
    metrics,
    member,
    view,
    report,
    get readiness() {
      return readiness;
    },
    set readiness(f: () => Readiness) {
      readiness = f;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The signal came before there was anything to do: no failure. */
export class StoppedEarly extends Error {}

/** Control creates the report topic last: when it is there, all of the job's topics are. */
async function waitPrepared(
  kafka: KafkaLog,
  job: Job,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const admin = await kafka.admin();
  for (let said = false; !signal.aborted; said = true) {
    if ((await admin.listTopics()).includes(reportTopic(job.job))) return;
    if (!said) log.info({ job: job.job }, 'waiting for control to prepare the job');
    await sleep(250, signal);
  }
  throw new StoppedEarly('stopped before the job was prepared');
}

/**
 * Follows a source's progress topic; resolves when it is read to its end. `failed` rejects when it
 * can be followed no longer: the view is then stale.
 */
export async function openProgress(
  c: Pick<ServiceContext, 'kafka' | 'registry'>,
  source: string,
): Promise<{ view: ProgressView; failed: Promise<never> } & AsyncDisposable> {
  const view = new ProgressView();
  const codec = await progressCodec(c.registry, source);
  const tail = await tailTable(c.kafka, progressTopic(source), (key, value) =>
    applyProgress(view, codec, key, value),
  );
  await tail.caughtUp;
  return { view, failed: tail.failed, [Symbol.asyncDispose]: () => tail.close() };
}
