/** Guards of plans: of which moment they are, and what becomes of changes between two moments. */
import type { Guard } from './guard.ts';

export const PLAN_GUARDS: Guard[] = [
  {
    name: 'a plan is of a place in the binlog',
    why: 'a job halts for good at rows and statements of before its plans, and has to be copied anew',
    file: 'services/control/phase/prepare.ts',
    find: '    skipTo: gtid,\n',
    replace: '',
    tests: ['test/binlog/altered-meanwhile.live.test.ts'],
  },
  {
    name: 'a table at a place is looked at twice',
    why: 'a plan lacks a column of a statement that the log takes for one that it has',
    file: 'shared/mysql/table-position.ts',
    find: 'if (isSame) return',
    replace: 'if (isSame || gtid !== "") return',
    tests: ['shared/mysql/table-position.mysql.test.ts'],
  },
  {
    name: 'targets hold what is planned',
    why: 'a table that was altered after its target was made halts the sink at the first row',
    file: 'services/control/phase/target-match.ts',
    find: 'if (left.length === 0) return;',
    replace: 'if (left.length >= 0) return;',
    tests: ['services/control/phase/target-match.mysql.test.ts'],
    named: 'are made so on the targets',
  },
  {
    name: 'targets get more before a job, never less',
    why: 'a column of a target is changed or dropped because a source was altered meanwhile',
    file: 'services/control/phase/target-match.ts',
    find: 'mayAlter && isGrowth(f.difference)',
    replace: 'mayAlter',
    tests: ['services/control/phase/target-match.mysql.test.ts'],
    named: 'affair',
  },
  {
    name: 'an altered table ends a copy that the log is past',
    why: 'a copy waits for ever, and without a word, for a change that the log will never meet',
    file: 'services/snapshot/chunk-reader.ts',
    find: 'if (read?.covers(GtidSet.parse(altered, read.flavor)) !== true) return;',
    replace: 'if (read !== undefined) return;',
    tests: ['services/snapshot/chunk-reader.mysql.test.ts'],
    named: 'told with its place',
  },
  {
    name: 'a halt is told at once',
    why: 'a log stands for a second at each change of a schema that control takes up by itself',
    file: 'shared/member/reporter.ts',
    find: "if (s.state === 'halted') this.#news.resolve();",
    replace: '',
    tests: ['shared/member/reporter.test.ts'],
    named: 'told at once',
  },
];
