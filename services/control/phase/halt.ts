/** What the report of a source says of the place at which its log stands. */
import type { Report } from '../../../shared/member/reporter.ts';

export interface Halt {
  kind: string;
  context: Record<string, unknown>;
}

/** Null: the report is of another service, or the source does not stand. */
export function haltIn({ service, state, detail }: Report): Halt | null {
  if (service !== 'binlog' || state !== 'halted') return null;
  const { halt = null }: { halt?: Halt | null } = JSON.parse(detail);
  return halt;
}

/** The table that it is about; null: it may be any of the source. */
export function haltedTable({ context: { table } }: Halt): string | null {
  // Some name it with its database.
  return typeof table === 'string' ? (table.split('.').at(-1) ?? null) : null;
}
