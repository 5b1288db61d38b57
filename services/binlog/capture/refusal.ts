/**
 * What the binlog service halts with when the source's binlog holds something that cannot be
 * replayed exactly, each with the way out as it has to be typed. A recopy of the tables in question
 * passes over what is in the binlog of them; where it cannot be told which tables those are, all
 * tables of the source are copied anew and the log goes on from now.
 */
import { type ErrorKind, ReshardError } from '../../../shared/runtime/error.ts';
import type { AddedConstant } from '../../../shared/schema/column-constant.ts';
import type { DeclaredColumn, WiderColumn } from '../../../shared/schema/column-widening.ts';

/** What a statement does to columns, if nothing more than this. */
export interface ColumnChange {
  adds: readonly string[];
  /** Those of them that have a constant in rows that were there. */
  constants: readonly AddedConstant[];
  /** Those of them whose type is told. */
  addedAs: readonly DeclaredColumn[];
  widened: readonly WiderColumn[];
  removes: readonly string[];
}

export class Refusals {
  readonly #source: string;
  readonly #db: string;

  constructor(source: string, db: string) {
    this.#source = source;
    this.#db = db;
  }

  /** The command that copies these tables anew, or all; as it has to be typed. */
  recopy(tables: readonly string[] = []): string {
    const some = tables.length === 0 ? '' : ` --tables ${[...new Set(tables)].sort().join(',')}`;
    return `\`reshard recopy <job file> --source ${this.#source}${some}\``;
  }

  #refuse(
    kind: ErrorKind,
    message: string,
    o: { tables?: readonly string[]; first?: string },
  ): ReshardError {
    const { tables = [], first } = o;
    const [only] = tables;
    return new ReshardError(kind, message, {
      remedy: `${first === undefined ? '' : `${first}; then `}${this.recopy(tables)}`,
      ...(tables.length === 1 ? { context: { table: `${this.#db}.${only}` } } : {}),
    });
  }

  /** Of tables that are known. */
  unsafe(message: string, tables: readonly string[], first?: string): ReshardError {
    return this.#refuse('unsafe-event', message, { tables, ...(first ? { first } : {}) });
  }

  /** Of which tables it is cannot be told. */
  doubtful(message: string, first?: string): ReshardError {
    return this.#refuse('unsafe-event', message, first ? { first } : {});
  }

  /** Throws for row images of another number of columns than planned, or without some of them. */
  checkWidth(table: string, rows: { columns: number; complete: boolean }, planned: number): void {
    const { columns, complete } = rows;
    if (columns !== planned) {
      throw this.changed(`${columns} columns came, ${planned} were planned`, [table]);
    }
    if (complete) return;
    throw this.unsafe(
      `row images lack columns, ${planned} were planned`,
      [table],
      'SET GLOBAL binlog_row_image = FULL, and not another in any session',
    );
  }

  changed(message: string, tables: readonly string[]): ReshardError {
    return this.#refuse('schema-changed', message, {
      tables,
      first:
        'undo it, so that the table is as it was planned, or alter the targets as' +
        ' `reshard ddl show <job file>` says',
    });
  }

  /** Columns came, went or are wider: that can be taken up where the log stands. */
  grown(
    message: string,
    table: string,
    { adds, constants, addedAs, widened, removes }: ColumnChange,
  ): ReshardError {
    const named = (verb: string, names: readonly string[]): string[] =>
      names.length === 0 ? [] : [`${verb} ${names.join(', ')}`];
    const wider = widened.map(w => w.name);
    const did = [...named('adds', adds), ...named('widens', wider), ...named('drops', removes)];
    const what = did.join(', ');
    const ddl = `\`reshard ddl show <job file> --source ${this.#source} --tables ${table}\``;
    return new ReshardError('schema-changed', `${message} ${what}`, {
      // Control reads it (grown-table.ts).
      context: {
        ...{ table, added: adds.join(', ') },
        ...(removes.length === 0 ? {} : { removed: JSON.stringify(removes) }),
        ...(constants.length === 0 ? {} : { constants: JSON.stringify(constants) }),
        ...(addedAs.length === 0 ? {} : { addedAs: JSON.stringify(addedAs) }),
        ...(widened.length === 0 ? {} : { widened: JSON.stringify(widened) }),
      },
      remedy:
        `${ddl} says how the targets get it and how the log goes on from here, without a copy;` +
        ` or undo it, then ${this.recopy([table])}`,
    });
  }

  xa(table: string): ReshardError {
    return this.unsafe(
      `an XA transaction changed our tables (${table})`,
      [table],
      'end the prepared transactions (XA RECOVER lists them), use plain ones for these tables',
    );
  }

  /** An XA transaction is committed, and the binlog that holds its rows is gone. */
  xaPurged(tables: readonly string[], cause: ReshardError): ReshardError {
    const what = 'an XA transaction is committed whose rows are not in the binlog any more';
    const { kind, message, remedy } = this.unsafe(
      what,
      tables,
      'keep binlogs for longer than transactions stay prepared (binlog_expire_logs_seconds)',
    );
    return new ReshardError(kind, message, { cause, context: cause.context, remedy });
  }

  withoutNames(table: string): ReshardError {
    return this.#refuse('server-setting', 'row events come without column names', {
      tables: [table],
      first: 'SET GLOBAL binlog_row_metadata = FULL on the source',
    });
  }

  anonymous(): ReshardError {
    return this.#refuse('server-setting', 'a transaction without a global id', {
      first: 'SET GLOBAL gtid_mode = ON on the source, step by step, and FLUSH BINARY LOGS',
    });
  }

  /** A remedy that a value names is for its row; what the binlog holds of it stays there. */
  value(error: ReshardError, table: string): ReshardError {
    const first = error.remedy ?? 'change those rows at the source';
    return new ReshardError(error.kind, error.message, {
      cause: error.cause,
      context: error.context,
      remedy: `${first}; then ${this.recopy([table])}, as the binlog still holds the old value`,
    });
  }
}
