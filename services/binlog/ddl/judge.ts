/**
 * Where statements of the source are judged that row events do not tell all of: DDL, and data
 * changes that were logged as text. The schema history and the barrier of a change of definition
 * will be built behind this port.
 *
 * Contract. The stream asks at the very position of the statement and reads nothing more until it
 * has an answer; so what is judged and what was read before it cannot overtake each other.
 * - `null` means: every row of the tables in question is as the row events say. The stream goes on.
 * - a text means doubt. The stream halts with it; a wrong halt costs an operator's time, a wrong
 *   `null` costs rows, so whatever cannot be seen is doubted.
 * - a rejection (the server is away) ends the unit, and the next one asks again.
 * The server that is asked has gone on since the statement: what it shows is trusted only as long
 * as the stream meets no statement, up to the moment of the answer, that took away or changed what
 * the answer rests on (`onDefinition`). `trust` is that open end; it is part of the resume point, so
 * a new reader goes on to watch for it.
 */
import type { GtidSet } from '../../../shared/change/gtid.ts';
import type { Trust } from '../../../shared/job/state/progress-view.ts';
import type { WiderColumn } from '../../../shared/schema/column-widening.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { AlterEffect } from './alter.ts';
import type { DataStatement } from './data-statement.ts';
import type { Definition } from './statement.ts';

/** Why the statement may have changed rows of ours, in words for an operator; null: it has not. */
export type Doubt = { why: string; remedy?: string } | null;

/** Tables whose rows are followed, as the server names them. */
export interface FollowedTables {
  db: string;
  tables: readonly string[];
}

export interface StatementJudge {
  /** Whether a data change, whose targets are none of `ours`, has left the rows of `ours` alone. */
  ofData(statement: DataStatement, ours: FollowedTables): Doubt | Promise<Doubt>;
  /**
   * Whether a change of a table's definition that declares columns once more, or adds foreign keys
   * that act, has left its rows alone. The stream has come to it behind what it has `read`.
   */
  ofTable(effect: AlterEffect, planned: TableSchema, read: () => GtidSet): Promise<Doubt>;
  /**
   * Columns that such a change has made wider, and nothing else to those that are planned: rows
   * of before keep their values. Empty where that cannot be seen; `ofTable` says why.
   */
  widened(
    effect: AlterEffect,
    planned: TableSchema,
    read: () => GtidSet,
  ): Promise<readonly WiderColumn[]>;
  /**
   * The stream has come to a change of definitions, behind the transactions that it has `read`;
   * gives what that puts in doubt afterwards.
   */
  onDefinition(definition: Definition, read: () => GtidSet): Doubt;
  /** What earlier answers still rest on. */
  trust(read: () => GtidSet): Trust | null;
}
