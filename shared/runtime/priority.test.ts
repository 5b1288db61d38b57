/** In processes of their own: a priority that was given up is not had back. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
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

const args = (before: number): string[] => ['--input-type=module', '-e', code(before)];

interface Priorities {
  own: number;
  /** Of the thread that comes first. */
  first: number;
  session: string;
}

function prioritiesAfter(before: number): Priorities {
  return JSON.parse(execFileSync(process.execPath, args(before), { encoding: 'utf8' }));
}

/** The same in a process that has a session to itself. */
async function prioritiesAlone(): Promise<Priorities> {
  const child = spawn(process.execPath, args(os.getPriority()), { detached: true });
  let out = '';
  for await (const chunk of child.stdout) out += chunk;
  return JSON.parse(out);
}

test('a process lets others go first, and never comes in front of where it was put', () => {
  const ours = Math.max(os.getPriority(), PRIORITY_BELOW_NORMAL);
  expect(prioritiesAfter(os.getPriority())).toMatchObject({ own: ours, first: ours });
  expect(prioritiesAfter(PRIORITY_LOW).own).toBe(PRIORITY_LOW);
});

test.skipIf(!existsSync('/proc/self/autogroup'))(
  'a session of its own goes behind others, too, and one that it shares does not',
  async () => {
    const [one, other] = await Promise.all([prioritiesAlone(), prioritiesAlone()]);
    expect([one.session, other.session]).toEqual(Array(2).fill(String(PRIORITY_BELOW_NORMAL)));
    const ours = readFileSync('/proc/self/autogroup', 'utf8').trim().split(' ').at(-1);
    expect(prioritiesAfter(os.getPriority()).session).toBe(ours);
  },
);
