/** Guards of repairs by a script of SQL. */
import type { Guard } from './guard.ts';

export const SCRIPT_GUARDS: Guard[] = [
  {
    name: 'a script touches the row that was seen',
    why: 'a script of yesterday writes over what came since',
    file: 'services/control/repair/repair-script.ts',
    find: "[key])} AND ${this.#hash}='${hash}'`",
    replace: "[key])} AND ${this.#hash} <> '${hash.slice(1)}'`",
    tests: ['services/control/repair/repair-sql.mysql.test.ts'],
    named: 'leaves rows alone',
  },
  {
    name: 'a script adds where none is',
    why: 'a row that came meanwhile ends the script, or is doubled',
    file: 'services/control/repair/repair-script.ts',
    find: '`NOT EXISTS (${isThere})`',
    replace: '`EXISTS (${isThere}) OR TRUE`',
    tests: ['services/control/repair/repair-sql.mysql.test.ts'],
    named: 'leaves rows alone',
  },
  {
    name: 'a script adds what it has deleted',
    why: 'a row that is gone by then comes back',
    file: 'services/control/repair/repair-script.ts',
    find: '`${deleted} = 1`',
    replace: '`${deleted} < 2`',
    tests: ['services/control/repair/repair-sql.mysql.test.ts'],
    named: 'gone meanwhile adds none',
  },
  {
    name: 'documents in a script',
    why: 'a document stays another one that MySQL holds equal',
    file: 'services/control/repair/table-traits.ts',
    find: 'isAnew: hasUnique || hasDocuments',
    replace: 'isAnew: hasUnique',
    tests: ['services/control/repair/repair-sql.mysql.test.ts'],
    named: 'gone meanwhile adds none',
  },
  {
    name: 'other unique keys in a script',
    why: "two rows with each other's values can never be written",
    file: 'services/control/repair/table-traits.ts',
    find: 'isAnew: hasUnique || hasDocuments',
    replace: 'isAnew: hasDocuments',
    tests: ['services/control/repair/repair-sql.mysql.test.ts'],
    named: 'cures each kind',
  },
];
