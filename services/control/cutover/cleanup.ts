/**
 * Deletes rows at the place that they have moved away from, after a cutover of a cluster that
 * grows. The request is durable and has no answer until all is done: whoever leads next goes on
 * with it, from where `reshard_cleanup` on each server says that it is. It runs beside control's
 * loop, a small batch at a time, and stands still while the copy would (throttle, pause).
 *
 * Its session on a server is that of the fence (fence-session.ts), so a control that was stopped
 * deletes nothing once another one has begun.
 */
import { type Job, type JobSource, movingTables } from '../../../shared/job/job.ts';
import { routeOf } from '../../../shared/job/job-route.ts';
import type { CutoverRequest } from '../../../shared/job/state/cutover.ts';
import { type JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import { copyStops } from '../../../shared/job/state/throttle.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { MYSQL_DIALECT } from '../../../shared/mysql/identifier.ts';
import { MovedRows } from '../../../shared/mysql/moved-rows.ts';
import type { Route } from '../../../shared/route/route.ts';
import { Backoff } from '../../../shared/runtime/backoff.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { openFenceSession } from './fence-session.ts';

export interface CleanupsDeps {
  job: Job;
  view: JobView;
  log: Logger;
  put(key: string, record: Partial<StateRecord>): Promise<void>;
  /** Control's lease is gone, or its process ends. */
  isStopped(): boolean;
  sleep(ms: number): Promise<void>;
}

/** Between batches, so that the server has time for others. */
const PAUSE_MS = 20;
const STOPPED_MS = 1000;
const RETRY = { minMs: 500, maxMs: 30_000 };

export class Cleanups implements AsyncDisposable {
  readonly #d: CleanupsDeps;
  #running: Promise<void> | null = null;
  #isClosed = false;
  /** Reads for as long as it takes, unless it is ended. */
  #reader: MysqlSession | null = null;

  constructor(deps: CleanupsDeps) {
    this.#d = deps;
  }

  /** Never waits for a server. */
  step(): void {
    if (this.#running !== null) return;
    const request = openCleanup(this.#d.view);
    if (request === null) return;
    this.#running = this.#run(request).finally(() => {
      this.#running = null;
    });
  }

  /** Returns when nothing is deleted any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#reader?.destroy();
    await this.#running;
  }

  get #isStopped(): boolean {
    return this.#isClosed || this.#d.isStopped();
  }

  /** A server that is away is waited for; anything else ends it with the reason. */
  async #run(request: CutoverRequest): Promise<void> {
    const { log, sleep } = this.#d;
    const backoff = new Backoff(RETRY);
    for (;;) {
      try {
        const why = cleanupRefusal(this.#d.job, this.#d.view);
        if (why === null) await this.#all(request);
        if (!this.#isStopped) await this.#answer(request, why);
        return;
      } catch (e) {
        if (this.#isStopped) return;
        if (policyOf(asReshardError(e).kind) !== 'restart') {
          await this.#answer(request, describeError(e));
          return;
        }
        log.warn({ request: request.id }, `the cleanup waits: ${describeError(e)}`);
        await sleep(backoff.next());
      }
    }
  }

  async #all(request: CutoverRequest): Promise<void> {
    const { job } = this.#d;
    for (const source of job.sources) {
      await using old = await openFenceSession(job.job, source);
      await using reader = await MysqlSession.open(source, { role: 'read', side: 'source' });
      this.#reader = reader;
      if (this.#isStopped) return;
      await MovedRows.prepare(old, source.database, job.job);
      for (const table of movingTables(job)) {
        for (const [number] of job.targets.entries()) {
          await this.#one(request, { source, old, reader, table, number });
        }
      }
    }
  }

  async #one(request: CutoverRequest, o: Place): Promise<void> {
    const { view, sleep, log } = this.#d;
    const rows = await this.#rows(request, o);
    await using owner = rows.owner;
    const { moved } = rows;
    await moved.begin();
    while (!this.#isStopped) {
      if (copyStops(view).length > 0) {
        await sleep(STOPPED_MS);
        continue;
      }
      if (!(await moved.step())) break;
      await sleep(PAUSE_MS);
    }
    if (this.#isStopped) return;
    const { deleted, kept } = await moved.progress();
    const where = { source: o.source.name, table: o.table, target: owner.where() };
    log.info({ ...where, deleted, kept }, 'rows that have moved are deleted');
  }

  async #rows(
    request: CutoverRequest,
    { source, old, reader, table, number }: Place,
  ): Promise<{ moved: MovedRows; owner: MysqlSession }> {
    const { job, view } = this.#d;
    const target = job.targets[number];
    const plan = view.planOf(source.name, source.database, table);
    if (target === undefined || plan === undefined) {
      throw new ReshardError('bug', `${table} of ${source.name} has no plan`);
    }
    const owner = await MysqlSession.open(target, { role: 'read', side: 'target' });
    const moved = new MovedRows({
      ...{ job: job.job, request: request.id, old, reader, owner, target: target.name },
      ownerDatabase: target.database,
      schema: plan.schema,
      moved: movedTo(routeOf(job, plan.schema, source.name), number, table),
      evenStale: request.action === 'cleanup-stale',
    });
    return { moved, owner };
  }

  async #answer({ id }: CutoverRequest, error: string | null): Promise<void> {
    const applied = { id, doneMs: error === null ? Date.now() : null, error };
    await this.#d.put(stateKey.applied(id), { applied });
    if (error !== null) this.#d.log.warn({ request: id }, `cleanup refused: ${error}`);
  }
}

interface Place {
  source: JobSource;
  old: MysqlSession;
  reader: MysqlSession;
  table: string;
  /** Of the target. */
  number: number;
}

/** The condition of rows whose owner is this target by now. */
export function movedTo(route: Route, number: number, table: string): string {
  const sql = route.sql(MYSQL_DIALECT);
  if (typeof sql === 'string') return `(${sql}) = ${number}`;
  throw new ReshardError('config', `a server cannot compute the route of ${table}`);
}

/** Of the requests to clean up, the one that came first. */
export function openCleanup({
  cutovers,
  applied,
}: Pick<JobView, 'cutovers' | 'applied'>): CutoverRequest | null {
  const open = [...cutovers.values()].filter(r => isCleanup(r) && !applied.has(r.id));
  return open.sort((a, b) => a.requestedMs - b.requestedMs)[0] ?? null;
}

export function isCleanup({ action }: Pick<CutoverRequest, 'action'>): boolean {
  return action === 'cleanup' || action === 'cleanup-stale';
}

/** Why nothing is deleted now; null: it may be. */
export function cleanupRefusal(
  job: Job,
  { cutoverRun: run }: Pick<JobView, 'cutoverRun'>,
): string | null {
  if (job.kind !== 'expand') return `rows move away in jobs of kind expand, not ${job.kind}`;
  const isOver = run?.stage === 'switched' || run?.stage === 'finished';
  if (!isOver || run.journalMs === null)
    return 'the application has not gone over: no row has moved';
  const leftMs = run.journalMs + job.cutover.limits.cleanupDelayMinutes * 60_000 - Date.now();
  if (leftMs <= 0) return null;
  const minutes = Math.ceil(leftMs / 60_000);
  return `the rows are kept for ${minutes} more minutes (cutover.limits.cleanupDelayMinutes)`;
}
