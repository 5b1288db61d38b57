import { expect, test } from 'vitest';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { renderFindings } from './doctor-report.ts';

const finding = (level: Finding['level'], fix = 'SET x = 1;'): Finding => ({
  level,
  code: 'some-check',
  where: 'source s1',
  what: 'x is 0',
  why: 'It matters.',
  fix,
});

test('the worst comes first, with place, reason and cure', () => {
  const text = renderFindings([finding('info', ''), finding('warning'), finding('blocker')], {
    colour: false,
  });
  const levels = [...text.matchAll(/^(?:✗|!|i) (\w+) source s1$/gm)].map(m => m[1]);
  expect(levels).toEqual(['blocker', 'warning', 'info']);
  expect(text).toContain('  x is 0 [some-check]\n  why: It matters.\n  fix: SET x = 1;\n');
  expect(text.split('fix:')).toHaveLength(3);
  expect(text.endsWith('1 blocker, 1 warning. The job cannot start.')).toBe(true);
});

test('colour is for terminals only', () => {
  const hasEscape = (text: string): boolean => text.includes('\x1b[');
  expect(hasEscape(renderFindings([finding('blocker')], { colour: false }))).toBe(false);
  expect(hasEscape(renderFindings([finding('blocker')], { colour: true }))).toBe(true);
});

test('nothing found is said', () => {
  expect(renderFindings([], { colour: false })).toBe('0 blockers, 0 warnings. The job can start.');
});
