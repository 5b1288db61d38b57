import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from './bytes.ts';

const EDGES = [0n, 1n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 63n - 1n, -(2n ** 63n)];

/** Avro's long by its definition: zig-zag, then seven bits a byte, low ones first. */
function zigzag(v: bigint): Buffer {
  const bytes: number[] = [];
  for (let z = v >= 0n ? v * 2n : -v * 2n - 1n; ; z /= 128n) {
    bytes.push(Number(z % 128n) + (z > 127n ? 128 : 0));
    if (z <= 127n) return Buffer.from(bytes);
  }
}

test('a 64-bit number of any size is written and read as Avro defines it', () => {
  const max = 2n ** 63n - 1n;
  const longs = fc.oneof(fc.bigInt({ min: -max - 1n, max }), fc.constantFrom(...EDGES));
  const ofAnySize = fc.tuple(longs, fc.integer({ min: 0, max: 63 }));
  fc.assert(
    fc.property(ofAnySize, ([long, shift]) => {
      const v = long >> BigInt(shift);
      const out = new ByteWriter(1);
      out.varlong(v);
      expect(out.take()).toEqual(zigzag(v));
      expect(new ByteReader(out.take()).varlong()).toBe(v);
    }),
  );
});
