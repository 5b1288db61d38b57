/**
 * The checker: the door of its service, and the loop that serves requests.
 *
 * Contract
 * - Asked by a record `verify/<id>` of the state topic, once; answers on the report topic under
 *   `checker/<id>`, again and again until the verdict. A request is answered by one verdict, or by
 *   several that say the same of different moments: whoever reads them (control) takes the worst.
 * - Duplicates: a check changes nothing on any server, so it may run twice, also at a time. One
 *   that was interrupted is gone on with by the next member, at the checkpoint that control keeps
 *   (shared/job/state/checkpoint.ts): what was compared is not again, and its verdict is as old as
 *   its beginning. Tables that have become others since begin anew, and it says so.
 * - Order: what somebody has asked for comes first, in turn. A check of the schedule that is under
 *   way is left for it, and gone on with afterwards.
 * - Fencing: a lease lets one member check. A member that has lost it may still finish; its verdict
 *   names the basis of each table (shared/job/state/proof.ts), by which a late one is told.
 * - Truth: `equal` is said only of tables that were compared, each row as of the source positions in
 *   the result or later, on servers and tables that were the same ones from the first probe to the
 *   last. A key that is blocked or unsettled, a server that was swapped, a table that was truncated
 *   meanwhile, a wait that has stood still: none of them ends as equal.
 * - Ends: every wait says what it waits for (report, detail `waiting`) and has an end
 *   (full/pipeline-wait.ts). A failed check is a verdict too, so it does not block the next.
 */

import type { Job } from '../../shared/job/job.ts';
import { routeOf } from '../../shared/job/job-route.ts';
import type { CheckProgress, CheckResult } from '../../shared/job/state/check-result.ts';
import type { Resumption } from '../../shared/job/state/checkpoint.ts';
import { targetsOnly } from '../../shared/job/state/dropped-column.ts';
import type { JobView } from '../../shared/job/state/job-view.ts';
import { basisOf } from '../../shared/job/state/proof.ts';
import { refuseStale } from '../../shared/job/state/source-server.ts';
import { checkStops, limitOf } from '../../shared/job/state/throttle.ts';
import type { VerifyRequest } from '../../shared/job/state/verify-request.ts';
import { tailTable } from '../../shared/kafka/table.ts';
import { reportTopic } from '../../shared/kafka/topic-name.ts';
import { reportCodec, type ServiceContext } from '../../shared/member/context.ts';
import type { ReportedUnit } from '../../shared/member/reporter.ts';
import { type MysqlEndpoint, MysqlSession } from '../../shared/mysql/connect.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { asReshardError, describeError } from '../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Unit } from '../../shared/runtime/service.ts';
import { rowKeyNames } from '../../shared/schema/table-schema.ts';
import { checkpointCounters, forReport, progressCounters, resultCounters } from './check-report.ts';
import {
  isToLeave,
  nextCheck,
  scopedTable,
  standOf,
  tablesOf,
  unknownTable,
} from './check-request.ts';
import { unequalTables, untilDoubted } from './doubt-wait.ts';
import { runFullCheck } from './full/full-check.ts';
import { PipelinePosition } from './full/pipeline-position.ts';
import type { WaitNote } from './full/pipeline-wait.ts';
import type { CheckServer } from './full/session-set.ts';
import { tryScope } from './full/table-scope.ts';
import type { CheckMetrics } from './metrics.ts';

const POLL_MS = 100;
/** How often it is told what a check waits for. */
const WAITS_EVERY_MS = 500;
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
  readonly #reported: { id: string; unit: ReportedUnit }[] = [];

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
        const { state, jobId } = codec.decode(value);
        if (VERDICTS.has(state) && jobId === view.jobId) this.#judged.add(id);
      }),
    );
    await tail.caughtUp;
    const position = stack.use(await PipelinePosition.open(this.#context));
    // A view that is followed no longer would be waited on for nothing.
    const failure = new AbortController();
    for (const tailed of [tail, position]) tailed.failed.catch(e => failure.abort(e));
    const stop = AbortSignal.any([signal, failure.signal]);
    while (!stop.aborted) {
      this.#forgetRemoved();
      const next = nextCheck(this.#waiting());
      if (next === undefined) await sleep(POLL_MS, stop);
      else await this.#check(next, position, stop);
    }
    if (failure.signal.aborted && !signal.aborted) throw failure.signal.reason;
  }

  #waiting(): VerifyRequest[] {
    return [...this.#context.view.verifies.values()].filter(v => !this.#judged.has(v.id));
  }

  /** Fires when the check is to be left for another one, or is not wanted any more. */
  #untilLeft(request: VerifyRequest): { left: AbortSignal; end: () => void } {
    const stop = new AbortController();
    const look = (): void => {
      if (isToLeave(request, this.#waiting())) stop.abort();
    };
    const end = this.#context.view.onChange(look);
    look();
    return { left: stop.signal, end };
  }

  async #check(
    request: VerifyRequest,
    position: PipelinePosition,
    stop: AbortSignal,
  ): Promise<void> {
    const { left, end } = this.#untilLeft(request);
    const signal = AbortSignal.any([stop, left]);
    const { job, log, report, view } = this.#context;
    const { id } = request;
    const names = tablesOf(request, job);
    const unit = this.#reportedAs(id);
    const from = view.checkpoints.get(id);
    const counters = from === undefined ? { differences: 0 } : checkpointCounters(from);
    unit.set({ state: 'waiting', counters, detail: { verifyId: id } });
    this.#standOn(unit, request, names ?? []);
    let unequal: readonly string[] = names ?? [];
    const tellWaits = setInterval(
      () => unit.set({ detail: { waiting: [...stopNotes(view), ...position.waits.list()] } }),
      WAITS_EVERY_MS,
    );
    try {
      if (names === null) throw unknownTable(request, job);
      await this.#tryScope(request, names, position, signal);
      await position.copied(names, signal);
      // From here on: what changes the basis now changes it under the check.
      this.#standOn(unit, request, names);
      const result = await this.#compare(request, unit, names, position, signal);
      failpoint(FAILPOINTS.checkerBeforeVerdict);
      this.#metrics.finished(result);
      unequal = unequalTables(result);
      const detail = { ...forReport(result), waiting: [], checkpoint: null };
      unit.set({ state: 'finished', counters: resultCounters(result), detail });
    } catch (e) {
      if (signal.aborted) {
        this.#leave(request, unit, stop);
        return;
      }
      const error = asReshardError(e);
      log.error({ verifyId: id, kind: error.kind }, `check failed: ${describeError(error)}`);
      unit.set({
        state: 'failed',
        error: describeError(error),
        detail: { waiting: [], checkpoint: null },
      });
    } finally {
      clearInterval(tellWaits);
      end();
    }
    this.#judged.add(id);
    const before = this.#basesOf(unequal);
    await report.flush();
    await untilDoubted(view, before, stop);
  }

  #leave({ id }: VerifyRequest, unit: ReportedUnit, stop: AbortSignal): void {
    if (stop.aborted || !this.#context.view.verifies.has(id)) {
      unit.forget();
      return;
    }
    const what = 'a check that somebody has asked for';
    unit.set({ state: 'waiting', detail: { waiting: [{ what, sinceMs: Date.now() }] } });
    this.#context.log.info({ verifyId: id }, `check left for ${what}; it is gone on with then`);
  }

  /** Whoever has removed a request wants no report of its check either. */
  #forgetRemoved(): void {
    for (const { id, unit } of this.#reported) {
      if (!this.#context.view.verifies.has(id)) unit.forget();
    }
  }

  /** A scope that is refused is so before anything is waited for, or read. */
  async #tryScope(
    request: VerifyRequest,
    names: readonly string[],
    position: PipelinePosition,
    signal: AbortSignal,
  ): Promise<void> {
    const { job, log } = this.#context;
    const table = scopedTable(request, names);
    if (table === null || !request.scope) return;
    const { sources: servers } = serversOf(job, position);
    const { scope } = request;
    await tryScope({ servers, table, key: this.#keyOf(table), scope, log, signal });
  }

  #keyOf(table: string): string[] | undefined {
    const plan = [...this.#context.view.plans.values()].find(p => p.table === table);
    return plan === undefined ? undefined : rowKeyNames(plan.schema);
  }

  #compare(
    { id, after = {}, scope = null }: VerifyRequest,
    unit: ReportedUnit,
    names: readonly string[],
    position: PipelinePosition,
    signal: AbortSignal,
  ): Promise<CheckResult> {
    const { job, log, view } = this.#context;
    // Said in the report before: what was compared under another one is begun anew.
    const bases = this.#basesOf(names);
    let told = 0;
    return runFullCheck({
      verifyId: id,
      ...serversOf(job, position),
      from: view.checkpoints.get(id) ?? null,
      tables: names.map(name => ({
        name,
        basis: bases[name] ?? '',
        key: this.#keyOf(name),
        dropped: targetsOnly(view, name),
        routeOf: (schema, source) => routeOf(job, schema, source),
        after: after[name] ?? null,
        scope,
      })),
      waiter: position.of(names),
      log,
      signal,
      concurrency: job.options.checkConcurrency,
      throttle: {
        rowsPerSecond: () => limitOf(view.throttle, 'check-rows'),
        isStopped: () => checkStops(view, Date.now()).length > 0,
      },
      onStart: () => {
        unit.set({ state: 'checking' });
        log.info({ verifyId: id, tables: names.length }, 'check starts');
      },
      onProgress: progress => {
        this.#progress(unit, progress);
        told = this.#tellResumed(id, progress.resumed ?? null, told);
      },
      onCheckpoint: checkpoint => unit.set({ detail: { checkpoint } }),
    });
  }

  /** Once of each table, when it is known; answers of how many it is told. Keys are in no log. */
  #tellResumed(verifyId: string, resumed: Resumption | null, told: number): number {
    const { kept = [], anew = [] } = resumed ?? {};
    if (kept.length + anew.length === told) return told;
    const before = Object.fromEntries(kept.map(({ table, rows }) => [table, rows]));
    this.#context.log.info({ verifyId, before, anew }, 'another checker has begun with the check');
    return kept.length + anew.length;
  }

  /** Notes in the report what a verdict of the check will rest on; of a part, on nothing. */
  #standOn(unit: ReportedUnit, request: VerifyRequest, tables: readonly string[]): void {
    unit.set({ detail: { ...standOf(request, this.#basesOf(tables)) } });
  }

  #basesOf(tables: readonly string[]): Record<string, string> {
    const { view } = this.#context;
    return Object.fromEntries(tables.map(table => [table, basisOf(view, table)]));
  }

  #progress(unit: ReportedUnit, progress: CheckProgress): void {
    const counters = progressCounters(progress);
    this.#metrics.progress(counters);
    const { tables, rowsPerSecond, etaSeconds, resumed = null } = progress;
    unit.set({ counters, detail: { tables, rowsPerSecond, etaSeconds, resumed } });
  }

  #reportedAs(id: string): ReportedUnit {
    const unit = this.#context.report.unit(id);
    this.#reported.push({ id, unit });
    if (this.#reported.length > REPORTED_CHECKS) this.#reported.shift()?.unit.forget();
    return unit;
  }
}

/** That the throttle holds a check, told like anything else that it waits for. */
function stopNotes({ throttle }: Pick<JobView, 'throttle'>): WaitNote[] {
  const nowMs = Date.now();
  return checkStops({ throttle }, nowMs).map(reason => ({
    what: `the throttle, which stops checks by ${reason} (\`reshard throttle <job file>\`)`,
    sinceMs: throttle?.brakes.find(b => b.reason === reason)?.sinceMs ?? nowMs,
  }));
}

function serversOf(
  job: Job,
  position: PipelinePosition,
): { sources: CheckServer[]; targets: CheckServer[] } {
  const open = (endpoint: MysqlEndpoint, side: 'source' | 'target'): Promise<MysqlSession> =>
    MysqlSession.open(endpoint, { role: 'read', side, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  return {
    sources: job.sources.map(s => ({
      name: s.name,
      database: s.database,
      open: async () => {
        const session = await open(s, 'source');
        try {
          await refuseStale(session, s.name, position.resumeOf(s.name));
        } catch (e) {
          session.destroy();
          throw e;
        }
        return session;
      },
    })),
    targets: job.targets.map(t => ({
      name: t.name,
      database: t.database,
      open: () => open(t, 'target'),
    })),
  };
}
