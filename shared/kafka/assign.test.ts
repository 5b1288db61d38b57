import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignSlots, type Candidate } from './assign.ts';

const members = fc
  .integer({ min: 1, max: 6 })
  .map(n => Array.from({ length: n }, (_, i) => `m${i}`));

/** Plays rounds as members do: they claim what they keep, the next round gives out the rest. */
function settle(slots: number, start: readonly Candidate[]): Map<string, number[]> {
  let claims = start;
  let spread = assignSlots(slots, claims);
  for (let round = 1; round < 5; round++) {
    claims = claims.map(c => ({
      memberId: c.memberId,
      owned: spread.get(c.memberId) ?? [],
      generation: round,
    }));
    spread = assignSlots(slots, claims);
  }
  return spread;
}

function fresh(ids: readonly string[]): Candidate[] {
  return ids.map(memberId => ({ memberId, owned: [], generation: -1 }));
}

function held(spread: Map<string, number[]>): number[] {
  return [...spread.values()].flat().sort((a, b) => a - b);
}

test('every slot is given out once, evenly, and a settled group stays as it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), members, (slots, ids) => {
      const spread = settle(slots, fresh(ids));
      expect(held(spread)).toEqual(Array.from({ length: slots }, (_, i) => i));
      const sizes = [...spread.values()].map(s => s.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      const claims = ids.map(memberId => ({
        memberId,
        owned: spread.get(memberId) ?? [],
        generation: 9,
      }));
      expect(assignSlots(slots, claims)).toEqual(spread);
    }),
  );
});

test('in no round does a slot go to a member while another one claims it', () => {
  const claim = fc.record({
    owned: fc.array(fc.nat({ max: 11 }), { maxLength: 8 }),
    generation: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(claim, { minLength: 1, maxLength: 5 }), claims => {
      const candidates = claims.map((c, i) => ({ memberId: `m${i}`, ...c }));
      const spread = assignSlots(12, candidates);
      const all = held(spread);
      expect(new Set(all).size).toBe(all.length);
      for (const [memberId, slots] of spread) {
        for (const slot of slots) {
          const claimants = candidates.filter(c => c.owned.includes(slot));
          const newest = Math.max(...claimants.map(c => c.generation));
          const own = claimants.find(c => c.memberId === memberId);
          if (claimants.length > 0) expect(own?.generation).toBe(newest);
        }
      }
    }),
  );
});

test('when a member goes, only its slots move; when one comes, only its share moves', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 30 }), members, (slots, ids) => {
      fc.pre(ids.length > 1);
      const before = settle(slots, fresh(ids));
      const rest = ids.slice(1);
      const claims = (list: readonly string[]) =>
        list.map(memberId => ({ memberId, owned: before.get(memberId) ?? [], generation: 9 }));
      const after = settle(slots, claims(rest));
      for (const id of rest) {
        expect(after.get(id)).toEqual(expect.arrayContaining(before.get(id) ?? []));
      }
      const newcomer = { memberId: 'z', owned: [], generation: -1 };
      const grown = settle(slots, [...claims(ids), newcomer]);
      for (const id of ids) {
        expect(before.get(id)).toEqual(expect.arrayContaining(grown.get(id) ?? []));
      }
    }),
  );
});
