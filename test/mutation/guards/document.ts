/** Guards of rows whose documents MySQL holds equal. */
import type { Guard } from './guard.ts';

export const DOCUMENT_GUARDS: Guard[] = [
  {
    name: 'a row of several events is not left as it was',
    why: 'a delete and an insert, or changes to and fro, leave a document with another kind of number, for ever',
    file: 'services/sink/destination/mysql/apply.ts',
    find: 'await this.#deleteFolded(table, list.keys, i => all.isFolded(placeOf(i)));',
    replace: '',
    tests: ['services/sink/destination/mysql/equal-document.mysql.test.ts'],
  },
  {
    name: 'a row with a document is repaired by a delete and an insert',
    why: 'no repair mends a number of another kind, however often it is ordered',
    file: 'services/control/repair/repair-plan.ts',
    find: "const isAnew = strays || isAlien || (kind === 'different' && hasDocuments(table, plans));",
    replace:
      'const isAnew = strays || isAlien || (kind === "extra" && hasDocuments(table, plans));',
    tests: ['services/control/repair/repair-plan.test.ts'],
    named: 'a row with a JSON document',
  },
];
