/**
 * The full check: every row of every table of the sources against all targets, by digests that the
 * servers compute (digest.ts), while data flows. It says "equal" only of what it has compared, and
 * "different" only of what was still so when every change on its way had arrived (recheck.ts).
 * What it covers: each row as of the sources' positions at the start, or later.
 */
import type { GtidSet } from '../../../shared/change/gtid.ts';
import type {
  CheckProgress,
  CheckResult,
  TableProgress,
  TableResult,
} from '../../../shared/job/state/check-result.ts';
import { gtidLowerBound } from '../../../shared/mysql/gtid-lower-bound.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { TableCheck, type TableCheckOptions } from './check-table.ts';
import { gtidUpperBound } from './gtid-upper-bound.ts';
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
  })[];
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
}

const CONCURRENCY = 2;
const RANGE_ROWS = 20_000;
const LEAF_ROWS = 256;
const DIFFERENCES_MAX = 1000;
const PROGRESS_MS = 500;

export async function runFullCheck(o: FullCheckOptions): Promise<CheckResult> {
  const startedMs = Date.now();
  const started = performance.now();
  const stop = new AbortController();
  const signal = AbortSignal.any([o.signal, stop.signal]);
  await using pool = new SessionSetPool(o.concurrency ?? CONCURRENCY, o.log, signal);
  const start = await startPositions(pool, o.sources);
  // A target that is far behind would differ everywhere, and each key would have to be rechecked.
  await o.waiter.passed(start, signal);
  o.onStart?.();
  const sourceGtids = Object.fromEntries([...start].map(([name, set]) => [name, set.toString()]));
  const targetGtids = await targetPositions(pool, o.targets);
  const checks = tableChecks(o, pool, signal);
  const progress = (): CheckProgress =>
    progressOf(
      o.verifyId,
      checks.map(c => c.progress()),
      performance.now() - started,
    );
  const timer = setInterval(() => o.onProgress?.(progress()), PROGRESS_MS);
  try {
    const compared = await inTasks(checks, 2, stop);
    const blocked = (await o.waiter.blockedKeys?.()) ?? new Map<string, number>();
    const tables = compared.map(t => ({ ...t, blocked: blocked.get(t.table) ?? 0 }));
    const tookMs = Math.round(performance.now() - started);
    const { verifyId } = o;
    const positions = { sourceGtids, targetGtids };
    const result = resultOf({ verifyId, tables, startedMs, tookMs, ...positions });
    logResult(o.log, result);
    return result;
  } finally {
    clearInterval(timer);
    o.onProgress?.(progress());
  }
}

function tableChecks(
  o: FullCheckOptions,
  pool: SessionSetPool,
  signal: AbortSignal,
): readonly TableCheck[] {
  const rateLimit = new RateLimit(o.throttle ?? UNTHROTTLED_CHECK);
  return o.tables.map(({ name, key, dropped, routeOf, after = null, scope = null }) => {
    const options: TableCheckOptions = {
      table: name,
      key,
      dropped,
      routeOf,
      after,
      scope,
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

async function startPositions(
  pool: SessionSetPool,
  sources: readonly CheckServer[],
): Promise<Map<string, GtidSet>> {
  const positions = new Map<string, GtidSet>();
  for (const source of sources) {
    const set = await pool.use(async sessionSet =>
      gtidUpperBound(await sessionSet.session(source)),
    );
    positions.set(source.name, set);
  }
  return positions;
}

/** What every row of a target is read as of, or later. */
async function targetPositions(
  pool: SessionSetPool,
  targets: readonly CheckServer[],
): Promise<Record<string, string>> {
  const found = targets.map(async (target): Promise<[string, string]> => {
    const gtid = pool.use(async set => gtidLowerBound(await set.session(target)));
    return [target.name, await gtid.catch(withoutLog)];
  });
  return Object.fromEntries(await Promise.all(found));
}

/** A server without a binary log has no position. */
function withoutLog(e: unknown): string {
  if (e instanceof ReshardError && e.kind === 'server-setting') return '';
  throw e;
}

function resultOf(o: {
  verifyId: string;
  tables: TableResult[];
  startedMs: number;
  tookMs: number;
  sourceGtids: Record<string, string>;
  targetGtids: Record<string, string>;
}): CheckResult {
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
    startedMs: o.startedMs,
    tookMs: o.tookMs,
    rowsPerSecond: Math.round((rows * 1000) / Math.max(1, o.tookMs)),
    sourceGtids: o.sourceGtids,
    targetGtids: o.targetGtids,
  };
}

function progressOf(verifyId: string, tables: TableProgress[], tookMs: number): CheckProgress {
  const rows = tables.reduce((n, t) => n + t.rows, 0);
  const left = tables.reduce((n, t) => n + (t.done ? 0 : Math.max(0, t.estimatedRows - t.rows)), 0);
  const rowsPerSecond = (rows * 1000) / Math.max(1, tookMs);
  return {
    verifyId,
    tables,
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
