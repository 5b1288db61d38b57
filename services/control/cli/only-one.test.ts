import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { onlyOne } from './only-one.ts';

const MODULE = fileURLToPath(new URL('only-one.ts', import.meta.url));
let count = 0;
const fresh = (): string => `test ${process.pid} ${++count}`;

/** Another process that has it. */
function owner(name: string): ChildProcessByStdio<null, Readable, null> {
  const code = `
    const { onlyOne } = await import(${JSON.stringify(MODULE)});
    await onlyOne(${JSON.stringify(name)});
    process.stdout.write('has it');
    setInterval(() => {}, 1000);`;
  const args = ['--input-type=module', '--eval', code];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
}

describe('at most one', () => {
  test('the second learns who is the first; when that has ended, the next one has it', async () => {
    const name = fresh();
    {
      await using first = await onlyOne(name);
      await using second = await onlyOne(name);
      expect([first.other, second.other]).toEqual([null, String(process.pid)]);
    }
    await using third = await onlyOne(name);
    expect(third.other).toBeNull();
  });

  test.skipIf(process.platform === 'win32')(
    'an owner that is stopped (Ctrl-Z) has it still, and nobody waits for its answer',
    async () => {
      const name = fresh();
      const child = owner(name);
      await once(child.stdout, 'data');
      child.kill('SIGSTOP');
      try {
        await using mine = await onlyOne(name);
        expect(mine.other).toBe('unknown');
      } finally {
        child.kill('SIGKILL');
      }
    },
  );

  test('others by name do not matter', async () => {
    await using one = await onlyOne(fresh());
    await using two = await onlyOne(fresh());
    expect([one.other, two.other]).toEqual([null, null]);
  });

  test('what a killed process leaves is taken over', async () => {
    const name = fresh();
    const child = owner(name);
    await once(child.stdout, 'data');
    expect((await onlyOne(name)).other).toBe(String(child.pid));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await using mine = await onlyOne(name);
    expect(mine.other).toBeNull();
  });
});
