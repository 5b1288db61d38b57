/** A log ends where no transaction is in it in part, and nothing comes behind its end. */
import { describe, expect, test } from 'vitest';
import type { Gtid } from '../../shared/change/gtid.ts';
import { LogEnd, type LogEndOptions } from './log-end.ts';

class World {
  current: Gtid | null = null;
  partialGtid: string | null = null;
  isOpen = false;
  stopped = 0;
  readonly end = new LogEnd({
    position: this.#position(),
    writer: () => ({ moved: () => {}, flush: () => Promise.resolve(true) }),
    isOpen: () => this.isOpen,
    stop: () => {
      this.stopped += 1;
    },
  });

  #position(): LogEndOptions['position'] {
    const world = this;
    return {
      get current() {
        return world.current;
      },
      resume: () => ({ gtid: 'u:1-3', partialGtid: world.partialGtid, partialRows: 0 }),
    };
  }
}

describe('a log does not end', () => {
  test.each<[string, Partial<World>, Partial<World>]>([
    ['inside a transaction', { current: { source: 'u', number: 4n } as never }, { current: null }],
    ['where one is in it in part', { partialGtid: 'u:4' }, { partialGtid: null }],
    ['while one is prepared, or a statement is judged', { isOpen: true }, { isOpen: false }],
  ])('%s, but behind it', async (_, before, behind) => {
    const world = new World();
    Object.assign(world, before);
    const done = world.end.begin(7);
    world.end.consider();
    expect(world.end).toMatchObject({ isWanted: true, ended: 0 });
    expect(world.stopped).toBe(0);
    Object.assign(world, behind);
    world.end.consider();
    world.end.consider();
    await done;
    expect(world.end.ended).toBe(7);
    expect(world.stopped).toBe(1);
  });
});

test('one that nobody wants to end goes on', () => {
  const world = new World();
  world.end.consider();
  expect(world.end).toMatchObject({ isWanted: false, ended: 0 });
});
