/**
 * What a full check says: the shape of the report record `checker/<verify id>`.
 *   state     'waiting' | 'checking' | 'finished' | 'failed'
 *   error     why it failed
 *   counters  rows, rows_total, ranges, ranges_different, rows_per_second, eta_seconds,
 *             pending (keys that are rechecked), differences, unsettled
 *   detail    `bases` always; while it runs `waiting`, `checkpoint` and `tables: TableProgress[]`,
 *             at the end a CheckResult
 * `differences` counts what was proven, also beyond the listed ones. Keys are shown to the operator
 * here and only here; other values of a row are in no report and no log.
 */
import type { CheckScope } from './check-scope.ts';
import type { Checkpoint, Resumption } from './checkpoint.ts';

export type DifferenceKind =
  /** A source has the row, no target has. */
  | 'missing'
  /** A target has a row that no source has (there). */
  | 'extra'
  /** The right target has the key with other values. */
  | 'different'
  /** The row is on another target than its shard only. */
  | 'misplaced'
  /** Two sources bring the key to the same target. */
  | 'duplicate';

export interface Difference {
  table: string;
  kind: DifferenceKind;
  /** Key columns in key order; values as text, bytes as 0x... */
  key: Record<string, string>;
  /** Sources that have the row. */
  sources: string[];
  /** Target on which it belongs; null if no source has it. */
  expected: string | null;
  /** Targets that have a row of the key. */
  targets: string[];
  /**
   * Of `different`: the first columns (at most 20) that differed behind the verdict; not there if
   * none did by then.
   */
  columns?: string[];
}

/** A key that changed so often that no probe could tell; its last state, not a verdict. */
export interface Unsettled {
  table: string;
  key: Record<string, string>;
}

export interface TableProgress {
  table: string;
  /** Rows of the sources in ranges that are done. */
  rows: number;
  /** The server's estimate until the table is done. */
  estimatedRows: number;
  ranges: number;
  rangesDifferent: number;
  /** Keys that wait for another probe. */
  pending: number;
  differences: number;
  done: boolean;
}

export interface TableResult {
  table: string;
  rows: number;
  targetRows: number;
  ranges: number;
  /**
   * Bytes of the table's rows on all sources, and on all targets, as the servers' own statistics
   * have them when the check begins: of the whole table, whatever the scope; an estimate. Not there
   * in the results of older versions.
   */
  sourceBytes?: number;
  targetBytes?: number;
  /** Ranges whose first probe differed: with live data most of them are equal in the end. */
  rangesDifferent: number;
  /** Keys that were probed more than once. */
  rechecked: number;
  differences: Difference[];
  unsettled: Unsettled[];
  /** Keys of the table on the targets whose newest event cannot be applied. */
  blocked: number;
  /** The table was given up when it had too many differences: there may be more. */
  truncated: boolean;
  /** Rows behind this key alone were compared; null, or not there: the whole table. */
  after?: Record<string, string> | null;
  /** These rows alone were compared; null, or not there: the whole table. */
  scope?: CheckScope | null;
  /** Of a table that was given up: all up to this key was compared, and what differs is listed. */
  settledTo?: Record<string, string> | null;
}

export interface CheckResult {
  verifyId: string;
  /**
   * No difference and no unsettled or blocked key in any of `tables`, each compared as a whole; of
   * others it says nothing.
   */
  equal: boolean;
  /**
   * Of a check with a scope, where `equal` is never true: no difference and no unsettled or blocked
   * key in it.
   */
  equalInScope?: boolean;
  tables: TableResult[];
  rows: number;
  differences: number;
  unsettled: number;
  /** Keys on the targets whose newest event cannot be applied. */
  blocked: number;
  startedMs: number;
  /** From its beginning to its end, whoever has worked at it meanwhile. */
  tookMs: number;
  /** Milliseconds that checkers have worked at it; not there in what older versions told. */
  workedMs?: number;
  /** Of the time that checkers have worked at it. */
  rowsPerSecond: number;
  /** Every row was compared as of this position of its source or later. */
  sourceGtids: Record<string, string>;
  /**
   * By target: every row was read there as of this position or later. Empty where the server has
   * none; not there in the results of older versions.
   */
  targetGtids?: Record<string, string>;
  /** Of a check that was stopped, and gone on with or begun anew: what was not compared twice. */
  resumed?: Resumption | null;
}

/** What a check stands on, in its report from the start: see state/proof.ts. */
export interface CheckBasis {
  /** By table. A check with a scope has none: nothing is proven by it, whoever reads its report. */
  bases: Record<string, string>;
  /** The same of a check with a scope: what it finds different is so on this basis. */
  scopeBases?: Record<string, string>;
  /** Position and duration of what the check waits for. */
  waiting?: { what: string; sinceMs: number }[];
  /** Where another checker could go on. */
  checkpoint?: Checkpoint | null;
}

export interface CheckProgress {
  verifyId: string;
  tables: TableProgress[];
  rowsPerSecond: number;
  etaSeconds: number | null;
  /** As in CheckResult. */
  resumed?: Resumption | null;
}
