/**
 * SELECTs over ranges of the row key: one builder for the snapshot, the checker and the planner, so
 * a range means the same rows to all of them. A range is (after, upTo]: exclusive below, inclusive
 * above, null is open. Bounds are SQL literals in key order, as the codec prints them.
 *
 * `(a, b) > (x, y)` is written out as `a > x OR (a = x AND b > y)`: MySQL scans the whole index for
 * the short form and two index ranges for the long one. Columns are always listed by name: `*`
 * leaves out invisible columns. The key's index is forced, because a plan by another index plus a
 * sort would read the table once for each chunk.
 */

import { type KeyLiterals, type KeyRange, keyColumns } from '../row/key-range.ts';
import { ReshardError } from '../runtime/error.ts';
import { keyIndexName, type TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import { isConverted } from '../type/text.ts';
import { familyOf } from '../type/type-families.ts';
import { qualified, quoteId } from './identifier.ts';

function keyNames(schema: TableSchema): string[] {
  const names = keyColumns(schema).map(c => quoteId(c.name));
  if (names.length === 0) {
    throw new ReshardError('unsupported-type', 'a table without a row key', {
      context: { db: schema.db, table: schema.table },
      remedy: 'add a primary key, or a unique index of columns that are NOT NULL',
    });
  }
  return names;
}

/**
 * Every column, in table order, so that the text form has all digits of the stored value. `asking`:
 * how the cells behind documents are asked for, where that is known.
 */
export function selectList(
  schema: TableSchema,
  asking: ReadonlyMap<string, { select(c: string): string }> = new Map(),
): string {
  return schema.columns
    .map(column => {
      const document = asking.get(column.name);
      if (document === undefined) return selectExpression(column);
      const c = quoteId(column.name);
      return `${c},${document.select(c)}`;
    })
    .join(', ');
}

/**
 * A FLOAT is printed with six digits only, a DOUBLE(m,d) with d decimals; cast they are exact. ENUM
 * and SET by number, because a member may itself be '' and the text could not tell it from the
 * error value. The row codec reads exactly these forms.
 */
export function selectExpression({ name, type }: Column): string {
  return familyOf(type).select(quoteId(name), type);
}

/**
 * `a > x OR (a = x AND (b > y OR (b = y AND c > z)))`, with `op` instead of > on the last column.
 */
function compare(names: string[], literals: KeyLiterals, strict: '>' | '<', last: string): string {
  if (literals.length !== names.length) {
    throw new ReshardError('bug', `${literals.length} literals for ${names.length} key columns`);
  }
  let sql = '';
  for (let i = names.length - 1; i >= 0; i--) {
    const [name, literal] = [names[i], literals[i]];
    if (sql === '') sql = `${name} ${last} ${literal}`;
    else sql = `${name} ${strict} ${literal} OR (${name} = ${literal} AND (${sql}))`;
  }
  return sql;
}

/** The condition of a range; `TRUE` for the whole table. */
export function rangePredicate(schema: TableSchema, range: KeyRange): string {
  const names = keyNames(schema);
  const parts: string[] = [];
  if (range.after !== null) parts.push(`(${compare(names, range.after, '>', '>')})`);
  if (range.upTo !== null) parts.push(`(${compare(names, range.upTo, '<', '<=')})`);
  return parts.length === 0 ? 'TRUE' : parts.join(' AND ');
}

/** The condition of the rows whose key is at least this one. */
export function keyFromCondition(schema: TableSchema, first: KeyLiterals): string {
  return `(${compare(keyNames(schema), first, '>', '>=')})`;
}

/** Read by the row key's index, whatever the optimizer thinks of it. */
export function fromByKey(schema: TableSchema): string {
  const index = quoteId(keyIndexName(schema));
  return `FROM ${qualified(schema.db, schema.table)} FORCE INDEX (${index})`;
}

function keyOrder(schema: TableSchema, direction: 'ASC' | 'DESC' = 'ASC'): string {
  const suffix = direction === 'DESC' ? ' DESC' : '';
  return `ORDER BY ${keyNames(schema)
    .map(n => n + suffix)
    .join(', ')}`;
}

/**
 * The next rows of a range in key order: at most `limit`, and only those that meet a condition.
 * `list`: how the columns are asked for.
 */
export function chunkSelect(
  schema: TableSchema,
  range: KeyRange,
  limit: number,
  only: string | null = null,
  list: string = selectList(schema),
): string {
  return (
    `SELECT ${list} ${fromByKey(schema)} ` +
    `WHERE ${rangePredicate(schema, range)}${only === null ? '' : ` AND (${only})`} ${keyOrder(schema)} LIMIT ${count(limit)}`
  );
}

/** Exactly the rows of these keys, in key order. */
export function keysSelect(schema: TableSchema, keys: readonly KeyLiterals[]): string {
  return `SELECT ${selectList(schema)} ${fromByKey(schema)} WHERE ${keysPredicate(schema, keys)} ${keyOrder(schema)}`;
}

/**
 * The condition of a list of keys: row values, which both flavors look up by index. Not where an
 * ENUM or SET is part of the key: inside a row value the server compares it by its text, and finds
 * no row or another one by our number. Nor where literals are converted first (isConverted), and
 * BIT: MariaDB finds no row by several of them of 64 bits.
 */
export function keysPredicate(schema: TableSchema, keys: readonly KeyLiterals[]): string {
  const names = keyNames(schema);
  if (keys.length === 0) return 'FALSE';
  const isApart = keyColumns(schema).some(({ type }) => {
    return familyOf(type).byNumber || isConverted(type) || type.kind === 'bit';
  });
  if (isApart && names.length > 1) {
    const one = (key: KeyLiterals): string => names.map((n, i) => `${n} = ${key[i]}`).join(' AND ');
    return `(${keys.map(key => `(${one(key)})`).join(' OR ')})`;
  }
  const [left, rows] =
    names.length === 1
      ? [names[0], keys.map(key => key[0])]
      : [`(${names.join(',')})`, keys.map(key => `(${key.join(',')})`)];
  return `${left} IN (${rows.join(',')})`;
}

/** The key that stands `offset` rows after the start of the range: index entries only. */
export function keyAtSelect(schema: TableSchema, range: KeyRange, offset: number): string {
  return (
    `SELECT ${keyList(schema)} ${fromByKey(schema)} WHERE ${rangePredicate(schema, range)} ` +
    `${keyOrder(schema)} LIMIT 1 OFFSET ${count(offset)}`
  );
}

/** First or last key of the table. */
export function edgeKeySelect(schema: TableSchema, edge: 'first' | 'last'): string {
  const direction = edge === 'first' ? 'ASC' : 'DESC';
  return `SELECT ${keyList(schema)} ${fromByKey(schema)} ${keyOrder(schema, direction)} LIMIT 1`;
}

/** The first key whose first column is at least `literal`. */
export function keyFromSelect(schema: TableSchema, literal: string): string {
  const first = keyNames(schema)[0];
  return (
    `SELECT ${keyList(schema)} ${fromByKey(schema)} WHERE ${first} >= ${literal} ` +
    `${keyOrder(schema)} LIMIT 1`
  );
}

function keyList(schema: TableSchema): string {
  return keyColumns(schema)
    .map(c => selectExpression(c))
    .join(', ');
}

function count(n: number): string {
  if (!Number.isSafeInteger(n) || n < 0) throw new ReshardError('bug', `not a row count: ${n}`);
  return String(n);
}
