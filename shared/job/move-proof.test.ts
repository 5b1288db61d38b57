/**
 * Which clusters may grow by which routes: nothing moves between servers that stay, and what moves
 * is the share of those that come.
 */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { jumpBucket } from '../route/jump.ts';
import { grownSlots, SLOTS, slotsByWeight } from '../route/slots.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { type MoveProblem, moveProblem } from './move-proof.ts';
import { ringOf, slotsOf } from './route-owners.ts';
import { route } from './route-schema.ts';
import type { StatedRoute } from './route-spec.ts';

const SCHEMA: TableSchema = {
  db: 'd',
  table: 't',
  columns: [
    {
      name: 'id',
      type: { kind: 'integer', bits: 32, unsigned: false },
      nullable: false,
      autoIncrement: false,
      invisible: false,
      generated: 'no',
    },
  ],
  primaryKey: [0],
  uniqueKeys: [],
};

function names(n: number): string[] {
  return Array.from({ length: n }, (_, i) => `c${i + 1}`);
}

function problem(
  was: unknown,
  is: unknown,
  [n, m]: readonly [number, number],
  schema: TableSchema | null = SCHEMA,
): MoveProblem | null {
  const [before, after] = [names(n), names(m)];
  const spec = { kind: 'moving' as const, was: route.parse(was), is: route.parse(is) };
  return moveProblem({ ...spec, before, after }, schema);
}

const HASH = { kind: 'hash', columns: ['id'] };

/** The route that a refusal proposes. */
function proposed({ fix }: MoveProblem): Extract<StatedRoute, { kind: 'hash' }> {
  const spec = route.parse(parse(fix.slice(fix.indexOf('{'))));
  if (spec.kind !== 'hash') throw new Error(spec.kind);
  return spec;
}

describe('slots', () => {
  test('by weights alone rows move between old servers; the route that is proposed moves none', () => {
    for (let n = 1; n <= 64; n++) {
      const found = problem(HASH, HASH, [n, n + 1]);
      if (n === 1) {
        // The one server gives half: nothing is in between.
        expect(found).toBeNull();
        continue;
      }
      expect(found?.what, `${n} servers`).toMatch(/the slot \d+ would move from c\d+ to c\d+/);
      if (found === null) throw new Error('accepted');
      const spec = proposed(found);
      expect(problem(HASH, spec, [n, n + 1])).toBeNull();
      const slots = slotsOf(spec, names(n + 1));
      const moved = slots.filter(owner => owner === n).length;
      expect(Math.abs(moved / SLOTS - 1 / (n + 1))).toBeLessThan(0.01 / (n + 1));
    }
  });

  test('with weights of any kind old servers give, and never get', () => {
    for (let seed = 1; seed < 400; seed++) {
      const draw = (i: number): number => 1 + (Math.imul(seed * 31 + i, 2_654_435_761) >>> 29);
      const n = 1 + (seed % 12);
      const comes = 1 + (seed % 3);
      const weights = Array.from({ length: n }, (_, i) => draw(i));
      const more = Array.from({ length: comes }, (_, i) => draw(n + i));
      const before = slotsByWeight(weights);
      const after = grownSlots(before, [...weights, ...more], n);
      const moved = after.filter((owner, slot) => owner !== before[slot]);
      expect(moved.every(owner => owner >= n)).toBe(true);
      const total = [...weights, ...more].reduce((a, b) => a + b, 0);
      more.forEach((weight, i) => {
        const share = moved.filter(owner => owner === n + i).length / SLOTS;
        expect(Math.abs(share - weight / total)).toBeLessThan(0.01);
      });
    }
  });
});

test('a jump hash and a ring without weights grow by any number; a weighted ring may not', () => {
  const jump = { kind: 'jump', columns: ['id'] };
  const ring = { kind: 'ring', columns: ['id'] };
  for (let n = 1; n < 64; n++) {
    expect(problem(jump, jump, [n, n + 1])).toBeNull();
    expect(problem(ring, ring, [n, n + 1]), `${n}`).toBeNull();
    for (let key = 0; key < 500; key++) {
      const [high, low] = [Math.imul(key, 2_654_435_761) >>> 0, key];
      const [was, is] = [jumpBucket(high, low, n), jumpBucket(high, low, n + 1)];
      expect(was === is || is === n).toBe(true);
    }
  }
  const weighted = (n: number): object => ({
    ...ring,
    weights: Object.fromEntries(names(n).map(name => [name, 1])),
  });
  const found = names(64).flatMap(
    (_, i) => problem(weighted(i + 1), weighted(i + 2), [i + 1, i + 2]) ?? [],
  );
  expect(found[0]?.what).toMatch(/the arc of the ring up to \d+ would move from c\d+ to c\d+/);
  // The share of a ring's server is what its points are, not less.
  const one = ringOf(route.parse(ring) as Extract<StatedRoute, { kind: 'ring' }>, names(5));
  expect(one.points.length).toBe(5 * 160);
});

test.each<[string, unknown, unknown, readonly [number, number], RegExp | null]>([
  ['a modulus that is doubled', 'modulus', 'modulus', [2, 4], null],
  [
    'a modulus of one more',
    'modulus',
    'modulus',
    [2, 3],
    /the value 2 would move from c1 to c3|the value \d would move from c\d to c\d/,
  ],
  [
    'a range that is cut',
    { ranges: [{ below: 100, target: 'c1' }, { target: 'c2' }] },
    { ranges: [{ below: 50, target: 'c1' }, { below: 100, target: 'c3' }, { target: 'c2' }] },
    [2, 3],
    null,
  ],
  [
    'a bound that moves between old servers',
    { ranges: [{ below: 100, target: 'c1' }, { target: 'c2' }] },
    { ranges: [{ below: 90, target: 'c1' }, { below: 200, target: 'c2' }, { target: 'c3' }] },
    [2, 3],
    /values from 90 on would move from c1 to c2/,
  ],
  [
    'bounds as numbers',
    { ranges: [{ below: 9, target: 'c1' }, { target: 'c2' }] },
    { ranges: [{ below: 9, target: 'c1' }, { below: 10, target: 'c3' }, { target: 'c2' }] },
    [2, 3],
    null,
  ],
  [
    'a value that is listed for a new server',
    { values: { c1: [1, 2], c2: [3] } },
    { values: { c1: [1], c2: [3], c3: [2] } },
    [2, 3],
    null,
  ],
  [
    'a value that changes hands',
    { values: { c1: [1, 2], c2: [3] } },
    { values: { c1: [1], c2: [3, 2] } },
    [2, 3],
    /the value 2 would move from c1 to c2/,
  ],
  [
    'a value that nobody had',
    { values: { c1: [1] } },
    { values: { c1: [1], c3: [9] } },
    [2, 3],
    /the value 9 would move from no server to c3/,
  ],
  [
    'an otherwise that changes',
    { values: { c1: [1] }, otherwise: 'c2' },
    { values: { c1: [1], c2: [7] }, otherwise: 'c3' },
    [2, 3],
    null,
  ],
  [
    'routes that are the same',
    { ranges: [{ below: 9, target: 'c1' }, { target: 'c2' }] },
    { ranges: [{ below: 9, target: 'c1' }, { target: 'c2' }] },
    [2, 3],
    /no row moves/,
  ],
])('%s', (_, was, is, counts, wrong) => {
  const spec = (x: unknown): unknown => {
    if (x === 'modulus') return { kind: 'modulus', column: 'id' };
    const kind = typeof x === 'object' && x !== null && 'ranges' in x ? 'range' : 'list';
    return { kind, column: 'id', ...(x as object) };
  };
  const found = problem(spec(was), spec(is), counts);
  if (wrong === null) expect(found).toBeNull();
  else expect(found?.what).toMatch(wrong);
});

test('routes of two kinds, or by two columns, cannot be compared', () => {
  const other = { kind: 'jump', columns: ['id'] };
  expect(problem(HASH, other, [2, 3], null)?.what).toMatch(
    /is hash by id, the route after it jump/,
  );
  expect(problem(HASH, { kind: 'hash', columns: ['x'] }, [2, 3], null)?.what).toMatch(/hash by x/);
});
