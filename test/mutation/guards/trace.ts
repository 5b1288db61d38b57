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
    find: 'behind: [...late].filter(name => wrong.has(name)),',
    replace: 'behind: [],',
    tests: ['test/pipeline/trace.live.test.ts'],
    // Not one test by its name: each goes on where the one before it has ended.
  },
  {
    name: 'a log that is not as its own source is',
    why: 'a row that has moved to another source, and whose delete was lost, is told as lost by the sink',
    file: 'services/control/repair/row-trace.ts',
    find: 'if (said !== source) return 5;',
    replace: 'if (said !== source) return 0;',
    tests: ['services/control/repair/row-trace.test.ts'],
    named: 'is told of whose log is not as the source is',
  },
  {
    name: 'a log of another source that is behind',
    why: 'a sink is accused of a row whose delete is on its way from another source',
    file: 'services/control/repair/row-trace.ts',
    find: 'if (log === null) return 6;',
    replace: 'if (log === null) return 0;',
    tests: ['services/control/repair/row-trace.test.ts'],
    named: 'keeps the others from being believed',
  },
  {
    name: 'a log that was made anew',
    why: 'a row that was deleted while its log was gone is told as a foreign one',
    file: 'services/control/repair/last-record.ts',
    find: "return this.#isAnew ? 'anew' : 'none';",
    replace: "return 'none';",
    tests: ['services/control/repair/last-record.test.ts'],
    named: 'has none of the deletes of before',
  },
  {
    name: 'a topic that somebody has had compacted',
    why: 'a row whose delete was compacted away is told as a foreign one',
    file: 'services/control/repair/trace.ts',
    find: "isCompacted: policy.includes('compact')",
    replace: 'isCompacted: false',
    tests: ['test/pipeline/trace.live.test.ts'],
  },
];
