/**
 * The bytes of one or more columns that are hashed, here from a row and there by SQL. A single
 * column is its own bytes; several are told apart by their lengths, `<length>:<bytes>` each: joined
 * as they are, ('a','bc') and ('ab','c') would be one value.
 */
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Dialect, RowView } from './route.ts';
import { RoutedColumn } from './routed-column.ts';

export class RoutedText {
  readonly #columns: readonly RoutedColumn[];
  readonly #text = new ByteWriter(256);
  readonly #part = new ByteWriter(256);

  constructor(schema: TableSchema, columns: readonly string[]) {
    this.#columns = columns.map(name => new RoutedColumn(schema, name));
  }

  /** Valid until the next call. */
  of(row: RowView): Buffer {
    const text = this.#text;
    text.clear();
    const [first] = this.#columns;
    if (this.#columns.length === 1 && first !== undefined) first.write(row, text);
    else for (const column of this.#columns) this.#append(column, row);
    return text.view();
  }

  #append(column: RoutedColumn, row: RowView): void {
    const part = this.#part;
    part.clear();
    column.write(row, part);
    this.#text.ascii(`${part.pos}:`);
    this.#text.copy(part.buf, 0, part.pos);
  }

  /** An expression of the same bytes. */
  sql(dialect: Dialect): string {
    const parts = this.#columns.map(c => c.sql(dialect));
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    return `CONCAT(${parts.map(p => `LENGTH(${p}),':',${p}`).join(',')})`;
  }
}
