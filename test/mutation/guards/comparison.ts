/** Guards of the streaming check as a gate of a cutover. */
import type { Guard } from './guard.ts';

const COMPARE = 'services/control/cutover/compare.ts';
const COMPARE_TEST = 'services/control/cutover/compare.test.ts';
const WATCH = 'services/checker/stream/table-watch.ts';
const WATCH_TEST = 'services/checker/stream/table-compare.test.ts';
const GATES = 'services/control/cutover/gate.ts';
const GATE = 'services/control/cutover/stream-gate.ts';
const GATE_TEST = 'services/control/cutover/stream-gate.test.ts';

export const COMPARISON_GUARDS: Guard[] = [
  {
    name: 'both logs are a gate by what they say of now',
    why: 'the job goes over by what a checker has said before it died',
    file: GATE,
    find: 'if (ageMs <= most * 1000) return',
    replace: 'if (ageMs <= most * 1000 || equalMs > 0) return',
    tests: [GATE_TEST],
    named: 'long ago',
  },
  {
    name: 'a doubt that was not cleared up shuts the gate',
    why: 'the job goes over with a target that somebody writes to, since the rows are equal again',
    file: GATE,
    find: "d.base === (proof?.check ?? '')",
    replace: "d.base === ''",
    tests: [GATE_TEST],
    named: 'a doubt shuts it',
  },
  {
    name: 'a foreign write shuts the gate',
    why: 'the application goes over to a target that somebody else still writes to',
    file: GATE,
    find: 'f.atMs >= (proof?.startedMs ?? 0)',
    replace: 'f.atMs < 0',
    tests: [GATE_TEST],
    named: 'a write of somebody else',
  },
  {
    name: 'both logs are compared inside the write stop',
    why: 'a row that somebody writes to a target behind the gates is never seen before the journal',
    file: 'services/control/cutover/attempt.ts',
    find: 'await comparedAt(d, clock, begins);',
    replace: '',
    tests: [COMPARE_TEST],
    named: 'all equal',
  },
  {
    name: 'every slot has to answer',
    why: 'a checker that has died lets the job go over',
    file: COMPARE,
    find: 'if (said === undefined) silent.push(slot);',
    replace: 'if (said === undefined) continue;',
    tests: [COMPARE_TEST],
    named: 'no answer',
  },
  {
    name: 'an answer is to the question of this cutover',
    why: 'what a checker has said before it died is taken for what is true now',
    file: 'services/control/phase/stream-reports.ts',
    find: 'report.compared === comparison',
    replace: 'report.tables.length > 0 || report.compared === comparison',
    tests: ['services/control/phase/proof-keeper.test.ts'],
    named: 'to the question of a cutover',
  },
  {
    name: 'what is not known to be equal is not equal',
    why: 'a table whose keys wait, or that no check has compared, goes over unseen',
    file: COMPARE,
    find: "if (state === 'unknown' || state === 'waits') return [text];",
    replace: "if (state === 'unknown' || state === 'waits') return text === '' ? [text] : [];",
    tests: [COMPARE_TEST],
    named: 'what is not known',
  },
  {
    name: 'the ends of both logs are what is asked for',
    why: 'the targets are compared as they were some time before the freeze',
    file: 'services/control/cutover/attempt.ts',
    find: '...(await site.ends()), ...begins',
    replace: '...(await site.ends())',
    tests: [COMPARE_TEST],
    named: 'the ends of both logs',
  },
  {
    name: 'an answer is of all that the sources have',
    why: 'equal is said although a target lacks the last changes of before the freeze',
    file: WATCH,
    find: ' || !ledger.hasPassed(source, end)) return false;',
    replace: ') return false;',
    tests: [WATCH_TEST],
    named: 'up to the ends that a cutover names',
  },
  {
    name: 'an answer is of all that the targets have',
    why: 'equal is said although what was written to a target last is not compared',
    file: WATCH,
    find: '(compare.targetRead.get(target) ?? 0) >= end && ledger.pending.steps === 0',
    replace: '(compare.targetRead.get(target) ?? 0) >= end',
    tests: [WATCH_TEST],
    named: 'up to the ends that a cutover names',
  },
  {
    name: 'a marker goes the way back before anything stops',
    why: 'the sources are frozen, and then the log that leads back is found to stand',
    file: 'services/control/cutover/attempt.ts',
    find: 'await marked(d, clock, id);',
    replace: '',
    tests: ['services/control/cutover/turn.test.ts'],
    named: 'a marker that does not come back',
  },
  {
    name: 'a sink that stands by has shown that it could write',
    why: 'after the journal no row is carried back, since the machine of the sink meets no source',
    file: GATES,
    find: "u.unit === STANDBY_UNIT && u.state === 'running'",
    replace: "u.unit === STANDBY_UNIT || u.state === 'running'",
    tests: ['services/control/cutover/turn-gate.test.ts'],
    named: 'has not tried yet',
  },
  {
    name: 'a sink that stands by tries each kind of write',
    why: 'an account without DELETE is met by the first row that is deleted behind the journal',
    file: 'services/sink/destination/mysql/trial.ts',
    find: 'await session.rawQuery(`DELETE FROM ${table} WHERE 1 = 0`);',
    replace: '',
    tests: ['services/sink/destination/mysql/trial.mysql.test.ts'],
    named: 'without DELETE',
  },
];
