/**
 * I1 to I7 in two minutes: the short form of the soak, on servers of its own. RESHARD_SEED repeats
 * a run; without it every run meets other faults.
 * Enforces I6.
 */
import { expect, it } from 'vitest';
import { soakOptions } from './options.ts';
import { runSoak } from './soak.ts';

it('ends equal after a storm of faults, with binlog only and with a snapshot', async () => {
  const seed = process.env.RESHARD_SEED;
  const options = soakOptions(['--short', ...(seed === undefined ? [] : ['--seed', seed])]);
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
