/**
 * Which rows of one table a check compares, if not all. A check with a scope is never a proof: it
 * says what it says of these rows, and nothing of the table. What it finds different is different.
 *
 * A row is in the scope if it meets it on a source or on a target. So a row that a damage has moved
 * out of it on one side is found, and the servers need not agree about the condition.
 */
import { rowCondition } from '../../mysql/row-condition.ts';
import { KeyBound } from '../../row/key-bound.ts';
import type { KeyLiterals } from '../../row/key-range.ts';
import { keyFromText } from '../../row/key-text.ts';
import { ReshardError } from '../../runtime/error.ts';
import { allColumns, type TableSchema } from '../../schema/table-schema.ts';

export interface CheckScope {
  /** The first key, itself included, as readable text; null: from the beginning. */
  from: Record<string, string> | null;
  /** The last key, itself included; null: to the end. */
  to: Record<string, string> | null;
  /** A condition over the columns of a row; null: none. */
  where: string | null;
}

/**
 * Throws `config` if the table has no such keys, if the first one is behind the last as far as
 * numbers tell, or if the condition is none that is let through.
 */
export function refuseScope(schema: TableSchema, scope: CheckScope): void {
  const { from, to, where } = scope;
  const bound = new KeyBound(schema);
  const [first, last] = [from, to].map(key =>
    key === null ? null : bound.literals(keyFromText(bound, key)),
  );
  if (first && last && isBehind(bound, first, last)) throw reversed(schema.table, scope);
  if (where !== null) {
    const names = allColumns(schema).map(c => c.name);
    rowCondition(where, names);
  }
}

/** By the columns in front of the first one that is no integer: of others the servers know. */
function isBehind({ columns }: KeyBound, first: KeyLiterals, last: KeyLiterals): boolean {
  for (const [i, { type }] of columns.entries()) {
    if (type.kind !== 'integer') return false;
    const [a, b] = [BigInt(first[i] ?? 0), BigInt(last[i] ?? 0)];
    if (a !== b) return a > b;
  }
  return false;
}

/** No key is in such a range, and of no row everything is equal. */
export function reversed(table: string, { from, to }: CheckScope): ReshardError {
  const [first, last] = [from, to].map(key => keyText(key ?? {}));
  return new ReshardError('config', `--from ${first} is behind --to ${last}`, {
    context: { table },
    remedy: 'the other way round: both ends are of the range, in the order of the key',
  });
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
