/**
 * Which rows of one table a check compares, if not all. A check with a scope is never a proof: it
 * says what it says of these rows, and nothing of the table. What it finds different is different.
 *
 * A row is in the scope if it meets it on a source or on a target. So a row that a damage has moved
 * out of it on one side is found, and the servers need not agree about the condition.
 */
import { rowCondition } from '../../mysql/row-condition.ts';
import { KeyBound } from '../../row/key-bound.ts';
import { keyFromText } from '../../row/key-text.ts';
import { allColumns, type TableSchema } from '../../schema/table-schema.ts';

export interface CheckScope {
  /** The first key, itself included, as readable text; null: from the beginning. */
  from: Record<string, string> | null;
  /** The last key, itself included; null: to the end. */
  to: Record<string, string> | null;
  /** A condition over the columns of a row; null: none. */
  where: string | null;
}

/** Throws `config` if the table has no such keys, or the condition is none that is let through. */
export function refuseScope(schema: TableSchema, { from, to, where }: CheckScope): void {
  const bound = new KeyBound(schema);
  for (const key of [from, to]) if (key !== null) keyFromText(bound, key);
  if (where !== null) {
    const names = allColumns(schema).map(c => c.name);
    rowCondition(where, names);
  }
}

/** `id=1 to id=9, where amount > 5` */
export function scopeText({ from, to, where }: CheckScope): string {
  const ends = [
    from === null ? 'the first key' : keyText(from),
    to === null ? 'the last key' : keyText(to),
  ];
  const range = from === null && to === null ? [] : [`from ${ends.join(' to ')}`];
  return [...range, ...(where === null ? [] : [`where ${where}`])].join(', ');
}

function keyText(key: Record<string, string>): string {
  return Object.entries(key)
    .map(([column, value]) => `${column}=${value}`)
    .join(', ');
}
