/**
 * Sends lists of rows as multi-row statements of bounded size, on one connection, through one
 * buffer. And finds out which rows of a list collide with rows of other keys: INSERT IGNORE leaves
 * them out, and those that are not in the table afterwards are the ones. Trying halves of the list
 * until single rows are left would take ten statements and more for each such row.
 *
 * IGNORE also turns values that do not fit into others that do. So its warnings are counted: each
 * must be a row left out, or the statement is an error and nothing of it is kept.
 */
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { errnoOf } from '../../shared/mysql/mysql-error.ts';
import type { StatementResult } from '../../shared/mysql/raw-query.ts';
import { ByteWriter } from '../../shared/runtime/bytes.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import type { MysqlTable, Statement } from './target/mysql.ts';

export interface StatementLimits {
  /** A statement ends with the row that passes this. */
  bytes: number;
  rows: number;
  /** max_allowed_packet of the server. */
  packetBytes: number;
}

/** Places of Avro records, rows or keys. */
export interface RecordList {
  readonly count: number;
  buf(i: number): Buffer;
  start(i: number): number;
}

/** Rows and their keys. */
export interface RowList {
  readonly rows: RecordList;
  readonly keys: RecordList;
  /** Canonical key bytes as latin1 text. */
  keyText(i: number): string;
}

const OUT_BYTES = 256 * 1024;
/** A huge row makes the statement buffer grow; it does not stay that big. */
const OUT_BYTES_MAX = 4 * 1024 * 1024;
export const DUPLICATE = 1062;

export class RowWriter {
  readonly #session: MysqlSession;
  readonly #limits: StatementLimits;
  #out = new ByteWriter(OUT_BYTES);

  constructor(session: MysqlSession, limits: StatementLimits) {
    this.#session = session;
    this.#limits = limits;
  }

  /** All records of the list from `from`, in as many statements as it takes. */
  async run(statement: Statement, list: RecordList, from = 0): Promise<void> {
    for (let i = from; i < list.count; ) i = await this.runOnce(statement, list, i);
  }

  /** One statement from `from`; returns the first record that did not fit. */
  async runOnce(statement: Statement, list: RecordList, from: number): Promise<number> {
    const end = this.#fill(statement, list, from);
    await this.#send(statement);
    return end;
  }

  /** Inserts from `from`, of keys that are not in the table; tells which rows collide. */
  async insert(
    table: MysqlTable,
    list: RowList,
    from: number,
    refuse: (i: number) => void,
  ): Promise<void> {
    const { rows } = list;
    for (let i = from; i < rows.count; ) {
      const end = this.#fill(table.insertIgnore, rows, i);
      if (end - i === 1) await this.#insertOne(table, rows, i, refuse);
      else {
        const { affectedRows, warnings } = await this.#send(table.insertIgnore);
        const left = end - i - affectedRows;
        // More warnings than rows left out: a value was bent. A single row will tell which.
        if (warnings !== left) throw bent(warnings - left);
        if (left > 0) await this.#absent(table, list, i, end, refuse);
      }
      i = end;
    }
  }

  /** Lets go of a buffer that one huge statement has made. */
  shrink(): void {
    if (this.#out.buf.length > OUT_BYTES_MAX) this.#out = new ByteWriter(OUT_BYTES);
  }

  async #insertOne(
    table: MysqlTable,
    rows: RecordList,
    i: number,
    refuse: (i: number) => void,
  ): Promise<void> {
    this.#fill(table.insert, rows, i, 1);
    try {
      await this.#send(table.insert);
    } catch (e) {
      if (errnoOf(e) !== DUPLICATE) throw e;
      refuse(i);
    }
  }

  /** Tells the rows of [from, to) whose keys are not in the table. */
  async #absent(
    table: MysqlTable,
    list: RowList,
    from: number,
    to: number,
    refuse: (i: number) => void,
  ): Promise<void> {
    const present = new Set<string>();
    const key = new ByteWriter(64);
    const { keyCodec } = table.table;
    for (let i = from; i < to; ) {
      const end = this.#fill(table.present, list.keys, i, to - i);
      await this.#session.rawQuery(table.present.end(this.#out), (buf, start, rowEnd) => {
        key.clear();
        keyCodec.fromText(buf, start, rowEnd, key);
        present.add(key.buf.toString('latin1', 0, key.pos));
      });
      i = end;
    }
    for (let i = from; i < to; i++) if (!present.has(list.keyText(i))) refuse(i);
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
      statement.add(out, list.buf(i), list.start(i), i === from);
      if (out.pos <= room) continue;
      if (i === from) throw tooLarge(out.pos, packetBytes);
      out.pos = before;
      break;
    }
    return i;
  }

  #send(statement: Statement): Promise<StatementResult> {
    return this.#session.rawQuery(statement.end(this.#out));
  }
}

function bent(values: number): ReshardError {
  return new ReshardError('target-data', 'values do not fit into the target table', {
    context: { values },
  });
}

function tooLarge(bytes: number, packetBytes: number): ReshardError {
  return new ReshardError('too-large', 'a row is larger than the target takes in one statement', {
    context: { bytes, max_allowed_packet: packetBytes },
    remedy: 'raise max_allowed_packet on the target: SET GLOBAL max_allowed_packet = 1073741824',
  });
}
