/**
 * The route by range: values of a column in order, cut at bounds. Integers are compared as numbers,
 * dates and times by their digits, texts and bytes byte by byte, never by a collation: what a
 * server and we call less must be the same.
 */
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { readLong } from '../type/avro-read.ts';
import type { ColumnType } from '../type/column-type.ts';
import type { Dialect, Route, RowView, TargetSet } from './route.ts';
import { RoutedColumn } from './routed-column.ts';

/** Values below `below`, and not below the bound before it. */
export interface RangePart {
  below: string;
  target: TargetSet;
}

export class RangeRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[];
  readonly #column: RoutedColumn;
  readonly #parts: readonly { bound: Bound; target: TargetSet }[];
  readonly #last: TargetSet;
  readonly #text = new ByteWriter(256);
  readonly #isInteger: boolean;
  readonly #isVarint: boolean;

  /** `last` is the target of what is below no bound. */
  constructor(
    schema: TableSchema,
    column: string,
    o: { parts: readonly RangePart[]; last: TargetSet },
    epoch = 1,
  ) {
    this.epoch = epoch;
    this.columns = [column];
    this.#column = new RoutedColumn(schema, column);
    const { type } = this.#column;
    this.#isInteger = type.kind === 'integer';
    this.#isVarint = type.kind === 'integer' && !(type.bits === 64 && type.unsigned);
    this.#last = o.last;
    this.#parts = o.parts.map(p => ({ bound: boundOf(this.#column, p.below), target: p.target }));
  }

  targetsOf(row: RowView): TargetSet {
    if (this.#isInteger) {
      const value = this.#integer(row);
      for (const { bound, target } of this.#parts) if (value < bound.number) return target;
      return this.#last;
    }
    const bytes = this.#bytes(row);
    for (const { bound, target } of this.#parts) {
      if (Buffer.compare(bytes, bound.bytes) < 0) return target;
    }
    return this.#last;
  }

  #integer(row: RowView): number | bigint {
    if (this.#isVarint) return readLong(row.buf, row.start(this.#column.index));
    return BigInt(this.#bytes(row).toString('latin1'));
  }

  #bytes(row: RowView): Buffer {
    const text = this.#text;
    text.clear();
    this.#column.write(row, text);
    return text.view();
  }

  sql(dialect: Dialect): string {
    if (this.#parts.length === 0) return `${this.#last}`;
    const c = this.#isInteger ? dialect.quote(this.#column.name) : this.#column.sql(dialect);
    const cases = this.#parts.map(({ bound, target }) => {
      const literal = this.#isInteger ? `${bound.number}` : `x'${bound.bytes.toString('hex')}'`;
      return `WHEN ${c}<${literal} THEN ${target}`;
    });
    return `CASE ${cases.join(' ')} ELSE ${this.#last} END`;
  }
}

interface Bound {
  bytes: Buffer;
  number: bigint;
}

function boundOf(column: RoutedColumn, text: string): Bound {
  const bytes = column.valueOf(text);
  const number = column.type.kind === 'integer' ? BigInt(bytes.toString('latin1')) : 0n;
  return { bytes, number };
}

/** Types whose order is that of their bytes, or of whole numbers. */
export function hasRanges(type: ColumnType): boolean {
  return ['integer', 'date', 'datetime', 'timestamp', 'text', 'binary'].includes(type.kind);
}

/** Below 0, 0 or above: how two bounds of a column stand to each other. */
export function compareBounds(column: RoutedColumn, a: string, b: string): number {
  const [one, other] = [boundOf(column, a), boundOf(column, b)];
  if (column.type.kind !== 'integer') return Buffer.compare(one.bytes, other.bytes);
  return one.number < other.number ? -1 : Number(one.number > other.number);
}

/** Whether the bounds go up, each above the one before. */
export function isAscending(column: RoutedColumn, bounds: readonly string[]): boolean {
  return bounds.every((bound, i) => {
    const before = bounds[i - 1];
    return before === undefined || compareBounds(column, before, bound) < 0;
  });
}
