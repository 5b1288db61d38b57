/**
 * Who has a fence is one session; freezing itself is shown by test/cutover, on servers of its own.
 */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { servers } from '../../../test/support/dev.ts';
import { MysqlFence } from './mysql-fence.ts';

test('a fence that is opened ends the session of the one before, which does nothing any more', async () => {
  const { s1 } = servers().mysql;
  if (s1 === undefined) throw new Error('a source');
  const source = { name: 's1', ...s1, database: 'mysql' };
  const job = `fence-${randomUUID()}`;
  await using first = await MysqlFence.open(job, source);
  await using other = await MysqlFence.open(`${job}-other`, source);
  const { serverUuid } = await first.look();
  await using second = await MysqlFence.open(job, source);
  await expect(first.look()).rejects.toThrow(/closed|lost/i);
  await expect(first.lift({})).rejects.toThrow(/closed|lost/i);
  expect((await second.look()).serverUuid).toBe(serverUuid);
  // Fences of another job are its own.
  expect((await other.look()).isFrozen).toBe(false);
});

test('of two jobs on a server one freezes it at a time; two sources of one job may share it', async () => {
  const { s1 } = servers().mysql;
  if (s1 === undefined) throw new Error('a source');
  const source = (name: string) => ({ name, ...s1, database: 'mysql' });
  const job = `fence-${randomUUID()}`;
  const names = ['a', 'b'];
  await using other = await MysqlFence.open(`${job}-other`, source('a'), names);
  {
    await using a = await MysqlFence.open(job, source('a'), names);
    await using b = await MysqlFence.open(job, source('b'), names);
    expect([await a.claim(), await b.claim(), await other.claim()]).toEqual([true, true, false]);
  }
  await expect.poll(() => other.claim()).toBe(true);
});
