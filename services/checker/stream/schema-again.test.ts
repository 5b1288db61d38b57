/** Records of a schema of before, which come ahead of the plan that names it again. */
import { expect, test } from 'vitest';
import { FixedRoute } from '../../../shared/route/fixed.ts';
import { ALL_TARGETS } from '../../../shared/route/route.ts';
import { readers, topicOf } from '../../../test/support/checker/small-topic.ts';
import { LogMaker } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import type { SavedLedger } from './ledger.ts';
import { TableCompare } from './table-compare.ts';

const CHECKED: SavedLedger = {
  ...{ position: 0, reached: {}, sums: [], unknown: [], waits: [], told: [], base: 'verify-1' },
};

/** Plan: 8, which came with a column; before it `known`. */
function compareOf(known: number[]): TableCompare {
  return new TableCompare(
    {
      ...{ table: 't', partition: 0, jobId: 'j', readers, isCounting: () => true },
      sources: new Map([['a', topicOf('a')]]),
      targets: new Map([['t1', topicOf('t1')]]),
      routes: new Map([['a', new FixedRoute(ALL_TARGETS)]]),
    },
    {
      ...{ read: { a: 0 }, schemas: { 'a.d.t': known, 't1.d.t': [8] }, ledgers: { t1: CHECKED } },
      ...{ doubts: [], foreign: [], foreignCount: 0 },
    },
  );
}

test.each([
  ['a schema that the topic never had', [8]],
  ['the schema of before, which a drop brings again', [5, 8]],
])('rows by %s accuse nobody ahead of the plan', async (_, known) => {
  const compare = compareOf(known);
  const ids = { keySchemaId: 7, valueSchemaId: 5 };
  // The source has dropped the column, the target has it still: the same row has two fingerprints.
  const from = new LogMaker(SMALL_TABLE, 'a.d.t', 0, ids);
  const newest = new LogMaker(SMALL_TABLE, 'a.d.t', 0);
  const to = new LogMaker(SMALL_TABLE, 't1.d.t', 0);
  to.origin = 'j';
  newest.append({ op: 'c', after: [2, 0, 1] });
  await compare.takeSource('a', newest.fetched());
  from.append({ op: 'c', after: [2, 0, 1] }, { op: 'c', after: [1, 0, 1] });
  await compare.takeSource('a', from.fetched(1));
  to.append({ op: 'c', after: [2, 0, 1] }, { op: 'c', after: [1, 0, 7] });
  to.appendMark({ job: 'j', topic: 'a.d.t', next: 2 });
  await compare.takeTarget('t1', to.fetched());
  expect(compare.read.get('a')).toBe(2);
  expect(compare.ledgers.get('t1')?.position).toBe(3);
  expect(compare.doubts).toEqual([]);
});
