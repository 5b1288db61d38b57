/** Work on one target waits for what was asked for before, and for nothing else. */
import { expect, test } from 'vitest';
import { InTurn } from './in-turn.ts';

test('one begins when the one before has ended, well or not; another name waits for neither', async () => {
  const turns = new InTurn();
  const told: string[] = [];
  const first = Promise.withResolvers<void>();
  const piece = (name: string, end?: Promise<void>) => async (): Promise<void> => {
    told.push(`${name} begins`);
    await end;
    told.push(`${name} ends`);
  };
  const one = turns.run('t1', piece('one', first.promise));
  const two = turns.run('t1', piece('two'));
  await turns.run('t2', piece('other'));
  expect(told).toEqual(['one begins', 'other begins', 'other ends']);
  first.reject(new Error('refused'));
  await expect(one).rejects.toThrow('refused');
  await two;
  expect(told.slice(3)).toEqual(['two begins', 'two ends']);
});
