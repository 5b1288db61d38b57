/** Enforces that services load in order, as many at a time as may, and that none waits for ever. */
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('turns are given out in order, and a turn that ends twice gives out one', async () => {
  const turns = new Turns(1);
  const got: string[] = [];
  const end = await turns.take();
  const later = ['second', 'third'].map(async name => {
    const done = await turns.take();
    got.push(name);
    return done;
  });
  await Promise.resolve();
  expect(got).toEqual([]);
  end();
  end();
  const second = await later[0];
  expect(got).toEqual(['second']);
  second?.();
  await later[1];
  expect(got).toEqual(['second', 'third']);
});

test('a turn that ended is free for who comes later', async () => {
  const turns = new Turns(1);
  (await turns.take())();
  await expect(turns.take()).resolves.toBeTypeOf('function');
});
