/** Guards of which checks the streaming check has start, and of what a compacted log lacks. */
import type { Guard } from './guard.ts';

const KEEPER = 'services/control/phase/check-keeper.ts';
const KEEPER_TEST = ['services/control/phase/check-keeper.test.ts'];

export const STREAM_WANT_GUARDS: Guard[] = [
  {
    name: 'what comes over several partitions is one check',
    why: 'each partition that reports a moment later has every row compared once more',
    file: KEEPER,
    find: 'const GATHER_MS = 2000;',
    replace: 'const GATHER_MS = 0;',
    tests: KEEPER_TEST,
    named: 'want at a time is one check',
  },
  {
    name: 'a check whose basis has changed is followed',
    why: 'a table stays in doubt for good, as a check of it that proves nothing was asked for',
    file: KEEPER,
    find: 'return !this.#hasEnded(request) || ',
    replace: 'return true || ',
    tests: KEEPER_TEST,
    named: 'has come to nothing',
  },
  {
    name: 'for how long a check has been wanted',
    why: 'a control that is restarted has every row compared once more',
    file: 'services/control/phase/stream-reports.ts',
    find: 'const dueMs = nowMs + wantedMs - said.tsMs;',
    replace: 'const dueMs = nowMs + Math.max(0, wantedMs - said.tsMs);',
    tests: ['services/control/phase/proof-keeper.test.ts'],
    named: 'for as long as its checker says',
  },
  {
    name: 'checks that were wanted are durable',
    why: 'a checker that is restarted has every row compared once more',
    file: 'services/checker/stream/table-watch.ts',
    find: 'this.#checks = { ...saved, rested: { ...saved.rested } };',
    replace: 'this.#checks = { ...(saved && NO_CHECK), rested: {} };',
    tests: ['services/checker/stream/table-compare.test.ts'],
    named: 'at longer intervals',
  },
  {
    name: 'records that a compacted log may lack',
    why: 'a target is accused of what was compacted away while a checker was not there',
    file: 'services/checker/stream/table-compare.ts',
    find: 'if (this.#meet(topic, ids) || this.#mayLack(fetched)) this.forget();',
    replace: 'if (this.#meet(topic, ids)) this.forget();',
    tests: ['services/checker/stream/compacted-log.test.ts'],
  },
  {
    name: 'a target does not wait for the log of another one',
    why: 'while the log of one target is away, no table rests on a newer check on any',
    file: 'services/checker/stream/table-watch.ts',
    find: 'if (!this.#hasComparedOn(target, side.goal.ends)) continue;',
    replace: 'if (!this.hasCompared(side.goal.ends)) continue;',
    tests: ['services/checker/stream/table-watch.test.ts'],
    named: 'rest on a newer check',
  },
  {
    name: 'no check is asked for a target that has not come to the last one',
    why: 'while the log of one target is away, check follows check on end',
    file: 'services/checker/stream/table-watch.ts',
    find: "rested !== undefined && (rested === proof.check || proof.result !== 'equal')",
    replace: 'rested !== proof.check',
    tests: ['services/checker/stream/table-watch.test.ts'],
    named: 'rest on a newer check',
  },
  {
    name: 'equal as of the oldest target',
    why: 'a table is equal as of now, though the log of a target has said nothing for hours',
    file: 'services/checker/stream/table-watch.ts',
    find: '.sort((a, b) => a.equal.ms - b.equal.ms);',
    replace: '.sort((a, b) => b.equal.ms - a.equal.ms);',
    tests: ['services/checker/stream/table-watch.test.ts'],
    named: 'is as of the oldest',
  },
  {
    name: 'a check that nothing can rest on is followed by another',
    why: 'a table that came into doubt behind its check stays unknown until somebody asks',
    file: 'services/checker/stream/table-watch.ts',
    find: 'return isUnknown && isDoubtedSince(proof);',
    replace: 'return false;',
    tests: ['services/checker/stream/table-watch.test.ts'],
    named: 'followed by another, once',
  },
];
