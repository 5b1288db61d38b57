/**
 * I11 for the steps of a cutover: killed at whatever step, with the last deed done or not, its
 * sources take writes again unless the journal is written, and from then on it is finished.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CutoverRequest } from '../../../shared/job/state/cutover.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { Died, ID, World } from '../../../test/support/cutover-world.ts';
import { forecastStop } from './forecast.ts';

/** Controls, one after the other, until one has nothing more to do. */
async function carryOut(world: World): Promise<void> {
  for (let terms = 0; terms < 6; terms++) {
    try {
      const control = world.control();
      for (let turn = 0; turn < 3; turn++) await control.step();
      return;
    } catch (e) {
      if (!(e instanceof Died) && !(e instanceof ReshardError)) throw e;
      world.dieAfter = Number.POSITIVE_INFINITY;
    }
  }
  throw new Error('no control comes to an end');
}

const BEFORE = { super_read_only: 'OFF' };

test('killed after any deed: undone, or finished; never frozen without a journal', async () => {
  const ends = { undone: 0, switched: 0 };
  await fc.assert(
    fc.asyncProperty(fc.nat(45), fc.boolean(), async (dieAfter, isLastDone) => {
      const world = new World();
      Object.assign(world, { dieAfter, isLastDone });
      Object.assign(world.servers.get('s2') ?? {}, { persisted: { ...BEFORE } });
      world.request('begin', { id: ID });
      await carryOut(world);
      const run = world.view.cutoverRun;
      const hasJournal = world.runs.some(r => r.journalMs !== null);
      expect(run?.stage ?? 'none').toBe(run === null ? 'none' : hasJournal ? 'switched' : 'undone');
      expect(world.frozen).toEqual(hasJournal ? ['s1', 's2'] : []);
      expect(world.opened > 0).toBe(hasJournal);
      expect(world.opened).toBeLessThanOrEqual(2);
      if (!hasJournal) {
        const persisted = [...world.servers.values()].map(s => s.persisted);
        expect(persisted).toEqual([{}, BEFORE]);
      }
      expect(world.answer(ID), 'the operator has an answer').not.toBeUndefined();
      if (hasJournal) ends.switched += 1;
      else ends.undone += 1;
    }),
    { numRuns: 300 },
  );
  for (const n of Object.values(ends)) expect(n, JSON.stringify(ends)).toBeGreaterThan(0);
});

describe('before the journal whatever fails undoes itself', () => {
  const whole = async (spoil: (w: World) => void): Promise<World> => {
    const world = new World();
    spoil(world);
    world.request('begin', { id: ID });
    await world.control().step();
    return world;
  };

  test('a whole one: frozen, drained, journal, then the open command', async () => {
    const world = await whole(() => {});
    expect(world.events).toEqual(['freezing', 'opening', 'open', 'switched']);
    expect(world.answer(ID)).toBeNull();
    expect(world.runs.at(-1)?.sources.map(s => s.position)).toEqual(['s1:1-9', 's2:1-9']);
    expect(world.runs.at(-1)?.targets).toEqual({ t1: 't1:1-5' });
  });

  test.each<[string, (w: World) => void, RegExp]>([
    ['a shut gate', w => Object.assign(w, { shut: true }), /lag t1 \(shut\): far/],
    [
      'a source that somebody else has frozen',
      w => Object.assign(w.servers.get('s2') ?? {}, { isFrozen: true }),
      /somebody else has frozen s2/,
    ],
    [
      'a source whose server another job is freezing',
      w => Object.assign(w, { isClaimed: true }),
      /another job is freezing the server of s1/,
    ],
    [
      'a source that its own restart would freeze',
      w => Object.assign(w.servers.get('s2')?.persisted ?? {}, { super_read_only: 'ON' }),
      /super_read_only of s2 is persisted ON/,
    ],
    [
      'a source that is away',
      w => Object.assign(w.servers.get('s2') ?? {}, { isAway: true }),
      /away/,
    ],
  ])('%s: nothing is touched', async (name, spoil, why) => {
    const world = await whole(spoil);
    expect(world.events).toEqual([]);
    expect(world.servers.get('s1')?.isFrozen).toBe(false);
    expect(world.servers.get('s2')?.isFrozen).toBe(name.includes('has frozen'));
    expect(world.answer(ID)).toMatch(why);
  });

  test.each<[string, (w: World) => void, RegExp]>([
    [
      'a statement that does not end',
      w => Object.assign(w.servers.get('s1') ?? {}, { busy: 9 }),
      /kept s1 from being frozen in 2 tries/,
    ],
    [
      'a log that gives no answer',
      w => Object.assign(w, { isLogSilent: true }),
      /not drained within 1 s: a question has no answer/,
    ],
    ['a target that does not drain', w => Object.assign(w, { lacks: 'rows' }), /not drained.*rows/],
    [
      'an account that can write all the same',
      w => Object.assign(w, { led: 'through' }),
      /an ordinary account can write to s1/,
    ],
    [
      'an account that a proxy leads to another server',
      w => Object.assign(w, { led: 'elsewhere' }),
      /has met another server/,
    ],
    [
      'a probe that hangs',
      w => Object.assign(w, { hangs: true }),
      /probe did not answer within 3000/,
    ],
    ['an XA transaction', w => Object.assign(w, { preparedXa: 1 }), /1 XA transactions of s1/],
    [
      'a check that finds a difference',
      w => Object.assign(w, { doubt: 'orders' }),
      /proven: orders/,
    ],
    ['ids that are too low', w => Object.assign(w, { lowIds: true }), /ids t1 \(shut\): low/],
  ])('%s', async (_, spoil, why) => {
    const world = await whole(spoil);
    expect(world.events).toEqual(['freezing', 'undone']);
    expect(world.frozen).toEqual([]);
    expect(world.answer(ID)).toMatch(why);
  });

  test('a try that was held up is made again', async () => {
    const world = await whole(w => Object.assign(w.servers.get('s1') ?? {}, { busy: 1 }));
    expect(world.answer(ID)).toBeNull();
  });

  test('somebody who lifts the freeze meanwhile is noticed, at whatever step', async () => {
    const whenJournaled = (await whole(() => {})).journaledAt;
    // The freeze of s1 is deed 9; the last look at it comes two deeds before the journal.
    for (let liftAfter = 11; liftAfter < whenJournaled - 1; liftAfter++) {
      const world = await whole(w => Object.assign(w, { liftAfter }));
      expect(world.answer(ID), `lifted after ${liftAfter} deeds`).toMatch(/frozen|lifted/);
      expect(world.frozen).toEqual([]);
    }
  });

  test('a cancel that comes meanwhile', async () => {
    const world = new World();
    world.request('begin', { id: ID, requestedMs: Date.now() - 5 });
    world.lacks = 'rows';
    const going = world.control().step();
    world.request('cancel');
    await going;
    await world.control().step();
    expect(world.answer(ID)).toMatch(/cancelled by ann/);
    expect(world.answer('cancel-1')).toBeNull();
    expect(world.frozen).toEqual([]);
  });
});

test('a source that is away while it is undone is tried until it is back; the other is open', async () => {
  const world = new World();
  world.request('begin', { id: ID });
  world.lacks = 'rows';
  const s2 = world.servers.get('s2');
  const going = world.control().step();
  for (let i = 0; i < 200 && world.frozen.length < 2; i++) await Promise.resolve();
  Object.assign(s2 ?? {}, { isAway: true });
  await expect(going).rejects.toThrow('away');
  expect(world.frozen).toEqual(['s2']);
  expect(world.view.cutoverRun?.stage).toBe('freezing');
  Object.assign(s2 ?? {}, { isAway: false });
  await world.control().step();
  expect(world.frozen).toEqual([]);
  expect(world.view.cutoverRun?.stage).toBe('undone');
});

test.each([
  ['is left as it is', false],
  ['takes writes where the freeze is signed', true],
])('another server at the address %s, and the operator is told', async (_, isSigned) => {
  const world = new World();
  world.isSigned = isSigned;
  world.request('begin', { id: ID });
  world.dieAfter = 12;
  await expect(world.control().step()).rejects.toThrow(Died);
  Object.assign(world.servers.get('s1') ?? {}, { uuid: 'other', isFrozen: true });
  world.dieAfter = Number.POSITIVE_INFINITY;
  Object.assign(world, { runs: [] });
  await world
    .control()
    .step()
    .catch(() => {});
  expect(world.servers.get('s1')?.isFrozen).toBe(!isSigned);
  expect(world.servers.get('s2')?.isFrozen).toBe(false);
  if (!isSigned) return;
  expect(world.answer(ID)).toMatch(/s1 is another server by now \(other\), which takes writes/);
  expect(world.answer(ID)).toMatch(/\(s1-uuid\) may still be: by hand/);
});

test('a control that is stopped at whatever deed and wakes up after the journal lifts nothing', async () => {
  let stops = 0;
  for (let stopAfter = 1; stopAfter <= 45; stopAfter++) {
    for (const isLastDone of [true, false]) {
      const world = new World();
      Object.assign(world, { stopAfter, isLastDone });
      world.request('begin', { id: ID, requestedMs: Date.now() - 5 });
      const late = world.control().step().catch(String);
      if ((await Promise.race([world.stopped.promise.then(() => 'stopped'), late])) === 'stopped') {
        stops += 1;
      }
      world.stopAfter = Number.POSITIVE_INFINITY;
      const next = world.control();
      await next.step();
      world.request('begin', { id: 'again' });
      await next.step();
      const where = `stopped after ${stopAfter} deeds`;
      expect(world.view.cutoverRun?.stage, where).toBe('switched');
      world.woken.resolve();
      await late;
      expect(world.frozen, where).toEqual(['s1', 's2']);
      expect(world.view.cutoverRun?.stage, where).toBe('switched');
    }
  }
  expect(stops).toBeGreaterThan(20);
});

test.each([
  ['durable', 'switched'],
  ['lost', 'undone'],
] as const)(
  'a journal that nobody acknowledges, and is %s: the record decides',
  async (how, end) => {
    const world = new World();
    world.silentJournal = how;
    world.request('begin', { id: ID });
    await expect(world.control().step()).rejects.toThrow('no answer');
    // Nothing is undone by guess.
    expect(world.frozen).toEqual(['s1', 's2']);
    world.silentJournal = null;
    await world.control().step();
    expect(world.view.cutoverRun?.stage).toBe(end);
    expect(world.frozen).toEqual(end === 'switched' ? ['s1', 's2'] : []);
  },
);

describe('the open command', () => {
  test('one that fails is run again when the operator asks; no step back', async () => {
    const world = new World();
    world.openFails = 1;
    world.request('begin', { id: ID });
    await world.control().step();
    expect(world.answer(ID)).toMatch(/journal is written.*the open command: failed/);
    expect(world.view.cutoverRun?.stage).toBe('unopened');
    expect(world.frozen).toEqual(['s1', 's2']);
    world.request('cancel', { id: 'cancel-1' });
    world.request('begin', { id: 'again' });
    await world.control().step();
    expect(world.answer('cancel-1')).toMatch(/no way back/);
    expect(world.answer('again')).toBeNull();
    expect(world.view.cutoverRun?.stage).toBe('switched');
    expect(world.opened).toBe(2);
  });
});

describe('a rehearsal', () => {
  test('freezes nothing, and leaves its times; the last ten are kept', async () => {
    const world = new World();
    for (let i = 0; i < 12; i++) {
      world.request('rehearse', { id: `rehearse-${i}` });
      await world.control().step();
      expect(world.answer(`rehearse-${i}`)).toBeNull();
    }
    expect(world.events).toEqual([]);
    expect(world.frozen).toEqual([]);
    expect(world.view.cutoverRun).toBeNull();
    const list = world.view.rehearsals?.list ?? [];
    expect(list.map(r => r.id)).toEqual(Array.from({ length: 10 }, (_, i) => `rehearse-${i + 2}`));
    const inside = list[0]?.steps.filter(s => s.step !== 'gates') ?? [];
    expect(inside.map(s => s.step)).toEqual([
      ...['probe', 'positions', 'drain', 'targets', 'ids', 'fence', 'journal', 'open'],
    ]);
    const { forecast = [], forecastMs } = list[0] ?? {};
    expect(forecast.map(f => f.step)).toEqual([
      ...['freeze', 'probe', 'positions', 'drain', 'persist', 'targets', 'ids', 'fence'],
      ...['journal', 'open'],
    ]);
    expect(forecastMs).toBe(forecast.reduce((sum, f) => sum + f.ms, 0));
  });

  test('a write stop is kept beside what was forecast, and the next forecast learns from it', async () => {
    const world = new World();
    world.openTakesMs = 40;
    for (const action of ['rehearse', 'begin']) {
      world.request(action, { id: action });
      await world.control().step();
      expect(world.answer(action)).toBeNull();
    }
    const { list = [], stops = [] } = world.view.rehearsals ?? {};
    const [stop] = stops;
    expect(stops).toHaveLength(1);
    expect(stop?.forecast).toEqual(list[0]?.forecast);
    const inside = stop?.steps.filter(s => s.step !== 'gates') ?? [];
    expect(inside.map(s => s.step)).toEqual(stop?.forecast.map(f => f.step));
    // A timer may be up to a millisecond early, by each of two clocks.
    expect(stop?.stopMs, 'all of it').toBeGreaterThanOrEqual(38);
    const rounds = [[{ step: 'open', atMs: 0, tookMs: 1 }]];
    const next = forecastStop({ rounds, stops, way: 'over', thaws: false, opens: false });
    expect(next.forecast.find(f => f.step === 'open')).toMatchObject({ basis: 'last-stops' });
    expect(next.forecastMs).toBeGreaterThanOrEqual(35);
  });

  test('an open command that can be rehearsed is measured', async () => {
    const world = new World();
    world.rehearsedOpen = { kind: 'done', text: 'exit code 0' };
    world.request('rehearse', { id: ID });
    await world.control().step();
    const forecast = world.view.rehearsals?.list[0]?.forecast ?? [];
    expect(forecast.find(f => f.step === 'open')?.basis).toBe('measured');
    expect(forecast.find(f => f.step === 'freeze')?.basis).toBe('stand-in');
  });

  test('one that is not whole is not kept', async () => {
    const failed = { kind: 'failed' as const, text: 'exit code 3' };
    for (const spoil of [{ shut: true }, { lacks: 'rows' }, { rehearsedOpen: failed }]) {
      const world = new World();
      Object.assign(world, spoil);
      world.request('rehearse', { id: ID });
      await world.control().step();
      expect(world.answer(ID)).toMatch(/lag t1|rows|openRehearsal.*exit code 3/);
      expect(world.view.rehearsals?.list ?? []).toEqual([]);
      expect(world.events).toEqual([]);
    }
  });
});

describe('requests', () => {
  test.each<[string, Partial<CutoverRequest>, RegExp]>([
    ['that nobody waits for any more', { requestedMs: Date.now() - 120_000 }, /ask again/],
    ['from a clock that is ahead', { requestedMs: Date.now() + 120_000 }, /clocks/],
    ['with other settings', { settings: 'x' }, /restart it/],
    ['of a later version', { action: 'rewind' }, /knows no rewind/],
  ])('%s are refused', async (_, o, why) => {
    const world = new World();
    world.request('begin', { id: ID, ...o });
    await world.control().step();
    expect(world.answer(ID)).toMatch(why);
    expect(world.events).toEqual([]);
  });

  test('finish: not before the journal; sources are released on demand, and no sink may run', async () => {
    const world = new World();
    world.request('finish', { id: 'early' });
    await world.control().step();
    expect(world.answer('early')).toMatch(/nothing to finish/);
    world.request('begin', { id: ID });
    await world.control().step();
    world.carriers = ['sink a'];
    world.request('finish', { id: 'beside', release: true });
    await world.control().step();
    expect(world.answer('beside')).toMatch(/sink a would bring/);
    expect(world.frozen).toEqual(['s1', 's2']);
    world.carriers = [];
    const hoursAgo = Date.now() - 7_200_000;
    world.request('finish', { id: 'late', release: true, requestedMs: hoursAgo });
    await world.control().step();
    expect(world.answer('late')).toMatch(/ask again/);
    expect(world.frozen).toEqual(['s1', 's2']);
    world.request('finish', { id: 'end', release: true });
    await world.control().step();
    expect(world.answer('end')).toBeNull();
    expect(world.frozen).toEqual([]);
    expect(world.view.cutoverRun?.stage).toBe('finished');
  });

  test('finish alone leaves the sources frozen', async () => {
    const world = new World();
    world.request('begin', { id: ID });
    await world.control().step();
    world.carriers = ['sink a'];
    world.request('finish', { id: 'end' });
    await world.control().step();
    expect(world.answer('end')).toBeNull();
    expect(world.frozen).toEqual(['s1', 's2']);
  });
});
