/** How a check is told on the report topic: counters, and a result that fits into a record. */
import type {
  CheckProgress,
  CheckResult,
  TableProgress,
} from '../../shared/job/state/check-result.ts';

/** Differences that a report record carries; the counters tell how many there are. */
const REPORTED_MAX = 1000;

/** The result, short enough for a record. */
export function forReport(result: CheckResult): CheckResult {
  let left = REPORTED_MAX;
  const tables = result.tables.map(t => {
    const differences = t.differences.slice(0, left);
    left -= differences.length;
    const unsettled = t.unsettled.slice(0, left);
    left -= unsettled.length;
    const isCut = differences.length + unsettled.length < t.differences.length + t.unsettled.length;
    return { ...t, differences, unsettled, truncated: t.truncated || isCut };
  });
  return { ...result, tables };
}

export function progressCounters(p: CheckProgress): Record<string, number> {
  const sum = (f: (t: TableProgress) => number): number =>
    p.tables.reduce((total, t) => total + f(t), 0);
  return {
    rows: sum(t => t.rows),
    rows_total: sum(t => (t.done ? t.rows : Math.max(t.rows, t.estimatedRows))),
    ranges: sum(t => t.ranges),
    ranges_different: sum(t => t.rangesDifferent),
    rows_per_second: Math.round(p.rowsPerSecond),
    eta_seconds: Math.ceil(p.etaSeconds ?? 0),
    pending: sum(t => t.pending),
    differences: sum(t => t.differences),
  };
}

export function resultCounters(r: CheckResult): Record<string, number> {
  return {
    rows: r.rows,
    rows_total: r.rows,
    ranges: r.tables.reduce((n, t) => n + t.ranges, 0),
    ranges_different: r.tables.reduce((n, t) => n + t.rangesDifferent, 0),
    rows_per_second: Math.round(r.rowsPerSecond),
    eta_seconds: 0,
    pending: 0,
    differences: r.differences,
    // Neither is settled: a verdict of equal needs both to be none.
    unsettled: r.unsettled + r.blocked,
  };
}
