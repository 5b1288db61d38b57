/** Guards of routes: both forms are one function, and a changed one is never gone on with. */
import type { Guard } from './guard.ts';

export const ROUTE_GUARDS: Guard[] = [
  {
    name: 'texts are routed by what is stored',
    why: 'a code without a character is hashed as another text there than here: a false difference',
    file: 'shared/route/routed-column.ts',
    find: "return isByBytes(type.charset) ? 'coded' : 'text';",
    replace: "return 'text';",
    tests: ['shared/route/routes.mysql.test.ts'],
    named: 'by hash, of each type',
  },
  {
    name: 'columns of a hash are told apart',
    why: "('a','bc') and ('ab','c') take one slot here and another one on the server",
    file: 'shared/route/slots.ts',
    find: 'this.#text.ascii(`${part.pos}:`);',
    replace: "this.#text.ascii('');",
    tests: ['shared/route/routes.mysql.test.ts'],
    named: 'by hash of several columns',
  },
  {
    name: 'a bound is the first value behind it',
    why: 'the row at a bound is placed otherwise than the check expects',
    file: 'shared/route/range.ts',
    find: 'if (value < bound.number) return target;',
    replace: 'if (value <= bound.number) return target;',
    tests: ['shared/route/routes.mysql.test.ts'],
    named: 'by range of i64',
  },
  {
    name: 'a value without a target is an error',
    why: 'rows that no target is listed for all go to the first one',
    file: 'shared/route/listed.ts',
    find: 'if (target === null) throw this.#unlisted();',
    replace: 'if (target === null) return 0;',
    tests: ['shared/route/routes.mysql.test.ts'],
    named: 'has no target, here or there',
  },
  {
    name: 'zeros of ZEROFILL are no part of a number',
    why: 'the server routes 00007 and the sink 7',
    file: 'shared/route/routed-column.ts',
    find: 'return `CAST(CAST(${isNumber(this.type) ? `${c}+0` : c} AS CHAR) AS BINARY)`;',
    replace: 'return `CAST(CAST(${c} AS CHAR) AS BINARY)`;',
    tests: ['shared/route/routes.mysql.test.ts'],
    named: 'by hash, of each type',
  },
  {
    name: 'a changed route of a table is another job',
    why: 'rows that were placed by the old route stay where the new one does not look',
    file: 'shared/job/state/identity.ts',
    find: '} else if (routeWords(known) !== routeWords(table)) {',
    replace: "} else if (routeWords(known) === '') {",
    tests: ['shared/job/state/identity.test.ts', 'shared/job/job-route.test.ts'],
    named: 'rout',
  },
];
