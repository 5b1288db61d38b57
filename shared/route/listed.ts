/**
 * The route by list: values of a column, each with its target. A value that is not listed goes to
 * `otherwise`; without one such a row is an error, never a guess.
 */
import { ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Dialect, Route, RowView, TargetSet } from './route.ts';
import { RoutedColumn } from './routed-column.ts';

export class ListRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[];
  readonly #column: RoutedColumn;
  /** By the value's bytes as latin1 text. */
  readonly #targets = new Map<string, TargetSet>();
  readonly #otherwise: TargetSet | null;
  readonly #table: string;
  readonly #text = new ByteWriter(256);

  constructor(
    schema: TableSchema,
    column: string,
    o: {
      values: readonly (readonly [value: string, target: TargetSet])[];
      otherwise: TargetSet | null;
    },
    epoch = 1,
  ) {
    this.epoch = epoch;
    this.columns = [column];
    this.#table = `${schema.db}.${schema.table}`;
    this.#column = new RoutedColumn(schema, column);
    this.#otherwise = o.otherwise;
    for (const [value, target] of o.values) {
      this.#targets.set(this.#column.valueOf(value).toString('latin1'), target);
    }
  }

  targetsOf(row: RowView): TargetSet {
    const text = this.#text;
    text.clear();
    this.#column.write(row, text);
    const target = this.#targets.get(text.view().toString('latin1')) ?? this.#otherwise;
    if (target === null) throw this.#unlisted();
    return target;
  }

  sql(dialect: Dialect): string {
    const byTarget = Map.groupBy(this.#targets, ([, target]) => target);
    const cases = [...byTarget].map(([target, entries]) => {
      const list = entries.map(([text]) => `x'${Buffer.from(text, 'latin1').toString('hex')}'`);
      return `WHEN ${this.#column.sql(dialect)} IN (${list.join(',')}) THEN ${target}`;
    });
    return `CASE ${cases.join(' ')} ELSE ${this.#otherwise ?? 'NULL'} END`;
  }

  #unlisted(): ReshardError {
    return new ReshardError('config', 'a row has a value that no target is listed for', {
      context: { table: this.#table, column: this.#column.name },
      remedy: 'change the value at the source; a new job may list it, or name `otherwise`',
    });
  }
}
