/**
 * A job that has been over and back goes over without a way back, since its job file asks for none
 * any more: what is on the sources is old from then on, whatever the leg before said.
 */
import { describe, expect, test } from 'vitest';
import type { CutoverSettings } from '../../../shared/job/cutover-schema.ts';
import { type CutoverRun, hasWayBack, isOver } from '../../../shared/job/state/cutover.ts';
import type { HandoverRun } from '../../../shared/job/state/handover.ts';
import { stateKey } from '../../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import { World } from '../../../test/support/cutover-world.ts';
import { isOwedWayBack } from '../status/way-back.ts';
import { MysqlSite } from './mysql-site.ts';
import { passageOf, refusal } from './verb.ts';

const HELD = { source: 't1', serverUuid: 't1-uuid', persisted: {}, position: 't1:1-5' };
const RETURNED: CutoverRun = {
  ...{ id: 'rollback-1', stage: 'switched', by: 'ann', startedMs: 0, stageMs: 0, why: null },
  ...{ sources: [HELD], targets: {}, steps: [], stopMs: 0, journalMs: 1, way: 'back', thaws: [] },
  leg: { number: 3, carries: 'over', isOpen: true, begins: {} },
};

test('over and back, then over without a way back: the application is there, and stays', async () => {
  const world = new World();
  const t1 = { uuid: 't1-uuid', isFrozen: true, persisted: {}, busy: 0, isAway: false };
  world.servers.set('t1', t1);
  world.view.apply(stateKey.cutoverRun, { ...NO_RECORD, cutoverRun: RETURNED });
  expect(passageOf(world.view)).toBe('returned');
  world.request('begin', { id: 'again' });
  await world.control().step();
  expect(world.answer('again')).toBeNull();
  expect(t1.isFrozen, 'where the application goes it can write').toBe(false);
  const run = world.view.cutoverRun;
  expect(run).toMatchObject({ stage: 'switched', way: 'over', leg: RETURNED.leg });
  expect(isOver(run)).toBe(true);
  expect(run && hasWayBack(run)).toBe(false);
  expect(refusal('repair', passageOf(world.view))).toMatch(/gone over/);
  expect(refusal('drop', passageOf(world.view))).toMatch(/frozen for this job/);
  world.request('rollback', { id: 'home' });
  world.request('cancel', { id: 'stop' });
  await world.control().step();
  expect(world.answer('home')).toMatch(/there is no way back/);
  expect(world.answer('stop')).toMatch(/there is no way back/);
});

test('a cutover does not begin beside a handover that has gone first', async () => {
  const world = new World();
  const run = { id: 'h', number: 1, stage: 'handing', why: null } as HandoverRun;
  world.view.apply(stateKey.handoverRun, { ...NO_RECORD, handoverRun: run });
  world.request('begin', { id: 'late' });
  await world.control().step();
  expect(world.answer('late')).toMatch(/is a replica of the source/);
  expect(world.view.cutoverRun).toBeNull();
});

test('a rollback that is half way is undone by a control whose job file asks for none any more', async () => {
  const world = new World();
  const t1 = { uuid: 't1-uuid', isFrozen: true, persisted: {}, busy: 0, isAway: false };
  world.servers.set('t1', t1);
  const leg = { number: 2, carries: 'back', isOpen: true, begins: {} } as const;
  const cutoverRun: CutoverRun = { ...RETURNED, stage: 'freezing', journalMs: null, leg };
  world.view.apply(stateKey.cutoverRun, { ...NO_RECORD, cutoverRun });
  await world.control().step();
  expect(t1.isFrozen).toBe(false);
  expect(world.view.cutoverRun).toMatchObject({ stage: 'undone', leg });
  expect(isOver(world.view.cutoverRun), 'the application is on the targets as before').toBe(true);
});

describe('what was undone behind a journal is no journal: `finish` ends what stands since that', () => {
  const begins = { isOpen: true, begins: {} };
  test.each([
    ['over, back, over undone', 'over', { number: 3, carries: 'over', ...begins }, 'back'],
    ['over, back undone', 'back', { number: 2, carries: 'back', ...begins }, 'over'],
  ] as const)('%s', async (_, way, leg, place) => {
    const world = new World();
    const held = { uuid: 't1-uuid', isFrozen: true, persisted: {}, busy: 0, isAway: false };
    world.servers.set('t1', held);
    const cutoverRun: CutoverRun = {
      ...{ ...RETURNED, stage: 'undone', journalMs: null, way, leg },
      ...{ sources: [], thaws: [HELD] },
    };
    world.view.apply(stateKey.cutoverRun, { ...NO_RECORD, cutoverRun });
    world.carriers = ['sink a'];
    world.request('finish', { id: 'beside', release: true });
    await world.control().step();
    expect(world.answer('beside')).toMatch(
      place === 'over' ? /sink a would bring what is written to the sources/ : /sink a would go on/,
    );
    world.carriers = [];
    world.request('finish', { id: 'end', release: true });
    await world.control().step();
    expect(world.answer('end')).toBeNull();
    expect(held.isFrozen, 'what was left last takes writes again').toBe(false);
    expect(world.runs.at(-2), 'a control that dies there tells it as before').toEqual(cutoverRun);
    const run = world.view.cutoverRun;
    expect(run).toMatchObject({ stage: 'finished', way: place, sources: [HELD], thaws: [] });
    expect(isOver(run)).toBe(place === 'over');
    expect(passageOf(world.view)).toBe(place === 'over' ? 'ended' : 'given-up');
  });

  test('the first cutover, undone, was none: there is nothing to finish', async () => {
    const world = new World();
    world.lacks = 'rows';
    world.request('begin', { id: 'first' });
    await world.control().step();
    expect(world.view.cutoverRun?.stage).toBe('undone');
    world.request('finish', { id: 'end' });
    await world.control().step();
    expect(world.answer('end')).toMatch(/nothing to finish: it is undone/);
  });
});

test('a job file that asks for no way back owes one only as long as rows are to be carried back', () => {
  const owed = (back: object | undefined, carries: 'over' | 'back') => {
    const cutover = { back } as CutoverSettings;
    const leg = { number: 2, carries, isOpen: true, begins: {} };
    return isOwedWayBack({ cutover }, { cutoverRun: { ...RETURNED, leg } });
  };
  expect([owed({}, 'over'), owed({}, 'back')]).toEqual([true, true]);
  expect([owed(undefined, 'over'), owed(undefined, 'back')]).toEqual([false, true]);
});

test('rows are carried from behind all that is in the log, whatever marker a partition lacks yet', async () => {
  const topic = 't1.shop.orders';
  const kafka = {
    offsets: async () => [{ partition: 0, earliest: 0, latest: 5 }],
    highWatermarks: async () => [9],
  };
  const opposite = { view: { plans: new Map([[topic, { topic }]]) }, progress: new Map() };
  const site = new MysqlSite({ opposite, kafka } as never);
  expect(await site.turn?.ends()).toEqual({ [topic]: [9] });
});
