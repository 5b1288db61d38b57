/**
 * What an operator, or control for him, says about a statement at which a source's log stands. Each
 * is a request, which counts when control has looked at what can be seen and has answered it.
 */

/** What becomes of a column on the targets that its source has dropped. */
export type DroppedWord = 'drop' | 'keep';

/** A column that a source has dropped and that the targets may have still. */
export interface DroppedColumn {
  column: string;
  /** The targets keep it; else they lose it when no source has it. */
  keep: boolean;
}

/**
 * The operator's word to take up columns that were added to a table of a source, made wider or
 * dropped.
 */
export interface GrowthRequest {
  id: string;
  requestedMs: number;
  by: string;
  source: string;
  table: string;
  /** Empty: no column was dropped. */
  dropped?: DroppedWord | '';
  /**
   * Columns that were taken up as dropped before, and are to have another word; none: it is about
   * what the source's log stands at.
   */
  columns?: string[];
}

/**
 * The operator's word that the statement has changed no row. It is about one statement, by its
 * transaction, and about no other.
 */
export interface SkipRequest {
  id: string;
  requestedMs: number;
  by: string;
  source: string;
  /** As the server prints it. */
  gtid: string;
}

interface Known {
  readonly skips: ReadonlyMap<string, SkipRequest>;
  readonly applied: ReadonlyMap<string, { doneMs: number | null }>;
}

/** Those that count, with the moment from which on they do. */
export function doneSkips({ skips, applied }: Known): (SkipRequest & { doneMs: number })[] {
  return [...skips.values()].flatMap(skip => {
    const doneMs = applied.get(skip.id)?.doneMs;
    return typeof doneMs === 'number' ? [{ ...skip, doneMs }] : [];
  });
}

/** Those of the source that count. */
export function skipsOf(known: Known, source: string): SkipRequest[] {
  return doneSkips(known).filter(s => s.source === source);
}

/** Who has said of the source's statement that it changed no row; null: nobody. */
export function skippedBy(known: Known, source: string, gtid: string): string | null {
  return skipsOf(known, source).find(s => s.gtid === gtid)?.by ?? null;
}
