/** docs/ARCHITECTURE.md says what is there: rooms, files, and who enforces which invariant. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = readFileSync(path.join(ROOT, 'docs/ARCHITECTURE.md'), 'utf8');
const NAME = /\bI(?:1[0-4]|[1-9])\b/g;

/** Invariant -> test files, by the page. */
const ENFORCED = new Map(
  [...PAGE.matchAll(/^\| (I\d+) +\|[^|]*\|([^|]*)\|$/gm)].map(
    m => [m[1] ?? '', [...(m[2] ?? '').matchAll(/`([^`]+)`/g)].map(f => f[1] ?? '')] as const,
  ),
);

function testFiles(): string[] {
  return ['shared', 'services', 'test'].flatMap(top =>
    readdirSync(path.join(ROOT, top), { recursive: true })
      .map(file => `${top}/${String(file)}`)
      .filter(file => file.endsWith('.test.ts') && file !== 'test/architecture.test.ts'),
  );
}

function namedIn(file: string): Set<string> {
  return new Set(readFileSync(path.join(ROOT, file), 'utf8').match(NAME) ?? []);
}

test('each invariant has tests, and each of them names it', () => {
  expect([...ENFORCED.keys()]).toHaveLength(14);
  for (const [invariant, files] of ENFORCED) {
    expect(files.length, invariant).toBeGreaterThan(0);
    for (const file of files) expect(namedIn(file), file).toContain(invariant);
  }
});

test('each test that names an invariant stands beside it on the page', () => {
  for (const file of testFiles()) {
    for (const invariant of namedIn(file)) {
      expect(ENFORCED.get(invariant), `${invariant} in ${file}`).toContain(file);
    }
  }
});

test('every room and file that the page names is there', () => {
  const named = [...PAGE.matchAll(/`((?:shared|services|schemas|test)[\w/.-]*)`/g)].map(m => m[1]);
  expect(named.filter(name => !existsSync(path.join(ROOT, name ?? '')))).toEqual([]);
});
