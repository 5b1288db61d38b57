/** Rows as lists that the writer sends: those of a fold, by kind, and those that were parked. */

import type { DeadLetter } from '../../dead-letter/dead-letter.ts';
import type { Kind, TableFold } from '../../intake/fold.ts';
import type { Refusal } from '../../intake/refusal.ts';
import type { ParkedRow, ParkReason, ReadRow } from '../waiting.ts';
import type { RecordList, RowList } from './record-list.ts';
import { refusalOf } from './refusal.ts';

const NONE = Buffer.alloc(0);

/** The entries of a fold whose last event is of some kinds. */
export class FoldedRows implements RowList {
  readonly rows: RecordList;
  readonly keys: RecordList;
  readonly #fold: TableFold;
  readonly #entries: number[] = [];

  constructor(fold: TableFold, ...kinds: readonly Kind[]) {
    const entries = this.#entries;
    this.#fold = fold;
    for (let i = 0; i < fold.count; i++) if (kinds.includes(fold.kind(i))) entries.push(i);
    // Of two spellings of a key the one that came last is the row, as in the log. The fold keeps
    // the order in which keys came first.
    if (fold.table.hasSpellings) entries.sort((a, b) => fold.offset(a) - fold.offset(b));
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

  /** Whether other events of the row's key came before the last one in this batch. */
  isFolded(i: number): boolean {
    return this.#fold.isFolded(this.#entries[i] as number);
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
      value: fold.record(entry).value ?? NONE,
    };
  }

  deadLetter(i: number, nowMs: number, reason: DeadLetter['reason'], why: Refusal): DeadLetter {
    const fold = this.#fold;
    const entry = this.#entries[i] as number;
    const { key, value } = fold.record(entry);
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
}

/** Rows that come back from the park. */
export class ParkedRows implements RowList {
  readonly list: readonly ReadRow[];
  readonly rows: RecordList;
  readonly keys: RecordList;

  constructor(list: readonly ReadRow[]) {
    this.list = list;
    const count = list.length;
    this.rows = { count, buf: i => this.at(i).row, start: () => 0 };
    this.keys = { count, buf: i => Buffer.from(this.at(i).key, 'latin1'), start: () => 0 };
  }

  keyText(i: number): string {
    return this.at(i).key;
  }

  at(i: number): ReadRow {
    return this.list[i] as ReadRow;
  }
}
