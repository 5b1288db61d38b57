import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { movedSlots, runsOf, SLOTS, slotOfBytes, slotsByWeight } from './slots.ts';

function share(keys: readonly string[], targets: Uint16Array, of: number): number {
  const hits = keys.filter(k => targets[slotOfBytes(Buffer.from(k))] === of).length;
  return hits / keys.length;
}

describe('slots', () => {
  test('every slot has a target, in proportion to the weights', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(weights, list => {
        const total = list.reduce((a, b) => a + b, 0);
        fc.pre(total > 0);
        const targets = slotsByWeight(list);
        list.forEach((weight, t) => {
          const slots = targets.filter(x => x === t).length;
          expect(Math.abs(slots - (weight / total) * SLOTS)).toBeLessThanOrEqual(1);
        });
        expect(runsOf(targets).length).toBeLessThanOrEqual(list.length);
      }),
    );
    expect(() => slotsByWeight([0, 0])).toThrow(/weights/);
  });

  test('moves of slots are what they say, and move nothing else', () => {
    const run = fc.tuple(fc.nat(SLOTS - 1), fc.nat(SLOTS - 1)).map(two => {
      const [from = 0, to = 0] = two.toSorted((a, b) => a - b);
      return { from, to, target: 9 };
    });
    fc.assert(
      fc.property(run, ({ from, to, target }) => {
        const before = slotsByWeight([1, 2, 1]);
        const after = movedSlots(before, [{ from, to, target }]);
        after.forEach((t, slot) => {
          if (t !== (slot >= from && slot <= to ? target : before[slot]))
            throw new Error(`${slot}`);
        });
        expect(before).toEqual(slotsByWeight([1, 2, 1]));
      }),
    );
  });

  test('one more target can have its share by moves, with no row between the others', () => {
    const keys = Array.from({ length: 40_000 }, (_, i) => slotOfBytes(Buffer.from(`${i}`)));
    let before = slotsByWeight([1]);
    for (let n = 1; n < 64; n++) {
      // One slot after the other, each from the target that has most.
      const slots = Array.from({ length: n }, (_, t) =>
        [...before.keys()].filter(slot => before[slot] === t),
      );
      const moves = Array.from({ length: Math.round(SLOTS / (n + 1)) }, () => {
        const fullest = slots.reduce((x, y) => (y.length > x.length ? y : x));
        const from = fullest.pop() ?? -1;
        return { from, to: from, target: n };
      });
      expect(Math.abs((moves.length / SLOTS) * (n + 1) - 1)).toBeLessThan(0.01);
      const after = movedSlots(before, moves);
      const moved = keys.filter(slot => after[slot] !== before[slot]);
      expect(moved.every(slot => after[slot] === n)).toBe(true);
      expect(Math.abs(moved.length / keys.length - 1 / (n + 1)), `to ${n + 1}`).toBeLessThan(0.01);
      before = after;
    }
  });

  test('the slots of known bytes never change: rows lie by them', () => {
    const known = ['', '1', '42', 'customer-7', 'ß', '2:ab1:c'];
    expect(known.map(k => slotOfBytes(Buffer.from(k)))).toMatchInlineSnapshot(`
      [
        0,
        182,
        3584,
        2670,
        703,
        2325,
      ]
    `);
  });

  test.each([
    ['numbers in turn', (i: number) => `${i}`],
    ['even steps', (i: number) => `${i * 4096}`],
    ['numbers of a source', (i: number) => `${1_000_000_000 + i * 2}`],
    ['codes', (i: number) => `ORD-${String(i).padStart(8, '0')}`],
    ['two columns', (i: number) => `1:7${String(i).length}:${i}`],
  ])('spreads %s evenly', (_, key) => {
    const keys = Array.from({ length: 60_000 }, (_x, i) => key(i));
    const counts = new Float64Array(SLOTS);
    for (const k of keys) {
      const slot = slotOfBytes(Buffer.from(k));
      counts[slot] = (counts[slot] ?? 0) + 1;
    }
    expect(counts.filter(n => n === 0).length, 'empty slots').toBe(0);
    const three = slotsByWeight([1, 1, 1]);
    for (const t of [0, 1, 2]) expect(Math.abs(share(keys, three, t) - 1 / 3)).toBeLessThan(0.015);
  });
});
