/** How a check is told on the report topic: counters, and a result that fits into a record. */
import type {
  CheckProgress,
  CheckResult,
  TableProgress,
  TableResult,
} from '../../shared/job/state/check-result.ts';
import type { Checkpoint, TableCheckpoint } from '../../shared/job/state/checkpoint.ts';

/** Keys that a report record lists; the counters tell how many there are. */
const LISTED_MAX = 1000;
/** The same in bytes of its text: a key may have three thousand of them. */
const LISTED_BYTES_MAX = 768 * 1024;

/**
 * The result, short enough for a record. What fits is shared: a table with very many differences
 * must not hide those of another one, since what is not listed is not repaired.
 */
export function forReport(result: CheckResult): CheckResult {
  const left = { keys: LISTED_MAX, bytes: LISTED_BYTES_MAX };
  const listed = new Map<TableResult, TableResult>();
  const wanted = result.tables.filter(t => keysOf(t) > 0).sort((a, b) => keysOf(a) - keysOf(b));
  for (const [i, table] of wanted.entries()) {
    const sharers = wanted.length - i;
    const share = new Share(Math.floor(left.keys / sharers), Math.floor(left.bytes / sharers));
    const differences = share.take(table.differences);
    const unsettled = share.take(table.unsettled);
    left.keys -= share.taken.keys;
    left.bytes -= share.taken.bytes;
    const isCut = differences.length + unsettled.length < keysOf(table);
    listed.set(table, {
      ...table,
      differences,
      unsettled,
      truncated: table.truncated || isCut,
      // What was found there is not all listed, so it has to be found again.
      settledTo: (isCut ? table.after : table.settledTo) ?? null,
    });
  }
  return { ...result, tables: result.tables.map(t => listed.get(t) ?? t) };
}

function keysOf({ differences, unsettled }: TableResult): number {
  return differences.length + unsettled.length;
}

/** What one table may list: at least one key, whatever its size. */
class Share {
  readonly taken = { keys: 0, bytes: 0 };
  readonly #keys: number;
  readonly #bytes: number;

  constructor(keys: number, bytes: number) {
    this.#keys = Math.max(1, keys);
    this.#bytes = bytes;
  }

  take<T>(list: readonly T[]): T[] {
    const taken: T[] = [];
    for (const item of list) {
      const bytes = Buffer.byteLength(JSON.stringify(item)) + 1;
      const isOver = this.taken.bytes + bytes > this.#bytes && this.taken.keys > 0;
      if (this.taken.keys >= this.#keys || isOver) break;
      this.taken.keys += 1;
      this.taken.bytes += bytes;
      taken.push(item);
    }
    return taken;
  }
}

/** Of a check that nobody has gone on with yet: where it was, not nothing. */
export function checkpointCounters({ id, tables }: Checkpoint): Record<string, number> {
  const none = { rowsPerSecond: 0, etaSeconds: null };
  return progressCounters({ verifyId: id, tables: tables.map(progressAt), ...none });
}

function progressAt(t: TableCheckpoint): TableProgress {
  const { table, rows, estimatedRows, ranges, rangesDifferent, suspects, upTo } = t;
  const counts = { rows, estimatedRows, ranges, rangesDifferent };
  return { table, ...counts, pending: suspects.length, differences: 0, done: upTo === null };
}

export function progressCounters(p: CheckProgress): Record<string, number> {
  const sum = (f: (t: TableProgress) => number): number =>
    p.tables.reduce((total, t) => total + f(t), 0);
  return {
    rows: sum(t => t.rows),
    // Where nothing is estimated, no share of it can be told.
    rows_total: sum(t =>
      t.done ? t.rows : t.estimatedRows > 0 ? Math.max(t.rows, t.estimatedRows) : 0,
    ),
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
    // None of them is settled: a verdict of equal needs all to be none.
    unsettled: r.unsettled + r.blocked + r.tables.filter(t => t.after).length,
  };
}
