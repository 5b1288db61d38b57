/**
 * Where a row belongs: one function in two forms, on the bytes of a row and as SQL, which must not
 * differ, since the sink places rows by the one and the checker proves them by the other.
 *
 * Deterministic: the same row always has the same targets, whoever asks, whenever. A changed route
 * is a new epoch, never the same one with other numbers: rows that are placed already would be at
 * the wrong targets, and nothing would say so.
 */

/**
 * Targets of a row as one number, since it is computed for every row: the number of the target,
 * NO_TARGET, or ALL_TARGETS (a broadcast).
 */
export type TargetSet = number;
export const NO_TARGET = -1;
export const ALL_TARGETS = -2;

/** Whether rows that belong to `to` belong to a target. */
export function isTargetOf(target: number, to: TargetSet): boolean {
  return to === target || to === ALL_TARGETS;
}

/** A row as it lies in a buffer; no value is made before somebody asks for it. */
export interface RowView {
  readonly buf: Buffer;
  /** Where a column starts (at its union index if it is nullable), by its place in the table. */
  start(column: number): number;
}

/** How a server writes names. */
export interface Dialect {
  quote(name: string): string;
}

export interface Route {
  readonly epoch: number;
  /** The columns that decide, by name. */
  readonly columns: readonly string[];
  /** Some rows have no target, by design: whoever reads rows for targets need not read those. */
  readonly leavesOut?: boolean;
  targetsOf(row: RowView): TargetSet;
  /**
   * The row's `TargetSet` as an expression over its columns, NULL where it has none; or, where a
   * server cannot compute it, what it can say of the row instead. There is no route without either:
   * nobody could check it.
   */
  sql(dialect: Dialect): string | ServerPart;
}

/** A route of which a server does the first part: rows of one text belong to the same targets. */
export interface ServerPart {
  /** An expression of ASCII text. */
  sql: string;
  targetOf(text: string): TargetSet;
}

/** How a server is asked where rows belong, whatever the route leaves to us. */
export function serverPart(route: Route, dialect: Dialect): ServerPart {
  const sql = route.sql(dialect);
  return typeof sql === 'string' ? { sql, targetOf: Number } : sql;
}

/**
 * The condition of rows that have a target, or of which that cannot be said; null where every row
 * may have one, or the server cannot tell.
 */
export function placedCondition(route: Route, dialect: Dialect): string | null {
  if (!route.leavesOut) return null;
  const sql = route.sql(dialect);
  return typeof sql === 'string' ? `NOT ((${sql})<=>${NO_TARGET})` : null;
}

/** What of a column makes it unfit to be routed by. */
export type ColumnProblem = 'missing' | 'type' | 'nullable';
