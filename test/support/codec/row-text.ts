/**
 * A row as one hash, from its bytes in the log: the very hash that a server computes of the row
 * (shared/mysql/row-hash.ts), so that what the log says and what a server has can be compared
 * without reading the row on either side. The text is put together here once more, not taken from
 * there: the one is SQL, the other bytes, and a test holds them together over all types on live
 * servers.
 *
 * Virtual columns are not in the log, so they are not in this hash.
 */
import { createHash } from 'node:crypto';
import type { RowCodec } from '../../../shared/row/row-codec.ts';
import { ByteWriter } from '../../../shared/runtime/bytes.ts';
import { familyOf } from '../../../shared/type/type-families.ts';

/** As in the SQL. */
const FLAGS_PER_NUMBER = 40;
const COMMA = 0x2c;
/** A huge row makes the text grow; it does not stay that large. */
const TEXT_BYTES_KEPT = 1024 * 1024;

type Part = 'closed' | 'content' | 'document';

export class RowText {
  readonly #codec: RowCodec;
  readonly #parts: readonly Part[];
  readonly #starts: Int32Array;
  readonly #text = new ByteWriter(4096);
  readonly #content = new ByteWriter(4096);

  constructor(codec: RowCodec) {
    this.#codec = codec;
    this.#parts = codec.schema.columns.map(({ type }) => {
      const text = familyOf(type).rowText(type, '');
      return 'closed' in text ? 'closed' : 'document' in text ? 'document' : 'content';
    });
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
    const nullable = this.#codec.schema.columns.flatMap((c, i) => (c.nullable ? [i] : []));
    for (let from = 0; from < nullable.length; from += FLAGS_PER_NUMBER) {
      const flags = nullable.slice(from, from + FLAGS_PER_NUMBER);
      const bits = flags.map((column, bit) => (this.#isNull(row, column) ? 2 ** bit : 0));
      this.#text.ascii(`${bits.reduce((sum, bit) => sum + bit)}`);
      this.#text.u8(COMMA);
    }
  }

  #all(part: Part, row: Buffer, out: ByteWriter): void {
    for (const [column, its] of this.#parts.entries()) {
      if (its !== part || this.#isNull(row, column)) continue;
      this.#value(row, column, out);
      out.u8(COMMA);
    }
  }

  /** The lengths of all of them stand before the first. */
  #contents(row: Buffer): void {
    const contents = this.#content;
    for (const [column, part] of this.#parts.entries()) {
      if (part !== 'content' || this.#isNull(row, column)) continue;
      const from = contents.pos;
      this.#value(row, column, contents);
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
