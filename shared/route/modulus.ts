/**
 * The route by modulus: an integer column modulo the number of targets. `shardOf` on the bytes of
 * the Avro row, `sqlShard` as SQL text.
 *
 * Modulus is the floor modulus: -1 modulo 3 is 2, never -1, so every integer has a target. Plain
 * `%` of JavaScript and of MySQL follows the sign of the number and would leave rows without one.
 */

import { at } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import type { ColumnProblem, Dialect, Route, RowView, TargetSet } from './route.ts';

/** Targets are few; the limit keeps all products of the arithmetic below 2^53. */
const TARGETS_MAX = 65_536;

export class ModulusRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[];
  /** Index of the sharding column in the table's columns. */
  readonly column: number;
  readonly targets: number;
  readonly #nullable: boolean;
  readonly #isDecimal: boolean;
  readonly #where: { table: string; column: string };

  constructor(schema: TableSchema, columnName: string, targets: number, epoch = 1) {
    this.epoch = epoch;
    this.columns = [columnName];
    this.#where = { table: `${schema.db}.${schema.table}`, column: columnName };
    this.column = schema.columns.findIndex(c => c.name === columnName);
    const column = schema.columns[this.column];
    if (column === undefined) throw this.#refused('the table has no such column to route by');
    if (column.type.kind !== 'integer') throw this.#refused('rows are routed by integer columns');
    if (!(Number.isInteger(targets) && targets >= 1 && targets <= TARGETS_MAX)) {
      throw this.#refused(`${targets} is not a number of targets`);
    }
    this.targets = targets;
    this.#nullable = column.nullable && !schema.primaryKey.includes(this.column);
    this.#isDecimal = isDecimal(column);
  }

  targetsOf(row: RowView): TargetSet {
    return this.shardOf(row.buf, row.start(this.column));
  }

  sql(dialect: Dialect): string {
    return sqlShard(dialect.quote(this.#where.column), this.targets);
  }

  /**
   * Number of the target of a row. `offset` is where the sharding column starts in `buf` (at its
   * union index if the column is nullable), as RowCodec.offsets tells it.
   */
  shardOf(buf: Buffer, offset: number): number {
    let pos = offset;
    if (this.#nullable) {
      if (buf[pos] === 0) throw this.#refused('a row has NULL in the column it is routed by');
      pos += 1;
    }
    return this.#isDecimal ? this.#ofDecimal(buf, pos) : this.#ofVarint(buf, pos);
  }

  /** Zigzag, base 128, low digits first: the remainder modulo 2n tells sign and value modulo n. */
  #ofVarint(buf: Buffer, start: number): number {
    const n = this.targets;
    const first = at(buf, start);
    let rest = first & 0x7f;
    if (first > 0x7f) {
      const double = n * 2;
      let scale = 128 % double;
      for (let i = start + 1; i < start + 10; i++) {
        const b = at(buf, i);
        rest = (rest + (b & 0x7f) * scale) % double;
        if (b < 0x80) break;
        scale = (scale * 128) % double;
      }
    }
    if ((rest & 1) === 0) return (rest >>> 1) % n;
    const negative = ((rest + 1) >>> 1) % n;
    return negative === 0 ? 0 : n - negative;
  }

  /** Length, then big-endian two's complement: how BIGINT UNSIGNED travels. */
  #ofDecimal(buf: Buffer, start: number): number {
    const n = this.targets;
    const length = at(buf, start) >> 1;
    let rest = 0;
    let power = 1;
    for (let i = start + 1; i <= start + length; i++) {
      rest = (rest * 256 + at(buf, i)) % n;
      power = (power * 256) % n;
    }
    const isNegative = length > 0 && at(buf, start + 1) > 0x7f;
    return isNegative ? (rest - (power % n) + n) % n : rest;
  }

  #refused(why: string): ReshardError {
    return new ReshardError('config', why, {
      context: this.#where,
      remedy: 'route by an integer column that is NOT NULL (route.column, tables[].shardColumn)',
    });
  }
}

function isDecimal(column: Column): boolean {
  const { type } = column;
  return type.kind === 'integer' && type.bits === 64 && type.unsigned;
}

/** The same function as SQL: `column` is a quoted column name or any integer expression. */
export function sqlShard(column: string, targets: number): string {
  return `MOD(MOD(${column}, ${targets}) + ${targets}, ${targets})`;
}

/** Why a table cannot be routed by the column, before any row is looked at. */
export function columnProblem(schema: TableSchema, columnName: string): ColumnProblem | null {
  const column = schema.columns.find(c => c.name === columnName);
  if (column === undefined) return 'missing';
  if (column.type.kind !== 'integer') return 'type';
  return column.nullable ? 'nullable' : null;
}
