/** Guards of the streaming check while a job changes under it, and of whom it accuses. */
import type { Guard } from './guard.ts';

const TABLE_COMPARE = 'services/checker/stream/table-compare.ts';
const SLOT_TABLES = 'services/checker/stream/slot-tables.ts';
const TABLE_WATCH = 'services/checker/stream/table-watch.ts';

export const STREAM_CHANGE_GUARDS: Guard[] = [
  {
    name: 'columns that come are met with their plan',
    why: 'a table that has grown stays equal by a check of before, as long as nobody writes to it',
    file: TABLE_COMPARE,
    find: 'if (this.#meet(topic, [valueSchemaId]) && !isNew) this.forget();',
    replace: 'this.#meet(topic, [valueSchemaId]);',
    tests: ['services/checker/stream/slot-tables.test.ts'],
    named: 'columns which nobody has written to yet',
  },
  {
    name: 'what has changed since its check has another one follow',
    why: 'a table that has grown is compared by nobody until somebody asks for a check',
    file: TABLE_WATCH,
    find: ' || isDoubtedSince(proof));',
    replace: ');',
    tests: ['services/checker/stream/table-compare.test.ts'],
    named: 'has changed since its check',
  },
  {
    name: 'no check is wanted of sources that are not alike',
    why: 'columns that come to one source after the other have a check fail that cannot compare them',
    file: TABLE_WATCH,
    find: ' || !this.#isAlike()) return;',
    replace: ') return;',
    tests: ['services/checker/stream/table-compare.test.ts'],
    named: 'has changed since its check',
  },
  {
    name: 'what is stored is of the copies that it was built of',
    why: 'a recopy while the slot ends leaves what was known of the rows before as known of the new',
    file: SLOT_TABLES,
    find: 'changed.set(table, { basis: this.#basis.get(table)',
    replace: 'changed.set(table, { basis: copiesOf(this.#o, table)',
    tests: ['services/checker/stream/slot-tables.test.ts'],
    named: 'as if it were of the next one',
  },
  {
    name: 'differences of each table are told',
    why: 'a table stays verified while both logs say that it differs, since another one does so more',
    file: SLOT_TABLES,
    find: 'return all.flatMap(d => d.slice(0, each));',
    replace: 'return all.flat().slice(0, TOLD_MAX * Math.sign(each));',
    tests: ['services/checker/stream/slot-tables.test.ts'],
    named: 'do not hide those of another',
  },
  {
    name: 'targets stand in the order of the job',
    why: 'with targets that are called 10 and 9, rows of each are missed on the other',
    file: TABLE_COMPARE,
    find: 'for (const target of o.targets.keys()) {',
    replace: 'for (const target of Object.keys(saved.ledgers)) {',
    tests: ['services/checker/stream/table-compare.test.ts'],
    named: 'whatever they are called',
  },
  {
    name: 'a row that nobody can read is not left out of the sums',
    why: 'a target is accused of a row that it has',
    file: TABLE_COMPARE,
    find: 'if (isOurs && change.isUnknown) this.#openOf(target).lost = true;',
    replace: '',
    tests: ['services/checker/stream/table-compare.test.ts'],
    named: 'that nobody can read makes it unknown',
  },
  {
    name: 'what is lost of keys that wait is waited for no more',
    why: 'buckets wait for keys whose end nobody tells: no check makes them known, and no cutover goes',
    file: 'services/checker/stream/ledger.ts',
    find: 'this.#waits.clear();',
    replace: '',
    tests: ['services/checker/stream/ledger.test.ts'],
    named: 'not waited for for ever',
  },
  {
    name: 'keys are named that add up to the difference',
    why: 'a key that waited is blamed for what somebody has done to another one of its bucket',
    file: 'services/checker/stream/drill-down.ts',
    find: 'return all === this.#window.sum ? found : [];',
    replace: 'return all === all ? found : [];',
    tests: ['services/checker/stream/drill-down.test.ts'],
    named: 'is not blamed for it',
  },
];
