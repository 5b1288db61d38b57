/**
 * I11 for fences that a record has to tell of: what was locked is unlocked again by whoever comes
 * after, whenever its control dies, and nothing that others had locked; and a hook that does not
 * say what it has done is neither believed nor forgotten.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { Died, ID, World } from '../../../test/support/cutover-world.ts';

/** Controls, one after the other, until one has nothing more to do. */
async function carryOut(world: World): Promise<World> {
  for (let terms = 0; terms < 6; terms++) {
    try {
      const control = world.control();
      for (let turn = 0; turn < 3; turn++) await control.step();
      return world;
    } catch (e) {
      if (!(e instanceof Died) && !(e instanceof ReshardError)) throw e;
      world.dieAfter = Number.POSITIVE_INFINITY;
    }
  }
  throw new Error('no control comes to an end');
}

const whole = async (how: Partial<World>): Promise<World> => {
  const world = Object.assign(new World(), how);
  world.request('begin', { id: ID });
  return await carryOut(world);
};

describe('accounts', () => {
  test('killed after any deed: as they were, or locked behind a journal', async () => {
    const ends = { undone: 0, switched: 0 };
    await fc.assert(
      fc.asyncProperty(fc.nat(45), fc.boolean(), async (dieAfter, isLastDone) => {
        const world = await whole({ fencedBy: 'accounts', dieAfter, isLastDone });
        const hasJournal = world.runs.some(r => r.journalMs !== null);
        const wanted = hasJournal ? ['app@%', 'batch@%', 'old@%'] : ['old@%'];
        for (const locked of world.locked.values()) expect([...locked].sort()).toEqual(wanted);
        ends[hasJournal ? 'switched' : 'undone'] += 1;
      }),
      { numRuns: 200 },
    );
    for (const n of Object.values(ends)) expect(n, JSON.stringify(ends)).toBeGreaterThan(0);
  });

  test('a release unlocks those that were locked at the freeze', async () => {
    const world = await whole({ fencedBy: 'accounts' });
    expect(world.runs.at(-1)?.stage).toBe('switched');
    for (const locked of world.locked.values()) locked.add('late@%');
    world.request('finish', { release: true });
    await carryOut(world);
    for (const locked of world.locked.values()) expect([...locked]).toEqual(['old@%', 'late@%']);
  });
});

describe('a hook', () => {
  test('that does not say what it has done, and has done it: the probe is refused, it goes on', async () => {
    const world = await whole({ fencedBy: 'hook', silentHook: 'done' });
    expect(world.answer(ID)).toBeNull();
    expect(world.runs.at(-1)?.stage).toBe('switched');
  });

  test('that does not say it, and has not: the probe gets through, it is undone by thaw', async () => {
    const world = await whole({ fencedBy: 'hook', silentHook: 'undone' });
    expect(world.answer(ID)).toMatch(/an ordinary account can write to s1/);
    expect(world.runs.at(-1)?.stage).toBe('undone');
    expect(world.hooked).toEqual(['freeze s1', 'freeze s2', 'thaw s1', 'thaw s2']);
  });

  test('whose status nobody knows lets no cutover begin, nor a rehearsal be whole', async () => {
    for (const action of ['begin', 'rehearse']) {
      const world = Object.assign(new World(), { fencedBy: 'hook', unclear: 'exit code 1' });
      world.request(action, { id: ID });
      await carryOut(world);
      expect(world.answer(ID)).toBe('the fence of s1: exit code 1');
      expect([world.hooked, world.events]).toEqual([[], []]);
    }
  });

  test('killed after any deed: what was begun to freeze is thawed, unless there is a journal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(45), fc.boolean(), async (dieAfter, isLastDone) => {
        const world = await whole({ fencedBy: 'hook', dieAfter, isLastDone });
        const hasJournal = world.runs.some(r => r.journalMs !== null);
        const last = (s: string): string | undefined =>
          world.hooked.filter(h => h.endsWith(s)).at(-1);
        const begun = ['s1', 's2'].filter(s => last(s) !== undefined);
        const wanted = begun.map(s => `${hasJournal ? 'freeze' : 'thaw'} ${s}`);
        expect(begun.map(last)).toEqual(wanted);
        expect(world.frozen).toEqual(hasJournal ? ['s1', 's2'] : []);
      }),
      { numRuns: 100 },
    );
  });
});
