/**
 * One COM_QUERY, from bytes and to bytes. mysql2's own query turns the SQL into a string and back,
 * parses every row into values and keeps all rows: several microseconds a row. Here the statement
 * is written as it is, and row packets are handed out where they lie in the receive buffer.
 *
 * Invariants: the connection is usable after a statement error and after a throwing `onRow` (the
 * rest of the result is read and dropped); a second result set is an error, never read as rows;
 * payloads of 16 MB and more are split and joined both ways.
 * The protocol is the one our flags negotiate (driver.ts): EOF packets end columns and rows.
 */
import { ReshardError, unreachable } from '../runtime/error.ts';
import type { WireCommand, WireConnection, WirePacket } from './driver.ts';

/** `buf[start..end)` is one row in text protocol form, valid during the call only. */
export type OnRow = (buf: Buffer, start: number, end: number) => void;

export interface StatementResult {
  /** Rows handed to `onRow`. */
  rows: number;
  /** Rows really changed (FOUND_ROWS is off). Upsert: 1 a new row, 2 a changed one, 0 equal. */
  affectedRows: number;
  warnings: number;
  /** The server's human text, such as `Records: 2  Duplicates: 0  Warnings: 0`. */
  info: string;
}

/** A refused statement, as the server says it; errors.ts maps it. */
export class StatementError extends Error {
  readonly errno: number;
  readonly sqlState: string;

  constructor(errno: number, sqlState: string, message: string) {
    super(message);
    this.name = 'StatementError';
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

const COM_QUERY = 3;
const MAX_PAYLOAD = 0xffffff;
const OK = 0x00;
const LOCAL_INFILE = 0xfb;
const EOF = 0xfe;
const ERR = 0xff;
const MORE_RESULTS = 0x0008;

type Phase = 'send' | 'header' | 'columns' | 'columns-end' | 'rows';

export class RawQuery implements WireCommand {
  readonly #sql: Buffer;
  readonly #onRow: OnRow | undefined;
  readonly #done: (result: StatementResult) => void;
  readonly #fail: (error: Error) => void;
  readonly #result: StatementResult = { rows: 0, affectedRows: 0, warnings: 0, info: '' };
  #phase: Phase = 'send';
  #columnsLeft = 0;
  #resultSets = 0;
  #error: Error | undefined;

  constructor(
    sql: Buffer,
    onRow: OnRow | undefined,
    done: (result: StatementResult) => void,
    fail: (error: Error) => void,
  ) {
    this.#sql = sql;
    this.#onRow = onRow;
    this.#done = done;
    this.#fail = fail;
  }

  /** The connection failed. */
  onResult(error: Error): void {
    this.#fail(error);
  }

  execute(packet: WirePacket | undefined, connection: WireConnection): boolean {
    if (packet === undefined) {
      connection._resetSequenceId();
      send(connection, this.#sql);
      this.#phase = 'header';
      return false;
    }
    const { buffer, end } = packet;
    const start = packet.start + 4;
    const first = buffer[start];
    if (this.#phase === 'rows' && first !== EOF && first !== ERR) {
      this.#row(buffer, start, end);
      return false;
    }
    if (first === ERR) return this.#finish(this.#error ?? readError(buffer, start, end));
    switch (this.#phase) {
      case 'header':
        return this.#header(buffer, start, end);
      case 'columns':
        this.#columnsLeft -= 1;
        if (this.#columnsLeft === 0) this.#phase = 'columns-end';
        return false;
      case 'columns-end':
        this.#phase = 'rows';
        return false;
      case 'rows':
        // A row whose first column is 16 MB or more starts with 0xfe too, but is not this short.
        if (end - start < 9) return this.#rowsEnd(buffer, start);
        this.#row(buffer, start, end);
        return false;
      case 'send':
        throw protocolError('an answer before the statement was sent');
      default:
        return unreachable(this.#phase);
    }
  }

  #row(buffer: Buffer, start: number, end: number): void {
    this.#result.rows += 1;
    if (this.#onRow === undefined || this.#error !== undefined) return;
    try {
      this.#onRow(buffer, start, end);
    } catch (e) {
      this.#error = e instanceof Error ? e : new Error(String(e));
    }
  }

  #header(buffer: Buffer, start: number, end: number): boolean {
    const first = buffer[start];
    if (first === OK) return this.#ok(buffer, start, end);
    if (first === LOCAL_INFILE) throw protocolError('a request for a local file');
    this.#resultSets += 1;
    if (this.#resultSets > 1) this.#error ??= severalResults();
    this.#columnsLeft = lenenc(buffer, start).value;
    this.#phase = 'columns';
    return false;
  }

  #ok(buffer: Buffer, start: number, end: number): boolean {
    const affected = lenenc(buffer, start + 1);
    const insertId = lenenc(buffer, affected.next);
    const status = buffer.readUInt16LE(insertId.next);
    this.#result.affectedRows = affected.value;
    this.#result.warnings = buffer.readUInt16LE(insertId.next + 2);
    const rest = insertId.next + 4;
    if (rest < end) {
      // With session tracking the text has a length in front of it and may have changes behind.
      const length = lenenc(buffer, rest);
      const textEnd = Math.min(length.next + length.value, end);
      this.#result.info = buffer.toString('utf8', length.next, textEnd);
    }
    return this.#endOfResult(status);
  }

  #rowsEnd(buffer: Buffer, start: number): boolean {
    this.#result.warnings = buffer.readUInt16LE(start + 1);
    return this.#endOfResult(buffer.readUInt16LE(start + 3));
  }

  #endOfResult(status: number): boolean {
    if ((status & MORE_RESULTS) === 0) return this.#finish(this.#error);
    this.#phase = 'header';
    return false;
  }

  #finish(error: Error | undefined): boolean {
    if (error === undefined) this.#done(this.#result);
    else this.#fail(error);
    return true;
  }
}

/** Thrown inside the framer, so that mysql2 gives the connection up. */
function protocolError(what: string): Error {
  return new Error(`unexpected answer of the server: ${what}`);
}

function severalResults(): ReshardError {
  return new ReshardError('bug', 'a statement returned more than one result set');
}

/** Writes the command without copying `sql`, which must not change until the answer is here. */
function send(connection: WireConnection, sql: Buffer): void {
  const { stream } = connection;
  const total = sql.length + 1;
  let sent = 0;
  let sequence = 0;
  stream.cork();
  for (;;) {
    const length = Math.min(total - sent, MAX_PAYLOAD);
    const isFirst = sequence === 0;
    const header = Buffer.allocUnsafe(isFirst ? 5 : 4);
    header.writeUIntLE(length, 0, 3);
    header[3] = sequence & 0xff;
    if (isFirst) header[4] = COM_QUERY;
    connection.write(header);
    const from = isFirst ? 0 : sent - 1;
    const to = sent + length - 1;
    if (to > from) connection.write(sql.subarray(from, to));
    sent += length;
    sequence += 1;
    // A full packet says that more follow, so a payload that ends on the limit needs an empty one.
    if (length < MAX_PAYLOAD) break;
  }
  stream.uncork();
  connection._bumpSequenceId(sequence);
}

/** A length-encoded integer; counts of rows and columns stay far below 2^53. */
function lenenc(buf: Buffer, pos: number): { value: number; next: number } {
  const first = buf.readUInt8(pos);
  if (first < 0xfb) return { value: first, next: pos + 1 };
  if (first === 0xfc) return { value: buf.readUInt16LE(pos + 1), next: pos + 3 };
  if (first === 0xfd) return { value: buf.readUIntLE(pos + 1, 3), next: pos + 4 };
  return { value: Number(buf.readBigUInt64LE(pos + 1)), next: pos + 9 };
}

function readError(buf: Buffer, start: number, end: number): StatementError {
  const errno = buf.readUInt16LE(start + 1);
  const hasState = buf[start + 3] === 0x23;
  const sqlState = hasState ? buf.toString('latin1', start + 4, start + 9) : '';
  return new StatementError(errno, sqlState, buf.toString('utf8', start + (hasState ? 9 : 3), end));
}
