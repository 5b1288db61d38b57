/**
 * The byte layout of the binlog events that we read ourselves. All numbers are little-endian. An
 * event is a view into a network buffer that is reused: what is kept is copied.
 */
import type { Gtid } from '../../../shared/change/gtid.ts';
import { at } from '../../../shared/runtime/bytes.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

export const HEADER_BYTES = 19;

export const EVENT = {
  QUERY: 2,
  STOP: 3,
  ROTATE: 4,
  FORMAT_DESCRIPTION: 15,
  XID: 16,
  EXECUTE_LOAD_QUERY: 18,
  TABLE_MAP: 19,
  WRITE_ROWS_V1: 23,
  UPDATE_ROWS_V1: 24,
  DELETE_ROWS_V1: 25,
  INCIDENT: 26,
  HEARTBEAT: 27,
  WRITE_ROWS: 30,
  UPDATE_ROWS: 31,
  DELETE_ROWS: 32,
  GTID: 33,
  ANONYMOUS_GTID: 34,
  PREVIOUS_GTIDS: 35,
  XA_PREPARE: 38,
  PARTIAL_UPDATE_ROWS: 39,
  TRANSACTION_PAYLOAD: 40,
  HEARTBEAT_V2: 41,
  GTID_TAGGED: 42,
  MARIADB_GTID: 162,
  MARIADB_QUERY_COMPRESSED: 165,
  MARIADB_WRITE_ROWS_COMPRESSED_V1: 166,
  MARIADB_UPDATE_ROWS_COMPRESSED_V1: 167,
  MARIADB_DELETE_ROWS_COMPRESSED_V1: 168,
  MARIADB_WRITE_ROWS_COMPRESSED: 169,
  MARIADB_UPDATE_ROWS_COMPRESSED: 170,
  MARIADB_DELETE_ROWS_COMPRESSED: 171,
} as const;

/**
 * Events that say nothing of rows or transactions: ends of files, variables of statements, notes
 * for replicas, the statement text of rows, marks of group replication, checkpoints, encryption.
 */
export const QUIET_EVENTS: ReadonlySet<number> = new Set([
  EVENT.STOP,
  5,
  9,
  11,
  13,
  14,
  17,
  28,
  29,
  EVENT.PREVIOUS_GTIDS,
  36,
  37,
  160,
  161,
  163,
  164,
]);

/** Set on events that a reader may skip when it does not know them. */
export const FLAG_IGNORABLE = 0x80;

export interface RawEvent {
  type: number;
  flags: number;
  /** Seconds; 0 on events that the server made up. */
  timestamp: number;
  serverId: number;
  /** Position behind the event in its file. */
  logPos: number;
  buf: Buffer;
  /** Body, without header and checksum. */
  start: number;
  end: number;
}

/** Where a header has the length of the event, header and checksum included. */
export const LENGTH_AT = 9;

export function readHeader(event: RawEvent, buf: Buffer, start: number, end: number): void {
  if (end - start < HEADER_BYTES) throw corrupt('a binlog event is shorter than its header');
  event.timestamp = buf.readUInt32LE(start);
  event.type = at(buf, start + 4);
  event.serverId = buf.readUInt32LE(start + 5);
  if (buf.readUInt32LE(start + LENGTH_AT) !== end - start) throw corrupt('a binlog event is cut');
  event.logPos = buf.readUInt32LE(start + 13);
  event.flags = buf.readUInt16LE(start + 17);
  event.buf = buf;
  event.start = start + HEADER_BYTES;
  event.end = end;
}

/** A copy of the event as it stands in a file that has no checksums. */
export function eventBytes({ buf, start, end }: RawEvent): Buffer {
  const bytes = Buffer.from(buf.subarray(start - HEADER_BYTES, end));
  bytes.writeUInt32LE(bytes.length, LENGTH_AT);
  return bytes;
}

export function corrupt(message: string): ReshardError {
  return new ReshardError('corrupt', message);
}

export interface TransactionStart {
  gtid: Gtid;
  /** Microseconds since 1970 of the commit on this server; 0 when the event does not tell. */
  commitUs: number;
  /** The same on the server where it was committed first: it is the same on every replica. */
  originalUs: number;
}

const uuids = new Map<string, string>();

/** GTID event: flags, source uuid, number, logical clock, commit time. */
export function readGtid({ buf, start, end }: RawEvent): TransactionStart {
  if (end - start < 25) throw corrupt('a transaction id event is cut');
  const high = buf.readUInt32LE(start + 21);
  if (high > 0x1fffff) throw corrupt('a transaction number is past 2^53');
  const number = high * 4294967296 + buf.readUInt32LE(start + 17);
  // type code of the logical clock, last_committed, sequence_number, then 7 bytes of time
  let commitUs = 0;
  let originalUs = 0;
  if (end - start >= 49 && at(buf, start + 25) === 2) {
    commitUs = microseconds(buf, start + 42);
    // The highest bit says that the original's time follows, as it is another one.
    const isOther = (at(buf, start + 48) & 0x80) !== 0 && end - start >= 56;
    originalUs = isOther ? microseconds(buf, start + 49) : commitUs;
  }
  return { gtid: { source: uuidText(buf, start + 1), number, server: 0 }, commitUs, originalUs };
}

/** Seven bytes, without the flag in the highest bit. */
function microseconds(buf: Buffer, start: number): number {
  return buf.readUIntLE(start, 6) + (at(buf, start + 6) & 0x7f) * 2 ** 48;
}

function uuidText(buf: Buffer, start: number): string {
  const hex = buf.toString('latin1', start, start + 16);
  let text = uuids.get(hex);
  if (text === undefined) {
    const h = buf.toString('hex', start, start + 16);
    text = [h.slice(0, 8), h.slice(8, 12), h.slice(12, 16), h.slice(16, 20), h.slice(20)].join('-');
    uuids.set(hex, text);
  }
  return text;
}

export interface QueryEvent {
  threadId: number;
  schema: string;
  textStart: number;
}

/** Query event: thread, time, schema length, error, length of status variables, then those. */
export function readQuery({ buf, start, end, type }: RawEvent): QueryEvent {
  const fixed = type === EVENT.EXECUTE_LOAD_QUERY ? 26 : 13;
  if (end - start < fixed) throw corrupt('a statement event is cut');
  const schemaStart = start + fixed + buf.readUInt16LE(start + 11);
  const schemaEnd = schemaStart + at(buf, start + 8);
  if (schemaEnd + 1 > end) throw corrupt('a statement event is cut');
  return {
    threadId: buf.readUInt32LE(start),
    schema: buf.toString('utf8', schemaStart, schemaEnd),
    textStart: schemaEnd + 1,
  };
}

/** Name and first position of the file that follows. */
export function readRotate({ buf, start, end }: RawEvent): { file: string; pos: number } {
  return { file: buf.toString('utf8', start + 8, end), pos: Number(buf.readBigUInt64LE(start)) };
}

export interface RowsHeader {
  tableId: number;
  columns: number;
  /** First row image; for compressed events the compressed bytes. */
  rows: number;
  /** Every column is in the images. */
  complete: boolean;
}

/** What comes before the row images; `updates` have a second bitmap for the image after. */
export function readRowsHeader(event: RawEvent, v2: boolean, update: boolean): RowsHeader {
  const { buf, start, end } = event;
  if (end - start < 9) throw corrupt('a rows event is cut');
  let pos = start + 8;
  if (v2) pos += buf.readUInt16LE(pos);
  let columns = at(buf, pos++);
  if (columns === 252) {
    columns = buf.readUInt16LE(pos);
    pos += 2;
  } else if (columns > 252) throw corrupt('a rows event has an impossible number of columns');
  const bytes = (columns + 7) >> 3;
  const rows = pos + bytes * (update ? 2 : 1);
  if (rows > end) throw corrupt('a rows event is cut');
  let complete = allOnes(buf, pos, columns);
  if (update) complete = allOnes(buf, pos + bytes, columns) && complete;
  return { tableId: buf.readUIntLE(start, 6), columns, rows, complete };
}

function allOnes(buf: Buffer, pos: number, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (buf[pos + i] !== 0xff) return false;
  const rest = bits & 7;
  const mask = (1 << rest) - 1;
  return rest === 0 || (at(buf, pos + whole) & mask) === mask;
}

/** Names in a TableMap event: table id, flags, schema, table. */
export function readTableName({ buf, start, end }: RawEvent): { schema: string; table: string } {
  const schemaEnd = start + 9 + at(buf, start + 8);
  const tableEnd = schemaEnd + 2 + at(buf, schemaEnd + 1);
  if (tableEnd > end) throw corrupt('a table map event is cut');
  return {
    schema: buf.toString('utf8', start + 9, schemaEnd),
    table: buf.toString('utf8', schemaEnd + 2, tableEnd),
  };
}

/** Where a TableMap event has the type codes of its columns, one byte each. */
export function columnTypesAt({ buf, start, end }: RawEvent): { first: number; end: number } {
  const schemaEnd = start + 9 + at(buf, start + 8);
  const count = schemaEnd + 3 + at(buf, schemaEnd + 1);
  const wide = at(buf, count) === 0xfc;
  const columns = wide ? buf.readUInt16LE(count + 1) : at(buf, count);
  const first = count + (wide ? 3 : 1);
  if (first + columns > end) throw corrupt('a table map event is cut');
  return { first, end: first + columns };
}

const PREPARED_XA = 0x40;
const GROUP_COMMIT = 0x02;

/**
 * The id of the XA transaction whose rows follow, as the server prints it; MariaDB puts it into the
 * id event of the prepare: number, domain, flags, an id of the group commit, then the XA id.
 */
export function readMariadbXid({ buf, start, end }: RawEvent): string | null {
  const flags = at(buf, start + 12);
  if ((flags & PREPARED_XA) === 0) return null;
  const xid = start + 13 + (flags & GROUP_COMMIT ? 8 : 0);
  const middle = xid + 6 + at(buf, xid + 4);
  const last = middle + at(buf, xid + 5);
  if (last > end) throw corrupt('an XA transaction id is cut');
  const hex = (from: number, to: number): string => `x'${buf.toString('hex', from, to)}'`;
  return `${hex(xid + 6, middle)},${hex(middle, last)},${buf.readUInt32LE(xid)}`;
}

/** What tells a transaction from another one of the same number (`Anchor.stamp`). */
export function stampOf({ timestamp }: RawEvent, originalUs: number): string {
  return originalUs > 0 ? `us:${originalUs}` : `s:${timestamp}`;
}
