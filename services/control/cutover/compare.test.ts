/**
 * I9, I11: nobody goes over unless both logs are found equal at their ends, inside the write stop,
 * by every slot of the streaming check; whatever else it says or does not say undoes the cutover.
 */
import { describe, expect, test } from 'vitest';
import { unproven } from '../../../shared/job/state/proof.ts';
import type { ForeignWrite, StreamDoubt } from '../../../shared/job/state/stream-report.ts';
import { saidOf, WayBackWorld } from '../../../test/support/way-back-world.ts';
import { compared, type StreamComparer } from './compare.ts';

const DOUBT: StreamDoubt = {
  ...{ table: 'orders', target: 't1', partition: 1, bucket: 17, base: 'verify-1', rows: -1 },
  ...{ sinceMs: 2000, atMs: 3000, fromOffset: 1, toOffset: 2 },
};
const FOREIGN: ForeignWrite = {
  ...{ table: 'orders', target: 't1', gtid: 'a:9', op: 'insert', key: '42', atMs: 2500 },
};

/** The slot 1 says something else than that all is equal; null: nothing. */
async function went(said: ReturnType<typeof saidOf> | null) {
  const world = new WayBackWorld();
  if (said === null) world.says.delete(1);
  else world.says.set(1, said);
  const answer = await world.carryOut('begin');
  expect(world.faults).toEqual([]);
  expect(world.open, 'nothing is left frozen').toContain(answer === null ? 't1' : 's1');
  return { world, answer, run: world.view.cutoverRun };
}

test('all equal: it goes over, and the time that this took is in the record', async () => {
  const { world, answer, run } = await went(saidOf());
  expect(answer).toBeNull();
  const steps = run?.steps.map(s => s.step) ?? [];
  expect(steps.slice(steps.indexOf('turn'))).toEqual([
    'turn',
    'compare',
    'ids',
    'fence',
    'journal',
    'open',
  ]);
  expect(world.runs.map(r => r.stage)).toContain('switched');
});

test('it is asked for the ends of both logs, once all of them has come', async () => {
  const world = new WayBackWorld();
  world.says.clear();
  await world.carryOut('begin');
  expect(world.asked?.ends).toEqual({ 's1.shop.orders': [7], 't1.shop.orders': [5] });
});

describe('undone', () => {
  test.each([
    ['a difference', saidOf({ state: 'differs', doubts: [DOUBT] }), /1 rows more than the sources/],
    ['a difference that it lists no more', saidOf({ state: 'differs' }), /a target differs/],
    ['a row that somebody else wrote', saidOf({ foreign: [FOREIGN] }), /insert of key 42 .*a:9/],
    ['what is not known', saidOf({ state: 'unknown' }), /within 1 s: .*not known to be equal/],
    ['keys that wait', saidOf({ state: 'waits' }), /within 1 s: .*keys of it wait on a target/],
    ['a table that it does not know', { ...saidOf(), tables: [] }, /within 1 s: table orders/],
    [
      'an answer to another question',
      saidOf({ compared: 'comparison-1' }),
      /no checker has answered for partition 1/,
    ],
    ['no answer', null, /not found equal within 1 s: no checker has answered for partition 1$/m],
  ])('%s', async (_, said, why) => {
    const { answer, run } = await went(said);
    expect(answer).toMatch(/^it was undone; the sources take writes: /);
    expect(answer).toMatch(why);
    expect(run).toMatchObject({ stage: 'undone', leg: null, journalMs: null });
  });

  test('and what is said of a difference is said at once', async () => {
    const from = performance.now();
    await went(saidOf({ state: 'differs', doubts: [DOUBT] }));
    expect(performance.now() - from).toBeLessThan(900);
  });
});

test('what was written before the proof of a table began says nothing against it', async () => {
  expect((await went(saidOf({ foreign: [{ ...FOREIGN, atMs: 999 }] }))).answer).toBeNull();
});

test('a rehearsal asks, too, and is not whole when the answer is not that all is equal', async () => {
  const world = new WayBackWorld();
  expect(await world.carryOut('rehearse')).toBeNull();
  const steps = world.view.rehearsals?.list[0]?.steps.map(s => s.step) ?? [];
  expect(steps).toEqual(expect.arrayContaining(['turn', 'compare']));
  world.says.set(0, saidOf({ state: 'differs' }));
  expect(await world.carryOut('rehearse')).toMatch(/not equal at the end of both logs/);
  expect(world.view.rehearsals?.list).toHaveLength(1);
});

test('behind the first journal both logs are compared no more', async () => {
  const { world } = await went(saidOf());
  world.says.clear();
  expect(await world.carryOut('rollback')).toBeNull();
  expect(await world.carryOut('begin')).toBeNull();
});

describe('the answer', () => {
  const asked = (o: Partial<StreamComparer>, stopped: () => string | null = () => null) => {
    const comparer = {
      slots: 1,
      standings: () => [],
      ask: async () => {},
      answers: () => new Map(),
    };
    const waiter = {
      note: () => {},
      stopped,
      sleep: async () => {},
      limits: { compareSeconds: 1 },
    };
    return compared(waiter, { ...comparer, ...o }, async () => ({}));
  };
  const orders = { table: 'orders', isProven: true, why: '', proof: unproven('orders') };

  test('of a slot that was just taken over is waited for', async () => {
    let looks = 0;
    const state = (): 'unknown' | 'equal' => (++looks < 3 ? 'unknown' : 'equal');
    const answers = () => new Map([[0, saidOf({ state: state() })]]);
    await asked({ standings: () => [orders], answers });
    expect(looks).toBe(3);
  });

  test('is not waited for when the cutover is cancelled', async () => {
    let looks = 0;
    const stopped = () => (++looks > 2 ? 'cancelled by ann' : null);
    await expect(asked({}, stopped)).rejects.toThrow('cancelled by ann');
  });

  test('and the question together have one budget, also where Kafka hangs', async () => {
    const from = performance.now();
    await expect(asked({ ask: () => new Promise(() => {}) })).rejects.toThrow(/the question/);
    expect(performance.now() - from).toBeLessThan(1900);
  });
});
