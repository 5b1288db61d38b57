/**
 * Collects the status of a job from the topics and the servers themselves, so that it works when
 * any of our services is dead, control included. Lag is measured by position, not only by time:
 * an idle source is not "behind", and a stalled one is not "0 s".
 */
import { GtidSet } from '../../../shared/change/gtid.ts';
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
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { Rates } from './rate.ts';
import { ReportView } from './report-view.ts';
import { ServerProbe } from './server-probe.ts';
import type { SourceStatus, Status, TableStatus, TargetStatus } from './status.ts';

export class StatusFeed implements AsyncDisposable {
  readonly #job: Job;
  readonly #kafka: KafkaLog;
  readonly #view: JobView;
  readonly #reports: ReportView;
  readonly #progress: Map<string, ProgressView>;
  readonly #look: ServerProbe;
  readonly #stack: AsyncDisposableStack;
  readonly #rates = new Rates();

  private constructor(o: {
    job: Job;
    kafka: KafkaLog;
    view: JobView;
    reports: ReportView;
    progress: Map<string, ProgressView>;
    look: ServerProbe;
    stack: AsyncDisposableStack;
  }) {
    this.#job = o.job;
    this.#kafka = o.kafka;
    this.#view = o.view;
    this.#reports = o.reports;
    this.#progress = o.progress;
    this.#look = o.look;
    this.#stack = o.stack;
  }

  /** Null while the job has not been prepared. */
  static async open(job: Job, log: Logger): Promise<StatusFeed | null> {
    await using stack = new AsyncDisposableStack();
    const kafka = kafkaOf(job, log, 'reshard-status');
    stack.defer(() => kafka.close());
    const admin = await kafka.admin();
    if (!(await admin.listTopics()).includes(reportTopic(job.job))) return null;
    const registry = registryOf(job);
    const view = new JobView();
    const states = await stateCodec(registry, job);
    const stateTail = await tailTable(kafka, stateTopic(job.job), (key, value) =>
      applyState(view, states, key, value),
    );
    stack.defer(() => stateTail.close());
    const reports = new ReportView();
    const codec = await reportCodec(registry, job);
    const reportTail = await tailTable(kafka, reportTopic(job.job), (key, value) =>
      reports.apply(key.toString(), value === null ? null : codec.decode(value)),
    );
    stack.defer(() => reportTail.close());
    await Promise.all([stateTail.caughtUp, reportTail.caughtUp]);
    const progress = new Map<string, ProgressView>();
    for (const source of job.sources) {
      const opened = stack.use(await openProgress({ kafka, registry }, source.name));
      progress.set(source.name, opened.view);
    }
    const look = stack.use(new ServerProbe(job, log));
    return new StatusFeed({ job, kafka, view, reports, progress, look, stack: stack.move() });
  }

  get reports(): ReportView {
    return this.#reports;
  }

  get view(): JobView {
    return this.#view;
  }

  async status(): Promise<Status> {
    const job = this.#view.job;
    if (job === null) throw new ReshardError('bug', 'the job has topics but no state');
    // Sources before the log before the targets: "drained" must not be seen too early.
    const sources = await Promise.all(this.#job.sources.map(s => this.#source(s.name)));
    const ends = await this.#logEnds();
    const targets = await Promise.all(this.#job.targets.map(t => this.#target(t.name, ends)));
    const now = Date.now();
    const services = this.#reports.services(now);
    return {
      job: this.#job.job,
      phase: job.phase,
      sinceMs: job.sinceMs,
      startedMs: job.startedMs,
      tables: this.#job.tables.map(t => this.#table(t.name)),
      sources,
      targets,
      services,
      members: this.#reports.members(now),
      pauses: this.#view.pauseList,
      waiting: null,
      drained: sources.every(s => s.caughtUp) && targets.every(isDrained),
      halted: services.filter(s => s.state === 'halted' || s.state === 'blocked').length,
    };
  }

  #table(table: string): TableStatus {
    const plans = [...this.#view.plans.values()].filter(p => p.table === table);
    let done = 0;
    let rangesDone = 0;
    let rangesTotal = 0;
    let rejectedChunks = 0;
    let estimate = 0;
    for (const plan of plans) {
      estimate += plan.estimatedRows;
      rangesTotal += plan.ranges.length;
      for (const range of plan.ranges) {
        const known = this.#progress.get(plan.source)?.range(plan.db, table, range.id);
        const at = known?.generation === plan.generation ? known : undefined;
        done += at?.rows ?? 0;
        rangesDone += at?.complete ? 1 : 0;
        rejectedChunks += at?.rejected ?? 0;
      }
    }
    const complete = rangesTotal > 0 && rangesDone === rangesTotal;
    const total = complete ? done : Math.max(estimate, done);
    const rowsPerSecond = this.#rates.note(`table/${table}`, done);
    return {
      table,
      done,
      total,
      rowsPerSecond,
      etaSeconds: complete ? 0 : rowsPerSecond > 0 ? (total - done) / rowsPerSecond : null,
      rangesDone,
      rangesTotal,
      rejectedChunks,
      complete,
    };
  }

  async #source(name: string): Promise<SourceStatus> {
    const flavor = this.#view.starts.get(name)?.flavor ?? 'mysql';
    const committed = await this.#look.executed(name);
    const resume = this.#progress.get(name)?.resume ?? null;
    const caughtUp =
      committed !== null &&
      resume !== null &&
      GtidSet.parse(resume.gtid, flavor).covers(GtidSet.parse(committed, flavor));
    const behind = resume === null ? null : Math.max(0, (Date.now() - resume.tsMs) / 1000);
    const records = resume?.ordinal ?? 0;
    return {
      source: name,
      lagSeconds: caughtUp ? 0 : behind,
      caughtUp,
      file: resume?.file ?? '',
      pos: resume?.pos ?? 0,
      gtid: resume?.gtid ?? '',
      epoch: resume?.epoch ?? 0,
      records,
      recordsPerSecond: this.#rates.note(`source/${name}`, records),
    };
  }

  /** End of the committed log of each partition of each table topic, by `<topic>/<partition>`. */
  async #logEnds(): Promise<Map<string, number>> {
    const admin = await this.#kafka.admin();
    const ends = new Map<string, number>();
    await Promise.all(
      [...this.#view.plans.values()].map(async plan => {
        for (const p of await admin.offsets(plan.topic)) {
          ends.set(`${plan.topic}/${p.partition}`, p.latest);
        }
      }),
    );
    return ends;
  }

  async #target(name: string, ends: Map<string, number>): Promise<TargetStatus> {
    const seen = await this.#look.applied(name);
    let lagRecords = 0;
    for (const [place, end] of ends) {
      lagRecords += Math.max(0, end - (seen?.offsets.get(place) ?? 0));
    }
    const rows = this.#reports.sum('sink', 'rows', r => r.unit.split('/')[0] === name);
    return {
      target: name,
      lagRecords,
      rows,
      rowsPerSecond: this.#rates.note(`target/${name}`, rows),
      parked: seen?.parked ?? 0,
      blocked: seen?.blocked ?? 0,
      reachable: seen !== null,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Rows that wait count: they are not in their table. */
function isDrained(t: TargetStatus): boolean {
  return t.reachable && t.lagRecords === 0 && t.parked === 0 && t.blocked === 0;
}
