/** Rows as lists that the writer sends: those of a fold, by kind, and those that were parked. */

import type { DeadLetter } from '../../dead-letter/dead-letter-store.ts';
import { type Kind, type TableFold, UNREADABLE } from '../../fold.ts';
import type { ParkedRow, ParkReason } from './park.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import type { RecordList, RowList } from './row-writer.ts';

/** The entries of a fold whose last event is of one kind. */
export class FoldedRows implements RowList {
  readonly rows: RecordList;
  readonly keys: RecordList;
  readonly #fold: TableFold;
  readonly #kind: Kind;
  readonly #entries: number[] = [];

  constructor(fold: TableFold, kind: Kind) {
    const entries = this.#entries;
    this.#fold = fold;
    this.#kind = kind;
    for (let i = 0; i < fold.count; i++) if (fold.kind(i) === kind) entries.push(i);
    const count = entries.length;
    const buf = (i: number): Buffer => fold.buf(entries[i] as number);
    this.rows = { count, buf, start: i => fold.rowStart(entries[i] as number) };
    this.keys = { count, buf, start: i => fold.keyStart(entries[i] as number) };
  }

  get count(): number {
    return this.#entries.length;
  }

  keyText(i: number): string {
    return this.#fold.keyText(this.#entries[i] as number);
  }

  /** Why the record could not be read. */
  unreadable(i: number): Refusal {
    return refusalOf(this.#fold.unreadable(this.#entries[i] as number));
  }

  parked(i: number, nowMs: number, reason: ParkReason, why: Refusal | null): ParkedRow {
    const fold = this.#fold;
    const entry = this.#entries[i] as number;
    const task = fold.task(entry);
    const key = fold.keyText(entry);
    return {
      task,
      key,
      reason,
      why,
      offset: fold.offset(entry),
      // A key whose every new version has to wait does not get younger by it.
      sinceMs: task.waitsSince(key) ?? nowMs,
      row: this.#bytes(entry),
    };
  }

  deadLetter(i: number, nowMs: number, why: Refusal): DeadLetter {
    const fold = this.#fold;
    const entry = this.#entries[i] as number;
    const { key, value } = fold.record(entry);
    const reason = this.#kind === UNREADABLE ? 'unreadable' : 'refused';
    return {
      task: fold.task(entry),
      offset: fold.offset(entry),
      key,
      value,
      reason,
      why,
      sinceMs: nowMs,
    };
  }

  /** The row; of a record that cannot be read, its whole value. */
  #bytes(entry: number): Buffer {
    const fold = this.#fold;
    if (this.#kind === UNREADABLE) return fold.record(entry).value ?? Buffer.alloc(0);
    return fold.buf(entry).subarray(fold.rowStart(entry), fold.rowEnd(entry));
  }
}

/** Rows that come back from the park. */
export class ParkedRows implements RowList {
  readonly list: readonly ParkedRow[];
  readonly rows: RecordList;
  readonly keys: RecordList;

  constructor(list: readonly ParkedRow[]) {
    this.list = list;
    const count = list.length;
    this.rows = { count, buf: i => this.at(i).row, start: () => 0 };
    this.keys = { count, buf: i => Buffer.from(this.at(i).key, 'latin1'), start: () => 0 };
  }

  keyText(i: number): string {
    return this.at(i).key;
  }

  at(i: number): ParkedRow {
    return this.list[i] as ParkedRow;
  }
}

/** Some records of a list. */
export function some(list: RecordList, picked: readonly number[]): RecordList {
  return {
    count: picked.length,
    buf: i => list.buf(picked[i] as number),
    start: i => list.start(picked[i] as number),
  };
}
