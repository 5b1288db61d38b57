/**
 * Whether rows are on their way to the targets, by what the members of a job report of themselves
 * once a second: a source's log that is behind, or records that the sink has read and not applied.
 */
import type { Job } from '../../shared/job/job.ts';
import type { TailedTable } from '../../shared/kafka/table.ts';
import type { ServiceContext } from '../../shared/member/context.ts';
import { tailReports } from '../../shared/member/report-tail.ts';
import type { Report } from '../../shared/member/reporter.ts';

type Load = Pick<Report, 'service' | 'counters' | 'tsMs'>;

/** A member that is silent for longer says nothing of now. */
const HEARD_WITHIN_MS = 5000;
const BEHIND_S = 2;
/** Of what the sink may read ahead, more than what passes in a moment. */
const QUEUED_SHARE = 1 / 8;

/** Pure. `bufferBytes`: what a sink reads ahead at most. */
export function isBehind(reports: Iterable<Load>, bufferBytes: number, nowMs: number): boolean {
  let queuedBytes = 0;
  for (const { service, counters, tsMs } of reports) {
    if (nowMs - tsMs > HEARD_WITHIN_MS) continue;
    if (service === 'binlog' && (counters.lagSeconds ?? 0) > BEHIND_S) return true;
    if (service === 'sink') queuedBytes += counters.queuedBytes ?? 0;
  }
  return queuedBytes > bufferBytes * QUEUED_SHARE;
}

export class PipelineLoad implements AsyncDisposable {
  readonly #job: Job;
  readonly #reports: ReadonlyMap<string, Load>;
  readonly #tail: TailedTable;

  private constructor(job: Job, reports: ReadonlyMap<string, Load>, tail: TailedTable) {
    this.#job = job;
    this.#reports = reports;
    this.#tail = tail;
  }

  static async open(
    { kafka, registry, ruling }: Pick<ServiceContext, 'kafka' | 'registry' | 'ruling'>,
    job: Job,
  ): Promise<PipelineLoad> {
    const reports = new Map<string, Load>();
    const tail = await tailReports({ kafka, registry, job }, ruling, (key, report) => {
      if (report === null) reports.delete(key);
      else reports.set(key, report);
    });
    return new PipelineLoad(job, reports, tail);
  }

  get isBehind(): boolean {
    return isBehind(this.#reports.values(), this.#job.options.sinkBufferBytes, Date.now());
  }

  /** Rejects when the reports can be followed no longer; never resolves. */
  get failed(): Promise<never> {
    return this.#tail.failed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#tail.close();
  }
}
