/**
 * Where the log stands in terms of the source: transactions that are in it as a whole, and at most
 * one that is in it in part (a transaction larger than a batch), with the number of its row changes
 * that are in. A stream that starts again delivers that one whole: its first rows are skipped, so
 * nothing is in the log twice and nothing is missing.
 */
import { ReshardError } from '../runtime/error.ts';
import { type Gtid, type GtidSet, parseGtid, printGtid } from './gtid.ts';

/**
 * The last whole transaction that is in the log, as proof of the history that it ends. Numbers
 * alone are none: a server that has lost its newest transactions, or was reset, gives the same
 * numbers to others. Whoever comes back asks for this one again and compares.
 */
export interface Anchor {
  gtid: string;
  /** MariaDB: the last one of its domain before it. */
  previous: string | null;
  /** `us:` and the commit time, the same on every server, or `s:` and the event's own second. */
  stamp: string;
  /** Where its first event ends in the file of the server that it was read from; 0: not known. */
  pos?: number;
}

export interface ResumeText {
  gtid: string;
  partialGtid: string | null;
  partialRows: number;
  anchor?: Anchor | null;
  /** Of the transaction that is in part in the log. */
  partialStamp?: string | null;
}

const RECOPY = 'copy the tables of the source anew: reshard recopy <job file> --source <name>';

export class StreamPosition {
  readonly #executed: GtidSet;
  /** The transaction that an earlier writer has left in the log in part. */
  #pending: { gtid: Gtid; rows: number; stamp: string } | null;
  #current: Gtid | null = null;
  #stamp = '';
  #pos = 0;
  #anchor: Anchor | null;
  #rows = 0;
  /** Of the current transaction: row changes that are in the log from before. */
  #skip = 0;

  constructor(
    executed: GtidSet,
    partialGtid: string | null,
    partialRows: number,
    proof: { anchor?: Anchor | null; partialStamp?: string | null } = {},
  ) {
    this.#executed = executed;
    const gtid = partialGtid === null ? null : parseGtid(partialGtid);
    const stamp = proof.partialStamp ?? '';
    this.#pending = gtid && { gtid, rows: partialRows, stamp };
    this.#anchor = proof.anchor ?? null;
  }

  get current(): Gtid | null {
    return this.#current;
  }

  /** `stamp` and `pos` as in `Anchor`; empty and 0 when the event does not tell. */
  begin(gtid: Gtid, stamp = '', pos = 0): void {
    if (this.#current !== null) {
      throw new ReshardError('corrupt', 'a transaction begins inside another one', {
        context: { inside: this.#print(this.#current), begins: this.#print(gtid) },
      });
    }
    if (this.#executed.contains(gtid)) throw this.#comesAgain(gtid);
    const p = this.#pending;
    const again = p !== null && p.gtid.source === gtid.source && p.gtid.number === gtid.number;
    if (again && !isSame(p, { gtid, stamp })) throw this.#comesAgain(gtid);
    this.#current = gtid;
    this.#stamp = stamp;
    this.#pos = pos;
    this.#rows = 0;
    this.#skip = again ? p.rows : 0;
  }

  /** No server sends what it was told that we have: so it is another one of the same number. */
  #comesAgain(gtid: Gtid): ReshardError {
    const { flavor } = this.#executed;
    const last = this.#executed.lastOf(gtid.source);
    const context = { gtid: this.#print(gtid), inLog: last && this.#print(last) };
    const remedy = `${RECOPY}; on MariaDB SET GLOBAL gtid_strict_mode = ON first, on every server`;
    return flavor === 'mariadb'
      ? new ReshardError('history-changed', 'the numbers of a domain go back', { context, remedy })
      : new ReshardError('history-changed', 'a transaction has the number of one in the log', {
          context,
          remedy: RECOPY,
        });
  }

  /** True when the next row change of the current transaction is not in the log yet. */
  isNextNew(): boolean {
    return this.#rows >= this.#skip;
  }

  /** Counts one row change, after it was appended or skipped: a failure between leaves no gap. */
  countRow(): void {
    this.#rows += 1;
  }

  commit(): void {
    if (this.#current === null) return;
    if (this.#rows < this.#skip) {
      throw new ReshardError('position-lost', 'a transaction came back with fewer rows', {
        context: { gtid: this.#print(this.#current), rows: this.#rows, inLog: this.#skip },
        remedy:
          'the source is not the one it was: `reshard recopy <job file> --source <name>` copies its' +
          ' tables anew and goes on with it as it is',
      });
    }
    if (this.#skip > 0) this.#pending = null;
    const previous = this.#previous(this.#current);
    const gtid = this.#print(this.#current);
    this.#anchor = { gtid, previous, stamp: this.#stamp, pos: this.#pos };
    this.#executed.add(this.#current);
    this.#current = null;
    this.#skip = 0;
  }

  #previous({ source }: Gtid): string | null {
    if (this.#executed.flavor === 'mysql') return null;
    const last = this.#executed.lastOf(source);
    return last && this.#print(last);
  }

  /** True when the current transaction may be cut here: there is room for one part only. */
  maySplit(): boolean {
    return this.#current === null || this.#pending === null || this.#skip > 0;
  }

  resume(): ResumeText {
    const gtid = this.#executed.toString();
    const anchor = this.#anchor;
    if (this.#current !== null && (this.#pending === null || this.#skip > 0)) {
      const partialRows = Math.max(this.#rows, this.#skip);
      const partialGtid = this.#print(this.#current);
      const partialStamp = this.#stamp;
      if (partialRows > 0) return { gtid, partialGtid, partialRows, anchor, partialStamp };
    }
    const p = this.#pending;
    if (p === null) return { gtid, partialGtid: null, partialRows: 0, anchor, partialStamp: null };
    const partialGtid = this.#print(p.gtid);
    return { gtid, partialGtid, partialRows: p.rows, anchor, partialStamp: p.stamp };
  }

  /** Copy of the set of transactions that have been read to their end. */
  whole(): GtidSet {
    return this.#executed.clone();
  }

  /** Copy of the set of transactions of which anything may be in the log. */
  published(): GtidSet {
    const set = this.#executed.clone();
    if (this.#pending) set.add(this.#pending.gtid);
    if (this.#current) set.add(this.#current);
    return set;
  }

  #print(gtid: Gtid): string {
    return printGtid(gtid, this.#executed.flavor);
  }
}

/** Whether a transaction that is in the log in part has come back, and not another in its place. */
function isSame(
  known: { gtid: Gtid; stamp: string },
  seen: { gtid: Gtid; stamp: string },
): boolean {
  if (known.gtid.server !== seen.gtid.server) return false;
  return !known.stamp.startsWith('us:') || !seen.stamp || known.stamp === seen.stamp;
}
