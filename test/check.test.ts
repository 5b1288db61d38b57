/** Types and lint as tests: what `npm run check` says, every test run says. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Package {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

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

test('the lockfile is complete: npm ci refuses one that lacks even a foreign platform', () => {
  const lock: { packages: Record<string, Package> } = JSON.parse(
    readFileSync(`${ROOT}package-lock.json`, 'utf8'),
  );
  const missing: string[] = [];
  for (const [place, entry] of Object.entries(lock.packages)) {
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      const folders = place.split(/(?=\/?node_modules\/)/);
      const found = folders.some((_, i) => {
        const above = folders.slice(0, folders.length - i).join('');
        return lock.packages[`${above}${above && '/'}node_modules/${name}`] !== undefined;
      });
      if (!found && lock.packages[`node_modules/${name}`] === undefined) {
        missing.push(`${place} needs ${name}`);
      }
    }
  }
  expect(missing).toEqual([]);
});
