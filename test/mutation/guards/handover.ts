/** Guards of the handover: the target has what it is told that it has, and is reset once. */
import type { Guard } from './guard.ts';

const RUN = ['services/control/handover/handovers.test.ts'];
const END = ['services/binlog/log-end.test.ts'];
const GATE = ['services/control/handover/handover-gate.test.ts'];

export const HANDOVER_GUARDS: Guard[] = [
  {
    name: 'a target that has the transactions is not reset again',
    why: 'what replication has brought since is told to be missing, and is applied twice',
    file: 'services/control/handover/handovers.ts',
    find: 'if (!now.covers) await site.resetTo(gtid);',
    replace: 'await site.resetTo(gtid);',
    tests: RUN,
    named: 'wherever a control dies',
  },
  {
    name: 'a handover that was half way is undone by the next control',
    why: 'the log stands for ever, and the target takes no writes',
    file: 'services/control/handover/handovers.ts',
    find: "if (known?.stage === 'cutting') await this.#undo",
    replace: "if (known?.stage === 'undone') await this.#undo",
    tests: RUN,
    named: 'wherever a control dies',
  },
  {
    name: 'a target that lacks rows of the log is not handed over',
    why: 'the replica is told that it has transactions whose rows it lacks',
    file: 'services/control/handover/handovers.ts',
    find: "    await this.#wait('drain', drainSeconds, () => lacks(gtid));\n    await site.setReadOnly(true, false);\n    const left = (await lacks(gtid)) ?? (await doubts());",
    replace: '    await site.setReadOnly(true, false);\n    const left = await doubts();',
    tests: RUN,
    named: 'the target lacks rows',
  },
  {
    name: 'a log that has ended does not go on by a view that is behind',
    why: 'rows come behind the position that the replica begins at, and are applied twice',
    file: 'shared/job/state/handover.ts',
    find: 'if (run === null || run.number < ended) return false;',
    replace: 'if (run === null || run.number < ended) return true;',
    tests: RUN,
    named: 'a log that has ended goes on',
  },
  {
    name: 'a log does not end where a transaction is in it in part',
    why: 'the target has rows of a transaction that replication brings whole',
    file: 'services/binlog/log-end.ts',
    find: 'position.current !== null || position.resume().partialGtid !== null',
    replace: 'position.current !== null',
    tests: END,
    named: 'where one is in it in part',
  },
  {
    name: 'a log does not end inside a transaction',
    why: 'the target has rows of a transaction that replication brings whole',
    file: 'services/binlog/log-end.ts',
    find: 'position.current !== null || position.resume()',
    replace: 'position.resume()',
    tests: END,
    named: 'inside a transaction',
  },
  {
    name: 'a table that the job does not carry keeps a handover shut',
    why: 'replication stops at its first change',
    file: 'services/control/handover/handover-gate.ts',
    find: 'const left = s.tables.filter(name => !carried.includes(name));',
    replace: 'const left: string[] = [];',
    tests: GATE,
    named: 'a table that the job does not carry',
  },
];
