/** Guards of the trace: nobody is accused of a row that is on its way, or changes. */
import type { Guard } from './guard.ts';

export const TRACE_GUARDS: Guard[] = [
  {
    name: 'looks that have to agree before a row is called lost',
    why: 'a row that changes between two questions is told as lost',
    file: 'services/control/repair/row-trace.ts',
    find: 'if (!isWord || this.#same >= LOOKS)',
    replace: 'if (this.#same > 0)',
    tests: ['services/control/repair/row-trace.test.ts'],
    named: 'nobody is accused',
  },
  {
    name: 'the record is a part of what looks agree on',
    why: 'a row that is changed and changed back is told as lost',
    file: 'services/control/repair/row-trace.ts',
    find: '[log.offset, log.hash]',
    replace: '[log.hash]',
    tests: ['services/control/repair/row-trace.test.ts'],
    named: 'nobody is accused',
  },
  {
    name: 'a target that has not applied the record',
    why: 'a sink that stands still is accused of rows that are on their way',
    file: 'services/control/repair/trace.ts',
    find: 'behind: behind.filter(name => wrong.has(name)),',
    replace: 'behind: [],',
    tests: ['test/pipeline/trace.live.test.ts'],
    named: 'a target that stands still',
  },
];
