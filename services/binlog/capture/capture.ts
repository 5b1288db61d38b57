/**
 * The stream of binlog events as row changes of our tables, in the order of the source's commits.
 * Runs inside the socket's callback: never waits. What cannot be replayed exactly (an image with
 * columns missing, a statement instead of rows, XA, compressed payloads, DDL) throws, with the
 * session that did it as evidence; nothing is ever skipped.
 */
import type { Flavor, Gtid } from '../../../shared/change/gtid.ts';
import { printGtid } from '../../../shared/change/gtid.ts';
import type { StreamPosition } from '../../../shared/change/position.ts';
import { asReshardError, type ErrorKind, ReshardError } from '../../../shared/runtime/error.ts';
import { classify, type TrackedNames } from '../ddl/statement.ts';
import {
  corrupt,
  EVENT,
  FLAG_IGNORABLE,
  QUIET_EVENTS,
  type RawEvent,
  readGtid,
  readQuery,
  readRotate,
  readRowsHeader,
  readTableName,
} from './binlog-event.ts';
import type { CapturedTable, RecordSink, RowOp } from './captured-table.ts';
import { inflateRows, rowsKind } from './rows-kind.ts';
import type { NameKey } from './source-facts.ts';
import { tableDifference } from './table-match.ts';
import type { SeenTable } from './zongji.ts';

/** What we ask zongji for while an event is at hand. */
export interface EventDecoder {
  decodeTableMap(): SeenTable | undefined;
  decodeGtid(): { gtid: Gtid; standalone: boolean };
  decodeQuery(): string;
}

export interface CaptureOptions {
  flavor: Flavor;
  db: string;
  /** By `nameKey` of the name. */
  tables: Map<string, CapturedTable>;
  nameKey: NameKey;
  position: StreamPosition;
  sink: RecordSink;
  decoder: EventDecoder;
  /** After each transaction (`whole`) and after each rows event of one. */
  onProgress: (whole: boolean) => void;
}

interface KnownMap {
  /** The event's body behind the table id: equal bytes mean an equal table. */
  bytes: Buffer;
  table: CapturedTable | null;
}

/** Equal to no map: the next one of the table is looked at again. */
const NOTHING = Buffer.alloc(0);
const RECOPY = 'copy anew: `reshard recopy <job file> --source <name> [--tables <names>]`';
const DUMMY_TABLE_ID = 0xffffff;
const KNOWN_MAPS_MAX = 4096;

export class Capture {
  readonly #o: CaptureOptions;
  readonly #tracked: TrackedNames;
  readonly #maps = new Map<number, KnownMap>();
  readonly counts = { c: 0, u: 0, d: 0, transactions: 0, bytes: 0 };
  file = '';
  filePos = 0;
  /** Commit time of the last transaction seen; the heartbeat says that there is no newer one. */
  lastCommitMs = 0;
  lastEventMs = 0;
  caughtUp = false;
  #commitMs = 0;
  #thread: number | null = null;
  /** Inside BEGIN ... COMMIT: a Query event is then not a transaction of its own. */
  #open = false;
  #xa = false;
  #changed: string | null = null;

  constructor(o: CaptureOptions) {
    this.#o = o;
    // A statement that names ours in other letters stops the stream: that is the safe side.
    const names = [...o.tables.keys()].map(name => name.toLowerCase());
    this.#tracked = { db: o.db.toLowerCase(), tables: new Set(names) };
  }

  onEvent(event: RawEvent): void {
    try {
      this.#handle(event);
    } catch (e) {
      const error = asReshardError(e);
      throw new ReshardError(error.kind, error.message, {
        cause: error.cause,
        remedy: error.remedy,
        context: { ...this.evidence(event), ...error.context },
      });
    }
    if (event.logPos > 0) this.filePos = event.logPos;
    this.counts.bytes += event.end - event.start;
  }

  /** Which session did it: what an operator needs to find the culprit. */
  evidence(event: RawEvent): Record<string, string | number | null> {
    const { current } = this.#o.position;
    return {
      gtid: current ? printGtid(current, this.#o.flavor) : null,
      thread: this.#thread,
      file: this.file,
      position: event.logPos,
      atSecond: event.timestamp,
    };
  }

  #handle(event: RawEvent): void {
    const rows = rowsKind(event.type);
    if (rows !== null) {
      this.#rows(event, rows.op, rows.v2, rows.compressed);
      return;
    }
    switch (event.type) {
      case EVENT.TABLE_MAP:
        this.#tableMap(event);
        break;
      case EVENT.GTID: {
        const { gtid, commitUs } = readGtid(event);
        this.#begin(event, gtid, commitUs / 1000);
        break;
      }
      case EVENT.XID:
        this.#commit();
        break;
      case EVENT.QUERY:
      case EVENT.MARIADB_QUERY_COMPRESSED:
      case EVENT.EXECUTE_LOAD_QUERY:
        this.#query(event);
        break;
      case EVENT.GTID_TAGGED:
      case EVENT.MARIADB_GTID: {
        const { gtid, standalone } = this.#o.decoder.decodeGtid();
        this.#begin(event, gtid, 0);
        // MariaDB's id event stands for BEGIN as well, unless the group is one statement.
        this.#open = event.type === EVENT.MARIADB_GTID && !standalone;
        break;
      }
      case EVENT.XA_PREPARE:
        this.#xaPrepare();
        break;
      case EVENT.ROTATE:
        this.#rotate(event);
        break;
      case EVENT.HEARTBEAT:
      case EVENT.HEARTBEAT_V2:
        this.caughtUp = true;
        this.lastEventMs = Date.now();
        break;
      default:
        this.#refuse(event);
    }
  }

  #rotate(event: RawEvent): void {
    const { file, pos } = readRotate(event);
    // Table ids are of one server run: a real change of file ends what we know of them.
    if (file !== this.file) this.#maps.clear();
    this.file = file;
    this.filePos = pos;
  }

  /** Events that are quiet, and events that must not be passed over. */
  #refuse(event: RawEvent): void {
    switch (event.type) {
      case EVENT.FORMAT_DESCRIPTION:
        return;
      case EVENT.ANONYMOUS_GTID:
        throw new ReshardError('server-setting', 'a transaction without a global id', {
          remedy: 'set gtid_mode = ON on the source, then start the job anew',
        });
      case EVENT.PARTIAL_UPDATE_ROWS:
        if (this.#maps.get(event.buf.readUIntLE(event.start, 6))?.table === null) return;
        throw unsafe(
          'a JSON column was logged as a difference',
          'SET GLOBAL binlog_row_value_options = "" on the source, and not in any session',
        );
      case EVENT.TRANSACTION_PAYLOAD:
        throw unsafe(
          'a session has logged a compressed transaction',
          'SET GLOBAL binlog_transaction_compression = OFF, and not ON in any session',
        );
      case EVENT.INCIDENT:
        throw unsafe('the source says that events are lost here (incident)', RECOPY);
      default:
        if (QUIET_EVENTS.has(event.type) || event.flags & FLAG_IGNORABLE) return;
        throw unsafe(`an event of unknown type ${event.type}`, 'report the server version to us');
    }
  }

  #begin(event: RawEvent, gtid: Gtid, commitMs: number): void {
    // A group without a commit mark of its own (a statement on MariaDB) ends where the next begins.
    if (this.#o.position.current !== null && !this.#open) this.#commit();
    this.#o.position.begin(gtid);
    this.#commitMs = commitMs > 0 ? commitMs : event.timestamp * 1000;
    this.#thread = null;
    this.#xa = false;
    this.#changed = null;
    this.#open = false;
    this.caughtUp = false;
    this.lastEventMs = Date.now();
    if (this.#maps.size > KNOWN_MAPS_MAX) this.#maps.clear();
  }

  #commit(): void {
    this.#o.position.commit();
    this.#open = false;
    this.lastCommitMs = this.#commitMs;
    this.counts.transactions += 1;
    this.#o.onProgress(true);
  }

  #query(event: RawEvent): void {
    const { threadId, schema, textStart } = readQuery(event);
    this.#thread = threadId;
    const { buf, end } = event;
    if (end - textStart === 5 && buf.toString('latin1', textStart, end) === 'BEGIN') {
      this.#open = true;
      return;
    }
    const compressed = event.type === EVENT.MARIADB_QUERY_COMPRESSED;
    const text = compressed ? this.#o.decoder.decodeQuery() : buf.toString('utf8', textStart, end);
    const statement = classify(text, schema, this.#tracked);
    switch (statement.kind) {
      case 'begin':
      case 'opens':
        this.#open = true;
        return;
      case 'commit':
        this.#commit();
        return;
      case 'rollback':
      case 'rollback-to':
        this.#refuseIfChanged('rows that were rolled back are in the binlog', 'use InnoDB only');
        if (statement.kind === 'rollback') this.#commit();
        return;
      case 'xa':
        this.#xa = true;
        if (!/^\s*XA\s+(START|END|BEGIN)/i.test(text)) this.#commit();
        return;
      case 'data':
        throw unsafe(
          `${statement.verb} of ${statement.table} is in the binlog as a statement`,
          `SET GLOBAL binlog_format = ROW, end sessions that use another; then ${RECOPY}`,
        );
      case 'ddl':
        // DROP and RENAME may name more tables than the one that is skipped.
        if (!/^(DROP|RENAME)$/.test(statement.verb) && this.#skips(statement.table)) {
          if (!this.#open) this.#commit();
          return;
        }
        throw new ReshardError(
          'schema-changed',
          `${statement.verb} of ${statement.table} at the source`,
          { remedy: `change the targets alike, then ${RECOPY}` },
        );
      case 'harmless':
        if (!this.#open) this.#commit();
    }
  }

  /** The table is copied anew, and the copy has this transaction. */
  #skips(table: string): boolean {
    const { tables, position } = this.#o;
    const meant = [...tables].filter(([name]) => name.toLowerCase() === table.toLowerCase());
    return meant.length > 0 && meant.every(([, t]) => t.skips(position.current));
  }

  #xaPrepare(): void {
    this.#refuseIfChanged('an XA transaction changed our tables', 'use plain transactions');
    this.#commit();
  }

  #refuseIfChanged(what: string, remedy: string): void {
    if (this.#changed !== null) throw unsafe(`${what} (${this.#changed})`, remedy);
  }

  #tableMap(event: RawEvent): void {
    const { buf, start, end } = event;
    const id = buf.readUIntLE(start, 6);
    const known = this.#maps.get(id);
    const same = known && buf.compare(known.bytes, 0, known.bytes.length, start + 6, end) === 0;
    if (same) return;
    const { schema, table: name } = readTableName(event);
    const { db, tables, nameKey } = this.#o;
    const table = (nameKey(schema) === nameKey(db) && tables.get(nameKey(name))) || null;
    if (table?.skips(this.#o.position.current)) {
      this.#maps.set(id, { bytes: NOTHING, table: null });
      return;
    }
    if (table !== null) this.#check(table);
    this.#maps.set(id, { bytes: Buffer.from(buf.subarray(start + 6, end)), table });
  }

  #check(table: CapturedTable): void {
    const seen = this.#o.decoder.decodeTableMap();
    const { db, table: name } = table.schema;
    if (seen === undefined) {
      throw new ReshardError('server-setting', 'row events come without column names', {
        context: { table: `${db}.${name}` },
        remedy: 'SET GLOBAL binlog_row_metadata = FULL on the source, then start the job anew',
      });
    }
    const difference = tableDifference(table.schema, seen);
    if (difference === null) return;
    throw new ReshardError('schema-changed', `the table is not as planned: ${difference}`, {
      context: { table: `${db}.${name}` },
      remedy: `change the targets alike, then ${RECOPY}`,
    });
  }

  #rows(event: RawEvent, op: RowOp, v2: boolean, compressed: boolean): void {
    const header = readRowsHeader(event, v2, op === 'u');
    const known = this.#maps.get(header.tableId);
    if (known === undefined) {
      if (header.tableId === DUMMY_TABLE_ID) return;
      throw corrupt('row changes of a table that was not named before');
    }
    const { table } = known;
    const { position, sink } = this.#o;
    const gtid = position.current;
    if (table === null || table.skips(gtid)) return;
    if (gtid === null) throw corrupt('row changes outside of a transaction');
    this.#changed = table.schema.table;
    if (this.#xa) this.#xaPrepare();
    if (!header.complete || header.columns !== table.schema.columns.length) {
      throw this.#incomplete(table, header.columns);
    }
    let { buf, end } = event;
    let pos = header.rows;
    if (compressed) {
      buf = inflateRows(buf, pos, end);
      [pos, end] = [0, buf.length];
    }
    const nowMs = Date.now();
    table.beginRows({
      tsMs: Math.floor(this.#commitMs),
      snapshot: 'false',
      serverId: event.serverId,
      gtid: printGtid(gtid, this.#o.flavor),
      file: this.file,
      pos: event.logPos,
      thread: this.#thread === null ? null : BigInt(this.#thread),
    });
    const o = { sink, gtid, row: 0, publish: true, nowMs };
    while (pos < end) {
      o.publish = position.isNextNew();
      pos = table.change(op, buf, pos, end, o);
      position.countRow();
      o.row += 1;
    }
    table.endRows();
    this.counts[op] += o.row;
    this.#o.onProgress(false);
  }

  #incomplete(table: CapturedTable, columns: number): ReshardError {
    const planned = table.schema.columns.length;
    const what = columns === planned ? 'row images lack columns' : `${columns} columns came`;
    const kind: ErrorKind = columns === planned ? 'unsafe-event' : 'schema-changed';
    return new ReshardError(kind, `${what}, ${planned} were planned`, {
      context: { table: `${table.schema.db}.${table.schema.table}` },
      remedy: `SET GLOBAL binlog_row_image = FULL, and not another in any session; then ${RECOPY}`,
    });
  }
}

function unsafe(message: string, remedy: string): ReshardError {
  return new ReshardError('unsafe-event', message, { remedy });
}
