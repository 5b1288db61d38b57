/** How far a table is compared for good, whatever order its ranges and keys are decided in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KeyLiterals, KeyRange } from '../../../shared/row/key-range.ts';
import { type Compared, NO_TALLY, type OpenRange, RangeLedger } from './range-ledger.ts';

const ONE = { ...NO_TALLY, ranges: 1 };

test('a range that is compared counts when all before it is decided', () => {
  const ledger = new RangeLedger(null);
  const first = ledger.begin({ after: null, upTo: ['10'] });
  const second = ledger.begin({ after: ['10'], upTo: ['20'] });
  const last = ledger.begin({ after: ['20'], upTo: null });
  second.compared(ONE);
  last.compared(ONE);
  expect(ledger.settledTo).toBeNull();
  first.doubt(['5']);
  first.compared(ONE);
  expect(ledger.settledTo).toBeNull();
  first.clear(['5']);
  expect(ledger.settledTo).toEqual(['20']);
});

test('of what it says nothing is open, in any order', () => {
  const ranges = fc.integer({ min: 1, max: 8 });
  const order = fc.array(fc.nat(), { maxLength: 60 });
  fc.assert(
    fc.property(ranges, order, (count, picks) => {
      const ledger = new RangeLedger(['0']);
      const open = Array.from({ length: count }, (_, i) => ({
        at: ledger.begin({ after: [`${i}`], upTo: [`${i + 1}`] }),
        keys: 0,
        isCompared: false,
      }));
      for (const pick of picks) {
        const range = open[pick % count];
        if (range === undefined) continue;
        if (pick % 3 === 0 && !range.isCompared) {
          range.at.doubt([`${pick}`]);
          range.keys += 1;
        } else if (pick % 3 === 1 && range.keys > 0) {
          range.at.decide();
          range.keys -= 1;
        } else if (!range.isCompared) {
          range.at.compared(ONE);
          range.isCompared = true;
        }
        const settled = open.findIndex(r => !r.isCompared || r.keys > 0);
        expect(ledger.settledTo).toEqual([`${settled < 0 ? count : settled}`]);
      }
    }),
  );
});

test('keys that are equal, or of ranges that will be compared again, are in no checkpoint', () => {
  const ledger = new RangeLedger(null);
  const first = ledger.begin({ after: null, upTo: ['10'] });
  const second = ledger.begin({ after: ['10'], upTo: ['20'] });
  const third = ledger.begin({ after: ['20'], upTo: null });
  expect(ledger.compared).toBeNull();
  for (const key of ['1', '2', '3']) first.doubt([key]);
  third.doubt(['21']);
  first.compared({ rows: 10, targetRows: 9, ranges: 1, rangesDifferent: 1 });
  third.compared(ONE);
  first.clear(['1']);
  // It differs for good: whoever goes on looks at it again.
  first.decide();
  const tally = { rows: 10, targetRows: 9, ranges: 1, rangesDifferent: 1 };
  expect(ledger.compared).toEqual({ upTo: ['10'], tally, suspects: [['2'], ['3']] });
  second.compared(ONE);
  const suspects = [['2'], ['3'], ['21']];
  expect(ledger.compared).toMatchObject({ upTo: null, tally: { ranges: 3 }, suspects });
});

test('a range without keys, which would follow itself, is refused', () => {
  const ledger = new RangeLedger(null);
  const last = { after: ['10'], upTo: ['10'] };
  ledger.begin({ after: null, upTo: ['10'] }).compared(ONE);
  expect(() => ledger.begin(last)).toThrow('an empty range');
});

/** Keys 10, 20 ... end the ranges of a table; the last one is open. */
function rangeAt(i: number, count: number): KeyRange {
  const key = (n: number): KeyLiterals => [`${n * 10}`];
  return { after: i === 0 ? null : key(i), upTo: i === count - 1 ? null : key(i + 1) };
}

/** A checker, which goes on from a checkpoint and is killed at some moment. */
class Mortal {
  readonly ledger = new RangeLedger(null);
  readonly #count: number;
  readonly #log: number[];
  readonly #differing: ReadonlySet<number>;
  readonly #open: { i: number; at: OpenRange }[] = [];
  /** Keys that wait to be decided. */
  readonly #pending: { key: string; at: OpenRange }[] = [];
  #next: number;

  /** `log`: ranges that count as compared by a checkpoint, each time that one is. */
  constructor(count: number, differing: ReadonlySet<number>, from: Compared | null, log: number[]) {
    this.#count = count;
    this.#differing = differing;
    this.#log = log;
    this.#next = from === null ? 0 : from.upTo === null ? count : Number(from.upTo[0]) / 10;
    if (from === null) return;
    const at = this.ledger.begin({ after: null, upTo: from.upTo });
    for (const [key = ''] of from.suspects) {
      at.doubt([key]);
      this.#pending.push({ key, at });
    }
    at.compared(from.tally);
  }

  step(pick: number): void {
    const [what, which] = [pick % 3, Math.floor(pick / 3)];
    if (what === 0 && this.#next < this.#count && this.#open.length < 3) {
      const i = this.#next++;
      this.#open.push({ i, at: this.ledger.begin(rangeAt(i, this.#count)) });
    } else if (what === 1 && this.#open.length > 0) {
      const [range] = this.#open.splice(which % this.#open.length, 1);
      if (range !== undefined) this.#compare(range);
    } else if (this.#pending.length > 0) {
      const [found] = this.#pending.splice(which % this.#pending.length, 1);
      if (found !== undefined) this.#decide(found);
    }
  }

  /** Each range has a key that only seems to differ; in some another one does. */
  #compare({ i, at }: { i: number; at: OpenRange }): void {
    const keys = [`${i * 10 + 1}`, ...(this.#differing.has(i) ? [`${i * 10 + 2}`] : [])];
    for (const key of keys) {
      at.doubt([key]);
      this.#pending.push({ key, at });
    }
    this.#log.push(i);
    at.compared({ rows: 2 ** i, targetRows: 0, ranges: 1, rangesDifferent: 1 });
  }

  #decide({ key, at }: { key: string; at: OpenRange }): void {
    if (key.endsWith('2')) at.decide();
    else at.clear([key]);
  }
}

test('whenever its checkers are killed, each range counts once, and no key that differs is lost', () => {
  const count = 7;
  const lives = fc.array(fc.array(fc.nat(), { maxLength: 40 }), { minLength: 1, maxLength: 6 });
  const differing = fc.uniqueArray(fc.integer({ min: 0, max: count - 1 }));
  fc.assert(
    fc.property(lives, differing, (all, differ) => {
      const wrong = new Set(differ);
      let from: Compared | null = null;
      let kept = 0;
      for (const picks of all) {
        const log: number[] = [];
        const checker = new Mortal(count, wrong, from, log);
        for (const pick of picks) checker.step(pick);
        from = checker.ledger.compared;
        if (from === null) {
          expect(kept).toBe(0);
          continue;
        }
        // Nothing that is in a checkpoint is compared again.
        expect(Math.min(count, ...log)).toBeGreaterThanOrEqual(kept);
        const upTo: number = from.upTo === null ? count : Number(from.upTo[0]) / 10;
        expect(upTo).toBeGreaterThanOrEqual(kept);
        kept = upTo;
        // The first ranges, and each of them once: their rows are powers of two.
        expect(from.tally).toMatchObject({ rows: 2 ** kept - 1, ranges: kept });
        const keys = new Set(from.suspects.map(([key]) => Number(key)));
        for (const i of differ.filter(n => n < kept)) expect(keys).toContain(i * 10 + 2);
        for (const key of keys) expect(key).toBeLessThan(kept * 10);
      }
    }),
  );
});
