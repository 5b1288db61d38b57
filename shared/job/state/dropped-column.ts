/**
 * Columns that sources have dropped and that the targets may have still: until no source has them,
 * or for good, as the word was. Rows are written without them meanwhile, and nobody compares them.
 */
import { allColumns } from '../../schema/table-schema.ts';
import type { TablePlan } from './job-view.ts';

interface Plans {
  readonly plans: ReadonlyMap<string, TablePlan>;
}

/** A column of a table that is on no source any more, or on some. */
export interface LeftColumn {
  table: string;
  column: string;
  /** It stays on the targets. */
  keep: boolean;
  /** Sources that have it still. */
  holders: string[];
}

/** What the table's sources have dropped; of all tables, in the order of the plans. */
export function leftColumns({ plans }: Plans): LeftColumn[] {
  const left = new Map<string, LeftColumn>();
  for (const { table, dropped = [] } of plans.values()) {
    for (const { column, keep } of dropped) {
      const known = left.get(`${table}.${column}`)?.keep === true;
      const holders = holdersOf(plans, table, column);
      left.set(`${table}.${column}`, { table, column, keep: keep || known, holders });
    }
  }
  return [...left.values()];
}

/** Columns of the table that the targets alone may have. */
export function targetsOnly(view: Plans, table: string): string[] {
  const left = leftColumns(view).filter(c => c.table === table && c.holders.length === 0);
  return left.map(c => c.column);
}

/** Sources that have the column, by their plans. */
export function holdersOf(plans: Plans['plans'], table: string, column: string): string[] {
  const all = [...plans.values()].filter(p => p.table === table);
  return all.filter(p => allColumns(p.schema).some(c => c.name === column)).map(p => p.source);
}
