/**
 * A row as one hash, from its bytes in the log: the very hash that a server computes of the row
 * (shared/mysql/row-hash.ts), so that what the log says and what a server has can be compared
 * without reading the row on either side. The text is put together here once more, not taken from
 * there: the one is SQL, the other bytes, and a test holds them together over all types on live
 * servers.
 *
 * Virtual columns are not in the log, so they are not in this hash; `carriedRowHash` is its SQL.
 */
import { createHash } from 'node:crypto';
import { ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { ColumnType } from '../type/column-type.ts';
import { familyOf } from '../type/type-families.ts';
import type { RowCodec } from './row-codec.ts';

/** As in the SQL. */
const FLAGS_PER_NUMBER = 40;
const COMMA = 0x2c;
/** A huge row makes the text grow; it does not stay that large. */
const TEXT_BYTES_KEPT = 1024 * 1024;

type Part = 'closed' | 'content' | 'document';

export class RowText {
  readonly #codec: RowCodec;
  /** Columns in the order of the text: their place in the row, and how they are told. */
  readonly #columns: readonly { at: number; part: Part; nullable: boolean }[];
  readonly #starts: Int32Array;
  readonly #text = new ByteWriter(4096);
  readonly #content = new ByteWriter(4096);

  /**
   * `codec`: reads the rows; `asked`: the columns as the servers are asked for them, in that order.
   * Throws `schema-changed` if they are not the same ones.
   */
  constructor(codec: RowCodec, asked: TableSchema = codec.schema) {
    this.#codec = codec;
    this.#columns = asked.columns.map(({ name, type, nullable }) => {
      const at = codec.schema.columns.findIndex(c => c.name === name);
      const own = codec.schema.columns[at];
      const [text, wanted] = [own && familyOf(own.type), familyOf(type)];
      if (own === undefined || text?.meaning(own.type) !== wanted.meaning(type)) {
        throw changed(`column ${name} is not the one of the log`, asked);
      }
      return { at, part: partOf(own.type), nullable };
    });
    if (asked.columns.length !== codec.schema.columns.length) {
      throw changed('has lost columns that are in the log', asked);
    }
    this.#starts = new Int32Array(codec.schema.columns.length);
  }

  /** SHA-256 of the row that begins at `start`, as 64 hex digits. */
  hash(row: Buffer, start: number): string {
    this.#codec.offsets(row, start, this.#starts);
    this.#text.shed(TEXT_BYTES_KEPT);
    this.#content.shed(TEXT_BYTES_KEPT);
    this.#flags(row);
    this.#all('closed', row, this.#text);
    this.#contents(row);
    this.#all('document', row, this.#text);
    // Each part has a comma behind it: the last one is too many.
    const text = this.#text.view();
    return createHash('sha256').update(text.subarray(0, -1)).digest('hex');
  }

  #flags(row: Buffer): void {
    const nullable = this.#columns.flatMap(c => (c.nullable ? [c.at] : []));
    for (let from = 0; from < nullable.length; from += FLAGS_PER_NUMBER) {
      const flags = nullable.slice(from, from + FLAGS_PER_NUMBER);
      const bits = flags.map((column, bit) => (this.#isNull(row, column) ? 2 ** bit : 0));
      this.#text.ascii(`${bits.reduce((sum, bit) => sum + bit)}`);
      this.#text.u8(COMMA);
    }
  }

  #all(part: Part, row: Buffer, out: ByteWriter): void {
    for (const { at, part: its } of this.#columns) {
      if (its !== part || this.#isNull(row, at)) continue;
      this.#value(row, at, out);
      out.u8(COMMA);
    }
  }

  /** The lengths of all of them stand before the first. */
  #contents(row: Buffer): void {
    const contents = this.#content;
    for (const { at, part } of this.#columns) {
      if (part !== 'content' || this.#isNull(row, at)) continue;
      const from = contents.pos;
      this.#value(row, at, contents);
      this.#text.ascii(`${contents.pos - from}`);
      this.#text.u8(COMMA);
      contents.u8(COMMA);
    }
    this.#text.copy(contents.buf, 0, contents.pos);
  }

  #isNull(row: Buffer, column: number): boolean {
    return this.#codec.isNull(row, this.#starts[column] as number, column);
  }

  #value(row: Buffer, column: number, out: ByteWriter): void {
    this.#codec.toRowText(row, this.#starts[column] as number, column, out);
  }
}

function partOf(type: ColumnType): Part {
  const text = familyOf(type).rowText(type, '');
  if ('closed' in text) return 'closed';
  return 'document' in text ? 'document' : 'content';
}

function changed(what: string, { db, table }: TableSchema): ReshardError {
  return new ReshardError('schema-changed', `${db}.${table} ${what}`, {
    remedy: 'wait until the schema change is in the job: `reshard ddl list <job file>`',
  });
}
