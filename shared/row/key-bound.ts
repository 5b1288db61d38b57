/**
 * Range bounds: canonical key bytes on the wire, SQL literals in a statement, text for people.
 * The canonical bytes of a key are the row of a table that has the key columns only, so the row
 * codec reads and writes them and there is no second encoding.
 *
 * ENUM and SET columns are bounded by number: the index is ordered by it, while a text literal
 * would be compared by text, and rows between the two orders would be left out.
 */

import { ByteReader, ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import { familyOf } from '../type/type-families.ts';
import { type KeyLiterals, type KeyRange, keyColumns } from './key-range.ts';
import { RowCodec } from './row-codec.ts';

export class KeyBound {
  readonly columns: readonly Column[];
  readonly #codec: RowCodec;
  readonly #offsets: Int32Array;
  readonly #out = new ByteWriter(256);

  constructor(schema: TableSchema) {
    this.columns = keyColumns(schema);
    if (this.columns.length === 0) {
      throw new ReshardError('server-setting', 'the table has no row key', {
        context: { table: `${schema.db}.${schema.table}` },
        remedy: 'add a primary key, or a unique index of columns that are NOT NULL',
      });
    }
    this.#codec = new RowCodec({
      db: schema.db,
      table: schema.table,
      columns: [...this.columns],
      primaryKey: this.columns.map((_, i) => i),
      uniqueKeys: [],
    });
    this.#offsets = new Int32Array(this.columns.length + 1);
  }

  /** Key bytes of a row packet that holds the key columns, in key order. */
  fromText(buf: Buffer, start: number, end: number): Buffer {
    this.#out.clear();
    this.#codec.fromText(buf, start, end, this.#out);
    return this.#out.take();
  }

  range(after: Buffer | null, upTo: Buffer | null): KeyRange {
    return {
      after: after === null ? null : this.literals(after),
      upTo: upTo === null ? null : this.literals(upTo),
    };
  }

  /** The key's columns as SQL literals, in key order. */
  literals(key: Buffer): KeyLiterals {
    this.#codec.offsets(key, 0, this.#offsets);
    return this.columns.map(({ type }, i) => {
      const start = at32(this.#offsets, i);
      const family = familyOf(type);
      if (family.byNumber) return family.numberOf(type, text(key, start));
      this.#out.clear();
      this.#codec.toKeySql(key, start, i, this.#out);
      return this.#out.view().toString('utf8');
    });
  }

  /** `order_id=17, line_no=2` */
  describe(key: Buffer): string {
    const literals = this.literals(key);
    return this.columns.map((c, i) => `${c.name}=${literals[i]}`).join(', ');
  }
}

function at32(offsets: Int32Array, i: number): number {
  return offsets[i] ?? 0;
}

function text(key: Buffer, start: number): string {
  const reader = new ByteReader(key, start);
  const length = reader.varint();
  return key.toString('utf8', reader.pos, reader.pos + length);
}
