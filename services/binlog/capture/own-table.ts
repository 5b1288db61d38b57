/**
 * Row images of the tables that the sink of a job keeps on its target, where the target is what is
 * captured: how far the job has come there, and which keys wait (shared/mysql/target-state.ts).
 * Columns are found by name, as versions of the sink differ by columns at the end.
 */
import { type OwnTableKind, ownTableKind } from '../../../shared/mysql/target-state.ts';
import { at } from '../../../shared/runtime/bytes.ts';
import { readLength } from '../../../shared/type/binlog-length.ts';
import { type SeenColumn, TYPE_CODE } from '../../../shared/type/seen-column.ts';
import { corrupt } from './binlog-event.ts';
import type { RowOp } from './captured-table.ts';
import type { SeenTable } from './seen-table.ts';

const TINY = 1;
const SHORT = 2;
const LONG = 3;
const LONGLONG = 8;

export type OwnValue = Buffer | number | null;

export class OwnTable {
  readonly name: string;
  readonly kind: OwnTableKind;
  readonly #columns: readonly SeenColumn[];

  private constructor(name: string, kind: OwnTableKind, columns: readonly SeenColumn[]) {
    this.name = name;
    this.kind = kind;
    this.#columns = columns;
  }

  /** Null: the name is of no such table. */
  static of(name: string, seen: () => SeenTable): OwnTable | null {
    const kind = ownTableKind(name);
    return kind === null ? null : new OwnTable(name, kind, seen().columns);
  }

  get width(): number {
    return this.#columns.length;
  }

  /** Calls `take` with each change: the row as it is, or as it was where it is gone. */
  each(
    op: RowOp,
    images: { buf: Buffer; pos: number; end: number },
    take: (row: ReadonlyMap<string, OwnValue>) => void,
  ): void {
    const { buf, end } = images;
    let { pos } = images;
    while (pos < end) {
      const row = new Map<string, OwnValue>();
      pos = this.#read(buf, pos, row);
      if (op === 'u') pos = this.#read(buf, pos, row);
      if (pos > end) throw corrupt('a row image runs past its event');
      take(row);
    }
  }

  #read(buf: Buffer, start: number, row: Map<string, OwnValue>): number {
    let pos = start + ((this.#columns.length + 7) >> 3);
    for (const [i, column] of this.#columns.entries()) {
      if ((at(buf, start + (i >> 3)) >> (i & 7)) & 1) {
        row.set(column.name, null);
        continue;
      }
      const value = valueAt(column, buf, pos);
      row.set(column.name, value.value);
      pos = value.end;
    }
    return pos;
  }
}

function valueAt(column: SeenColumn, buf: Buffer, pos: number): { value: OwnValue; end: number } {
  switch (column.code) {
    case TINY:
      return { value: buf.readInt8(pos), end: pos + 1 };
    case SHORT:
      return { value: buf.readInt16LE(pos), end: pos + 2 };
    case LONG:
      return { value: buf.readInt32LE(pos), end: pos + 4 };
    case LONGLONG:
      return { value: Number(buf.readBigInt64LE(pos)), end: pos + 8 };
    case TYPE_CODE.VARCHAR:
    case TYPE_CODE.STRING:
      return bytesAt(buf, pos, (column.metadata.max_length ?? 0) > 255 ? 2 : 1);
    case TYPE_CODE.BLOB:
      return bytesAt(buf, pos, column.metadata.length_size ?? 0);
    default:
      throw corrupt(`column ${column.name} of a table of ours has type ${column.code}`);
  }
}

function bytesAt(buf: Buffer, pos: number, width: number): { value: Buffer; end: number } {
  const start = pos + width;
  const end = start + readLength(buf, pos, width);
  return { value: buf.subarray(start, end), end };
}
