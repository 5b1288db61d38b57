/**
 * I1 to I7 in a minute: the short form of the soak, on servers of its own, in one of its modes.
 * RESHARD_SEED repeats a run; without it each run has other faults, and half of them have a copy.
 * Enforces I6.
 */
import { expect, it } from 'vitest';
import { newSeed } from '../support/load/random.ts';
import { soakOptions } from './options.ts';
import { runSoak } from './soak.ts';

it('ends equal after a storm of faults, with binlog only or with a snapshot', async () => {
  const seed = Number(process.env.RESHARD_SEED ?? newSeed());
  const mode = seed % 2 === 0 ? 'snapshot' : 'binlog';
  const options = soakOptions(['--short', '--mode', mode, '--seed', `${seed}`]);
  if (options === undefined) throw new Error('no options');
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const result = await runSoak(options, say, new AbortController().signal);
  console.log(result.summary);
  expect(result.failures, lines.join('\n')).toEqual([]);
  expect(result.faults).toBeGreaterThan(1);
  expect(result.summary).toContain('equal: yes');
  // A load that never used one of the ways to change a row would have tested less than it says.
  const kinds = ['INSERT', 'INSERT IGNORE', 'INSERT ON DUPLICATE KEY UPDATE', 'REPLACE'];
  for (const kind of [...kinds, 'UPDATE', 'DELETE']) {
    expect(result.summary).toMatch(new RegExp(`[:,] ${kind} [1-9]`));
  }
}, 600_000);
