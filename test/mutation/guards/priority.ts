/** Guards of who goes first on a machine that has not enough for all. */
import type { Guard } from './guard.ts';

const PRIORITY = 'shared/runtime/priority.ts';
const PRIORITY_TESTS = ['shared/runtime/priority.test.ts'];
const YIELDING = 'services/binlog/yielding.ts';
const YIELDING_TESTS = ['services/binlog/yielding.test.ts'];
const MEMBER = 'services/control/cli/way-back-member.ts';
const MEMBER_TESTS = ['test/cutover/way-back.live.test.ts'];

export const PRIORITY_GUARDS: Guard[] = [
  {
    name: 'a process that lets others go first stays behind where it was put',
    why: 'what somebody runs at the lowest priority takes the processor from the pipeline',
    file: PRIORITY,
    find: 'if (os.getPriority(thread) < BEHIND) ',
    replace: '',
    tests: PRIORITY_TESTS,
    named: 'lets others go first',
  },
  {
    name: 'all threads of it let others go first',
    why: 'those that collect its garbage take the processor from the pipeline',
    file: PRIORITY,
    find: 'return existsSync(THREADS) ? readdirSync(THREADS).map(Number) : [0];',
    replace: 'return [0];',
    tests: PRIORITY_TESTS,
    named: 'lets others go first',
  },
  {
    name: 'its session lets others go first',
    why: 'beside servers of other sessions its priority counts for nothing',
    file: PRIORITY,
    find: 'await lowerSession();',
    replace: '{}',
    tests: PRIORITY_TESTS,
    named: 'a session of its own',
  },
  {
    name: 'a session that is shared is not lowered',
    why: 'a checker that is started from a shell slows the pipeline that was started there too',
    file: PRIORITY,
    find: ' && isOwnSession()',
    replace: '',
    tests: PRIORITY_TESTS,
    named: 'a session of its own',
  },
  {
    name: 'the capture that rows are carried back by goes behind nobody',
    why: 'what the application writes behind a cutover comes to the sources late, or not in time',
    file: YIELDING,
    find: 'if (isGoneOver) return false;',
    replace: '',
    tests: YIELDING_TESTS,
    named: 'until the application goes over',
  },
  {
    name: 'the capture of a way back does not fall behind for ever',
    why: 'a binlog of a target is purged before it is read, and the way back is lost',
    file: YIELDING,
    find: 'lagSeconds < (yields ? BEHIND_MAX_S : CAUGHT_UP_S)',
    replace: '(yields || lagSeconds < CAUGHT_UP_S)',
    tests: YIELDING_TESTS,
    named: 'does not fall behind for ever',
  },
  {
    name: 'a write stop does not wait for a way back that stands behind',
    why: 'the application is stopped for a second longer than it has to be',
    file: YIELDING,
    find: ' || isHalfWay(run)',
    replace: '',
    tests: YIELDING_TESTS,
    named: 'but a write stop',
  },
  {
    name: 'a member that is gone holds no way back',
    why: 'a sink that has died has the logs of the targets be read five minutes late, again and again',
    file: 'services/binlog/pipeline-load.ts',
    find: 'if (nowMs - tsMs > HEARD_WITHIN_MS) continue;',
    replace: '',
    tests: ['services/binlog/pipeline-load.test.ts'],
    named: 'silent holds nobody back',
  },
  {
    name: 'a log that is held is not complete as of now',
    why: 'status says that the way back has all of the targets while it reads nothing',
    file: 'services/binlog/metrics.ts',
    find: '!isHeld && ',
    replace: '',
    tests: ['services/binlog/metrics.test.ts'],
    named: 'waits for us',
  },
  {
    name: 'commits that nobody waits for are few',
    why: 'brokers spend more on the commits of a way back than on the rows in them',
    file: 'services/binlog/writer/ordered-writer.ts',
    find: 'everyMs() - (nowMs - this.#committedAtMs)',
    replace: '0',
    tests: ['services/binlog/writer/ordered-writer.test.ts'],
    named: 'not before its time',
  },
  {
    name: 'a member of the way back that dies is started again',
    why: 'the logs of the targets are read no more, and nobody starts it',
    file: MEMBER,
    find: '    await sleep(RESTART_MS, o.signal);\n',
    replace: '    return;\n',
    tests: MEMBER_TESTS,
    named: 'lets others go first',
  },
  {
    name: 'a member that reads no targets is not ready',
    why: 'health is good while the process that reads the targets ends at each start',
    file: 'services/binlog/readiness.ts',
    find: 'wayBackAway === null && ',
    replace: '',
    tests: ['services/binlog/readiness.test.ts'],
    named: 'is ready when it reads all',
  },
  {
    name: 'a member of the way back that is at work again',
    why: 'health stays bad for ever behind one crash that was got over in a second',
    file: MEMBER,
    find: "else if (told === 'joined') tell(null);",
    replace: '',
    tests: ['services/control/cli/way-back-member.test.ts'],
    named: 'is told of and started again',
  },
];
