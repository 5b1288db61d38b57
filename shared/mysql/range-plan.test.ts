import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divide, rangesOf } from './range-plan.ts';

describe('ranges between bounds', () => {
  it('cover every key once: open at both ends, each begins where its predecessor ends', () => {
    const [a, b] = [Buffer.from('a'), Buffer.from('b')];
    expect(rangesOf([a, a, b])).toEqual([
      { id: 0, after: null, upTo: a },
      { id: 1, after: a, upTo: b },
      { id: 2, after: b, upTo: null },
    ]);
    expect(rangesOf([])).toEqual([{ id: 0, after: null, upTo: null }]);
  });
});

describe('dividing a span of integers', () => {
  it('gives ascending values inside it, fewer when there is no room', () => {
    const any = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(any, any, fc.integer({ min: 2, max: 300 }), (x, y, count) => {
        const [min, max] = x < y ? [x, y] : [y, x];
        const values = divide(min, max, count);
        expect(values.length).toBeLessThan(count);
        values.forEach((v, i) => {
          expect(v >= min && v < max).toBe(true);
          expect(i === 0 || v > (values[i - 1] ?? v)).toBe(true);
        });
      }),
    );
    expect(divide(0n, 100n, 4)).toEqual([25n, 50n, 75n]);
    expect(divide(5n, 5n, 4)).toEqual([]);
  });
});
