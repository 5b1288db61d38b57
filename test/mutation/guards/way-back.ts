/** Guards of the way back: no sink of before writes, and nobody but our sink does. */
import type { Guard } from './guard.ts';

const TURN = ['services/control/cutover/turn.test.ts'];
const LEG = ['services/sink/destination/mysql/leg.mysql.test.ts'];

export const WAY_BACK_GUARDS: Guard[] = [
  {
    name: 'sinks of before are shut out before ours gets through',
    why: 'a sink that wakes up late brings what was carried back over newer rows of the application',
    file: 'services/control/cutover/turn.ts',
    find: '  await site.shutOut(leg.number);\n',
    replace: '',
    tests: TURN,
    named: 'each journal turns the way',
  },
  {
    name: 'a leg that is shut is opened by the next control',
    why: 'control dies behind the journal, and nothing carries back what the application writes',
    file: 'services/control/cutover/cutovers.ts',
    find: 'if (run === null || !isTurning(run) ||',
    replace: 'if (run === null || isTurning(run) ||',
    tests: TURN,
    named: 'killed after any deed',
  },
  {
    name: 'servers take writes before the application comes back to them',
    why: 'it is let onto servers that refuse all that it writes',
    file: 'services/control/cutover/cutovers.ts',
    find: 'if (run.thaws.length > 0) {',
    replace: 'if (run.thaws.length > 9) {',
    tests: TURN,
    named: 'each journal turns the way',
  },
  {
    name: 'no sink writes while its leg is shut',
    why: 'it begins before those of the other way are shut out',
    file: 'shared/job/state/cutover.ts',
    find: 'leg.carries === way && leg.isOpen && !isEnded',
    replace: 'leg.carries === way && !isEnded',
    tests: TURN,
    named: 'a server that is away',
  },
  {
    name: 'finish ends the way back',
    why: 'what the application writes goes on coming to sources that are given away',
    file: 'shared/job/state/cutover.ts',
    find: 'leg.carries === way && leg.isOpen && !isEnded',
    replace: 'leg.carries === way && leg.isOpen',
    tests: TURN,
    named: 'whose job is finished',
  },
  {
    name: 'a rollback waits for the way back to be open',
    why: 'what the application has written is not on the sources that it comes back to',
    file: 'services/control/cutover/cutovers.ts',
    find: 'return isTurning(run) ? TURNING : null;',
    replace: 'return null;',
    tests: TURN,
    named: 'a server that is away',
  },
  {
    name: 'a leg refuses members of the one before',
    why: 'a sink that has not heard of the journal claims its rows again, and goes on',
    file: 'services/sink/destination/mysql/offset.ts',
    find: 'if (Number(leg) <= number) return;',
    replace: 'if (Number(leg) !== 0) return;',
    tests: LEG,
    named: 'shut out stays so',
  },
  {
    name: 'a leg begins at the journal',
    why: 'what the sink has written to the targets before comes back over rows of the sources',
    file: 'services/sink/destination/mysql/offset.ts',
    find: 'if (leg.number > 1) await this.#begin(session, tasks);',
    replace: '',
    tests: LEG,
    named: 'begins where the journal says',
  },
  {
    name: 'rows of nobody are deleted in a later leg',
    why: 'a row that was there before the cutover, and is deleted since, stays on the other side',
    file: 'services/sink/destination/mysql/mysql-destination.ts',
    find: 'mayTakeUnowned: this.#leg > 1,',
    replace: 'mayTakeUnowned: false,',
    tests: ['test/cutover/way-back.live.test.ts'],
    named: 'over: what is written',
  },
];
