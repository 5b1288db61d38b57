/** Guards of what a log of a target does not tell. */
import type { Guard } from './guard.ts';

const HALTS = ['services/control/phase/target-halts.test.ts'];

export const TARGET_LOG_GUARDS: Guard[] = [
  {
    name: 'a statement at which the log of a target stands',
    why: 'a table that somebody has emptied on a target goes on being verified',
    file: 'services/control/phase/proof-keeper.ts',
    find: 'await this.doubt([name], why);',
    replace: '',
    tests: HALTS,
    named: 'takes the proof of its table back',
  },
  {
    name: 'a statement without a table',
    why: 'a statement that may be about any table is taken for one of none',
    file: 'services/control/phase/proof-keeper.ts',
    find: 'tables.filter(t => table === null || t === table)',
    replace: 'tables.filter(t => t === table)',
    tests: HALTS,
    named: 'may be about any',
  },
  {
    name: 'a check of before the statement',
    why: 'a check that had compared the table when it was emptied proves it',
    file: 'services/control/phase/target-halts.ts',
    find: 'atMs: isKnown ? atSecond * 1000 + SECOND_MS : nowMs,',
    replace: 'atMs: typeof atSecond === "number" ? atSecond * 1000 + SECOND_MS : nowMs,',
    tests: HALTS,
    named: 'a check that had begun before says nothing',
  },
  {
    name: 'a growth is waited for',
    why: 'each column that comes takes a proof back and has every row compared',
    file: 'services/control/phase/target-halts.ts',
    find: 'h => !h.isGrowth || ',
    replace: 'h => true || ',
    tests: HALTS,
    named: 'is given time',
  },
  {
    name: 'logs that agree about what a check has found different',
    why: 'damage that no log tells is called equal as of now, beside the check that names it',
    file: 'services/checker/stream/table-watch.ts',
    find: '?.doubt !== null || this.#isTakenBack()) return;',
    replace: '?.doubt !== null) return;',
    tests: ['services/checker/stream/table-compare.test.ts'],
    named: 'do not make a table equal',
  },
  {
    name: 'the state of a table that was taken back',
    why: 'a table that is in doubt is called equal as of a few seconds ago',
    file: 'services/checker/stream/table-watch.ts',
    find: 'equalMs > 0 && !this.#isTakenBack()',
    replace: 'equalMs > 0',
    tests: ['services/checker/stream/table-compare.test.ts'],
    named: 'do not make a table equal',
  },
  {
    name: 'a log of a target that is not read',
    why: 'a streaming check that is blind is yellow, as if only a way back was missing',
    file: 'services/control/status/problem.ts',
    find: "if (stream === null || carries !== 'over' || headline?.level !== 'failure') return [];",
    replace: "if (stream === null || carries !== 'over' || headline) return [];",
    tests: ['services/control/status/stream-status.test.ts'],
    named: 'is a problem of the check',
  },
  {
    name: 'a share of what is told',
    why: 'many differences of one table hide those of another',
    file: 'services/checker/stream/slot-tables.ts',
    find: 'left -= Math.min(share, doubts.length);',
    replace: 'left -= share;',
    tests: ['services/checker/stream/slot-tables.test.ts'],
    named: 'do not hide those of another',
  },
];
