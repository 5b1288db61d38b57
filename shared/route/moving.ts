/**
 * The route of a cluster that grows: rows whose owner changes go to the server that gets them, all
 * others stay where they are and go nowhere. Two routes over one numbering of the servers, those
 * that are there before those that come.
 *
 * That no row moves between servers that stay is proven before the job starts (move-proof.ts); one
 * that would do so all the same is an error here, never a row that is left out.
 */
import { ReshardError } from '../runtime/error.ts';
import {
  type Dialect,
  NO_TARGET,
  type Route,
  type RowView,
  type ServerPart,
  type TargetSet,
} from './route.ts';

export class MovingRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[];
  readonly leavesOut = true;
  readonly #was: Route;
  readonly #is: Route;
  /** Servers of the cluster as it was; those behind them are the targets. */
  readonly #servers: number;

  constructor(was: Route, is: Route, servers: number, epoch = 1) {
    this.epoch = epoch;
    this.columns = is.columns;
    this.#was = was;
    this.#is = is;
    this.#servers = servers;
  }

  targetsOf(row: RowView): TargetSet {
    return this.#moved(this.#was.targetsOf(row), this.#is.targetsOf(row));
  }

  sql(dialect: Dialect): string | ServerPart {
    const [was, is] = [this.#was.sql(dialect), this.#is.sql(dialect)];
    if (typeof was === 'string' && typeof is === 'string') {
      return `IF((${was})=(${is}),${NO_TARGET},(${is})-${this.#servers})`;
    }
    if (typeof was === 'string' || typeof is === 'string' || was.sql !== is.sql) {
      throw new ReshardError('bug', 'the two routes of a move have not the same columns');
    }
    return { sql: is.sql, targetOf: text => this.#moved(was.targetOf(text), is.targetOf(text)) };
  }

  #moved(was: number, is: number): TargetSet {
    if (was === is) return NO_TARGET;
    if (is >= this.#servers) return is - this.#servers;
    throw new ReshardError('bug', 'a row would move between servers that stay', {
      context: { column: this.columns.join(','), from: was, to: is },
    });
  }
}
