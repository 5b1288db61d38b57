/** What a command has written is there when it has ended, however slowly it is read. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('an answer that is larger than a pipe arrives as a whole', async () => {
  const entry = new URL('./entry.ts', import.meta.url).href;
  const script =
    `import { entry } from ${JSON.stringify(entry)};` +
    "process.stdout.write('x'.repeat(4_000_000)); process.stderr.write('y'.repeat(4_000_000));" +
    "await entry(['node', 'reshard', 'errors']);";
  const args = ['--input-type=module', '--eval', script];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    maxBuffer: 16_000_000,
  });
  expect(stdout.length).toBeGreaterThan(4_000_000);
  expect(stderr.replaceAll(/[^y]/g, '')).toHaveLength(4_000_000);
});
