/**
 * The checker's loop: takes the oldest request for a check that has no verdict yet, waits until its
 * tables are copied, runs the full check, reports its progress and its verdict.
 * Nothing is remembered but the verdicts: a check that was interrupted begins anew elsewhere, and a
 * failed one is a verdict too, so a request that cannot be checked does not block the next.
 */
import type { Job } from '../../shared/job/job.ts';
import { routeOf } from '../../shared/job/job-route.ts';
import type { CheckProgress } from '../../shared/job/state/check-result.ts';
import type { VerifyRequest } from '../../shared/job/state/job-view.ts';
import { tailTable } from '../../shared/kafka/table.ts';
import { reportTopic } from '../../shared/kafka/topic-name.ts';
import { reportCodec, type ServiceContext } from '../../shared/member/context.ts';
import type { ReportedUnit } from '../../shared/member/reporter.ts';
import { type MysqlEndpoint, MysqlSession } from '../../shared/mysql/connect.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { asReshardError, describeError } from '../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Unit } from '../../shared/runtime/service.ts';
import { forReport, progressCounters, resultCounters } from './check-report.ts';
import { runFullCheck } from './full/full-check.ts';
import { PipelinePosition } from './full/pipeline-position.ts';
import type { CheckServer } from './full/session-set.ts';
import type { CheckMetrics } from './metrics.ts';

const LOOK_MS = 100;
const VERDICTS = new Set(['finished', 'failed']);
/** A server that is silent for longer is taken for lost, and asked again. */
const STATEMENT_TIMEOUT_MS = 300_000;
/** Verdicts that we go on reporting; older ones stay in the topic as they are. */
const REPORTED_CHECKS = 3;

export class Checker implements Unit {
  readonly #context: ServiceContext;
  readonly #metrics: CheckMetrics;
  /** Checks that have a verdict. */
  readonly #judged = new Set<string>();
  readonly #reported: ReportedUnit[] = [];

  constructor(context: ServiceContext, metrics: CheckMetrics) {
    this.#context = context;
    this.#metrics = metrics;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { kafka, registry, job, view } = this.#context;
    await using stack = new AsyncDisposableStack();
    const codec = await reportCodec(registry, job);
    const tail = stack.use(
      await tailTable(kafka, reportTopic(job.job), (key, value) => {
        const id = /^checker\/(verify-.+)$/.exec(key.toString())?.[1];
        if (id === undefined || value === null) return;
        if (VERDICTS.has(codec.decode(value).state)) this.#judged.add(id);
      }),
    );
    await tail.caughtUp;
    const position = stack.use(await PipelinePosition.open(this.#context));
    while (!signal.aborted) {
      const waiting = [...view.verifies.values()].filter(v => !this.#judged.has(v.id));
      const next = waiting.sort((a, b) => a.requestedMs - b.requestedMs)[0];
      if (next === undefined) await sleep(LOOK_MS, signal);
      else await this.#check(next, position, signal);
    }
  }

  async #check(
    request: VerifyRequest,
    position: PipelinePosition,
    signal: AbortSignal,
  ): Promise<void> {
    const { job, log, report } = this.#context;
    const { id } = request;
    const tables = job.tables.filter(
      t => request.tables.length === 0 || request.tables.includes(t.name),
    );
    const unit = this.#reportedAs(id);
    try {
      unit.set({ state: 'waiting', counters: { differences: 0 }, detail: { verifyId: id } });
      await copied(position, tables, signal);
      const result = await runFullCheck({
        verifyId: id,
        ...serversOf(job),
        tables: tables.map(t => ({ name: t.name, routeOf: schema => routeOf(job, schema) })),
        waiter: position,
        log,
        signal,
        concurrency: job.options.checkConcurrency,
        onStart: () => {
          unit.set({ state: 'checking' });
          log.info({ verifyId: id, tables: tables.length }, 'check starts');
        },
        onProgress: progress => this.#progress(unit, progress),
      });
      failpoint(FAILPOINTS.checkerBeforeVerdict);
      this.#metrics.finished(result);
      unit.set({
        state: 'finished',
        counters: resultCounters(result),
        detail: { ...forReport(result) },
      });
    } catch (e) {
      if (signal.aborted) {
        unit.forget();
        return;
      }
      const error = asReshardError(e);
      log.error({ verifyId: id, kind: error.kind }, `check failed: ${describeError(error)}`);
      unit.set({ state: 'failed', error: describeError(error) });
    }
    this.#judged.add(id);
    await report.flush();
  }

  #progress(unit: ReportedUnit, progress: CheckProgress): void {
    const counters = progressCounters(progress);
    this.#metrics.progress(counters);
    const { tables, rowsPerSecond, etaSeconds } = progress;
    unit.set({ counters, detail: { tables, rowsPerSecond, etaSeconds } });
  }

  #reportedAs(id: string): ReportedUnit {
    const unit = this.#context.report.unit(id);
    this.#reported.push(unit);
    if (this.#reported.length > REPORTED_CHECKS) this.#reported.shift()?.forget();
    return unit;
  }
}

/** A row that is not copied yet would be missing, and rightly so. */
async function copied(
  position: PipelinePosition,
  tables: readonly { name: string }[],
  signal: AbortSignal,
): Promise<void> {
  const names = tables.map(t => t.name);
  while (!position.isCopied(names)) {
    signal.throwIfAborted();
    await sleep(LOOK_MS, signal);
  }
}

function serversOf(job: Job): { sources: CheckServer[]; targets: CheckServer[] } {
  const open = (endpoint: MysqlEndpoint, side: 'source' | 'target'): Promise<MysqlSession> =>
    MysqlSession.open(endpoint, { role: 'read', side, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  return {
    sources: job.sources.map(s => ({
      name: s.name,
      database: s.database,
      open: () => open(s, 'source'),
    })),
    targets: job.targets.map(t => ({
      name: t.name,
      database: t.database,
      open: () => open(t, 'target'),
    })),
  };
}
