/**
 * Divides a table, or a range of it, into ranges by its own keys: a bound is the key that stands
 * `rows` rows after the last bound. Both ends of a table stay open, so a row that only a target has
 * is in some range wherever its key is.
 * With several sources each one moves the bound down to where its own rows are enough: the servers
 * compare keys, in their own order, and we never do.
 */

import { quoteId } from '../../../shared/mysql/identifier.ts';
import { keyLiteralList, keyText } from '../../../shared/mysql/key-literal.ts';
import { fromByKey, rangePredicate } from '../../../shared/mysql/range-sql.ts';
import { type KeyLiterals, type KeyRange, keyColumns } from '../../../shared/row/key-range.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { type TextRow, textRows } from './server-rows.ts';
import type { CheckServer, SessionSet } from './session-set.ts';

export interface Place {
  server: CheckServer;
  schema: TableSchema;
}

/**
 * The key of the row that is number `rows` of those of a range that meet `only`; no row if there
 * are fewer.
 */
export function keyAtSelect(
  schema: TableSchema,
  range: KeyRange,
  rows: number,
  only: string | null = null,
): string {
  const order = keyColumns(schema).map(c => quoteId(c.name));
  const where = rangePredicate(schema, range);
  return (
    `SELECT ${keyLiteralList(schema)} ${fromByKey(schema)} ` +
    `WHERE ${only === null ? where : `${where} AND ${only}`} ORDER BY ${order.join(',')} LIMIT 1 OFFSET ${rows - 1}`
  );
}

export function literals(row: TextRow): KeyLiterals {
  return row.map(text => text ?? 'NULL');
}

export class RangeWalk {
  readonly #places: readonly Place[];
  readonly #rows: number;
  readonly #upTo: KeyLiterals | null;
  readonly #only: string | null;
  #after: KeyLiterals | null;
  #turn: Promise<unknown> = Promise.resolve();
  #isDone = false;

  /** `rows`: those that meet `only` are counted; null: all. */
  constructor(places: readonly Place[], range: KeyRange, rows: number, only: string | null = null) {
    this.#places = places;
    this.#rows = Math.max(1, rows);
    this.#after = range.after;
    this.#upTo = range.upTo;
    this.#only = only;
  }

  /** The next range, or null when the last one was given out. One caller after the other. */
  next(sessionSet: SessionSet): Promise<KeyRange | null> {
    const next = this.#turn.then(() => this.#step(sessionSet));
    this.#turn = next.catch(() => {});
    return next;
  }

  async #step(sessionSet: SessionSet): Promise<KeyRange | null> {
    // Behind its last key a range has no other.
    if (this.#isDone || isSame(this.#after, this.#upTo)) return null;
    let bound: KeyLiterals | null = null;
    for (const { server, schema } of this.#places) {
      const within = { after: this.#after, upTo: bound ?? this.#upTo };
      const sql = keyAtSelect(schema, within, this.#rows, this.#only);
      const [row] = await textRows(await sessionSet.session(server), sql);
      if (row !== undefined) bound = literals(row);
    }
    const range = { after: this.#after, upTo: bound ?? this.#upTo };
    if (bound === null) this.#isDone = true;
    else this.#after = bound;
    return range;
  }
}

function isSame(a: KeyLiterals | null, b: KeyLiterals | null): boolean {
  return a !== null && b !== null && keyText(a) === keyText(b);
}
