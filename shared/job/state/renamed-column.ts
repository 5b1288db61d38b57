/**
 * Columns that sources have renamed and that the targets may have under another name still: they
 * get the new one when all sources of the table have it. Until then rows are written to the column
 * by the name that a target has it under now.
 *
 * Invariant: no two columns of a table ever share a name here, so a target has one name of each.
 */
import type { TablePlan } from './job-view.ts';

export interface RenamedColumn {
  /** Its name at the source. */
  column: string;
  /** Names that the targets may have it under instead. */
  was: string[];
}

interface Plans {
  readonly plans: ReadonlyMap<string, TablePlan>;
}

/** A column that has, or had, several names. */
export interface OpenRename {
  table: string;
  names: string[];
  /** By source, the name that it has there. */
  at: { source: string; column: string }[];
  /** What the targets are to call it; null: the sources do not agree yet. */
  to: string | null;
}

/** How status calls it. */
export const RENAMING = 'renaming columns';

/** By its names, whatever it is to be called in the end. */
export function renameId({ table, names }: Pick<OpenRename, 'table' | 'names'>): string {
  return `rename-${table}-${[...names].sort().join('-')}`;
}

/** What the targets have still to rename; of all tables, in the order of the plans. */
export function openRenames({ plans }: Plans): OpenRename[] {
  const found: { table: string; names: Set<string> }[] = [];
  for (const { table, renamed = [] } of plans.values()) {
    for (const { column, was } of renamed) {
      const names = new Set([column, ...was]);
      const same = found.filter(f => f.table === table && [...f.names].some(n => names.has(n)));
      for (const other of same) for (const name of other.names) names.add(name);
      found.push({ table, names });
      for (const other of same) found.splice(found.indexOf(other), 1);
    }
  }
  return found.map(({ table, names }) => {
    const ofTable = [...plans.values()].filter(p => p.table === table);
    const at = ofTable.flatMap(({ source, schema }) =>
      schema.columns.flatMap(c => (names.has(c.name) ? [{ source, column: c.name }] : [])),
    );
    const agreed = new Set(at.map(a => a.column));
    const to = agreed.size === 1 ? (at[0]?.column ?? null) : null;
    return { table, names: [...names], at, to };
  });
}

/** The open rename that the name is of. */
export function renameOf(view: Plans, table: string, name: string): OpenRename | undefined {
  return openRenames(view).find(r => r.table === table && r.names.includes(name));
}

/**
 * By the source's name, what a target that has these columns calls them, where that is another
 * name. Throws nothing: of a column that is there under two names, or none, `unclear` tells.
 */
export function namesThere(
  renamed: readonly RenamedColumn[],
  there: readonly string[],
): { names: Map<string, string>; unclear: string[] } {
  const names = new Map<string, string>();
  const unclear: string[] = [];
  for (const { column, was } of renamed) {
    const found = [...new Set([column, ...was])].filter(name => there.includes(name));
    const [name] = found;
    if (found.length > 1) unclear.push(`${found.join(' and ')} are both there`);
    else if (name !== undefined && name !== column) names.set(column, name);
  }
  return { names, unclear };
}
