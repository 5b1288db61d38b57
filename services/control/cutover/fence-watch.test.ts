/** A fence that is lost is in control's log, once, and so is that it is back. */
import { expect, test } from 'vitest';
import type { CutoverRun, CutoverStage } from '../../../shared/job/state/cutover.ts';
import type { FenceSeen } from '../status/fence-look.ts';
import { FenceWatch } from './fence-watch.ts';

function rig(stage: CutoverStage) {
  const said: string[] = [];
  const server: { now: FenceSeen | null } = {
    now: { isFrozen: true, isReadOnly: true, serverUuid: 'a' },
  };
  const sources = [{ source: 's1', serverUuid: 'a', persisted: {}, position: '' }];
  const cutoverRun = {
    id: 'cutover-1',
    stage,
    sources,
    thaws: [],
    leg: null,
  } as unknown as CutoverRun;
  let clock = 0;
  let asked = 0;
  const watch = new FenceWatch({
    view: { cutoverRun },
    log: {
      error: (_: object, text: string) => said.push(text),
      info: (text: string) => said.push(text),
    } as never,
    probe: {
      fence: async () => {
        asked += 1;
        return server.now;
      },
    },
    now: () => clock,
  });
  const look = async (): Promise<void> => {
    clock += 5000;
    watch.step();
    watch.step();
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return { said, server, look, asked: () => asked };
}

test('a source that takes writes, or is another one, is told of once, and when it is frozen', async () => {
  const { said, server, look } = rig('switched');
  await look();
  server.now = { isFrozen: false, isReadOnly: false, serverUuid: 'a' };
  await look();
  await look();
  server.now = { isFrozen: true, isReadOnly: true, serverUuid: 'b' };
  await look();
  server.now = null;
  await look();
  expect(said).toHaveLength(2);
  server.now = { isFrozen: true, isReadOnly: true, serverUuid: 'a' };
  await look();
  expect(said).toEqual([
    'fence lost: s1 takes writes (its fence is down)',
    'fence lost: s1 is another server (b)',
    'every source is frozen again',
  ]);
});

test.each(['freezing', 'undone', 'finished'] as const)('%s: nobody is asked', async stage => {
  const { look, asked } = rig(stage);
  await look();
  expect(asked()).toBe(0);
});
