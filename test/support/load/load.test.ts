/** What the load decides depends on its seed alone: a run that found a fault can be repeated. */
import { describe, expect, it } from 'vitest';
import { Random } from './random.ts';
import { customerRow, IdSpace, itemRow, orderRow } from './tables.ts';
import { WEIGHTS } from './work.ts';

function decisions(seed: number, stream: number): unknown[] {
  const random = new Random(seed, stream);
  const space = new IdSpace(1, 1000);
  return Array.from({ length: 200 }, () => {
    const kind = random.weighted(WEIGHTS);
    const own = new Random(random.next(), random.next());
    return [kind, space.anyOrder(own), space.newOrder(own), orderRow(own, 1, 2, 'x')];
  });
}

describe('the random load', () => {
  it('decides the same again for the same seed and connection, and otherwise not', () => {
    expect(decisions(42, 3)).toEqual(decisions(42, 3));
    expect(decisions(42, 3)).not.toEqual(decisions(42, 4));
    expect(decisions(42, 3)).not.toEqual(decisions(43, 3));
  });

  it('comes to every kind of work', () => {
    const random = new Random(1);
    const seen = new Set(Array.from({ length: 5000 }, () => random.weighted(WEIGHTS)));
    expect([...seen].sort()).toEqual(Object.keys(WEIGHTS).sort());
  });

  it('draws evenly from a range, both ends included', () => {
    const random = new Random(7);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) {
      const at = random.between(0, 5);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    for (const n of counts) expect(Math.abs(n - 10_000)).toBeLessThan(600);
  });

  it('gives each source ids of its own', () => {
    const random = new Random(7);
    const [first, second] = [new IdSpace(0, 1_000_000), new IdSpace(1, 1_000_000)];
    const ids = (space: IdSpace) =>
      Array.from({ length: 1000 }, () => [
        space.anyOrder(random),
        space.anyCustomer(random),
      ]).flat();
    expect(Math.max(...ids(first))).toBeLessThan(Math.min(...ids(second)));
    expect(first.orderNo(5)).not.toBe(second.orderNo(5));
  });

  it('makes rows as wide as the tables', () => {
    const random = new Random(7);
    expect(customerRow(random, 1).length).toBe(10);
    expect(orderRow(random, 1, 2, 'x').length).toBe(11);
    expect(itemRow(random, 1, 2, 3).length).toBe(8);
  });
});
