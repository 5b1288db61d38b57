import { createHash, hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Ring } from './ring.ts';

function servers(count: number): { name: string; target: number }[] {
  return Array.from({ length: count }, (_, target) => ({ name: `shard-${target}:3306`, target }));
}

const KEYS = Array.from({ length: 5_000 }, (_, i) => Buffer.from(`${i}`));

function shares(ring: Ring): number[] {
  const targets = KEYS.map(k => ring.targetOf(k));
  const count = Math.max(...ring.targets) + 1;
  return Array.from({ length: count }, (_, t) => targets.filter(x => x === t).length / KEYS.length);
}

describe('the ring', () => {
  const MILLION = { timeout: 180_000 };
  test('has the points of libketama, and finds its servers for a million keys', MILLION, () => {
    // ketama.servers, libketama/ketama_test.c and the MD5 in libketama/test.sh of RJ/ketama.
    const weights = [600, 300, 200, 350, 1000, 800, 950, 100];
    const names = weights.map((_, i) => `10.0.1.${i + 1}:11211`);
    const ring = new Ring(
      names.map((name, target) => ({ name, target })),
      weights,
    );
    const printed = createHash('md5');
    let lines = '\n';
    for (let i = 0; i < 1_000_000; i++) {
      const value = hash('md5', `${i}`, 'buffer').readUInt32LE(0);
      const at = ring.indexOf(value);
      lines += `${value} ${ring.points[at]} ${names[ring.targets[at] ?? -1]}\n`;
      if (lines.length < 65_536) continue;
      printed.update(lines);
      lines = '';
    }
    expect(printed.update(lines).digest('hex')).toBe('5672b131391f5aa2b280936aec1eea74');
  });

  test('gives a weight the hashes that libketama gives it', () => {
    // python_ketama/tests.py of RJ/ketama.
    const two = ['127.0.0.1:11211', '127.0.0.1:11212'];
    const ring = new Ring(
      two.map((name, target) => ({ name, target })),
      [600, 400],
    );
    expect(ring.points.length).toBe(160 * 2);
    const test = hash('md5', 'test', 'buffer').readUInt32LE(0);
    expect(test).toBe(3_446_378_249);
    expect(ring.points[ring.indexOf(test)]).toBe(3_454_255_383);
    expect(two[ring.targetOf(Buffer.from('test'))]).toBe('127.0.0.1:11211');
    // So says its formula in C: a hash too few for each of 61 equal weights, none for 7.
    const equal = (n: number) => new Ring(servers(n), new Array(n).fill(600)).points.length;
    expect([equal(7), equal(61)]).toEqual([7 * 40 * 4, 61 * 39 * 4]);
    expect(() => new Ring([], [])).toThrow(/no target of the ring/);
  });

  test('a value behind the last point belongs to the first one, one on a point to that', () => {
    const ring = new Ring(servers(3), null);
    expect(ring.indexOf(0xffff_ffff)).toBe(0);
    expect(ring.indexOf(0)).toBe(0);
    expect([...ring.points].map(p => ring.indexOf(p))).toEqual([...ring.points.keys()]);
  });

  test('one more server of equal weight takes rows from all others, and nothing else moves', () => {
    // Computed as libketama does it, 7 and 61 servers are where others lose points.
    for (const n of [1, 6, 13, 60, 63]) {
      const [before, after] = [new Ring(servers(n), null), new Ring(servers(n + 1), null)];
      expect(after.points.length, 'points').toBe(160 * (n + 1));
      // A point that the new server has too may be either's: it is the earlier one's.
      const strays = [...before.points].filter((point, i) => {
        return after.targets[after.indexOf(point)] !== before.targets[i];
      });
      for (const point of strays) expect(after.targets[after.indexOf(point)]).toBe(n);
      const moved = KEYS.filter(k => after.targetOf(k) !== before.targetOf(k));
      expect(moved.every(k => after.targetOf(k) === n)).toBe(true);
      expect(moved.length / KEYS.length).toBeGreaterThan(0.5 / (n + 1));
      expect(moved.length / KEYS.length).toBeLessThan(1.6 / (n + 1));
    }
  });

  test('equal servers have shares near their own, double weight about double', () => {
    for (const share of shares(new Ring(servers(4), null))) {
      expect(share).toBeGreaterThan(0.25 * 0.75);
      expect(share).toBeLessThan(0.25 * 1.25);
    }
    const [first = 0, second = 0] = shares(new Ring(servers(2), [2, 1]));
    expect(first / second).toBeGreaterThan(1.6);
    expect(first / second).toBeLessThan(2.5);
  });

  test('the servers of known values never change: rows lie by them', () => {
    const ring = new Ring(servers(3), null);
    const known = ['', '1', '42', 'customer-7', 'ß', '2:ab1:c'];
    expect(known.map(k => ring.targetOf(Buffer.from(k)))).toMatchInlineSnapshot(`
      [
        0,
        2,
        1,
        0,
        0,
        2,
      ]
    `);
  });
});
