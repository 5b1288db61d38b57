/** A hook of the user: what it says is taken for what it is, and a late one is undone once more. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commonServer } from '../../../test/support/dev.ts';
import { HookFence } from './hook-fence.ts';

const JOB = `hook-${randomUUID()}`;
let dir: string;
let flag: string;
let calls: string;

beforeAll(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-hook-'));
  flag = path.join(dir, 'frozen');
  calls = path.join(dir, 'calls');
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** `instead`: what it does in place of one of its three deeds. */
function opened(
  instead: Partial<Record<'freeze' | 'thaw' | 'status', string>> = {},
  atMs: number | null = null,
): Promise<HookFence> {
  const deeds = {
    freeze: `touch ${flag}`,
    thaw: `rm -f ${flag}`,
    status: `test -f ${flag} || exit 3`,
    ...instead,
  };
  const cases = Object.entries(deeds).map(([deed, sql]) => `${deed}) ${sql};;`);
  const command =
    `echo $RESHARD_JOB $RESHARD_SERVER $RESHARD_FENCE >> ${calls}; ` +
    `case $RESHARD_FENCE in ${cases.join(' ')} esac`;
  const source = { name: 's1', ...commonServer('s1'), database: 'mysql' };
  return HookFence.open({
    ...{ job: JOB, source, siblings: ['s1'] },
    hook: { kind: 'hook', command, seconds: 1 },
    record: atMs === null ? null : { atMs },
  });
}

test('it freezes, says so, and thaws; it is told of what it is asked', async () => {
  await using fence = await opened();
  expect(await fence.look()).toMatchObject({ isFrozen: false, isReadOnly: false });
  expect(await fence.freeze()).toBe(true);
  expect(await fence.look()).toMatchObject({ isFrozen: true, isReadOnly: true });
  await fence.lift();
  await fence.lift();
  expect(await fence.look()).toMatchObject({ isFrozen: false });
  expect(readFileSync(calls, 'utf8')).toContain(`${JOB} s1 freeze\n`);
});

test('failed is failed; what does not end is unknown, and left to the probe', async () => {
  await using fails = await opened({ freeze: 'echo no rights; exit 1' });
  await expect(fails.freeze()).rejects.toThrow(
    /freeze of the hook for s1 .*exit code 1: no rights/,
  );
  await using hangs = await opened({ freeze: 'sleep 60' });
  expect(await hangs.freeze()).toBe(true);
  expect(await hangs.look()).toMatchObject({ isFrozen: false });
});

test('a status that is neither is not known, for either side', async () => {
  await using fence = await opened({ status: 'exit 1' });
  const seen = await fence.look();
  expect(seen).toMatchObject({ isFrozen: false, isReadOnly: false });
  expect(seen.why).toMatch(/status of the hook is not known: exit code 1/);
});

test('a thaw that fails, or has no effect, is none', async () => {
  writeFileSync(flag, '');
  await using fails = await opened({ thaw: 'exit 1' });
  await expect(fails.lift()).rejects.toThrow(/s1 may be frozen: thaw of the hook is failed/);
  await using idle = await opened({ thaw: 'true' });
  await expect(idle.lift()).rejects.toThrow(/s1 may be frozen: its status after thaw/);
  await using fence = await opened();
  await fence.lift();
  expect(existsSync(flag)).toBe(false);
});

test('a freeze of a control that is gone, which ends late, is thawed once more', async () => {
  await using gone = await opened({ freeze: `sleep 0.4; touch ${flag}` });
  const late = gone.freeze();
  await expect.poll(() => readFileSync(calls, 'utf8').endsWith('freeze\n')).toBe(true);
  // The wait for it is nearly over when this one comes.
  await using next = await opened({}, Date.now() - 10_000);
  await next.lift();
  await late;
  expect(existsSync(flag)).toBe(false);
  const before = readFileSync(calls, 'utf8');
  await expect(gone.freeze()).rejects.toThrow(/closed|lost/i);
  expect(readFileSync(calls, 'utf8'), 'its session has ended: nothing is run').toBe(before);
});
