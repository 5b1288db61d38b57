/**
 * The route by a function of the job file: it gets the columns as texts and names a target, or says
 * null: such a row goes to no target. Anything else that it says, or throws, is an error, never a
 * guess. A server sends the columns and the rest is done here.
 */
import { ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { type PureFunction, pureFunction } from './pure-function.ts';
import {
  type Dialect,
  NO_TARGET,
  type Route,
  type RowView,
  type ServerPart,
  type TargetSet,
} from './route.ts';
import { RoutedColumn } from './routed-column.ts';

export class FunctionRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[];
  readonly #columns: readonly RoutedColumn[];
  readonly #function: PureFunction;
  readonly #targets: ReadonlyMap<unknown, TargetSet>;
  readonly #table: string;
  readonly #bytes = new ByteWriter(256);

  constructor(
    schema: TableSchema,
    columns: readonly string[],
    o: { code: string; targets: readonly string[] },
    epoch = 1,
  ) {
    this.epoch = epoch;
    this.columns = columns;
    this.#table = `${schema.db}.${schema.table}`;
    this.#columns = columns.map(name => new RoutedColumn(schema, name));
    this.#function = pureFunction(o.code);
    this.#targets = new Map(o.targets.map((name, i) => [name, i]));
  }

  targetsOf(row: RowView): TargetSet {
    const bytes = this.#bytes;
    return this.#target(column => {
      bytes.clear();
      column.write(row, bytes);
      return bytes.view();
    });
  }

  sql(dialect: Dialect): ServerPart {
    const parts = this.#columns.map(c => `HEX(${c.sql(dialect)})`);
    return {
      sql: `CONCAT_WS(',',${parts.join(',')})`,
      targetOf: text => {
        const hex = text.split(',');
        return this.#target((_, i) => Buffer.from(hex[i] ?? '', 'hex'));
      },
    };
  }

  #target(bytesOf: (column: RoutedColumn, i: number) => Buffer): TargetSet {
    const row = Object.fromEntries(
      this.#columns.map((c, i) => [c.name, c.readable(bytesOf(c, i))]),
    );
    const said = this.#ask(row);
    if (said === null) return NO_TARGET;
    const target = this.#targets.get(said);
    if (target === undefined) {
      throw this.#error(`the function of the route returns ${described(said)}, which is no target`);
    }
    return target;
  }

  #ask(row: Record<string, string>): unknown {
    try {
      return this.#function(row);
    } catch (cause) {
      throw this.#error('the function of the route throws', cause);
    }
  }

  #error(what: string, cause?: unknown): ReshardError {
    return new ReshardError('config', what, {
      context: { table: this.#table, columns: this.columns.join(',') },
      ...(cause === undefined ? {} : { cause }),
      remedy: 'change the row at the source; or a new job, whose function has a target for it',
    });
  }
}

function described(said: unknown): string {
  return typeof said === 'string' ? JSON.stringify(said.slice(0, 80)) : `a value of ${typeof said}`;
}
