import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jumpBucket } from './jump.ts';

/** The published function as it stands, on BigInt. */
function published(key: bigint, buckets: number): number {
  let state = key;
  let [bucket, next] = [-1, 0];
  while (next < buckets) {
    bucket = next;
    state = BigInt.asUintN(64, state * 2_862_933_555_777_941_757n + 1n);
    next = Math.trunc((bucket + 1) * (2 ** 31 / (Number(state >> 33n) + 1)));
  }
  return bucket;
}

function ofKey(key: bigint, buckets: number): number {
  return jumpBucket(Number(key >> 32n), Number(key & 0xffff_ffffn), buckets);
}

const KEYS = Array.from({ length: 40_000 }, (_, i) => {
  const digest = hash('sha256', `${i}`, 'buffer');
  return [digest.readUInt32BE(0), digest.readUInt32BE(4)] as const;
});

describe('jump hash', () => {
  // tests/queries/0_stateless/00580_consistent_hashing_functions of ClickHouse/ClickHouse, and
  // tests/test_jump.py of lithammer/python-jump-consistent-hash.
  test.each([
    [1n, 1, 0],
    [42n, 57, 43],
    [256n, 1024, 520],
    [0xdead10ccn, 1, 0],
    [0xdead10ccn, 666, 361],
    [16_045_690_984_833_335_023n, 255, 237],
  ])('of %s over %i buckets is %i, as published', (key, buckets, bucket) => {
    expect(ofKey(key, buckets)).toBe(bucket);
  });

  test('is the published function for every key and number of buckets', () => {
    const key = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(key, fc.integer({ min: 1, max: 65_536 }), (k, n) => {
        expect(ofKey(k, n)).toBe(published(k, n));
      }),
      { numRuns: 3000 },
    );
  });

  test('one more target takes its share from all others, and no row moves between those', () => {
    let before = KEYS.map(() => 0);
    for (let n = 2; n <= 64; n++) {
      const after = KEYS.map(([high, low]) => jumpBucket(high, low, n));
      const moved = after.filter((bucket, i) => bucket !== before[i]);
      expect(moved.every(bucket => bucket === n - 1)).toBe(true);
      expect(Math.abs(moved.length / KEYS.length - 1 / n), `to ${n}`).toBeLessThan(0.01);
      before = after;
    }
    const counts = Array.from({ length: 64 }, (_, t) => before.filter(b => b === t).length);
    const mean = KEYS.length / 64;
    expect(Math.max(...counts)).toBeLessThan(1.15 * mean);
    expect(Math.min(...counts)).toBeGreaterThan(0.85 * mean);
  });
});
