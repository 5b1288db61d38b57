/**
 * XA transactions of the source: their rows are logged when they are prepared, and become true at
 * the commit, which names no table and may come much later, or never. So nothing of one is appended
 * before that. Of each that is prepared it is remembered which transaction of the binlog holds its
 * rows and which of our tables those are of; the list is part of the resume point.
 *
 * The rows themselves are kept for as long as they are few. Those of a large one, of one too many,
 * or of before a restart are read from the binlog again.
 */
import { type Flavor, type Gtid, parseGtid, printGtid } from '../../../shared/change/gtid.ts';
import type { Resume } from '../../../shared/job/state/progress-view.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { eventBytes, type RawEvent } from './binlog-event.ts';

/** Servers do not have more sessions; a list that grows further is not taken for a list. */
const PREPARED_MAX = 10_000;
/** What is kept of the rows of one transaction, and of all. */
const ONE_BYTES = 1024 * 1024;
const ALL_BYTES = 16 * 1024 * 1024;

export type PreparedNotes = Pick<Resume, 'prepared' | 'preparedIn'>;

/** An XA transaction whose rows are in the binlog. */
export interface LoggedXa {
  /** Tables of our database that it has changed. */
  readonly tables: Set<string>;
  /** The transaction of the binlog that holds the rows; null: an older version has not noted it. */
  gtid: Gtid | null;
  /** Its events of our tables, in order; null: they have to be read again. */
  events: Buffer[] | null;
  bytes: number;
}

export class XaLedger {
  readonly #flavor: Flavor;
  readonly #prepared = new Map<string, LoggedXa>();
  #current: { xid: string; xa: LoggedXa; isWhole: boolean } | null = null;
  #ending: string | null = null;
  #kept = 0;
  #notes: PreparedNotes | null = null;

  constructor({ prepared, preparedIn }: PreparedNotes, flavor: Flavor) {
    this.#flavor = flavor;
    for (const { xid, tables } of prepared ?? []) {
      const gtid = preparedIn?.[xid];
      const xa = { tables: new Set(tables), gtid: gtid === undefined ? null : parseGtid(gtid) };
      this.#prepared.set(xid, { ...xa, events: null, bytes: 0 });
    }
  }

  /** The transaction that is read is one of these. */
  get isOpen(): boolean {
    return this.#current !== null;
  }

  start(xid: string): void {
    const xa = { tables: new Set<string>(), gtid: null, events: [], bytes: 0 };
    this.#current = { xid, xa, isWhole: true };
  }

  /** Rows of the table are in it that the copy has, or will have once it is committed. */
  passesOver(table: string): void {
    this.#current?.xa.tables.add(table);
  }

  /** It has changed these tables by a statement: its rows do not tell all of it. */
  spoil(tables: Iterable<string>): void {
    for (const table of tables) {
      this.passesOver(table);
      if (this.#current !== null) this.#current.isWhole = false;
    }
  }

  /** An event of the transaction that is read: of a table of ours. */
  keep(event: RawEvent, table: string): void {
    const xa = this.#current?.xa;
    if (xa === undefined) return;
    xa.tables.add(table);
    if (xa.events === null) return;
    const bytes = eventBytes(event);
    xa.bytes += bytes.length;
    this.#kept += bytes.length;
    xa.events.push(bytes);
    if (xa.bytes > ONE_BYTES || this.#kept > ALL_BYTES) this.#forget(xa);
  }

  #forget(xa: LoggedXa): void {
    this.#kept -= xa.bytes;
    xa.bytes = 0;
    xa.events = null;
  }

  /** The transaction is read to its end. */
  close(): void {
    if (this.#current !== null) this.#forget(this.#current.xa);
    this.#current = null;
  }

  /** Is committed with the event that ends it: no other one does. */
  inOnePhase(gtid: Gtid): LoggedXa | null {
    if (this.#current === null) return null;
    const { xa, isWhole } = this.#current;
    this.#current = null;
    this.#kept -= xa.bytes;
    return { ...xa, gtid: isWhole ? gtid : null, bytes: 0 };
  }

  prepare(gtid: Gtid | null): void {
    if (this.#current === null) return;
    const { xid, xa, isWhole } = this.#current;
    xa.gtid = isWhole ? gtid : null;
    const older = this.#prepared.get(xid);
    if (older !== undefined) this.#forget(older);
    this.#prepared.set(xid, xa);
    this.#current = null;
    this.#notes = null;
    if (this.#prepared.size <= PREPARED_MAX) return;
    throw new ReshardError('bug', `more than ${PREPARED_MAX} XA transactions are prepared`);
  }

  /**
   * The transaction is committed or rolled back by the one that is read; null: it was prepared
   * before our time. It stays in the list until that one is read to its end.
   */
  end(xid: string): LoggedXa | null {
    this.#ending = xid;
    return this.#prepared.get(xid) ?? null;
  }

  /** The transaction that ended it is in the log as a whole. */
  settle(): void {
    if (this.#ending === null) return;
    const xa = this.#prepared.get(this.#ending);
    if (xa !== undefined) this.#forget(xa);
    this.#prepared.delete(this.#ending);
    this.#ending = null;
    this.#notes = null;
  }

  notes(): PreparedNotes {
    this.#notes ??= this.#list();
    return this.#notes;
  }

  #list(): PreparedNotes {
    const prepared = [...this.#prepared].map(([xid, { tables }]) => ({ xid, tables: [...tables] }));
    const preparedIn: Record<string, string> = {};
    for (const [xid, { tables, gtid }] of this.#prepared) {
      if (gtid !== null && tables.size > 0) preparedIn[xid] = printGtid(gtid, this.#flavor);
    }
    return { prepared, preparedIn };
  }
}
