/**
 * Columns that have another name by now. A row is a row of the table under either: no value of it
 * is another one, and its bytes do not have the names.
 */
import type { TableSchema } from './table-schema.ts';

export interface ColumnRename {
  from: string;
  to: string;
}

/** The table with these columns under their other names. */
export function withRenames(schema: TableSchema, renames: readonly ColumnRename[]): TableSchema {
  if (renames.length === 0) return schema;
  const names = new Map(renames.map(r => [r.from, r.to]));
  const columns = schema.columns.map(c => ({ ...c, name: names.get(c.name) ?? c.name }));
  const uniqueKeys = schema.uniqueKeys.map(key =>
    key.parts === undefined ? key : { ...key, parts: key.parts.map(p => partUnder(names, p)) },
  );
  return { ...schema, columns, uniqueKeys };
}

/** A column, or so many characters of one; of an expression no server lets columns be renamed. */
function partUnder(names: ReadonlyMap<string, string>, part: string): string {
  const [, name = part, length = ''] = /^(.*?)(\(\d+\))?$/s.exec(part) ?? [];
  return `${names.get(name) ?? name}${length}`;
}

/** What was renamed before, and once more: each column from its first name to its last. */
export function composed(
  before: readonly ColumnRename[],
  columns: readonly string[],
  renames: readonly ColumnRename[],
): ColumnRename[] {
  const last = new Map(before.map(r => [r.from, r.to]));
  return columns.flatMap(from => {
    const was = last.get(from) ?? from;
    const to = renames.find(r => r.from === was)?.to ?? was;
    return to === from ? [] : [{ from, to }];
  });
}
