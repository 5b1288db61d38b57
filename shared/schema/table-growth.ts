/**
 * Whether a table has only grown: columns were added that are NULL in every row that was there
 * before, or hold the constant that they were added with; nothing else that matters to rows and
 * keys is another one. Such a change loses nothing: rows of the older shape are rows of the new one
 * (shared/row/row-projection.ts).
 */
import type { Column } from '../type/column-type.ts';
import { allColumns, rowKeyNames, type TableSchema } from './table-schema.ts';

export interface Growth {
  added: Column[];
  /** Why the table has not only grown, one fact each; empty if it has. */
  other: string[];
}

/** The same bytes of a row, and the same rules for them. */
export function sameColumn(a: Column, b: Column): boolean {
  return a.nullable === b.nullable && a.generated === b.generated && sameType(a, b);
}

export function sameType(a: Column, b: Column): boolean {
  return typeText(a) === typeText(b);
}

/** Order of an object's entries must not matter: one of the two was read from JSON. */
function typeText({ type }: Column): string {
  return JSON.stringify(Object.entries(type).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `isTakenUp`: another declaration of a column that rows of before are rows of, too. */
export function tableGrowth(
  planned: TableSchema,
  now: TableSchema,
  isTakenUp: (was: Column, is: Column) => boolean = () => false,
): Growth {
  const other: string[] = [];
  const were = new Map(planned.columns.map(c => [c.name, c]));
  const are = new Map(now.columns.map(c => [c.name, c]));
  for (const [name, was] of were) {
    const is = are.get(name);
    if (is === undefined) other.push(`column ${name} is gone`);
    else if (!sameColumn(was, is) && !isTakenUp(was, is))
      other.push(`column ${name} is declared otherwise`);
  }
  const added = now.columns.filter(c => !were.has(c.name));
  for (const { name, nullable, generated, fill } of added) {
    if (generated !== 'no') other.push(`column ${name} is generated`);
    else if (!nullable && fill === undefined) other.push(`column ${name} is NOT NULL`);
  }
  const [was, is] = [planned, now].map(t => rowKeyNames(t).join(', '));
  if (was !== is) other.push(`the row key is (${is})`);
  return { added, other };
}

/** The table with the columns that it had by the plan, each behind the one that it stood behind. */
export function withColumnsBack(now: TableSchema, planned: TableSchema): TableSchema {
  const columns = [...now.columns];
  for (const [i, column] of planned.columns.entries()) {
    if (columns.some(c => c.name === column.name)) continue;
    const before = planned.columns[i - 1]?.name;
    columns.splice(columns.findIndex(c => c.name === before) + 1, 0, column);
  }
  if (columns.length === now.columns.length) return now;
  const place = (i: number): number => columns.findIndex(c => c.name === now.columns[i]?.name);
  const virtual = now.virtual?.map((v, n) => ({ ...v, at: place(v.at - n - 1) + 1 + n }));
  return {
    ...now,
    columns,
    primaryKey: now.primaryKey.map(place),
    uniqueKeys: now.uniqueKeys.map(key => ({ ...key, columns: key.columns.map(place) })),
    ...(virtual && { virtual }),
  };
}

/**
 * The table with its columns in the order of the plan, if they are the same ones: rows are read and
 * written by name, so their order is nothing of a row.
 */
export function inPlannedOrder(now: TableSchema, planned: TableSchema): TableSchema {
  const at = (schema: TableSchema, name: string): number =>
    allColumns(schema).findIndex(c => c.name === name);
  const names = allColumns(planned).map(c => c.name);
  const isSame = allColumns(now).length === names.length && names.every(n => at(now, n) >= 0);
  if (!isSame) return now;
  const place = (name: string | undefined): number =>
    planned.columns.findIndex(c => c.name === name);
  const columns = now.columns.toSorted((a, b) => place(a.name) - place(b.name));
  const moved = (i: number): number => place(now.columns[i]?.name);
  const virtual = now.virtual
    ?.map(v => ({ ...v, at: at(planned, v.column.name) }))
    .toSorted((a, b) => a.at - b.at);
  return {
    ...now,
    columns,
    primaryKey: now.primaryKey.map(moved),
    uniqueKeys: now.uniqueKeys.map(key => ({ ...key, columns: key.columns.map(moved) })),
    ...(virtual && { virtual }),
  };
}

/** The table without columns that came after it was planned; nor are keys that have one of them. */
export function withoutColumns(
  schema: TableSchema,
  names: readonly string[],
  planned: TableSchema,
): TableSchema {
  if (names.length === 0) return schema;
  const isGone = (name: string | undefined): boolean => name !== undefined && names.includes(name);
  const columns = schema.columns.filter(c => !isGone(c.name));
  const place = (i: number): number => columns.findIndex(c => c.name === schema.columns[i]?.name);
  const gone = allColumns(schema).flatMap((c, at) => (isGone(c.name) ? [at] : []));
  const virtual = schema.virtual
    ?.filter(v => !isGone(v.column.name))
    .map(v => ({ ...v, at: v.at - gone.filter(g => g < v.at).length }));
  const uniqueKeys = schema.uniqueKeys.flatMap(key => {
    const isCut = key.columns.some(i => isGone(schema.columns[i]?.name));
    // What an expression is made of is not known here: of those, only keys from before are kept.
    const isNew = key.parts !== undefined && !planned.uniqueKeys.some(k => k.name === key.name);
    return isCut || isNew ? [] : [{ ...key, columns: key.columns.map(place) }];
  });
  return {
    ...schema,
    ...{ columns, uniqueKeys, primaryKey: schema.primaryKey.map(place) },
    ...(virtual && { virtual }),
  };
}
