/**
 * The stream of binlog events as row changes of our tables, in the order of the source's commits.
 * Runs inside the socket's callback: never waits. What cannot be replayed exactly (an image with
 * columns missing, a statement instead of rows, DDL) throws, with the session that did it as
 * evidence; nothing is ever skipped. A statement whose harm the text does not tell is put to the
 * judge (ddl/judge.ts), and no event is read until it has answered; nor is one before all of a
 * compressed transaction is read (payload.ts).
 */

import { printGtid } from '../../../shared/change/gtid.ts';
import { CLEANUP } from '../../../shared/mysql/target-state.ts';
import { asReshardError, ReshardError } from '../../../shared/runtime/error.ts';
import {
  corrupt,
  EVENT,
  FLAG_IGNORABLE,
  QUIET_EVENTS,
  type RawEvent,
  readQuery,
  readRotate,
  readRowsHeader,
} from './binlog-event.ts';
import type { CaptureOptions } from './capture-options.ts';
import { imageWidth } from './captured-table.ts';
import { Origin } from './origin.ts';
import { unpack } from './payload.ts';
import { Refusals } from './refusal.ts';
import { imagesOf, inflated, type RowsKind, rowsKind } from './rows-kind.ts';
import { type Next, Statements, type Step } from './statements.ts';
import { TableMaps } from './table-maps.ts';
import { type TransactionStart, transactionStart } from './transaction-start.ts';
import { type LoggedXa, type PreparedNotes, XaLedger } from './xa.ts';
import { replayRows } from './xa-replay.ts';

const DUMMY_TABLE_ID = 0xffffff;

export class Capture {
  readonly #o: CaptureOptions;
  #maps: TableMaps;
  readonly counts = { c: 0, u: 0, d: 0, transactions: 0, bytes: 0 };
  file = '';
  filePos = 0;
  /** Second in which the server began the file. */
  fileS = 0;
  /** Commit time of the last transaction seen; the heartbeat says that there is no newer one. */
  lastCommitMs = 0;
  lastEventMs = 0;
  caughtUp = false;
  /** Of the transaction that is read. */
  commitMs = 0;
  #thread: number | null = null;
  /** Inside BEGIN ... COMMIT: a Query event is then not a transaction of its own. */
  #open = false;
  readonly #refusals: Refusals;
  readonly #xa: XaLedger;
  readonly #statements: Statements;
  readonly #origin: Origin;
  /** The transaction deletes rows that have moved to another server. */
  #isCleanup = false;
  /** A statement that is being judged, or rows of an XA transaction that are being read. */
  #judged: Promise<void> | null = null;
  /** A compressed transaction is read in part. */
  #unpacking = false;
  /** The event of the stream that is read: where it ends, and how many rows of ours it has. */
  #pos = 0;
  #row = 0;
  readonly #changed = new Set<string>();

  constructor(o: CaptureOptions) {
    this.#o = o;
    this.#refusals = new Refusals(o.source, o.db);
    this.#xa = new XaLedger(o.prepared, o.flavor);
    this.#origin = new Origin(o);
    this.#maps = new TableMaps(o, this.#refusals, this.#xa);
    this.#statements = new Statements(o, this.#refusals, this.#xa, xa => this.#replay(xa));
  }

  onEvent(event: RawEvent): void {
    if (this.#judged !== null || this.#unpacking) {
      throw new ReshardError('bug', 'an event came before the one before was read to its end');
    }
    this.#row = 0;
    this.#pos = event.logPos;
    this.counts.bytes += event.end - event.start;
    if (event.type === EVENT.TRANSACTION_PAYLOAD) {
      this.#unpack(event);
      return;
    }
    this.#take(event);
    if (this.#judged === null) this.#passed(event.logPos);
  }

  #take(event: RawEvent): void {
    try {
      this.#handle(event);
    } catch (e) {
      throw this.#told(asReshardError(e), this.evidence(event));
    }
  }

  /** All before it is read: who waits for the log to reach a place goes by this. */
  #passed(logPos: number): void {
    if (logPos > 0) this.filePos = logPos;
  }

  /** A transaction in one event: what is in it is taken as if each had come by itself. */
  #unpack(event: RawEvent): void {
    const { logPos } = event;
    const evidence = this.evidence(event);
    const told = (e: unknown): ReshardError => this.#told(asReshardError(e), evidence);
    const wait = (): Promise<void> | null => this.#judged ?? this.#o.room();
    let rest: Promise<void> | null;
    try {
      rest = unpack(event, { onEvent: inner => this.#take(inner), wait });
    } catch (e) {
      throw told(e);
    }
    if (rest === null) {
      this.#passed(logPos);
      return;
    }
    this.#unpacking = true;
    const done = rest.then(() => {
      this.#unpacking = false;
      this.#passed(logPos);
    });
    this.#o.hold(done.catch(e => Promise.reject(told(e))));
  }

  /** XA transactions that are prepared at the last commit. */
  prepared(): PreparedNotes {
    return this.#xa.notes();
  }

  #told(error: ReshardError, evidence: Record<string, string | number | null>): ReshardError {
    return new ReshardError(error.kind, error.message, {
      cause: error.cause,
      remedy: error.remedy ?? (error.kind === 'corrupt' ? this.#refusals.recopy() : undefined),
      context: { ...evidence, ...error.context },
    });
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
      this.#rows(event, rows);
      return;
    }
    switch (event.type) {
      case EVENT.TABLE_MAP:
        this.#maps.take(event);
        this.#keepForXa(event);
        break;
      case EVENT.XID:
        this.#commit();
        break;
      case EVENT.QUERY:
      case EVENT.MARIADB_QUERY_COMPRESSED:
      case EVENT.EXECUTE_LOAD_QUERY:
        this.#query(event);
        break;
      case EVENT.GTID:
      case EVENT.GTID_TAGGED:
      case EVENT.MARIADB_GTID:
        this.#begin(transactionStart(event, this.#o.decoder));
        break;
      case EVENT.XA_PREPARE:
        this.#xaPrepared(event);
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
    if (file !== this.file) {
      this.#maps.clear();
      // The event that tells it of the new file is still to come.
      this.fileS = 0;
    }
    this.file = file;
    this.filePos = pos;
  }

  /** Events that are quiet, and events that must not be passed over. */
  #refuse(event: RawEvent): void {
    switch (event.type) {
      case EVENT.FORMAT_DESCRIPTION:
        this.fileS = event.timestamp;
        return;
      case EVENT.ANONYMOUS_GTID:
        throw this.#refusals.anonymous();
      case EVENT.PARTIAL_UPDATE_ROWS:
        this.#refusePartial(event);
        return;
      case EVENT.INCIDENT:
        throw this.#refusals.doubtful('the source says that events are lost here (incident)');
      default:
        if (QUIET_EVENTS.has(event.type) || event.flags & FLAG_IGNORABLE) return;
        throw this.#refusals.doubtful(`an event of unknown type ${event.type}`);
    }
  }

  #refusePartial(event: RawEvent): void {
    if (this.#keepForXa(event)) return;
    const known = this.#maps.of(event.buf.readUIntLE(event.start, 6));
    if (known?.table === null) return;
    throw this.#refusals.unsafe(
      'a JSON column was logged as a difference',
      known ? [known.table.schema.table] : [],
      'SET GLOBAL binlog_row_value_options = "" on the source, and not in any session',
    );
  }

  #begin(start: TransactionStart | null): void {
    if (start === null) return;
    // A group without a commit mark of its own (a statement on MariaDB) ends where the next begins.
    if (this.#o.position.current !== null && !this.#open) this.#commit();
    this.#o.position.begin(start.gtid, start.stamp, start.pos);
    this.commitMs = start.commitMs;
    this.#isCleanup = false;
    this.#thread = null;
    this.#xa.close();
    if (start.xid !== null) this.#xa.start(start.xid);
    this.#changed.clear();
    this.#open = start.opens;
    this.caughtUp = false;
    this.lastEventMs = Date.now();
    this.#maps.shed();
  }

  #commit(): void {
    const { position } = this.#o;
    this.#origin.commit(position.current, this.commitMs);
    position.commit();
    this.#xa.settle();
    this.#open = false;
    this.lastCommitMs = this.commitMs;
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
    const text = compressed ? inflated(buf, textStart, end) : buf.subarray(textStart, end);
    this.#follow(this.#statements.take(text.toString('utf8'), schema, this.#changed), event);
  }

  /** The statement is understood, or will be once the source has been asked. */
  #follow(next: Next, event: RawEvent): void {
    if (typeof next === 'string') {
      this.#step(next);
      return;
    }
    const evidence = this.evidence(event);
    const done = next.then(
      step => {
        this.#judged = null;
        this.#step(step);
        if (!this.#unpacking) this.#passed(this.#pos);
      },
      e => {
        throw this.#told(asReshardError(e), evidence);
      },
    );
    this.#judged = done;
    this.#o.hold(done);
  }

  #step(step: Step): void {
    if (step === 'opens') this.#open = true;
    else if (step === 'ends' || (step === 'stands' && !this.#open)) this.#commit();
  }

  /** MySQL logs a commit in one phase as this event too: nothing stays behind it. */
  #xaPrepared(event: RawEvent): void {
    const { current } = this.#o.position;
    const xa = event.buf[event.start] === 1 && current ? this.#xa.inOnePhase(current) : null;
    if (xa !== null) {
      this.#follow(this.#statements.xaEnds(xa), event);
      return;
    }
    this.#xa.prepare(this.#o.carriesXa ? current : null);
    this.#commit();
  }

  /** Whether the event is of an XA transaction: its rows are not true before it is committed. */
  #keepForXa(event: RawEvent): boolean {
    if (!this.#xa.isOpen || !this.#o.carriesXa) return false;
    const known = this.#maps.of(event.buf.readUIntLE(event.start, 6));
    if (!known?.name) return false;
    // One that the job does not have yet may be in it when the transaction is committed.
    if (!known.isOurs) this.#xa.passesOver(known.name);
    else this.#xa.keep(event, known.name);
    if (known.isOurs && event.type !== EVENT.TABLE_MAP) this.#changed.add(known.name);
    return known.isOurs;
  }

  /** Takes the rows of an XA transaction as those of the one that is read, which commits it. */
  async #replay(xa: LoggedXa): Promise<Step> {
    const maps = this.#maps;
    // Ids of tables may be of another run of the server.
    this.#maps = new TableMaps(this.#o, this.#refusals, this.#xa);
    await replayRows(xa, this.#o, this.#pos, event => this.#take(event));
    this.#maps = maps;
    return 'ends';
  }

  #rows(event: RawEvent, kind: RowsKind): void {
    const { op } = kind;
    const header = readRowsHeader(event, kind.v2, op === 'u');
    const known = this.#maps.of(header.tableId);
    if (known === undefined) {
      if (header.tableId === DUMMY_TABLE_ID) return;
      throw corrupt('row changes of a table that was not named before');
    }
    const { table, shape } = known;
    if (known.name === CLEANUP) this.#isCleanup = true;
    // The rows are on another server of the cluster: for a reader of all of them they are not gone.
    if (this.#isCleanup) return;
    if (known.own !== null) {
      this.#refusals.checkWidth(known.own.name, header, known.own.width);
      this.#origin.take(known.own, op, imagesOf(event, header.rows, kind.compressed));
      return;
    }
    if (this.#keepForXa(event)) return;
    const { position, sink } = this.#o;
    const gtid = position.current;
    if (table === null) return;
    if (gtid === null) throw corrupt('row changes outside of a transaction');
    if (table.skips(gtid)) {
      this.#xa.passesOver(table.schema.table);
      return;
    }
    if (this.#xa.isOpen) throw this.#refusals.xa(table.schema.table);
    this.#changed.add(table.schema.table);
    const width = imageWidth(shape?.older.schema ?? table.schema);
    this.#refusals.checkWidth(table.schema.table, header, width);
    const { buf, end, ...images } = imagesOf(event, header.rows, kind.compressed);
    let { pos } = images;
    table.beginRows({
      tsMs: Math.floor(this.commitMs),
      snapshot: 'false',
      serverId: event.serverId,
      gtid: printGtid(gtid, this.#o.flavor),
      file: this.file,
      pos: event.logPos,
      thread: this.#thread === null ? null : BigInt(this.#thread),
    });
    const { header: origin } = this.#origin;
    const o = { sink, gtid, row: this.#row, publish: true, nowMs: Date.now(), shape, origin };
    try {
      while (pos < end) {
        o.publish = position.isNextNew();
        pos = table.change(op, buf, pos, end, o);
        position.countRow();
        o.row += 1;
      }
    } catch (e) {
      const error = asReshardError(e);
      if (error.kind !== 'value-not-carried') throw error;
      throw this.#refusals.value(error, table.schema.table);
    }
    table.endRows();
    this.counts[op] += o.row - this.#row;
    this.#row = o.row;
    this.#o.onProgress(false);
  }
}
