/**
 * I11 with a way back: over, back and over again, killed or failed at whatever step. The
 * application can write on one side alone, and rows are carried from there, or that is tried again.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOver, legOf } from '../../../shared/job/state/cutover.ts';
import { WayBackWorld } from '../../../test/support/way-back-world.ts';
import { passageOf, refusal } from './verb.ts';

const VERBS = ['begin', 'rollback', 'begin', 'rollback'] as const;

/** `n` journeys that go through. */
async function gone(n: number): Promise<WayBackWorld> {
  const world = new WayBackWorld();
  for (const verb of VERBS.slice(0, n)) expect(await world.carryOut(verb)).toBeNull();
  return world;
}

/** One side is open, the other one takes our writes alone, and a leg carries rows there. */
function expectWhole(world: WayBackWorld): void {
  const run = world.view.cutoverRun;
  expect(world.faults).toEqual([]);
  const over = isOver(run);
  // Before the first journal nobody has frozen the targets.
  if (run?.leg == null) {
    expect(world.open).toEqual(['s1', 't1']);
    return;
  }
  expect(world.open).toEqual([over ? 't1' : 's1']);
  expect(world.servers.get(over ? 's1' : 't1')).toMatchObject({ isFrozen: false, isHeld: true });
  expect(legOf(run, over ? 'back' : 'over')?.number).toBe(run.leg.number);
  expect(legOf(run, over ? 'over' : 'back')).toBeNull();
}

test('over, back and over again: each journal turns the way, and begins a leg', async () => {
  const world = await gone(4);
  expectWhole(world);
  expect(world.view.cutoverRun?.leg).toMatchObject({
    number: 5,
    carries: 'over',
    begins: { 's1.shop.orders': [5] },
  });
  expect(await world.carryOut('rollback'), 'a rerun is done').toBeNull();
  expect(world.view.cutoverRun?.leg?.number).toBe(5);
});

test('killed after any deed of a journey: undone or finished, and the next try goes through', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(3), fc.nat(45), async (before, deeds) => {
      const world = await gone(before);
      const verb = VERBS[before] ?? 'begin';
      world.dieAfter = world.deeds + deeds;
      await world.carryOut(verb);
      expectWhole(world);
      expect(await world.carryOut(verb)).toBeNull();
      expectWhole(world);
      expect(world.view.cutoverRun?.leg?.number).toBe(before + 2);
    }),
    { numRuns: 200 },
  );
});

test('a step that fails, whichever: all is as before, or it is finished; a retry succeeds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(3), fc.integer({ min: 1, max: 45 }), async (before, deed) => {
      const world = await gone(before);
      const verb = VERBS[before] ?? 'begin';
      world.failAt = world.deeds + deed;
      await world.carryOut(verb);
      world.failAt = Number.POSITIVE_INFINITY;
      expect(world.faults).toEqual([]);
      await expect.poll(() => world.carryOut(verb), { timeout: 8000, interval: 500 }).toBeNull();
      await expect.poll(() => settled(world, verb), { timeout: 8000, interval: 500 }).toBe(true);
      expectWhole(world);
      expect(world.view.cutoverRun?.leg?.number).toBe(before + 2);
    }),
    { numRuns: 60 },
  );
});

/** A rerun of what is done gives control the time to open the leg. */
async function settled(world: WayBackWorld, verb: 'begin' | 'rollback'): Promise<boolean> {
  await world.carryOut(verb);
  return world.view.cutoverRun?.leg?.isOpen === true;
}

test('a server that is away keeps the leg shut, not the application out; the reason is told', async () => {
  const world = new WayBackWorld();
  const t1 = world.servers.get('t1');
  world.request('begin');
  if (t1 === undefined) throw new Error('t1');
  // Away from the moment on at which the sinks are to be shut out of it.
  Object.defineProperty(t1, 'leg', {
    get: () => 1,
    set: () => {
      throw new Error('away');
    },
  });
  expect(await world.carryOut('begin')).toBeNull();
  const run = world.view.cutoverRun;
  expect(run).toMatchObject({ stage: 'switched', leg: { isOpen: false } });
  expect(run?.why).toMatch(/rows are not carried the other way yet/);
  expect(legOf(run, 'back')).toBeNull();
  expect(world.servers.get('s1')).toMatchObject({ isFrozen: true });
  expect(await world.carryOut('rollback')).toMatch(/not carried this way yet/);
});

test('nobody goes back who has not gone, or whose job is finished', async () => {
  const world = new WayBackWorld();
  expect(await world.carryOut('rollback')).toMatch(/on the sources already/);
  expect(await world.carryOut('begin')).toBeNull();
  expect(await world.carryOut('cancel')).toMatch(/the journal is written/);
  expect(await world.carryOut('finish')).toBeNull();
  expect(legOf(world.view.cutoverRun, 'back')).toBeNull();
  expect(await world.carryOut('rollback')).toMatch(/finished/);
});

test('a marker that does not come back: nothing is frozen, and the reason is told', async () => {
  const world = new WayBackWorld();
  world.lacks = 'the log of t1 lacks transactions that the server has';
  for (const verb of ['begin', 'rehearse'] as const) {
    expect(await world.carryOut(verb)).toMatch(/not come back within 1 s: the log of t1 lacks/);
  }
  expect(world.marks).toBe(2);
  expect(world.runs).toEqual([]);
  world.lacks = null;
  expect(await world.carryOut('begin')).toBeNull();
  world.lacks = 'the log of s1 lacks transactions that the server has';
  expect(await world.carryOut('rollback')).toMatch(/not come back within 1 s: the log of s1 lacks/);
  expect(world.open).toEqual(['t1']);
});

test('a move is given up after a rollback: targets are released, or stay as they are', async () => {
  for (const release of [false, true]) {
    const world = new WayBackWorld();
    expect(await world.carryOut('begin')).toBeNull();
    expect(await world.carryOut('rollback')).toBeNull();
    expect(passageOf(world.view)).toBe('returned');
    expect(refusal('finish', 'returned')).toBeNull();
    expect(await world.carryOut('finish', release)).toBeNull();
    const run = world.view.cutoverRun;
    expect(isOver(run)).toBe(false);
    expect([legOf(run, 'over'), legOf(run, 'back')]).toEqual([null, null]);
    expect(world.open).toEqual(release ? ['s1', 't1'] : ['s1']);
    const passage = passageOf(world.view);
    for (const verb of ['repair', 'verify', 'cutover', 'rollback'] as const) {
      expect(refusal(verb, passage), verb).toMatch(/stays on the sources/);
    }
    expect([refusal('drop', passage), refusal('finish', passage)]).toEqual([null, null]);
    expect(await world.carryOut('begin')).toMatch(/finished/);
  }
});
