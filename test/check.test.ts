/** Types and lint as tests: what `npm run check` says, every test run says. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function outputOf(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

test('the compiler finds nothing', { timeout: 120_000 }, () => {
  expect(outputOf('node_modules/typescript/bin/tsc', '--noEmit')).toBe('');
});

test('the linter finds nothing', { timeout: 120_000 }, () => {
  expect(outputOf('node_modules/@biomejs/biome/bin/biome', 'check', '.')).toBe('');
});
