/** How far a table is compared for good, whatever order its ranges and keys are decided in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RangeLedger } from './range-ledger.ts';

test('a range that is compared counts when all before it is decided', () => {
  const ledger = new RangeLedger(null);
  const first = ledger.begin({ after: null, upTo: ['10'] });
  const second = ledger.begin({ after: ['10'], upTo: ['20'] });
  const last = ledger.begin({ after: ['20'], upTo: null });
  second.compared();
  last.compared();
  expect(ledger.settledTo).toBeNull();
  first.doubt();
  first.compared();
  expect(ledger.settledTo).toBeNull();
  first.decide();
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
          range.at.doubt();
          range.keys += 1;
        } else if (pick % 3 === 1 && range.keys > 0) {
          range.at.decide();
          range.keys -= 1;
        } else if (!range.isCompared) {
          range.at.compared();
          range.isCompared = true;
        }
        const settled = open.findIndex(r => !r.isCompared || r.keys > 0);
        expect(ledger.settledTo).toEqual([`${settled < 0 ? count : settled}`]);
      }
    }),
  );
});
