/**
 * Whether a job has more to do than it can, by what its members report of themselves once a second:
 * a source's log that is behind, or records that the sink has read and not applied.
 */
import type { Job } from '../job/job.ts';
import type { TailedTable } from '../kafka/table.ts';
import type { ServiceContext } from './context.ts';
import { tailReports } from './report-tail.ts';
import type { Report } from './reporter.ts';

/** By the clock of who has heard it: that of a member may be off by hours. */
type Heard = Pick<Report, 'service' | 'member' | 'counters'> & { heardMs: number };

/** A member that is silent for longer says nothing of now. */
const HEARD_WITHIN_MS = 5000;
/** What comes and goes within it is no load. */
const BEHIND_MIN_S = 2;
/** Of what the sink may read ahead, more than what passes in a moment. */
const QUEUED_SHARE = 1 / 8;

export interface LoadLimits {
  /** What a member of the sink reads ahead at most, for all of its units. */
  bufferBytes: number;
  /**
   * How far a log may be behind where a cutover is to begin. Whoever stands behind a job must not
   * keep one from it: who waits only where its own log does so already keeps nobody.
   */
  maxLagSeconds: number;
  /**
   * How many records all targets together may be behind, if each is to be within what a cutover is
   * to begin with: a queue of more keeps one already, by whichever target.
   */
  maxLagRecords: number;
}

/** Pure. */
export function isBehind(reports: Iterable<Heard>, limits: LoadLimits, nowMs: number): boolean {
  const behindS = Math.max(BEHIND_MIN_S, limits.maxLagSeconds);
  const most = limits.bufferBytes * QUEUED_SHARE;
  const queued = new Map<string, number>();
  let records = 0;
  for (const { service, member, counters, heardMs } of reports) {
    if (nowMs - heardMs > HEARD_WITHIN_MS) continue;
    if (service === 'binlog' && (counters.lagSeconds ?? 0) > behindS) return true;
    if (service !== 'sink') continue;
    records += counters.queuedRecords ?? 0;
    queued.set(member, (queued.get(member) ?? 0) + (counters.queuedBytes ?? 0));
  }
  return records > limits.maxLagRecords && [...queued.values()].some(bytes => bytes > most);
}

/** What members have said last; times are of any clock that goes on. */
export class HeardReports {
  readonly #heard = new Map<string, Heard>();
  #isLive = false;

  /** What comes from here on has just been said; what was there before is of any age. */
  live(): void {
    this.#isLive = true;
  }

  note(key: string, report: Report | null, nowMs: number): void {
    if (report === null) this.#heard.delete(key);
    else if (this.#isLive) this.#heard.set(key, { ...report, heardMs: nowMs });
  }

  isBehind(limits: LoadLimits, nowMs: number): boolean {
    return isBehind(this.#heard.values(), limits, nowMs);
  }
}

export class PipelineLoad implements AsyncDisposable {
  readonly #job: Job;
  readonly #reports: HeardReports;
  readonly #tail: TailedTable;

  private constructor(job: Job, reports: HeardReports, tail: TailedTable) {
    this.#job = job;
    this.#reports = reports;
    this.#tail = tail;
  }

  static async open(
    { kafka, registry, ruling }: Pick<ServiceContext, 'kafka' | 'registry' | 'ruling'>,
    job: Job,
  ): Promise<PipelineLoad> {
    const reports = new HeardReports();
    const tail = await tailReports({ kafka, registry, job }, ruling, (key, report) =>
      reports.note(key, report, performance.now()),
    );
    // Why it fails is told by `failed`.
    tail.caughtUp.then(
      () => reports.live(),
      () => {},
    );
    return new PipelineLoad(job, reports, tail);
  }

  get isBehind(): boolean {
    const { options, cutover, targets } = this.#job;
    const { maxLagSeconds } = cutover.limits;
    const maxLagRecords = cutover.limits.maxLagRecords * targets.length;
    const limits = { bufferBytes: options.sinkBufferBytes, maxLagSeconds, maxLagRecords };
    return this.#reports.isBehind(limits, performance.now());
  }

  /** Rejects when the reports can be followed no longer; never resolves. */
  get failed(): Promise<never> {
    return this.#tail.failed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#tail.close();
  }
}
