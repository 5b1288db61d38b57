/**
 * Where the log stands in terms of the source: transactions that are in it as a whole, and at most
 * one that is in it in part (a transaction larger than a batch), with the number of its row changes
 * that are in. A stream that starts again delivers that one whole: its first rows are skipped, so
 * nothing is in the log twice and nothing is missing.
 */
import { ReshardError } from '../runtime/error.ts';
import { type Gtid, type GtidSet, parseGtid, printGtid } from './gtid.ts';

export interface ResumeText {
  gtid: string;
  partialGtid: string | null;
  partialRows: number;
}

export class StreamPosition {
  readonly #executed: GtidSet;
  /** The transaction that an earlier writer has left in the log in part. */
  #pending: { gtid: Gtid; rows: number } | null;
  #current: Gtid | null = null;
  #rows = 0;
  /** Of the current transaction: row changes that are in the log from before. */
  #skip = 0;

  constructor(executed: GtidSet, partialGtid: string | null, partialRows: number) {
    this.#executed = executed;
    this.#pending =
      partialGtid === null ? null : { gtid: parseGtid(partialGtid), rows: partialRows };
  }

  get current(): Gtid | null {
    return this.#current;
  }

  begin(gtid: Gtid): void {
    if (this.#current !== null) {
      throw new ReshardError('corrupt', 'a transaction begins inside another one', {
        context: { inside: this.#print(this.#current), begins: this.#print(gtid) },
      });
    }
    this.#current = gtid;
    this.#rows = 0;
    const p = this.#pending;
    const again = p !== null && p.gtid.source === gtid.source && p.gtid.number === gtid.number;
    this.#skip = again ? p.rows : 0;
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
    this.#executed.add(this.#current);
    this.#current = null;
    this.#skip = 0;
  }

  /** True when the current transaction may be cut here: there is room for one part only. */
  maySplit(): boolean {
    return this.#current === null || this.#pending === null || this.#skip > 0;
  }

  resume(): ResumeText {
    const gtid = this.#executed.toString();
    if (this.#current !== null && (this.#pending === null || this.#skip > 0)) {
      const partialRows = Math.max(this.#rows, this.#skip);
      if (partialRows > 0) return { gtid, partialGtid: this.#print(this.#current), partialRows };
    }
    const p = this.#pending;
    return { gtid, partialGtid: p ? this.#print(p.gtid) : null, partialRows: p ? p.rows : 0 };
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
