/** docs/CHECKS.md lists the damages that the live test does, no more and no less. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { damageTables } from './page.ts';

const PAGE = readFileSync(new URL('../../docs/CHECKS.md', import.meta.url), 'utf8');

/** Cells of the first table under a heading, without its head. */
function tableUnder(heading: string): string[][] {
  const [, text = ''] = PAGE.split(`### ${heading}\n`);
  const lines = text.split('\n').slice(1);
  const end = lines.findIndex(line => !line.startsWith('|'));
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map(c => c.trim());
  return lines.slice(2, end).map(cells);
}

test.each(damageTables())('the table "$heading" says what the tests do', ({ heading, rows }) => {
  expect(tableUnder(heading)).toEqual(rows);
});

test('there are at least forty kinds, each once', () => {
  const all = damageTables().flatMap(t => t.rows.map(([what]) => `${t.heading}: ${what}`));
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThan(40);
});
