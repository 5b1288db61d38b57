/** In processes of their own: a priority that was given up is not had back. */
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { expect, test } from 'vitest';

const MODULE = new URL('./priority.ts', import.meta.url).href;
const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = os.constants.priority;

function priorityAfter(before: number): number {
  const code = `
    import os from 'node:os';
    import { letOthersGoFirst } from '${MODULE}';
    if (${before} > os.getPriority()) os.setPriority(${before});
    letOthersGoFirst({ warn: text => { throw new Error(text); } });
    console.log(os.getPriority());`;
  const args = ['--input-type=module', '-e', code];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

test('a process lets others go first, and never comes in front of where it was put', () => {
  const ours = Math.max(os.getPriority(), PRIORITY_BELOW_NORMAL);
  expect(priorityAfter(os.getPriority())).toBe(ours);
  expect(priorityAfter(PRIORITY_LOW)).toBe(PRIORITY_LOW);
});
