/** Guards are proven by `npm run mutate`, which takes hours; that each can be is seen here. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { GUARDS } from './guards.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('each guard stands once in its file, has a name of its own, and tests that are there', () => {
  const wrong = GUARDS.flatMap(({ name, file, find, tests }) => {
    const found = readFileSync(path.join(ROOT, file), 'utf8').split(find).length - 1;
    return [
      ...(found === 1 ? [] : [`${name}: ${found} times in ${file}`]),
      ...tests.filter(t => !existsSync(path.join(ROOT, t))).map(t => `${name}: no test ${t}`),
    ];
  });
  expect(wrong).toEqual([]);
  expect(new Set(GUARDS.map(g => g.name)).size).toBe(GUARDS.length);
});
