/** What became of the user's command is told as it is: done, failed, or nobody knows. */
import { expect, test } from 'vitest';
import { runCommand } from './user-command.ts';

const run = (command: string, seconds = 10) =>
  runCommand({ command, seconds, env: { RESHARD_JOB: 'shop' } });

test.each([
  ['true', 'done', 'exit code 0'],
  ['echo "$RESHARD_JOB"; exit 3', 'failed', 'exit code 3: shop'],
  ['kill -9 $$', 'unknown', 'ended by SIGKILL'],
  ['/no/such/command', 'failed', /exit code 127/],
])('%s is %s', async (command, kind, text) => {
  const outcome = await run(command);
  expect(outcome.kind).toBe(kind);
  expect(outcome.text).toMatch(text);
});

test('one that does not end is ended, with what it has started, and nobody knows', async () => {
  const began = performance.now();
  const outcome = await run('sleep 60 & sleep 60', 0.3);
  expect(outcome).toMatchObject({ kind: 'unknown', code: null, text: 'it was ended after 0.3 s' });
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('one that leaves something running in the background is done when it ends itself', async () => {
  expect((await run('sleep 3 & true')).kind).toBe('done');
});
