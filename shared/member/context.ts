/**
 * What makes a process a member of a job: the job file, the log, the registry, the followed job
 * state, the report. Each service's main opens one and builds its units on it.
 */
import { hostname } from 'node:os';
import { type RecordCodec, recordCodec } from '../codec/record-codec.ts';
import type { Job } from '../job/job.ts';
import type { JobView } from '../job/state/job-view.ts';
import { liveJob, type OpenState, openState, refuseOtherFile } from '../job/state/open.ts';
import { KafkaLog } from '../kafka/kafka.ts';
import type { Member, MemberOptions } from '../kafka/member.ts';
import { reportTopic } from '../kafka/topic-name.ts';
import { SchemaRegistry } from '../registry/registry.ts';
import { sleep } from '../runtime/clock.ts';
import { describeError } from '../runtime/error.ts';
import type { Readiness } from '../runtime/http.ts';
import { serveHttp } from '../runtime/http.ts';
import type { Logger } from '../runtime/log.ts';
import { createRegistry, type Registry } from '../runtime/metric.ts';
import { EarlyLease } from './early-lease.ts';
import { persist } from './persist.ts';
import { type Report, Reporter } from './reporter.ts';

/** One small question to a broker. */
const PREPARED_LOOK_MS = 100;

export type ServiceName = 'snapshot' | 'binlog' | 'sink' | 'checker' | 'control';

/** What the CLI hands to `run<Service>`. */
export interface ServiceOptions {
  job: Job;
  log: Logger;
  signal: AbortSignal;
  /** Port of health and metrics; 0 takes a free one; null: another service here has the port. */
  httpPort: number | null;
  httpHost?: string;
  /** What the job has to wait for before it is prepared, where the service knows it. */
  waiting?: () => string | null;
  /** Of a service that shares its work by a lease: the slots of its group. */
  slots?: number;
  /** Of the way back of a job: that job, whose state says which way rows are carried. */
  ruledBy?: Job;
  /** The process works for nothing else: it may let others go first, and ends to come back. */
  mayYield?: boolean;
  /** Why a process that it has started for a part of its work is not at work; null: it is. */
  guestAway?: () => string | null;
  /** Called when the job is prepared and its state is read. */
  onJoined?: () => void;
}

export interface ServiceContext extends AsyncDisposable {
  /** The job file; its tables are those of the job now. */
  readonly job: Job;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly kafka: KafkaLog;
  readonly registry: SchemaRegistry;
  readonly metrics: Registry;
  readonly member: string;
  readonly view: JobView;
  /** Of the job that says which way rows are carried: its own, unless it is a way back. */
  readonly ruling: JobView;
  readonly report: Reporter;
  /** Joins the group of the service, or goes on with the membership that has begun already. */
  join(o: MemberOptions): Promise<Member>;
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

export function reportCodec(registry: SchemaRegistry, job: Job): Promise<RecordCodec<Report>> {
  return recordCodec<Report>(registry, 'report', `${reportTopic(job.job)}-value`);
}

/**
 * Opens the context: waits until control has prepared the job (its topics exist), reads the state
 * to its end and follows it, compares the job file with what the job was made with, serves health
 * and metrics, starts to report.
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
  const serving = serve(o, metrics, () => readiness());
  serving.catch(() => {});
  const kafka = kafkaOf(job, log, `reshard-${service}`);
  stack.defer(() => kafka.close());
  const lease = new EarlyLease(kafka);
  if (o.slots !== undefined && !(await isPrepared(kafka, job).catch(() => true))) {
    const groupId = `reshard.${job.job}.${service}`;
    lease.begin({ groupId, slots: o.slots, sessionTimeoutMs: job.options.sessionTimeoutMs });
  }
  stack.use(await serving);
  const registry = registryOf(job);
  const joining = { job, log, signal, kafka, registry };
  const joined = await joinJob(joining, async reason => {
    waiting = reason;
    await lease.giveUp();
  });
  waiting = null;
  o.onJoined?.();
  const { view } = stack.use(joined.state);
  const ruling = o.ruledBy
    ? stack.use(await openRuling({ ...joining, job: o.ruledBy })).view
    : view;
  const report = new Reporter({
    ...{ service, member, codec: joined.reports, jobId: view.jobId, log },
    topic: reportTopic(job.job),
    writer: await kafka.writer({ mayBeRemade: true }),
  });
  stack.use(reporting(report));
  const owned = stack.move();
  return {
    ...{ log, signal, kafka, registry, metrics, member, view, ruling, report },
    job: liveJob(job, view),
    join: o => lease.join(o),
    get readiness() {
      return readiness;
    },
    set readiness(f: () => Readiness) {
      readiness = f;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function serve(
  { httpPort: port, httpHost: host }: ServiceOptions,
  registry: Registry,
  ready: () => Readiness,
): Promise<AsyncDisposable | null> {
  if (port === null) return null;
  return await serveHttp({ ...(host ? { port, host } : { port }), registry, ready });
}

interface Joining {
  job: Job;
  log: Logger;
  signal: AbortSignal;
  kafka: KafkaLog;
  registry: SchemaRegistry;
}

/** Waits until the job is prepared and its state is read; `onWait` hears what is waited for. */
async function joinJob(
  { job, log, signal, kafka, registry }: Joining,
  onWait: (reason: string) => Promise<void>,
) {
  const patient = <T>(what: string, work: () => Promise<T>): Promise<T> =>
    persist(work, { what, log, signal, onWait: e => onWait(describeError(e)) }).catch(e => {
      throw signal.aborted ? new StoppedEarly('stopped before it began', { cause: e }) : e;
    });
  await patient('joining the job', () => waitPrepared(kafka, job, log, signal));
  const reports = await patient('reading the job', () => reportCodec(registry, job));
  const state = await patient('reading the job', () => openState({ job, kafka, registry, log }));
  for (const { what, way } of refuseOtherFile(job, state.view)) {
    log.warn(`${what}; not taken up: ${way}`);
  }
  endWith(state, log);
  return { reports, state };
}

/**
 * A member that no longer sees the job's state must not go on by an old one: the process ends,
 * whoever supervises it starts it again, and nothing is lost since all progress is durable.
 */
function endWith(state: OpenState, log: Logger): void {
  state.failed.catch(e => {
    log.fatal(`the job state cannot be followed, ending: ${describeError(e)}`);
    process.exit(1);
  });
}

/** The state of the job whose way back this is: it is prepared after its way back. */
async function openRuling({ job, log, signal, kafka, registry }: Joining): Promise<OpenState> {
  await waitPrepared(kafka, job, log, signal);
  const open = (): Promise<OpenState> => openState({ job, kafka, registry, log });
  const state = await persist(open, { what: 'reading the job', log, signal });
  endWith(state, log);
  return state;
}

/** Reports until it is disposed. */
function reporting(report: Reporter): AsyncDisposable {
  const ended = new AbortController();
  const running = report.run(ended.signal);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
    },
  };
}

/** The signal came before there was anything to do: no failure. */
export class StoppedEarly extends Error {}

/** Control creates the report topic last: when it is there, all of the job's topics are. */
async function isPrepared(kafka: KafkaLog, job: Job): Promise<boolean> {
  return (await (await kafka.admin()).partitions(reportTopic(job.job))) > 0;
}

/** Resolves when control has prepared the job; `StoppedEarly` at the signal. */
export async function waitPrepared(
  kafka: KafkaLog,
  job: Job,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (let said = false; !signal.aborted; said = true) {
    if (await isPrepared(kafka, job)) return;
    if (!said) log.info({ job: job.job }, 'waiting for control to prepare the job');
    await sleep(PREPARED_LOOK_MS, signal);
  }
  throw new StoppedEarly('stopped before the job was prepared');
}
