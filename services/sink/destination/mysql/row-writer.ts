/**
 * Sends lists of rows as multi-row statements of bounded size, on one connection, through one
 * buffer. And finds out which rows of a list collide with rows of other keys: INSERT IGNORE leaves
 * them out, and those that are not in the table afterwards are the ones. Trying halves of the list
 * until single rows are left would take ten statements and more for each such row.
 *
 * IGNORE also turns values that do not fit into others that do, and leaves rows out for other
 * reasons. So its warnings are counted and looked at: each must be a collision, or nothing of the
 * statement is kept and halves of the list are tried: that is how rows are found which the target
 * refuses whatever else is there. A statement that fails changes nothing, but the transaction
 * lives on (a deadlock, which ends it, is not taken for a refusal).
 */
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { quoteText } from '../../../../shared/mysql/identifier.ts';
import { errnoOf } from '../../../../shared/mysql/mysql-error.ts';
import type { StatementResult } from '../../../../shared/mysql/raw-query.ts';
import { serverWarnings } from '../../../../shared/mysql/server-warning.ts';
import { LENIENT_SQL_MODE, SESSION_SQL_MODE } from '../../../../shared/mysql/session-setting.ts';
import { ByteWriter } from '../../../../shared/runtime/bytes.ts';
import { ReshardError } from '../../../../shared/runtime/error.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import { computedColumns, LenientRow } from './lenient-row.ts';
import { type RecordList, type RowList, some } from './record-list.ts';
import { isOfRow } from './refusal.ts';
import type { Statement } from './statement.ts';
import type { MysqlTable } from './table-statement.ts';

export interface StatementLimits {
  /** A statement ends with the row that passes this. */
  bytes: number;
  rows: number;
  /** max_allowed_packet of the server. */
  packetBytes: number;
}

/** Where a key begins in a row of an answer, and the text in front of it. */
interface KeyPlace {
  text: string;
  keyStart: number;
}

type ReadKey = (buf: Buffer, start: number) => KeyPlace;

/** A key that was asked for and is there. */
export interface FoundKey {
  text: string;
  /** False: the server holds it equal, but its bytes are others ('a' was asked for, 'A' is there). */
  isSame: boolean;
}

/** Rows that the target does not take; told before the call that tries them resolves. */
export interface Outcome {
  /** The row's unique value is on a row of another key. It is not in the table. */
  collides(i: number): void;
  /** The target refuses the row by itself. An older version of it may be in the table. */
  refuses(i: number, error: ReshardError): void;
}

/** What has become of a row. */
type Fate = 'written' | 'collides' | 'refused';

function tell(fate: Fate, i: number, error: ReshardError, outcome: Outcome): void {
  if (fate === 'collides') outcome.collides(i);
  else if (fate === 'refused') outcome.refuses(i, error);
}

const OUT_BYTES = 256 * 1024;
/** A huge row makes the statement buffer grow; it does not stay that big. */
const OUT_BYTES_MAX = 4 * 1024 * 1024;
const DUPLICATE = 1062;

export class RowWriter {
  readonly #session: MysqlSession;
  readonly #limits: StatementLimits;
  #out = new ByteWriter(OUT_BYTES);

  constructor(session: MysqlSession, limits: StatementLimits) {
    this.#session = session;
    this.#limits = limits;
  }

  /**
   * All records [from, to) of the list, in as many statements as it takes; returns how many rows
   * are affected.
   */
  async run(statement: Statement, list: RecordList, from = 0, to = list.count): Promise<number> {
    let affected = 0;
    for (let i = from; i < to; ) {
      i = this.#fill(statement, list, i, to - i);
      affected += (await this.#send(statement)).affectedRows;
    }
    return affected;
  }

  /**
   * Rows by their keys. A delete changes no value to fit; but for its binlog the server computes a
   * virtual column, and if that warns a strict session leaves the row where it is.
   */
  async delete(table: MysqlTable, keys: RecordList, from = 0): Promise<void> {
    try {
      await this.run(table.delete, keys, from);
    } catch (e) {
      if (!isOfRow(e) || computedColumns(table.table).length === 0) throw e;
      await this.#asLenient(() => this.run(table.delete, keys, from));
    }
  }

  async savepoint(): Promise<void> {
    await this.#session.rawQuery('SAVEPOINT reshard');
  }

  /** Undoes what was done since; the locks stay. */
  async rollbackToSavepoint(): Promise<void> {
    await this.#session.rawQuery('ROLLBACK TO SAVEPOINT reshard');
  }

  /** The same; false if the server refuses a record, and then the others may be done or not. */
  async accepts(statement: Statement, list: RecordList): Promise<boolean> {
    try {
      await this.run(statement, list);
      return true;
    } catch (e) {
      if (!isOfRow(e)) throw e;
      return false;
    }
  }

  /** Places of the keys that are in the table. */
  present(table: MysqlTable, keys: RecordList): Promise<Map<number, FoundKey>> {
    const read: ReadKey = (_, start) => ({ text: '', keyStart: start });
    return this.find(table.present, table.table, keys, read);
  }

  /**
   * Places of the keys that a SELECT by keys finds, each with the text that `read` takes from in
   * front of the key. A row that is none of the keys byte for byte is another spelling of one of
   * them: the server alone knows of which, so those that are left are asked for one by one.
   */
  async find(
    select: Statement,
    { keyCodec }: SinkTable,
    keys: RecordList,
    read: ReadKey,
  ): Promise<Map<number, FoundKey>> {
    const rows = new Map<string, string>();
    const key = new ByteWriter(64);
    const onRow = (buf: Buffer, start: number, rowEnd: number): void => {
      const { text, keyStart } = read(buf, start);
      key.clear();
      keyCodec.fromText(buf, keyStart, rowEnd, key);
      rows.set(key.buf.toString('latin1', 0, key.pos), text);
    };
    for (let i = 0; i < keys.count; ) {
      i = this.#fill(select, keys, i, keys.count - i);
      await this.#session.rawQuery(select.end(this.#out), onRow);
    }
    const found = new Map<number, FoundKey>();
    const asked = new Set<string>();
    const left: number[] = [];
    for (let i = 0; rows.size > 0 && i < keys.count; i++) {
      const [buf, start] = [keys.buf(i), keys.start(i)];
      const name = buf.toString('latin1', start, keyCodec.skip(buf, start));
      const text = rows.get(name);
      asked.add(name);
      if (text === undefined) left.push(i);
      else found.set(i, { text, isSame: true });
    }
    if ([...rows.keys()].every(name => asked.has(name))) return found;
    for (const i of left) {
      rows.clear();
      this.#fill(select, keys, i, 1);
      await this.#session.rawQuery(select.end(this.#out), onRow);
      for (const text of rows.values()) found.set(i, { text, isSame: false });
    }
    return found;
  }

  /** Writes the rows over what there is of their keys. */
  async upsert(table: MysqlTable, list: RowList, outcome: Outcome): Promise<void> {
    const { rows } = list;
    for (let i = 0; i < rows.count; ) {
      let end = i + 1;
      try {
        end = this.#fill(table.upsert, rows, i);
        await this.#send(table.upsert);
      } catch (e) {
        if (!isOfRow(e)) throw e;
        // By its guard too: then one of the rows collides. Keys in later statements may hold what
        // this one wants, so all that is left is deleted first: their old versions are void anyway.
        if (table.hasUniques) {
          await this.delete(table, list.keys, i);
          return await this.insert(table, list, i, rows.count, outcome);
        }
        await this.#isolate(table, rows, i, end, e, outcome);
      }
      i = end;
    }
  }

  /** Inserts [from, to), of keys that are not in the table. */
  async insert(
    table: MysqlTable,
    list: RowList,
    from: number,
    to: number,
    outcome: Outcome,
  ): Promise<void> {
    for (let i = from; i < to; ) {
      if (to - i > 1) await this.savepoint();
      const { end, done } = await this.#insertSome(table, list, i, to, outcome);
      if (!done && end - i === 1) await this.#insertOne(table, list.rows, i, outcome);
      else if (!done) {
        // Deleting by key would not do: IGNORE may have cut a key to fit, and left it as another.
        await this.rollbackToSavepoint();
        const middle = (i + end) >> 1;
        await this.insert(table, list, i, middle, outcome);
        await this.insert(table, list, middle, end, outcome);
      }
      i = end;
    }
  }

  /** Lets go of a buffer that one huge statement has made. */
  shrink(): void {
    if (this.#out.buf.length > OUT_BYTES_MAX) this.#out = new ByteWriter(OUT_BYTES);
  }

  /**
   * One statement from `from`; not done if a row of it is refused for more than a collision. For a
   * single row nothing is sent: IGNORE would hide why it is refused.
   */
  async #insertSome(
    table: MysqlTable,
    list: RowList,
    from: number,
    to: number,
    outcome: Outcome,
  ): Promise<{ end: number; done: boolean }> {
    if (to - from === 1) return { end: to, done: false };
    let end = from + 1;
    try {
      end = this.#fill(table.insertIgnore, list.rows, from, to - from);
      if (end - from === 1) return { end, done: false };
      const { affectedRows, warnings } = await this.#send(table.insertIgnore);
      const left = end - from - affectedRows;
      if (warnings !== left) return { end, done: false };
      if (left > 0 && !(await this.#areCollisions(left))) return { end, done: false };
      if (left > 0) await this.#absent(table, list, from, end, outcome);
      return { end, done: true };
    } catch (e) {
      if (!isOfRow(e)) throw e;
      return { end, done: false };
    }
  }

  async #insertOne(
    table: MysqlTable,
    rows: RecordList,
    i: number,
    outcome: Outcome,
  ): Promise<void> {
    try {
      this.#fill(table.insert, rows, i, 1);
      await this.#send(table.insert);
    } catch (e) {
      if (errnoOf(e) === DUPLICATE) outcome.collides(i);
      else if (!isOfRow(e)) throw e;
      else tell(await this.#leniently(table, table.insert, rows, i, e), i, e, outcome);
    }
  }

  /** Whether all warnings of the last statement are of rows that collide. */
  async #areCollisions(warnings: number): Promise<boolean> {
    const all = await serverWarnings(this.#session);
    return all.length === warnings && all.every(w => w.code === DUPLICATE);
  }

  /**
   * A row that only a strict session refuses; nothing of it may have been changed to fit. A strict
   * session looks at values before it looks for keys that are there.
   */
  async #leniently(
    table: MysqlTable,
    statement: Statement,
    rows: RecordList,
    i: number,
    refusal: ReshardError,
  ): Promise<Fate> {
    const row = new LenientRow(table.table, rows.buf(i), rows.start(i));
    if (!row.explains(refusal)) return 'refused';
    let fate: Fate = 'refused';
    await this.savepoint();
    try {
      const isAsExpected = await this.#asLenient(async () => {
        this.#fill(statement, rows, i, 1);
        const { warnings } = await this.#send(statement);
        const all = await serverWarnings(this.#session);
        // One that the server has not kept may be of any column.
        return all.length === warnings && all.every(w => row.expects(w));
      });
      if (isAsExpected) return 'written';
    } catch (e) {
      if (!isOfRow(e)) throw e;
      if (errnoOf(e) === DUPLICATE) fate = 'collides';
    }
    await this.rollbackToSavepoint();
    return fate;
  }

  async #asLenient<T>(work: () => Promise<T>): Promise<T> {
    await this.#session.rawQuery(`SET SESSION sql_mode = ${quoteText(LENIENT_SQL_MODE)}`);
    try {
      return await work();
    } finally {
      await this.#session.rawQuery(`SET SESSION sql_mode = ${quoteText(SESSION_SQL_MODE)}`);
    }
  }

  /** Halves of [from, to), which failed as a whole, until the refused rows are found. */
  async #isolate(
    table: MysqlTable,
    list: RecordList,
    from: number,
    to: number,
    error: ReshardError,
    outcome: Outcome,
  ): Promise<void> {
    const statement = table.upsert;
    if (to - from === 1) {
      const fate = await this.#leniently(table, statement, list, from, error);
      return tell(fate, from, error, outcome);
    }
    const middle = (from + to) >> 1;
    for (const [a, b] of [
      [from, middle],
      [middle, to],
    ] as const) {
      try {
        await this.run(statement, list, a, b);
      } catch (e) {
        if (!isOfRow(e)) throw e;
        await this.#isolate(table, list, a, b, e, outcome);
      }
    }
  }

  /** Tells the rows of [from, to) whose keys are not in the table. */
  async #absent(
    table: MysqlTable,
    list: RowList,
    from: number,
    to: number,
    outcome: Outcome,
  ): Promise<void> {
    const keys = some(
      list.keys,
      Array.from({ length: to - from }, (_, i) => from + i),
    );
    const present = await this.present(table, keys);
    for (let i = from; i < to; i++) {
      // Another spelling of its key is not this row.
      if (present.get(i - from)?.isSame !== true) outcome.collides(i);
    }
  }

  #fill(statement: Statement, list: RecordList, from: number, most = list.count): number {
    const out = this.#out;
    const { bytes, rows, packetBytes } = this.#limits;
    const room = packetBytes - statement.shape.suffix.length - 16;
    const last = Math.min(list.count, from + Math.min(rows, most));
    statement.begin(out);
    let i = from;
    for (; i < last && (i === from || out.pos < bytes); i++) {
      const before = out.pos;
      try {
        statement.add(out, list.buf(i), list.start(i), i === from);
        if (out.pos <= room) continue;
        if (i === from) throw tooLarge(out.pos, packetBytes);
      } catch (e) {
        // It comes first in the next statement, and is known by that.
        if (i === from) throw e;
      }
      out.pos = before;
      break;
    }
    return i;
  }

  #send(statement: Statement): Promise<StatementResult> {
    return this.#session.rawQuery(statement.end(this.#out));
  }
}

function tooLarge(bytes: number, packetBytes: number): ReshardError {
  return new ReshardError('too-large', 'a row is larger than the target takes in one statement', {
    context: { bytes, max_allowed_packet: packetBytes },
    remedy: 'raise max_allowed_packet on the target: SET GLOBAL max_allowed_packet = 1073741824',
  });
}
