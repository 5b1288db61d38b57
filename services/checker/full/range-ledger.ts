/**
 * How far a table is compared for good. Ranges are probed several at a time, and keys that differed
 * are decided later, so the ranges behind the last one that was probed prove nothing. What stands
 * here is the end of the first ranges in a row of which nothing is open: a table that is given up
 * can be taken up again behind it.
 */

import { keyText } from '../../../shared/mysql/key-literal.ts';
import type { KeyLiterals, KeyRange } from '../../../shared/row/key-range.ts';

/** A range from when it is given out until it is compared and its keys are decided. */
export interface OpenRange {
  /** A key of it goes to the recheck. */
  doubt(): void;
  /** One that did is decided: equal, different and listed, or unsettled and listed. */
  decide(): void;
  /** It is compared: no other key of it will be doubted. */
  compared(): void;
}

interface Entry {
  upTo: KeyLiterals | null;
  /** Keys that are not decided; one more while the range is being compared. */
  open: number;
}

export class RangeLedger {
  /** By the key behind which they begin: each one begins where another ends. */
  readonly #ranges = new Map<string, Entry>();
  #settledTo: KeyLiterals | null;

  /** `after`: where the table is begun. */
  constructor(after: KeyLiterals | null) {
    this.#settledTo = after;
  }

  /** Of everything up to this key, itself included, nothing is open; null: of nothing. */
  get settledTo(): KeyLiterals | null {
    return this.#settledTo;
  }

  begin({ after, upTo }: KeyRange): OpenRange {
    const entry: Entry = { upTo, open: 1 };
    this.#ranges.set(nameOf(after), entry);
    const close = (): void => {
      entry.open -= 1;
      this.#settle();
    };
    return {
      doubt: () => {
        entry.open += 1;
      },
      decide: close,
      compared: close,
    };
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

function nameOf(after: KeyLiterals | null): string {
  return after === null ? '' : keyText(after);
}
