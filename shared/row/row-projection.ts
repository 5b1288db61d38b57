/**
 * Rows of an older shape of a table as rows of its present one: columns that were added later are
 * in them what the server has made them in the rows that were there: NULL, or the constant of the
 * statement (`fill`). The other columns keep their bytes; they may be in another order, and wider
 * by now.
 *
 * Columns that were dropped since are left out; one that has the name of such a column by now is
 * another one, and came later.
 *
 * Invariant: it exists only where that is exact: what is missing may be NULL or has its constant,
 * all else is the same type, or was only made wider (which NULL is, too). Anything else is refused
 * when it is made.
 */
import type { ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import { isWidened } from '../schema/column-widening.ts';
import { sameColumn } from '../schema/table-growth.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import { isUnion, RowCodec } from './row-codec.ts';

const ABSENT = -1;
/** The union's branch of NULL, and that of a value. */
const BRANCH_NULL = Buffer.from([0]);
const BRANCH_VALUE = Buffer.from([2]);

export class RowProjection {
  /** Reads rows of the older shape. */
  readonly older: RowCodec;
  /** For each present column its place in the older shape. */
  readonly #from: number[];
  /** Columns that were NOT NULL in the older shape, and may be NULL by now. */
  readonly #lifted: boolean[];
  /** What is written for a column that the older shape does not have. */
  readonly #fills: Buffer[];
  readonly #starts: Int32Array;

  /** `gone`: columns of the older shape that were dropped since. */
  constructor(older: TableSchema, present: TableSchema, gone: readonly string[] = []) {
    this.older = new RowCodec(older);
    const isGone = (name: string): boolean => gone.includes(name);
    this.#starts = new Int32Array(older.columns.length + 1);
    this.#from = present.columns.map((column, i) => {
      const at = older.columns.findIndex(c => c.name === column.name && !isGone(c.name));
      const was = older.columns[at];
      if (was === undefined && fillOf(present, column, i) !== null) return ABSENT;
      if (was !== undefined && carriesOver(was, column)) return at;
      throw new ReshardError('schema-changed', `${present.table}.${column.name} was another one`, {
        context: { table: present.table, column: column.name },
      });
    });
    this.#lifted = present.columns.map((column, i) => {
      const at = this.#from[i] as number;
      const was = older.columns[at];
      return was !== undefined && isUnion(present, column, i) && !isUnion(older, was, at);
    });
    this.#fills = present.columns.map((c, i) => fillOf(present, c, i) ?? Buffer.alloc(0));
    const kept = this.#from.filter(at => at !== ABSENT).length;
    const left = older.columns.filter(c => isGone(c.name)).length;
    if (kept + left === older.columns.length) return;
    throw new ReshardError('schema-changed', `${present.table} has lost columns`, {
      context: { table: present.table },
    });
  }

  /** Appends the row that starts at `start`; returns the position behind it. */
  project(buf: Buffer, start: number, out: ByteWriter): number {
    const starts = this.#starts;
    const end = this.older.offsets(buf, start, starts);
    starts[this.older.codecs.length] = end;
    for (const [i, at] of this.#from.entries()) {
      if (at !== ABSENT) {
        if (this.#lifted[i]) out.copy(BRANCH_VALUE, 0, 1);
        out.copy(buf, starts[at] as number, starts[at + 1] as number);
        continue;
      }
      const fill = this.#fills[i] as Buffer;
      out.copy(fill, 0, fill.length);
    }
    return end;
  }
}

const carriesOver = (was: Column, is: Column): boolean => sameColumn(was, is) || isWidened(was, is);

/** The bytes of the column in a row from before it came; null: it cannot be told. */
function fillOf(present: TableSchema, column: Column, index: number): Buffer | null {
  const { fill } = column;
  const mayBeNull = isUnion(present, column, index);
  if (fill === undefined) return mayBeNull ? BRANCH_NULL : null;
  const value = Buffer.from(fill, 'hex');
  return mayBeNull ? Buffer.concat([BRANCH_VALUE, value]) : value;
}
