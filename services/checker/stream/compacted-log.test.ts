/** What a compacted log may lack says nothing, and accuses nobody. */
import { expect, test } from 'vitest';
import { FixedRoute } from '../../../shared/route/fixed.ts';
import { ALL_TARGETS } from '../../../shared/route/route.ts';
import { readers, topicOf } from '../../../test/support/checker/small-topic.ts';
import { LogMaker } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { TableCompare } from './table-compare.ts';

const WHOLE_MS = 1000;
const CHECKED = {
  ...{ position: 0, reached: {}, sums: [], unknown: [], waits: [], told: [], base: 'verify-1' },
};

/** What is said of a row that the target's log has so long ago, and the source's never had. */
async function saidOf(ageMs: number, wholeMs: number | null): Promise<unknown[]> {
  const compare = new TableCompare(
    {
      ...{ table: 't', partition: 0, jobId: 'j', readers, isCounting: () => true, wholeMs },
      ...{ sources: new Map([['a', topicOf('a')]]), targets: new Map([['t1', topicOf('t1')]]) },
      ...{ routes: new Map([['a', new FixedRoute(ALL_TARGETS)]]), now: () => 10_000 },
    },
    {
      ...{ read: { a: 0 }, schemas: {}, ledgers: { t1: CHECKED } },
      ...{ doubts: [], foreign: [], foreignCount: 0 },
    },
  );
  const log = new LogMaker(SMALL_TABLE, 't1.d.t', 0);
  log.origin = 'j';
  log.append({ op: 'c', after: [1, 0, 1] }).appendMark({ job: 'j', topic: 'a.d.t', next: 0 });
  const fetched = log.fetched();
  fetched.times.fill(10_000 - ageMs);
  await compare.takeTarget('t1', fetched);
  return [compare.doubts.length, compare.ledgers.get('t1')?.doubt];
}

test('records that are older than a compacted log is whole make all unknown', async () => {
  expect(await saidOf(WHOLE_MS + 1, WHOLE_MS)).toEqual([0, 'unknown']);
  expect(await saidOf(WHOLE_MS, WHOLE_MS), 'younger ones are all there').toEqual([1, 'differs']);
  expect(await saidOf(WHOLE_MS + 1, null), 'in a log that is not').toEqual([1, 'differs']);
});
