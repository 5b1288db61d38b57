/** How long writes were refused is told as it was, whoever died or failed in between. */
import { expect, test } from 'vitest';
import { stateKey } from '../../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { Died, ID, World } from '../../../test/support/cutover-world.ts';

const BETWEEN_MS = 400;

test('a second try of the open command: writes were refused in between, too', async () => {
  const world = new World();
  world.openFails = 1;
  world.request('begin', { id: ID });
  await world.control().step();
  expect(world.view.cutoverRun?.stage).toBe('unopened');
  expect(world.frozen).toEqual(['s1', 's2']);
  await sleep(BETWEEN_MS);
  world.request('begin', { id: 'again' });
  await world.control().step();
  expect(world.view.cutoverRun?.stage).toBe('switched');
  expect(world.view.cutoverRun?.stopMs).toBeGreaterThanOrEqual(BETWEEN_MS);
});

test('a control that dies behind the journal: writes were refused until the next one opened', async () => {
  const plain = new World();
  plain.request('begin', { id: ID });
  await plain.control().step();
  const world = new World();
  world.request('begin', { id: ID });
  world.dieAfter = plain.journaledAt;
  await expect(world.control().step()).rejects.toThrow(Died);
  expect(world.view.cutoverRun?.stage).toBe('opening');
  world.dieAfter = Number.POSITIVE_INFINITY;
  await sleep(BETWEEN_MS);
  await world.control().step();
  expect(world.view.cutoverRun?.stage).toBe('switched');
  expect(world.view.cutoverRun?.stopMs).toBeGreaterThanOrEqual(BETWEEN_MS);
});

test('a stop whose servers took no writes at first did not go through in one go, and teaches nothing', async () => {
  const world = new World();
  world.request('begin', { id: ID });
  await world.control().step();
  const done = world.view.cutoverRun;
  if (done === null) throw new Error('a run');
  const steps = done.steps.filter(s => s.step !== 'open');
  const thaws = [{ source: 's2', serverUuid: 's2-uuid', persisted: {}, position: '' }];
  const sources = done.sources.filter(s => s.source === 's1');
  const run = { ...done, id: 'cutover-2', stage: 'opening' as const, steps, thaws, sources };
  world.view.apply(stateKey.cutoverRun, { ...NO_RECORD, cutoverRun: run });
  world.view.apply(stateKey.rehearsals, { ...NO_RECORD, rehearsals: { list: [], stops: [] } });
  const s2 = world.servers.get('s2');
  Object.assign(s2 ?? {}, { uuid: 'another' });
  await world.control().step();
  expect(world.view.cutoverRun?.stage).toBe('unopened');
  Object.assign(s2 ?? {}, { uuid: 's2-uuid' });
  world.request('begin', { id: 'again' });
  await world.control().step();
  expect(world.view.cutoverRun?.stage).toBe('switched');
  expect(world.view.rehearsals?.stops).toEqual([]);
});
