import { ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { HANDED_ENV, handJob } from './child-message.ts';
import { exampleOf } from './init-example.ts';

const MODULE = new URL('./child-message.ts', import.meta.url).href;
const CHILD = `
  const { handedJob, parentGone } = await import(${JSON.stringify(MODULE)});
  const job = await handedJob();
  const isGone = parentGone().aborted;
  const answer = JSON.stringify({ job, isFrozen: Object.isFrozen(job), isGone });
  process.stdout.write(answer, () => process.exit(0));
`;

type Parent = (child: ReturnType<typeof spawn>) => void;

async function answerOf(env: NodeJS.ProcessEnv, parent: Parent): Promise<unknown> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
  parent(child);
  let out = '';
  child.stdout?.on('data', data => {
    out += data;
  });
  // Node tells no 'close' of a child whose channel was cut so early.
  await Promise.all([once(child, 'exit'), child.stdout && once(child.stdout, 'end')]);
  return JSON.parse(out);
}

const job = parseJob(exampleOf('reshard'), { SOURCE_PASSWORD: 's', TARGET_PASSWORD: 't' });

test('a service has the job that its parent has read, whole and frozen', async () => {
  const answer = await answerOf(HANDED_ENV, child => handJob(child, job));
  expect(answer).toEqual({ job: JSON.parse(JSON.stringify(job)), isFrozen: true, isGone: false });
  expect(JSON.parse(JSON.stringify(job))).toEqual(job);
});

test('a service without such a parent, or whose file is wrong by now, reads the file itself', async () => {
  const none = { job: null, isGone: false };
  expect(await answerOf(HANDED_ENV, child => handJob(child, null))).toMatchObject(none);
  expect(await answerOf({}, () => {})).toMatchObject(none);
});

test('a service whose parent ended while it was loading is told so', async () => {
  const answer = await answerOf(HANDED_ENV, child => child.disconnect());
  expect(answer).toMatchObject({ job: null, isGone: true });
});

test('a service that does not drain when its parent is gone ends all the same', async () => {
  const script = `
    const { parentGone } = await import(${JSON.stringify(MODULE)});
    setInterval(() => {}, 60_000);
    parentGone(100).addEventListener('abort', () => {});
    process.send('follows');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  child.disconnect();
  expect(await once(child, 'exit')).toEqual([1, null]);
});

test('a word to a parent that has ended while code was loaded is no error', async () => {
  // Nothing is heard of the parent between the two writes, as while code is loaded.
  const script = `
    const { readSync, writeSync } = await import('node:fs');
    const { tellParent } = await import(${JSON.stringify(MODULE)});
    writeSync(1, 'loading');
    try { readSync(0, Buffer.alloc(1)); } catch {}
    tellParent('loaded');
    setTimeout(() => process.exit(7), 50);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...HANDED_ENV },
  });
  let said = '';
  child.stderr?.on('data', data => {
    said += data;
  });
  await (child.stdout && once(child.stdout, 'data'));
  child.disconnect();
  child.stdin?.end();
  const [code] = await once(child, 'exit');
  expect(said).toBe('');
  expect(code).toBe(7);
});

test('a service that could not be started is handed nothing', () => {
  // As `spawn` leaves it where no file can be opened any more.
  const child = new ChildProcess();
  expect(() => handJob(child, job)).not.toThrow();
});
