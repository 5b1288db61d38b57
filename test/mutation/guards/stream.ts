/** Guards of what both streams are compared by. */
import type { Guard } from './guard.ts';

export const STREAM_GUARDS: Guard[] = [
  {
    name: 'rows of a sink name their job',
    why: 'every row that the job writes to a target is told as a foreign write',
    file: 'services/binlog/capture/captured-table.ts',
    find: '(header ?? o.origin)',
    replace: 'header',
    tests: ['test/binlog/marks.live.test.ts'],
    named: 'rows of a sink have its job',
  },
  {
    name: 'an origin ends with its transaction',
    why: 'a foreign write behind one of the sink passes for its own',
    file: 'services/binlog/capture/origin.ts',
    find: 'this.header = undefined;',
    replace: '',
    tests: ['test/binlog/marks.live.test.ts'],
    named: 'rows of a sink have its job',
  },
  {
    name: 'a mark is of a position',
    why: 'whoever empties reshard_park by hand takes a target back to the first offset',
    file: 'services/binlog/capture/origin.ts',
    find: 'if (next === null || gtid === null) continue;',
    replace: '',
    tests: ['services/binlog/capture/origin.test.ts'],
    named: 'without a position',
  },
  {
    name: 'a mark is no row',
    why: 'a sink halts at the first mark of another job in its topic',
    file: 'services/sink/intake/routed-batch.ts',
    find: 'if (this.#isMark(i)) return;',
    replace: '',
    tests: ['services/sink/intake/marked-batch.test.ts'],
    named: 'a mark is no row',
  },
];
