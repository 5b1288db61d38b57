/**
 * Rows of an older shape of a table as rows of its present one: columns that were added later are
 * NULL in them, as the server has made them NULL in the rows that were there. The other columns
 * keep their bytes; they may be in another order.
 *
 * Invariant: it exists only where that is exact: what is missing may be NULL, all else is the same
 * type. Anything else is refused when it is made.
 */
import type { ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import { sameColumn } from '../schema/table-growth.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { isUnion, RowCodec } from './row-codec.ts';

const ABSENT = -1;
/** The union's branch of NULL. */
const BRANCH_NULL = 0;

export class RowProjection {
  /** Reads rows of the older shape. */
  readonly older: RowCodec;
  /** For each present column its place in the older shape. */
  readonly #from: number[];
  readonly #starts: Int32Array;

  constructor(older: TableSchema, present: TableSchema) {
    this.older = new RowCodec(older);
    this.#starts = new Int32Array(older.columns.length + 1);
    this.#from = present.columns.map((column, i) => {
      const at = older.columns.findIndex(c => c.name === column.name);
      const was = older.columns[at];
      if (was === undefined && isUnion(present, column, i)) return ABSENT;
      if (was !== undefined && sameColumn(was, column)) return at;
      throw new ReshardError('schema-changed', `${present.table}.${column.name} was another one`, {
        context: { table: present.table, column: column.name },
      });
    });
    const kept = this.#from.filter(at => at !== ABSENT).length;
    if (kept === older.columns.length) return;
    throw new ReshardError('schema-changed', `${present.table} has lost columns`, {
      context: { table: present.table },
    });
  }

  /** Appends the row that starts at `start`; returns the position behind it. */
  project(buf: Buffer, start: number, out: ByteWriter): number {
    const starts = this.#starts;
    const end = this.older.offsets(buf, start, starts);
    starts[this.older.codecs.length] = end;
    for (const at of this.#from) {
      if (at === ABSENT) out.u8(BRANCH_NULL);
      else out.copy(buf, starts[at] as number, starts[at + 1] as number);
    }
    return end;
  }
}
