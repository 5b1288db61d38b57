/**
 * How far a table is compared for good. Ranges are probed several at a time, and keys that differed
 * are decided later, so the ranges behind the last one that was probed prove nothing. Two ends of
 * the first ranges in a row are kept:
 * - that of the ranges of which nothing is open: a table that is given up can be taken up again
 *   behind it;
 * - that of the ranges that are compared. With the keys of them that have differed it is a
 *   checkpoint: whoever goes on behind it, and reads those keys again, has left nothing out. What
 *   is behind it is in no count and no list of the checkpoint, since it will be compared again.
 */

import { keyText } from '../../../shared/mysql/key-literal.ts';
import type { KeyLiterals, KeyRange } from '../../../shared/row/key-range.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

/** What was found in ranges. */
export interface Tally {
  /** Of the sources. */
  rows: number;
  targetRows: number;
  ranges: number;
  rangesDifferent: number;
}

/** A range from when it is given out until it is compared and its keys are decided. */
export interface OpenRange {
  /** A key of it goes to the recheck. */
  doubt(key: KeyLiterals): void;
  /** One that did is equal. */
  clear(key: KeyLiterals): void;
  /** One that did is decided otherwise: different and listed, or unsettled and listed. */
  decide(): void;
  /** It is compared: no other key of it will be doubted. */
  compared(tally: Tally): void;
}

interface Entry {
  upTo: KeyLiterals | null;
  /** Keys that are not decided; one more while the range is being compared. */
  open: number;
  /** Null until it is compared. */
  tally: Tally | null;
  /** By name: keys of it that differed and were not found equal since. */
  suspects: Map<string, KeyLiterals>;
}

/** The first ranges in a row that are compared. */
export interface Compared {
  /** Their last key; null: there is nothing behind them. */
  upTo: KeyLiterals | null;
  tally: Tally;
  suspects: KeyLiterals[];
}

export const NO_TALLY: Tally = { rows: 0, targetRows: 0, ranges: 0, rangesDifferent: 0 };

export class RangeLedger {
  /** By the key behind which they begin: each one begins where another ends. */
  readonly #ranges = new Map<string, Entry>();
  #settledTo: KeyLiterals | null;
  /** Where the first range begins that is not compared. */
  #comparedTo: KeyLiterals | null;
  /** The last range of the table is compared, and all before it. */
  #isWhole = false;
  #tally: Tally = NO_TALLY;
  /** Of those that are compared, the ones that have keys which differ. */
  readonly #suspected = new Set<Entry>();

  /** `after`: where the table is begun. */
  constructor(after: KeyLiterals | null) {
    this.#settledTo = after;
    this.#comparedTo = after;
  }

  /** Of everything up to this key, itself included, nothing is open; null: of nothing. */
  get settledTo(): KeyLiterals | null {
    return this.#settledTo;
  }

  /** Null until the first range is compared. */
  get compared(): Compared | null {
    if (this.#tally.ranges === 0) return null;
    const suspects = [...this.#suspected].flatMap(entry => [...entry.suspects.values()]);
    return { upTo: this.#isWhole ? null : this.#comparedTo, tally: this.#tally, suspects };
  }

  begin({ after, upTo }: KeyRange): OpenRange {
    const name = nameOf(after);
    // It would follow itself, for ever.
    if (upTo !== null && nameOf(upTo) === name) throw new ReshardError('bug', 'an empty range');
    const entry: Entry = { upTo, open: 1, tally: null, suspects: new Map() };
    this.#ranges.set(name, entry);
    const close = (): void => {
      entry.open -= 1;
      this.#settle();
    };
    return {
      doubt: key => {
        entry.open += 1;
        entry.suspects.set(nameOf(key), key);
      },
      clear: key => {
        entry.suspects.delete(nameOf(key));
        if (entry.suspects.size === 0) this.#suspected.delete(entry);
        close();
      },
      decide: close,
      compared: tally => {
        entry.tally = tally;
        // Before it may be settled, and be forgotten.
        this.#pass();
        close();
      },
    };
  }

  /** Takes the ranges that are compared, as far as there is none in front that is not. */
  #pass(): void {
    while (!this.#isWhole) {
      const next = this.#ranges.get(nameOf(this.#comparedTo));
      if (!next?.tally) return;
      this.#tally = sum(this.#tally, next.tally);
      if (next.suspects.size > 0) this.#suspected.add(next);
      if (next.upTo === null) this.#isWhole = true;
      else this.#comparedTo = next.upTo;
    }
  }

  #settle(): void {
    for (;;) {
      const name = nameOf(this.#settledTo);
      const next = this.#ranges.get(name);
      // Behind the last range there is nothing to take up.
      if (next?.open !== 0 || next.upTo === null) return;
      this.#ranges.delete(name);
      this.#settledTo = next.upTo;
    }
  }
}

function sum(a: Tally, b: Tally): Tally {
  return {
    rows: a.rows + b.rows,
    targetRows: a.targetRows + b.targetRows,
    ranges: a.ranges + b.ranges,
    rangesDifferent: a.rangesDifferent + b.rangesDifferent,
  };
}

function nameOf(after: KeyLiterals | null): string {
  return after === null ? '' : keyText(after);
}
