/**
 * Statements in the binlog, one after the other: what each does to the transaction that is read,
 * and whether it may have changed rows of ours behind the row events' back. Refuses or asks the
 * judge on doubt. Tables that are being copied anew do not count up to the point that the copy has.
 */

import type { SchemaDecision } from '../../../shared/job/state/schema-change.ts';
import { asReshardError, ReshardError, unreachable } from '../../../shared/runtime/error.ts';
import { type AddedConstant, columnConstant } from '../../../shared/schema/column-constant.ts';
import type { WiderColumn } from '../../../shared/schema/column-widening.ts';
import {
  allColumns,
  isServerKey,
  keyIndexName,
  type TableSchema,
} from '../../../shared/schema/table-schema.ts';
import type { AlterEffect } from '../ddl/alter.ts';
import type { DataStatement } from '../ddl/data-statement.ts';
import type { Doubt } from '../ddl/judge.ts';
import { classify, type TableChange, type TrackedNames, type XaStep } from '../ddl/statement.ts';
import type { CaptureOptions } from './capture-options.ts';
import type { CapturedTable } from './captured-table.ts';
import type { Refusals } from './refusal.ts';
import type { LoggedXa, XaLedger } from './xa.ts';

/**
 * What a statement does to the transaction: it opens it, ends it, is part of it, or `stands` by
 * itself, and is then a transaction of its own unless one is open.
 */
export type Step = 'opens' | 'ends' | 'stays' | 'stands';

export type Next = Step | Promise<Step>;

const TO_ROWS = 'SET GLOBAL binlog_format = ROW, and end the sessions that use another';

export class Statements {
  readonly #o: Pick<
    CaptureOptions,
    | 'db'
    | 'carriesXa'
    | 'tables'
    | 'nameKey'
    | 'position'
    | 'judge'
    | 'isCopiedFromHere'
    | 'onSchemaChange'
    | 'skippedBy'
  >;
  readonly #refusals: Refusals;
  readonly #xa: XaLedger;
  readonly #tracked: TrackedNames;
  readonly #isAscii: boolean;
  readonly #replay: (xa: LoggedXa) => Promise<Step>;

  /** `replay` takes the rows of an XA transaction that is committed. */
  constructor(
    o: CaptureOptions,
    refusals: Refusals,
    xa: XaLedger,
    replay: (xa: LoggedXa) => Promise<Step>,
  ) {
    this.#o = o;
    this.#refusals = refusals;
    this.#xa = xa;
    this.#replay = replay;
    // A statement that names ours in other letters is taken for ours: that is the safe side.
    const names = [...o.tables.keys()].map(name => name.toLowerCase());
    this.#tracked = { db: o.db.toLowerCase(), tables: new Set(names) };
    this.#isAscii = [o.db, ...names].every(name => /^[\0-\x7f]*$/.test(name));
  }

  /** `changed`: our tables that the transaction has changed so far, by row events. */
  take(text: string, schema: string, changed: ReadonlySet<string>): Next {
    this.#refuseUnread(text);
    const statement = classify(text, schema, this.#tracked);
    switch (statement.kind) {
      case 'begin':
      case 'opens':
        return 'opens';
      case 'commit':
        return 'ends';
      case 'rollback':
      case 'rollback-to':
        this.#refuseRolledBack(changed);
        return statement.kind === 'rollback' ? 'ends' : 'stays';
      case 'xa':
        return this.#xaStep(statement.step, statement.xid, changed);
      case 'data':
        return this.#data(statement);
      case 'ddl':
        return this.#unlessSkipped(text, statement.tables, () => this.#ddl(statement, text));
      case 'definition': {
        const doubt = this.#o.judge.onDefinition(statement, () => this.#o.position.whole());
        return this.#unlessSkipped(text, ['*'], () =>
          this.#unless(doubt, ({ why }) => this.#refusals.doubtful(why)),
        );
      }
      case 'unknown':
        if (this.followed().length === 0) return 'stands';
        return this.#unlessSkipped(text, ['*'], () => {
          throw this.#refusals.doubtful(`a statement of an unknown kind, ${statement.verb}`);
        });
      case 'harmless':
        return 'stands';
      default:
        return unreachable(statement);
    }
  }

  /** Whoever knows what it did may say that it changed no row (`reshard ddl skip`). */
  #unlessSkipped(text: string, tables: readonly string[], judged: () => Next): Next {
    const { position, skippedBy, onSchemaChange } = this.#o;
    const by = position.current === null ? null : skippedBy(position.current);
    if (by === null) return offered(judged);
    for (const table of this.followed()) {
      const isMeant = tables.includes('*') || tables.includes(table.schema.table.toLowerCase());
      if (isMeant) onSchemaChange({ table, text, decision: 'skipped', added: [], by });
    }
    return 'stands';
  }

  /** Servers log a text as the session has sent it; where it is no utf8, names cannot be told. */
  #refuseUnread(text: string): void {
    if (this.#isAscii || !text.includes('\ufffd') || this.followed().length === 0) return;
    throw this.#refusals.doubtful(
      'a statement in another character set than utf8 may name our tables',
      'let sessions that change definitions SET NAMES utf8mb4',
    );
  }

  /** Tables whose rows come from the binlog here; of the others, the copy has this transaction. */
  followed(): CapturedTable[] {
    const { tables, position } = this.#o;
    return [...tables.values()].filter(t => !t.skips(position.current));
  }

  #unless(doubt: Doubt, refuse: (doubt: Doubt & object) => ReshardError): Step {
    if (doubt !== null) throw refuse(doubt);
    return 'stands';
  }

  /** A data change as text: row events would tell what it did, so the source has to. */
  #data(statement: DataStatement): Next {
    const { verb } = statement;
    const open = this.followed().map(t => t.schema.table);
    // The copy has not seen what is only prepared, though it has the transaction that says so.
    const skipped = [...this.#o.tables.values()].filter(t => !open.includes(t.schema.table));
    if (skipped.length > 0) this.#xa.spoil(skipped.map(t => t.schema.table));
    const meant = statement.targets
      .filter(t => t.db.toLowerCase() === this.#tracked.db)
      .map(t => t.name.toLowerCase());
    const ours = open.filter(name => meant.includes(name.toLowerCase()));
    if (ours.length > 0) {
      const what = `${verb} of ${ours.join(', ')} is in the binlog as a statement`;
      throw this.#refusals.unsafe(what, ours, TO_ROWS);
    }
    if (open.length === 0) return 'stands';
    const refuse = ({ why, remedy }: Doubt & object): ReshardError =>
      this.#refusals.doubtful(
        `${verb} is in the binlog as a statement, and ${why}`,
        remedy === undefined ? TO_ROWS : `${remedy}; else ${TO_ROWS}`,
      );
    const doubt = this.#o.judge.ofData(statement, { db: this.#o.db, tables: open });
    if (doubt instanceof Promise) return doubt.then(found => this.#unless(found, refuse));
    return this.#unless(doubt, refuse);
  }

  #ddl(statement: TableChange, text: string): Next {
    const { tables, verb } = statement;
    const isAll = tables.includes('*');
    const open = this.followed();
    const isNamed = (t: CapturedTable): boolean =>
      isAll || tables.includes(t.schema.table.toLowerCase());
    const ours = open.filter(isNamed);
    const copied = [...this.#o.tables.values()].filter(t => isNamed(t) && !open.includes(t));
    const noteCopied = (): void => {
      for (const t of copied) this.#note(statement, t, text, 'copied');
    };
    const names = ours.map(t => t.schema.table);
    const [table] = ours;
    if (table === undefined) {
      noteCopied();
      return 'stands';
    }
    const what = `${verb} of ${isAll ? this.#o.db : names.join(', ')} at the source`;
    if (verb === 'TRUNCATE') {
      throw this.#refusals.unsafe(`${what}: its rows are gone, and no event tells which`, names);
    }
    const { effect } = statement;
    if (effect === null || ours.length > 1) {
      throw this.#refusals.changed(what, isAll ? [] : names);
    }
    const isTakenUp =
      effect.adds.some(name => table.added.has(name)) ||
      effect.removes.some(name => table.removed.has(name)) ||
      effect.declared.some(({ name }) => table.narrower.has(name));
    const note = (): void => {
      noteCopied();
      this.#note(statement, table, text, isTakenUp ? 'taken up' : 'passed');
    };
    return this.#altered(what, table, effect, note);
  }

  /** What applications send at each start, and what changes nothing, is no change of a schema. */
  #note(
    { verb, effect }: TableChange,
    table: CapturedTable,
    text: string,
    decision: SchemaDecision,
  ): void {
    if (verb === 'CREATE' && effect !== null) return;
    this.#o.onSchemaChange({ table, text, decision, added: effect?.adds ?? [], by: '' });
  }

  /**
   * What changes neither rows nor columns needs no question: were it misread, the table maps of the
   * rows that follow say so. What the server shows now may be the work of later statements.
   */
  #altered(what: string, table: CapturedTable, effect: AlterEffect, note: () => void): Next {
    const { schema } = table;
    if (losesKey(schema, effect.drops)) {
      const why = 'it takes away the index by which its rows are told apart, or renames it';
      throw this.#refusals.changed(`${what}: ${why}`, [schema.table]);
    }
    if (effect.declared.length === 0) return this.#grown(what, table, effect, [], note);
    const found = this.#o.judge.widened(effect, schema, () => this.#o.position.whole());
    return found.then(widened => this.#grown(what, table, effect, widened, note));
  }

  #grown(
    what: string,
    { schema, added }: CapturedTable,
    effect: AlterEffect,
    widened: readonly WiderColumn[],
    note: () => void,
  ): Next {
    const { adds, acts, redeclares } = effect;
    // What the plan has is on the targets: it was taken up, or was there (IF NOT EXISTS) or came
    // while the plan was made. Row images of before it are told by their table maps.
    const planned = new Set(allColumns(schema).map(c => c.name.toLowerCase()));
    const unknown = adds.filter(name => !planned.has(name));
    // What the plan does not have is gone already: it was taken up, or was not there (IF EXISTS).
    const removes = effect.removes.filter(name => planned.has(name));
    if (unknown.length + widened.length + removes.length > 0) {
      const constants = effect.constants.filter(c => unknown.includes(c.name));
      const addedAs = effect.addedAs.filter(d => unknown.includes(d.name));
      const change = { adds: unknown, constants, addedAs, widened, removes };
      throw this.#refusals.grown(what, schema.table, change);
    }
    // Taken up before its statement was read, or by hand: the table may have shown another value.
    const isOther = (name: string): boolean => !isFilledSo(schema, name, effect.constants);
    const other = adds.find(name => added.has(name) && isOther(name));
    if (other !== undefined) {
      const why = `rows that were there have another ${other} than it was taken up with`;
      throw this.#refusals.changed(`${what}: ${why}`, [schema.table]);
    }
    if (!acts && !redeclares) {
      note();
      return 'stands';
    }
    const found = this.#o.judge.ofTable(effect, schema, () => this.#o.position.whole());
    const refuse = ({ why }: Doubt & object): ReshardError =>
      this.#refusals.changed(`${what}: ${why}`, [schema.table]);
    return found.then(doubt => {
      const step = this.#unless(doubt, refuse);
      note();
      return step;
    });
  }

  #xaStep(step: XaStep, xid: string, changed: ReadonlySet<string>): Next {
    const { carriesXa, position } = this.#o;
    switch (step) {
      case 'start':
        this.#xa.start(xid);
        return 'opens';
      case 'end':
        return 'stays';
      case 'prepare':
        this.#xa.prepare(carriesXa ? position.current : null);
        return 'ends';
      case 'commit':
        return this.#xaCommitted(xid);
      case 'rollback':
        // Of one that was never prepared only what no rollback undoes is in the binlog.
        if (this.#xa.isOpen) this.#refuseRolledBack(changed);
        this.#xa.end(xid);
        return 'ends';
      default:
        return unreachable(step);
    }
  }

  /** The end of an XA transaction names no table: they were named when it was prepared. */
  #xaCommitted(xid: string): Next {
    const xa = this.#xa.end(xid);
    if (xa !== null) return this.xaEnds(xa);
    const open = this.followed();
    if (open.every(t => this.#o.isCopiedFromHere(t))) return 'ends';
    throw this.#refusals.doubtful(
      'an XA transaction that was prepared before the log began is committed, and what it changed' +
        ' is not known',
    );
  }

  /** Its rows are true from the transaction on that is read. */
  xaEnds(xa: LoggedXa): Next {
    const ours = this.followed().map(t => t.schema.table);
    const { nameKey } = this.#o;
    const all = new Set([...xa.tables].map(nameKey));
    const changed = ours.filter(name => all.has(nameKey(name)));
    if (changed.length === 0) return 'ends';
    if (xa.gtid !== null) {
      return this.#replay(xa).catch(e => {
        const error = asReshardError(e);
        throw error.kind === 'position-lost' ? this.#refusals.xaPurged(changed, error) : error;
      });
    }
    throw this.#refusals.unsafe('an XA transaction that changed our tables is committed', changed);
  }

  #refuseRolledBack(changed: ReadonlySet<string>): void {
    // In an XA transaction rows of tables that are passed over are noted too.
    this.#xa.spoil(changed);
    const tables = this.followed().map(t => t.schema.table);
    const ours = tables.filter(name => changed.has(name));
    if (ours.length === 0) return;
    const what = `rows that were rolled back are in the binlog (${ours.join(', ')})`;
    throw this.#refusals.unsafe(what, ours, 'use InnoDB only');
  }
}

/**
 * Without its index a key may be in two rows, and one of them is lost. Row images show when the
 * server's own key is gone, but not when another index is that the job has named.
 */
function losesKey(schema: TableSchema, drops: readonly string[]): boolean {
  return !isServerKey(schema) && drops.includes(keyIndexName(schema).toLowerCase());
}

/** Whether the plan has for rows of before what the statement has put in them. */
function isFilledSo(
  schema: TableSchema,
  name: string,
  constants: readonly AddedConstant[],
): boolean {
  const column = schema.columns.find(c => c.name.toLowerCase() === name);
  const constant = constants.find(c => c.name === name);
  if (column === undefined || constant === undefined) return column?.fill === undefined;
  const found = columnConstant(schema.table, column, constant.literal);
  return 'bytes' in found && found.bytes.toString('hex') === column.fill;
}

/** What it throws says that a statement is the cause: such a one can be passed over by word. */
function offered(judged: () => Next): Next {
  const told = (e: unknown): ReshardError => {
    const { kind, message, cause, context, remedy } = asReshardError(e);
    if (kind !== 'schema-changed' && kind !== 'unsafe-event') return asReshardError(e);
    return new ReshardError(kind, message, { cause, remedy, context: { ...context, halt: 'ddl' } });
  };
  try {
    const next = judged();
    return typeof next === 'string' ? next : next.catch(e => Promise.reject(told(e)));
  } catch (e) {
    throw told(e);
  }
}
