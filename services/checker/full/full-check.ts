/**
 * The full check: every row of every table of the sources against all targets, by digests that the
 * servers compute (digest.ts), while data flows. It says "equal" only of what it has compared, and
 * "different" only of what was still so when every change on its way had arrived (recheck.ts).
 * What it covers: each row as of the sources' positions at the start, or later.
 */
import type {
  CheckProgress,
  CheckResult,
  TableResult,
} from '../../../shared/job/state/check-result.ts';
import type { Checkpoint, Resumption } from '../../../shared/job/state/checkpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { type CheckStart, startOf } from './check-start.ts';
import { TableCheck, type TableCheckOptions } from './check-table.ts';
import { CheckpointRoom } from './checkpoint-room.ts';
import type { PositionWaiter } from './position-waiter.ts';
import { type CheckThrottle, RateLimit, UNTHROTTLED_CHECK } from './rate-limit.ts';
import { type CheckServer, SessionSetPool } from './session-set.ts';

export interface FullCheckOptions {
  verifyId: string;
  sources: readonly CheckServer[];
  /** In the order of their shard numbers. */
  targets: readonly CheckServer[];
  tables: readonly (Pick<TableCheckOptions, 'key' | 'dropped' | 'routeOf'> & {
    name: string;
    /** As in TableCheckOptions; by default null. */
    after?: TableCheckOptions['after'];
    /** As in TableCheckOptions; by default null. */
    scope?: TableCheckOptions['scope'];
    /** As in TableCheckOptions. */
    basis?: string;
  })[];
  /** Where it is gone on; null, or not there: it is begun. */
  from?: Checkpoint | null;
  waiter: PositionWaiter;
  log: Logger;
  signal: AbortSignal;
  /** Ranges probed at a time, so statements of ours on each server. */
  concurrency?: number;
  rangeRows?: number;
  leafRows?: number;
  /** For each table. */
  differencesMax?: number;
  /** Without it nothing brakes. */
  throttle?: CheckThrottle;
  /** The targets have what the sources had when the check was asked for: it begins. */
  onStart?: () => void;
  /** Called about twice a second. */
  onProgress?: (progress: CheckProgress) => void;
  onCheckpoint?: (checkpoint: Checkpoint) => void;
  /** How often, in milliseconds; by default every two seconds. */
  checkpointMs?: number;
}

const CONCURRENCY = 2;
const RANGE_ROWS = 20_000;
const LEAF_ROWS = 256;
const DIFFERENCES_MAX = 1000;
const PROGRESS_MS = 500;
const CHECKPOINT_MS = 2000;

export async function runFullCheck(o: FullCheckOptions): Promise<CheckResult> {
  const stop = new AbortController();
  const signal = AbortSignal.any([o.signal, stop.signal]);
  await using pool = new SessionSetPool(o.concurrency ?? CONCURRENCY, o.log, signal);
  const began = performance.now();
  const start = await startOf(pool, { ...o, from: o.from ?? null, signal });
  o.onStart?.();
  const checks = tableChecks(o, start, pool, signal);
  const workedMs = (): number => start.workedMs + Math.round(performance.now() - began);
  const progress = (): CheckProgress => {
    const tables = checks.map(c => c.progress());
    return progressOf({ verifyId: o.verifyId, tables, ...resumed(start, checks) }, workedMs());
  };
  const checkpoint = (): Checkpoint => ({
    ...fixedOf(o.verifyId, start),
    ...{ workedMs: workedMs(), savedMs: Date.now() },
    tables: checks.flatMap(c => c.checkpoint() ?? []),
  });
  // That it was taken up is known before the checker can die of what its forerunners died of.
  if (start.resumes > 0) o.onCheckpoint?.(checkpoint());
  const timers = [
    setInterval(() => o.onProgress?.(progress()), PROGRESS_MS),
    setInterval(() => o.onCheckpoint?.(checkpoint()), o.checkpointMs ?? CHECKPOINT_MS),
  ];
  try {
    const compared = await inTasks(checks, 2, stop);
    const blocked = (await o.waiter.blockedKeys?.()) ?? new Map<string, number>();
    const tables = compared.map(t => ({ ...t, blocked: blocked.get(t.table) ?? 0 }));
    const of = { verifyId: o.verifyId, tables, ...resumed(start, checks) };
    const result = resultOf(of, start, workedMs());
    logResult(o.log, result);
    return result;
  } finally {
    for (const timer of timers) clearInterval(timer);
    o.onProgress?.(progress());
  }
}

/** What of a checkpoint never changes while a checker works. */
function fixedOf(
  id: string,
  start: CheckStart,
): Omit<Checkpoint, 'workedMs' | 'savedMs' | 'tables'> {
  const { startedMs, sourceGtids, targetGtids, servers, resumes } = start;
  return { id, startedMs, sourceGtids, targetGtids, servers, resumes };
}

/** Nothing of a check that was begun once, and never stopped. */
function resumed(
  { resumes: times, atMs, anew }: CheckStart,
  checks: readonly TableCheck[],
): { resumed?: Resumption } {
  const found = checks.map(c => c.resumption);
  const all = [...anew, ...found.flatMap(r => r.anew)];
  if (times === 0 && all.length === 0) return {};
  return { resumed: { times, atMs, kept: found.flatMap(r => r.kept), anew: all } };
}

function tableChecks(
  o: FullCheckOptions,
  { from }: CheckStart,
  pool: SessionSetPool,
  signal: AbortSignal,
): readonly TableCheck[] {
  const rateLimit = new RateLimit(o.throttle ?? UNTHROTTLED_CHECK);
  const room = new CheckpointRoom();
  return o.tables.map(({ name, key, dropped, routeOf, after = null, scope = null, basis = '' }) => {
    const options: TableCheckOptions = {
      table: name,
      key,
      dropped,
      routeOf,
      ...{ after, scope, basis, room },
      from: from.get(name) ?? null,
      sources: o.sources,
      targets: o.targets,
      pool,
      waiter: o.waiter,
      rateLimit,
      concurrency: o.concurrency ?? CONCURRENCY,
      rangeRows: o.rangeRows ?? RANGE_ROWS,
      leafRows: o.leafRows ?? LEAF_ROWS,
      differencesMax: o.differencesMax ?? DIFFERENCES_MAX,
      signal,
    };
    return new TableCheck(options);
  });
}

/**
 * Runs the checks, `atOnce` at a time, so that the last probes of one table overlap with the
 * next.
 */
async function inTasks(
  checks: readonly TableCheck[],
  atOnce: number,
  stop: AbortController,
): Promise<TableResult[]> {
  const results: TableResult[] = [];
  const left = checks.map((check, i) => ({ check, i }));
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      results[next.i] = await next.check.run();
    }
  };
  const running = Array.from({ length: atOnce }, worker);
  try {
    await Promise.all(running);
  } catch (e) {
    stop.abort();
    left.length = 0;
    await Promise.allSettled(running);
    throw e;
  }
  return results;
}

type Judged = Pick<CheckResult, 'verifyId' | 'tables' | 'resumed'>;

function resultOf(o: Judged, start: CheckStart, workedMs: number): CheckResult {
  const sum = (f: (t: TableResult) => number): number => o.tables.reduce((n, t) => n + f(t), 0);
  const differences = sum(t => t.differences.length);
  const unsettled = sum(t => t.unsettled.length);
  const blocked = sum(t => t.blocked);
  const rows = sum(t => t.rows);
  const isWhole = o.tables.every(t => !t.after && !t.scope);
  const isEqual = differences === 0 && unsettled === 0 && blocked === 0;
  return {
    verifyId: o.verifyId,
    equal: isWhole && isEqual,
    ...(o.tables.some(t => t.scope) ? { equalInScope: isEqual } : {}),
    tables: o.tables,
    rows,
    differences,
    unsettled,
    blocked,
    startedMs: start.startedMs,
    workedMs,
    tookMs: start.resumes === 0 ? workedMs : Math.max(workedMs, Date.now() - start.startedMs),
    rowsPerSecond: Math.round((rows * 1000) / Math.max(1, workedMs)),
    sourceGtids: start.sourceGtids,
    targetGtids: start.targetGtids,
    ...(o.resumed === undefined ? {} : { resumed: o.resumed }),
  };
}

function progressOf(
  o: Pick<CheckProgress, 'verifyId' | 'tables' | 'resumed'>,
  workedMs: number,
): CheckProgress {
  const { tables } = o;
  const rows = tables.reduce((n, t) => n + t.rows, 0);
  const left = tables.reduce((n, t) => n + (t.done ? 0 : Math.max(0, t.estimatedRows - t.rows)), 0);
  const rowsPerSecond = (rows * 1000) / Math.max(1, workedMs);
  return {
    ...o,
    rowsPerSecond,
    etaSeconds: rowsPerSecond > 0 ? left / rowsPerSecond : null,
  };
}

function logResult(log: Logger, r: CheckResult): void {
  const { verifyId, equal, rows, differences, unsettled, blocked, tookMs, rowsPerSecond } = r;
  const isCalm = equal || r.equalInScope === true;
  const level = isCalm ? 'info' : 'warn';
  const of = r.equalInScope === undefined ? 'all' : 'its scope';
  const words = `check finished: ${isCalm ? `${of} equal` : 'not equal'}`;
  const figures = { verifyId, rows, differences, unsettled, blocked, tookMs, rowsPerSecond };
  log[level](figures, words);
}
