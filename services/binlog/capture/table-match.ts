/**
 * Is the table of a TableMap event the one that the job was planned with? Column names, order,
 * types, lengths, signs, character sets and the key must be the same, as the row images that follow
 * are decoded by position. Nullability is not compared: an image marks its NULLs itself, and a NULL
 * where the plan has none is refused when the row is encoded.
 */

import {
  allColumns,
  rowKeyNames,
  type TableSchema,
  type VirtualColumn,
} from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import type { SeenColumn } from '../../../shared/type/seen-column.ts';
import { familyOf } from '../../../shared/type/type-families.ts';
import { sameList } from '../../../shared/type/type-family.ts';
import type { SeenTable } from './seen-table.ts';

/** The first difference in words, or null. */
export function tableDifference(planned: TableSchema, seen: SeenTable): string | null {
  const names = (list: { name: string }[]): string[] => list.map(c => c.name);
  const columns = allColumns(planned);
  const [were, are] = [names(columns), names(seen.columns)];
  if (!sameList(were, are)) {
    return `columns were (${were.join(', ')}) and are (${are.join(', ')})`;
  }
  for (const [i, column] of columns.entries()) {
    const now = seen.columns[i];
    if (now === undefined || !familyOf(column.type).matches(column.type, now)) {
      return `column ${column.name} was ${words(column)} and is ${now ? seenWords(now) : 'gone'}`;
    }
  }
  // FULL metadata tells the key; without it the names would be missing too.
  const [key, now] = [serverKey(planned), seen.primaryKey.map(i => columns[i]?.name ?? '')];
  if (!sameList(key, now)) return `the key was (${key.join(', ')}) and is (${now.join(', ')})`;
  return null;
}

/**
 * What the server takes for the key. Of a table without a primary key that is its first unique
 * index of columns that are NOT NULL, by which rows are told apart unless the job names another.
 */
function serverKey(planned: TableSchema): string[] {
  return planned.keyIndex?.serverKey ?? rowKeyNames(planned);
}

/** How a table grew. */
export interface Grown {
  /** Columns that came later than the first plan, in lower case. */
  added: ReadonlySet<string>;
  /** By such a name: what a column was before it was made wider. */
  narrower: ReadonlyMap<string, readonly Column[]>;
}

/**
 * The table as rows of before it grew have it: columns of the plan in the order of the event, as
 * long as they were, less some of those that came later. Null if the event shows another table.
 */
export function olderShape(
  planned: TableSchema,
  { added, narrower }: Grown,
  seen: SeenTable,
): TableSchema | null {
  const columns: Column[] = [];
  const virtual: VirtualColumn[] = [];
  for (const [at, now] of seen.columns.entries()) {
    const is = planned.columns.find(c => c.name === now.name);
    const were = narrower.get(now.name.toLowerCase()) ?? [];
    const column = is && ([is, ...were].find(c => familyOf(c.type).matches(c.type, now)) ?? is);
    const computed = planned.virtual?.find(v => v.column.name === now.name);
    const type = (column ?? computed?.column)?.type;
    if (type === undefined || !familyOf(type).matches(type, now)) return null;
    if (column !== undefined) columns.push(column);
    else if (computed !== undefined) virtual.push({ ...computed, at });
  }
  // No row has a virtual column: whether it was there then does not matter.
  const missing = planned.columns.filter(c => !columns.some(x => x.name === c.name));
  if (!missing.every(c => added.has(c.name.toLowerCase()))) return null;
  const seenKey = seen.primaryKey.map(i => seen.columns[i]?.name ?? '');
  if (!sameList(seenKey, serverKey(planned))) return null;
  const primaryKey = rowKeyNames(planned).map(name => columns.findIndex(c => c.name === name));
  return { ...planned, columns, virtual, primaryKey, uniqueKeys: [] };
}

function words({ type }: Column): string {
  return JSON.stringify(type);
}

function seenWords(seen: SeenColumn): string {
  return JSON.stringify({ ...seen, name: undefined });
}
