/** In processes of their own: a priority that was given up is not had back. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import { expect, test } from 'vitest';

const MODULE = new URL('./priority.ts', import.meta.url).href;
const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = os.constants.priority;

const code = (before: number): string => `
    import { existsSync, readdirSync, readFileSync } from 'node:fs';
    import os from 'node:os';
    import { letOthersGoFirst } from '${MODULE}';
    if (${before} > os.getPriority()) os.setPriority(${before});
    await letOthersGoFirst({ warn: text => { throw new Error(text); } });
    const tasks = '/proc/self/task';
    const threads = existsSync(tasks) ? readdirSync(tasks).map(Number) : [0];
    const session = '/proc/self/autogroup';
    console.log(JSON.stringify({
      own: os.getPriority(),
      first: Math.min(...threads.map(thread => os.getPriority(thread))),
      session: existsSync(session) ? readFileSync(session, 'utf8').trim().split(' ').at(-1) : '',
    }));`;

const args = (text: string): string[] => ['--input-type=module', '-e', text];

/** Runs the same in a process that it starts. */
const inChild = (text: string): string => `
    import { execFileSync } from 'node:child_process';
    const args = ${JSON.stringify(args(text))};
    process.stdout.write(execFileSync(process.execPath, args));`;

interface Priorities {
  own: number;
  /** Of the thread that comes first. */
  first: number;
  session: string;
}

/** Of a process alone in a session, or of one that shares it; never in that of this test. */
async function priorities(where: 'alone' | 'shared', before = os.getPriority()) {
  const text = where === 'alone' ? code(before) : inChild(code(before));
  const child = spawn(process.execPath, args(text), { detached: true });
  let out = '';
  for await (const chunk of child.stdout) out += chunk;
  const read: Priorities = JSON.parse(out);
  return read;
}

test('a process lets others go first, and never comes in front of where it was put', async () => {
  const ours = Math.max(os.getPriority(), PRIORITY_BELOW_NORMAL);
  expect(await priorities('shared')).toMatchObject({ own: ours, first: ours });
  expect((await priorities('shared', PRIORITY_LOW)).own).toBe(PRIORITY_LOW);
});

test.skipIf(!existsSync('/proc/self/autogroup'))(
  'a session of its own goes behind others, too, and one that it shares does not',
  async () => {
    const two = await Promise.all([priorities('alone'), priorities('alone')]);
    expect(two.map(p => p.session)).toEqual(Array(2).fill(String(PRIORITY_BELOW_NORMAL)));
    expect((await priorities('shared')).session).toBe('0');
  },
);
