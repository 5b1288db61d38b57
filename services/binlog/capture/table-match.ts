/**
 * Is the table of a TableMap event the one that the job was planned with? Column names, order,
 * types, lengths, signs, character sets and the key must be the same, as the row images that follow
 * are decoded by position. Nullability is not compared: an image marks its NULLs itself, and a NULL
 * where the plan has none is refused when the row is encoded.
 */

import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import type { SeenColumn } from '../../../shared/type/seen-column.ts';
import { familyOf } from '../../../shared/type/type-families.ts';
import { sameList } from '../../../shared/type/type-family.ts';
import type { SeenTable } from './zongji.ts';

/** The first difference in words, or null. */
export function tableDifference(planned: TableSchema, seen: SeenTable): string | null {
  const names = (list: { name: string }[]): string[] => list.map(c => c.name);
  const [were, are] = [names(planned.columns), names(seen.columns)];
  if (!sameList(were, are)) {
    return `columns were (${were.join(', ')}) and are (${are.join(', ')})`;
  }
  for (const [i, column] of planned.columns.entries()) {
    const now = seen.columns[i];
    if (now === undefined || !familyOf(column.type).matches(column.type, now)) {
      return `column ${column.name} was ${words(column)} and is ${now ? seenWords(now) : 'gone'}`;
    }
  }
  // FULL metadata tells the key; without it the names would be missing too.
  if (!sameList(seen.primaryKey, planned.primaryKey)) {
    const key = (list: number[]): string => list.map(i => planned.columns[i]?.name).join(', ');
    return `primary key was (${key(planned.primaryKey)}) and is (${key(seen.primaryKey)})`;
  }
  return null;
}

/**
 * The table as rows of before it grew have it: columns of the plan in the order of the event, less
 * some of those that came later (`added`, in lower case). Null if the event shows another table.
 */
export function olderShape(
  planned: TableSchema,
  added: ReadonlySet<string>,
  seen: SeenTable,
): TableSchema | null {
  const columns: Column[] = [];
  for (const now of seen.columns) {
    const column = planned.columns.find(c => c.name === now.name);
    if (column === undefined || !familyOf(column.type).matches(column.type, now)) return null;
    columns.push(column);
  }
  const missing = planned.columns.filter(c => !columns.includes(c));
  if (!missing.every(c => added.has(c.name.toLowerCase()))) return null;
  const keyOf = (list: readonly Column[], key: readonly number[]): string[] =>
    key.map(i => list[i]?.name ?? '');
  const isSameKey = sameList(
    keyOf(columns, seen.primaryKey),
    keyOf(planned.columns, planned.primaryKey),
  );
  if (!isSameKey) return null;
  return { ...planned, columns, primaryKey: seen.primaryKey, uniqueKeys: [] };
}

function words({ type }: Column): string {
  return JSON.stringify(type);
}

function seenWords(seen: SeenColumn): string {
  return JSON.stringify({ ...seen, name: undefined });
}
