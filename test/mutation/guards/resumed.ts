/** Guards of checks that are gone on with. */
import type { Guard } from './guard.ts';

const LEDGER = 'services/checker/full/range-ledger.ts';
const LEDGER_TEST = 'services/checker/full/range-ledger.test.ts';
const TABLE = 'services/checker/full/check-table.ts';
const START = 'services/checker/full/check-start.ts';
const START_TEST = 'services/checker/full/check-start.test.ts';
const RESUMED_TEST = 'services/checker/full/resumed.mysql.test.ts';

export const RESUMED_GUARDS: Guard[] = [
  {
    name: 'a checkpoint ends at the first range that is not compared',
    why: 'a range that its checker was at when it died is compared by nobody, and called equal',
    file: LEDGER,
    find: 'if (!next?.tally) return;',
    replace: 'if (next === undefined) return;\n      next.tally ??= NO_TALLY;',
    tests: [LEDGER_TEST],
    named: 'of ranges that will be compared again',
  },
  {
    name: 'keys that differed are in the checkpoint',
    why: 'a difference that was found before the kill is told by nobody',
    file: LEDGER,
    find: 'if (next.suspects.size > 0) this.#suspected.add(next);',
    replace: '',
    tests: [LEDGER_TEST],
    named: 'no key that differs is lost',
  },
  {
    name: 'a key that differs for good stays in the checkpoint',
    why: 'a difference that was proven before the kill is told by nobody',
    file: LEDGER,
    find: 'decide: close,',
    replace: 'decide: () => (entry.suspects.clear(), close()),',
    tests: [LEDGER_TEST],
    named: 'no key that differs is lost',
  },
  {
    name: 'what differed is looked at again',
    why: 'a difference that was found before the kill is told by nobody',
    file: TABLE,
    find: 'for (const key of from.suspects) recheck.add(key, range);',
    replace: '',
    tests: [RESUMED_TEST],
    named: 'finds what was found and what was not',
  },
  {
    name: 'what is compared is not again',
    why: 'a check of a table that takes longer than its checkers live has no end',
    file: TABLE,
    find: 'const left = { after: from?.upTo ?? open.after, upTo: open.upTo };',
    replace: 'const left = { after: open.after, upTo: open.upTo };',
    tests: [RESUMED_TEST],
    named: 'finds what was found and what was not',
  },
  {
    name: 'a check is as old as its beginning',
    why: 'a proof claims a position that its first rows were compared long before',
    file: START,
    find: 'const kept = { startedMs, workedMs, sourceGtids, targetGtids, servers };',
    replace: 'const kept = { startedMs: atMs, workedMs, sourceGtids, targetGtids, servers };',
    tests: [RESUMED_TEST],
    named: 'claims no later positions',
  },
  {
    name: 'a table that is another one begins anew',
    why: 'ranges of the old columns, or of a table that is gone, prove the new one equal',
    file: TABLE,
    find: 'if (from.shape !== shape) {',
    replace: "if (from.shape === '') {",
    tests: [RESUMED_TEST],
    named: 'begins anew',
  },
  {
    name: 'what came into doubt begins anew',
    why: 'rows that were compared before a repair or a recopy prove what was written since',
    file: START,
    find: 'const isOther = known.basis !== basis;',
    replace: "const isOther = known.basis === '';",
    tests: [START_TEST],
    named: 'came into doubt',
  },
  {
    name: 'same servers when a check is gone on with',
    why: 'ranges that were compared on one server prove another one equal',
    file: START,
    find: 'name => before.servers[name] !== servers[name]',
    replace: "name => before.servers[name] === ''",
    tests: [START_TEST],
    named: 'of other servers',
  },
  {
    name: 'room in a checkpoint',
    why: 'the record grows with the keys that differ until nobody can write it',
    file: 'services/checker/full/checkpoint-room.ts',
    find: 'if (all - (this.#taken.get(table) ?? 0) > this.#max) return false;',
    replace: '',
    tests: ['services/checker/full/checkpoint-room.test.ts'],
  },
  {
    name: 'no checkpoint behind a verdict',
    why: 'the state of the job keeps how far checks were that have long ended',
    file: 'services/control/phase/checkpoint-keeper.ts',
    find: 'if (!hasEnded && view.verifies.has(id)) continue;',
    replace: 'if (view.verifies.has(id)) continue;',
    tests: ['services/control/phase/checkpoint-keeper.test.ts'],
    named: 'gone with the verdict',
  },
];
