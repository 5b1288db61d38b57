/**
 * Whether a table has only grown: columns were added that are NULL in every row that was there
 * before, nothing else that matters to rows and keys is another one. Such a change loses nothing:
 * rows of the older shape are rows of the new one (shared/row/row-projection.ts).
 */
import type { Column } from '../type/column-type.ts';
import { rowKeyNames, type TableSchema } from './table-schema.ts';

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

export function tableGrowth(planned: TableSchema, now: TableSchema): Growth {
  const other: string[] = [];
  const were = new Map(planned.columns.map(c => [c.name, c]));
  const are = new Map(now.columns.map(c => [c.name, c]));
  for (const [name, was] of were) {
    const is = are.get(name);
    if (is === undefined) other.push(`column ${name} is gone`);
    else if (!sameColumn(was, is)) other.push(`column ${name} is declared otherwise`);
  }
  const added = now.columns.filter(c => !were.has(c.name));
  for (const { name, nullable, generated } of added) {
    if (generated !== 'no') other.push(`column ${name} is generated`);
    else if (!nullable) other.push(`column ${name} is NOT NULL`);
  }
  const [was, is] = [planned, now].map(t => rowKeyNames(t).join(', '));
  if (was !== is) other.push(`the row key is (${is})`);
  return { added, other };
}
