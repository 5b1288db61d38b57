/**
 * Collects the status of a job from the topics and the servers themselves, so that it works when
 * any of our services is dead, control included, and while the registry or any one server is away:
 * each is asked with a deadline of its own, and what does not answer is unknown, never zero.
 * Lag is measured by position, and by how long that has not been complete: an idle source is not
 * "behind", and a stalled one is not "0 s".
 */
import { GtidSet } from '../../../shared/change/gtid.ts';
import type { Job } from '../../../shared/job/job.ts';
import { isReturnJob, returnJob } from '../../../shared/job/return-job.ts';
import { plannedCheck } from '../../../shared/job/state/check-schedule.ts';
import { isGoneOver, legOf, wayOf } from '../../../shared/job/state/cutover.ts';
import { isHandedOver } from '../../../shared/job/state/handover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import { type Proof, standings } from '../../../shared/job/state/proof.ts';
import { copyStops, limitOf } from '../../../shared/job/state/throttle.ts';
import { reportTopic } from '../../../shared/kafka/topic-name.ts';
import { describeError, ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { recordsBehind } from './backlog.ts';
import { waitsForLog } from './copy-wait.ts';
import { cutoverStatus } from './cutover-status.ts';
import { expectedUnits } from './expected-units.ts';
import { type FollowedJob, followJob } from './followed-job.ts';
import { headlineOf, isDrained } from './headline.ts';
import { LagClock } from './lag-clock.ts';
import { type LogEnds, logEnds, lostTopics } from './log-ends.ts';
import { checkStatus, proofStatus, repairStatus } from './proof-status.ts';
import { Rates } from './rate.ts';
import type { ReportView } from './report-view.ts';
import { type Applied, ServerProbe } from './server-probe.ts';
import type {
  DifferingTable,
  SourceStatus,
  Status,
  StatusFacts,
  TableStatus,
  TargetStatus,
  WayBackStatus,
} from './status.ts';
import { streamStatus } from './stream-status.ts';
import { throttleStatus } from './throttle-status.ts';
import { isOwedWayBack, wayBackStatus } from './way-back.ts';

const REGISTRY_EVERY_MS = 5000;

type Ruling = Pick<JobView, 'cutoverRun'>;

/** The same facts with what follows from them. */
export function judged(facts: StatusFacts): Status {
  const halted = facts.services.filter(s => s.state === 'halted' || s.state === 'blocked').length;
  return { headline: headlineOf(facts), ...facts, drained: isDrained(facts), halted };
}

export class StatusFeed implements AsyncDisposable {
  readonly #followed: FollowedJob;
  readonly #job: Job;
  readonly #probe: ServerProbe;
  readonly #rates = new Rates();
  readonly #lag = new LagClock();
  /** Which way rows are carried: of the job whose way back this is, or its own. */
  readonly #ruling: Ruling;
  readonly #back: StatusFeed | null;
  #registryAt = -Infinity;

  private constructor(
    followed: FollowedJob,
    probe: ServerProbe,
    of: { ruling: Ruling; back: StatusFeed | null },
  ) {
    this.#ruling = of.ruling;
    this.#back = of.back;
    this.#followed = followed;
    this.#job = followed.job;
    this.#probe = probe;
  }

  /**
   * Null while the job has not been prepared. `ruling`: of a way back, the job that says which way
   * rows are carried.
   */
  static async open(job: Job, log: Logger, ruling?: Ruling): Promise<StatusFeed | null> {
    const followed = await followJob(job, log);
    if (followed === null) return null;
    const { view } = followed;
    const way = returnJob(job);
    const back = way === null ? null : await StatusFeed.open(way, log, view).catch(() => null);
    const probe = new ServerProbe(job, log, view.jobId);
    return new StatusFeed(followed, probe, { ruling: ruling ?? view, back });
  }

  get reports(): ReportView {
    return this.#followed.reports;
  }

  get view(): JobView {
    return this.#followed.view;
  }

  /** Whether what it knows of the job has become old: it has to be opened again. */
  get isBroken(): boolean {
    return this.#followed.failure !== null;
  }

  async status(): Promise<Status> {
    const { view, reports, failure, kafka } = this.#followed;
    if (failure !== null) throw failure;
    const job = view.job;
    if (job === null) throw new ReshardError('bug', 'the job has topics but no state');
    const name = this.#job.job;
    const registry = this.#registry();
    const progress = await this.#progress();
    // Sources before the log before the targets: "drained" must not be seen too early.
    const sources = await Promise.all(
      this.#job.sources.map(s => this.#source(s.name, progress.get(s.name) ?? null)),
    );
    const plans = [...view.plans.values()];
    const tables = this.#job.tables.map(t => t.name);
    const log = await logEnds(kafka, name, plans);
    const applied = await Promise.all(this.#job.targets.map(t => this.#probe.applied(t.name)));
    const offsets = applied.flatMap(a => (a === null ? [] : [a.offsets]));
    const lost = await lostTopics(kafka, name, plans, log, offsets);
    const isHanded = isHandedOver(view.handoverRun);
    const carries = !isHanded && legOf(this.#ruling.cutoverRun, wayOf(this.#job)) !== null;
    const isOver = isGoneOver(this.#ruling.cutoverRun);
    return judged({
      job: name,
      phase: job.phase,
      sinceMs: job.sinceMs,
      startedMs: job.startedMs,
      tables: this.#job.tables.map(t => ({
        ...this.#table(t.name, progress),
        waitsForLog: waitsForLog(reports.reports, t.name),
      })),
      sources,
      targets: this.#job.targets.map((t, i) => this.#target(t.name, log, applied[i] ?? null)),
      topics: [...log.topics, ...lost],
      services: reports.services(expectedUnits(this.#job, carries, isOver), job.startedMs),
      members: reports.members(),
      proofs: proofStatus(view, tables),
      checks: checkStatus(view, reports.reports),
      stream: isOver ? null : streamStatus(this.#job, reports.reports),
      nextCheckMs: plannedCheck(view, tables, this.#job.options)?.atMs ?? null,
      repairs: repairStatus(view, reports.reports),
      pauses: view.pauseList,
      throttle: throttleStatus(view),
      waiting: null,
      registry: await registry,
      differing: this.#differing(job.recopiedMs ?? 0),
      cutover: await cutoverStatus(view, this.#probe),
      handover: view.handoverRun,
      wayBack: await this.#wayBack(),
      rehearsals: view.rehearsals?.list ?? [],
    });
  }

  async #wayBack(): Promise<WayBackStatus | null> {
    if (!isOwedWayBack(this.#job, this.view)) return null;
    const back = (await this.#back?.status().catch(() => null)) ?? null;
    return wayBackStatus(this.view, back);
  }

  /** By the proofs of the tables; jobs of older versions have none. */
  #differing(sinceMs: number): DifferingTable[] {
    const { view, reports } = this.#followed;
    if (view.proofs.size === 0) {
      return reports.differing(id => view.verifies.get(id)?.requestedMs ?? 0, sinceMs);
    }
    const known = standings(
      view,
      this.#job.tables.map(t => t.name),
    );
    return known.flatMap(({ table, proof, isProven }) =>
      isProven || proof?.result !== 'different'
        ? []
        : [{ table, verifyId: proof.check, ...differencesOf(proof) }],
    );
  }

  async #registry(): Promise<StatusFacts['registry']> {
    const { readers } = this.#followed;
    if (performance.now() - this.#registryAt < REGISTRY_EVERY_MS) return readers.away;
    this.#registryAt = performance.now();
    return readers.look(reportTopic(this.#job.job));
  }

  /** By source; those that can be followed. */
  async #progress(): Promise<Map<string, ProgressView>> {
    const found = new Map<string, ProgressView>();
    const asked = [...this.#followed.progress].map(async ([source, followed]) => {
      const view = await followed.view();
      if (view !== null) found.set(source, view);
    });
    await Promise.all(asked);
    return found;
  }

  #table(
    table: string,
    progress: ReadonlyMap<string, ProgressView>,
  ): Omit<TableStatus, 'waitsForLog'> {
    const plans = [...this.view.plans.values()].filter(p => p.table === table);
    let done = 0;
    let rangesDone = 0;
    let rangesTotal = 0;
    let rejectedChunks = 0;
    let estimate = 0;
    for (const plan of plans) {
      estimate += plan.estimatedRows;
      rangesTotal += plan.ranges.length;
      for (const range of plan.ranges) {
        const known = progress.get(plan.source)?.range(plan.db, table, range.id);
        const at = known?.generation === plan.generation ? known : undefined;
        done += at?.rows ?? 0;
        rangesDone += at?.complete ? 1 : 0;
        rejectedChunks += at?.rejected ?? 0;
      }
    }
    // A way back has nothing to copy.
    const isPlanned = isReturnJob(this.#job) ? plans.length > 0 : rangesTotal > 0;
    const complete = isPlanned && rangesDone === rangesTotal;
    const total = complete ? done : Math.max(estimate, done);
    const rowsPerSecond = this.#rates.note(`table/${table}`, done);
    return {
      table,
      done,
      total,
      rowsPerSecond,
      etaSeconds: complete ? 0 : this.#eta(total - done, rowsPerSecond),
      rangesDone,
      rangesTotal,
      rejectedChunks,
      complete,
    };
  }

  /** Null while the copy stands still, whatever it has just done; no sooner than a limit lets. */
  #eta(left: number, rowsPerSecond: number): number | null {
    if (rowsPerSecond === 0 || copyStops(this.view).length > 0) return null;
    const limit = limitOf(this.view.throttle, 'rows') ?? Infinity;
    return left / Math.min(rowsPerSecond, limit);
  }

  async #source(name: string, progress: ProgressView | null): Promise<SourceStatus> {
    const flavor = this.view.starts.get(name)?.flavor ?? 'mysql';
    const committed = await this.#probe.executed(name);
    const resume = progress?.resume ?? null;
    let unknown =
      progress === null
        ? (this.#followed.progress.get(name)?.whyNot ?? 'its progress is not known')
        : this.#probe.whyNot(`source/${name}`);
    let caughtUp = false;
    try {
      caughtUp =
        committed !== null &&
        resume !== null &&
        GtidSet.parse(resume.gtid, flavor).covers(GtidSet.parse(committed, flavor));
    } catch (e) {
      unknown = describeError(e);
    }
    const records = resume?.ordinal ?? 0;
    let lagSeconds: number | null = null;
    if (unknown === null && resume !== null) {
      lagSeconds = this.#lag.note(name, caughtUp, resume.tsMs);
      if (lagSeconds === null) unknown = clocksDiffer(resume.tsMs);
    }
    return {
      source: name,
      lagSeconds,
      caughtUp,
      unknown,
      file: resume?.file ?? '',
      pos: resume?.pos ?? 0,
      gtid: resume?.gtid ?? '',
      epoch: resume?.epoch ?? 0,
      records,
      recordsPerSecond: progress === null ? 0 : this.#rates.note(`source/${name}`, records),
    };
  }

  #target(name: string, { ends, topics }: LogEnds, applied: Applied | null): TargetStatus {
    const rows = this.reports.sum('sink', 'rows', r => r.unit.split('/')[0] === name);
    return {
      target: name,
      lagRecords: applied === null || topics.length > 0 ? null : recordsBehind(ends, applied),
      rows,
      rowsPerSecond: this.#rates.note(`target/${name}`, rows),
      parked: applied?.parked ?? 0,
      blocked: applied?.blocked ?? 0,
      reachable: applied !== null,
      unknown: this.#probe.whyNot(`target/${name}`),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#back?.[Symbol.asyncDispose]();
    await this.#probe[Symbol.asyncDispose]();
    await this.#followed[Symbol.asyncDispose]();
  }
}

function clocksDiffer(newestMs: number): string {
  const aheadS = Math.round((newestMs - Date.now()) / 1000);
  return (
    `its log is ${aheadS} s newer than the clock of this machine: how far it is behind cannot be ` +
    'told\n  remedy: set the clocks of the servers and of the machines of the job by one source'
  );
}

function differencesOf(proof: Proof): Pick<DifferingTable, 'differences' | 'truncated'> {
  return { differences: proof.differences, truncated: proof.truncated ?? false };
}
