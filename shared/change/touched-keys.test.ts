import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TouchedKeys } from './touched-keys.ts';

test('property: it is a map from bytes to number', () => {
  const key = fc.uint8Array({ minLength: 0, maxLength: 11 });
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat()), { maxLength: 400 }), writes => {
      const keys = new TouchedKeys(1 << 20);
      const model = new Map<string, number>();
      for (const [bytes, value] of writes) {
        expect(keys.set(bytes, 0, bytes.length, value)).toBe(true);
        model.set(Buffer.from(bytes).toString('hex'), value);
      }
      expect(keys.count).toBe(model.size);
      for (const [hex, value] of model) {
        const inside = Buffer.from(`ff${hex}ff`, 'hex');
        expect(keys.get(inside, 1, inside.length - 1)).toBe(value);
      }
      expect(keys.get(Buffer.from('not there at all'), 0, 16)).toBe(-1);
    }),
  );
});

test('it stays below its limit and says when it is full', () => {
  const limit = 64 * 1024;
  const keys = new TouchedKeys(limit);
  const key = Buffer.alloc(8);
  let n = 0;
  for (; n < 100_000; n++) {
    key.writeDoubleBE(n);
    if (!keys.set(key, 0, 8, n)) break;
  }
  expect(keys.bytes).toBeLessThanOrEqual(limit);
  expect(n).toBeGreaterThan(1000);
  for (let i = 0; i < n; i++) {
    key.writeDoubleBE(i);
    expect(keys.get(key, 0, 8)).toBe(i);
  }
  key.writeDoubleBE(0);
  expect(keys.set(key, 0, 8, 77)).toBe(true);
  expect(keys.get(key, 0, 8)).toBe(77);
});
