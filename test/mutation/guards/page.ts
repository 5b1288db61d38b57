/** Guards of what a check shows. */
import type { Guard } from './guard.ts';

export const PAGE_GUARDS: Guard[] = [
  {
    name: 'texts of servers on a page',
    why: 'a key that holds a script runs it where the page is filed',
    file: 'services/control/cli/html.ts',
    find: ".replaceAll('<', '&lt;')",
    replace: '',
    tests: ['services/control/cli/verify-page.test.ts'],
    named: 'tells what was before',
  },
  {
    name: 'a part on the picture',
    why: 'a check of one row shows every other key as cured',
    file: 'services/control/cli/difference-picture.ts',
    find: 'if (!isWhole(result)) continue;',
    replace: '',
    tests: ['services/control/cli/difference-picture.test.ts'],
    named: 'does not say that a key is gone',
  },
  {
    name: 'signs that are not seen',
    why: 'a value turns the line of a terminal round, or rings it',
    file: 'services/control/repair/shown-value.ts',
    find: '[\\p{C}\\p{Zl}\\p{Zp}]',
    replace: '[\\p{Zl}\\p{Zp}]',
    tests: ['services/control/repair/row-values.mysql.test.ts'],
    named: 'those of both sides',
  },
  {
    name: 'first characters of a value',
    why: 'a row of a gigabyte is read to show that it differs',
    file: 'services/control/repair/shown-value.ts',
    find: 'const CHARACTERS_MAX = 120;',
    replace: 'const CHARACTERS_MAX = 120_000;',
    tests: ['services/control/repair/row-values.mysql.test.ts'],
    named: 'those of both sides',
  },
  {
    name: 'values that look the same',
    why: 'two values that differ by a sign that combines are shown as one',
    file: 'services/control/repair/shown-value.ts',
    find: '(isCut || isAlike)',
    replace: 'isCut',
    tests: ['services/control/repair/shown-value.test.ts'],
    named: 'told apart by hash',
  },
];
