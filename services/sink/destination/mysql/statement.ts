/**
 * A multi-row statement as bytes: literals are written by the codec straight from the Avro record
 * between constant pieces of text, so a row costs no string.
 */
import { selectExpression } from '../../../../shared/mysql/range-sql.ts';
import type { RowListShape } from '../../../../shared/mysql/statement.ts';
import type { RowCodec } from '../../../../shared/row/row-codec.ts';
import type { ByteWriter } from '../../../../shared/runtime/bytes.ts';
import { int } from '../../intake/routed-batch.ts';
import type { SinkTable } from '../../intake/sink-table.ts';

/** The key columns in the form that the key codec reads from an answer. */
export function keySelect(table: SinkTable): string {
  return table.keyColumns.map(selectExpression).join(',');
}

/** A multi-row statement under construction in a writer. */
export class Statement {
  readonly shape: RowListShape;
  readonly #columns: readonly number[];
  readonly #codec: RowCodec;
  /** Of keys alone, which are compared. */
  readonly #isKey: boolean;
  readonly #offsets: Int32Array;

  constructor(shape: RowListShape, columns: readonly number[], codec: RowCodec, width: number) {
    this.shape = shape;
    this.#columns = columns;
    this.#codec = codec;
    this.#isKey = codec.schema.primaryKey.length === codec.schema.columns.length;
    this.#offsets = new Int32Array(width);
  }

  begin(out: ByteWriter): void {
    out.clear();
    append(out, this.shape.prefix);
  }

  /** Adds the row (or key) that starts at `start`. */
  add(out: ByteWriter, buf: Buffer, start: number, isFirst: boolean): void {
    const { shape } = this;
    const offsets = this.#offsets;
    const columns = this.#columns;
    this.#codec.offsets(buf, start, offsets);
    if (!isFirst) append(out, shape.separator);
    append(out, shape.open);
    for (let i = 0; i < columns.length; i++) {
      append(out, shape.between[i] as Buffer);
      const column = columns[i] as number;
      if (this.#isKey) this.#codec.toKeySql(buf, int(offsets, column), column, out);
      else this.#codec.toSql(buf, int(offsets, column), column, out);
    }
    append(out, shape.close);
  }

  end(out: ByteWriter): Buffer {
    append(out, this.shape.suffix);
    return out.view();
  }
}

function append(out: ByteWriter, piece: Buffer): void {
  if (piece.length > 0) out.copy(piece, 0, piece.length);
}
