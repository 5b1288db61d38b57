/** What the comparison of a table keeps in memory, however many rows have passed through it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { FixedRoute } from '../../../shared/route/fixed.ts';
import { readers, topicOf } from '../../../test/support/checker/small-topic.ts';
import { LogMaker } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import type { SavedLedger } from './ledger.ts';
import { TableCompare } from './table-compare.ts';

const EMPTY: SavedLedger = {
  ...{ position: 0, reached: {}, sums: [], unknown: [], waits: [], told: [], base: 'verify-1' },
};
/** Rows of a batch of a log, and of a transaction of the sink. */
const BATCH = 500;
const TRANSACTION = 5;
const [WARM, MORE] = [5000, 30_000];
/** A number for each row would take as much. */
const ROW_BYTES = 16;

function compareOf(): TableCompare {
  return new TableCompare(
    {
      ...{ table: 't', partition: 0, jobId: 'j', readers, isCounting: () => true },
      sources: new Map([['a', topicOf('a')]]),
      targets: new Map([['t1', topicOf('t1')]]),
      routes: new Map([['a', new FixedRoute(0)]]),
    },
    {
      ...{ read: { a: 0 }, schemas: {}, ledgers: { t1: EMPTY } },
      ...{ doubts: [], foreign: [], foreignCount: 0 },
    },
  );
}

/** New rows from `first` on come on both sides, in transactions of the sink. */
async function pass(compare: TableCompare, first: number, end: number): Promise<void> {
  for (let from = first; from < end; from += BATCH) {
    const offset = { a: compare.read.get('a') ?? 0, t1: compare.targetRead.get('t1') ?? 0 };
    const source = new LogMaker(SMALL_TABLE, 'a.d.t', 0);
    const target = new LogMaker(SMALL_TABLE, 't1.d.t', 0);
    target.origin = 'j';
    for (let i = from; i < from + BATCH; i++) {
      const row = { op: 'c', after: [i, 0, 1] } as const;
      source.append(row);
      target.append(row);
      const next = offset.a + source.end;
      if ((i + 1) % TRANSACTION === 0) target.appendMark({ job: 'j', topic: 'a.d.t', next });
    }
    await compare.takeSource('a', moved(source, offset.a));
    await compare.takeTarget('t1', moved(target, offset.t1));
  }
}

/** All of a log, as if so many records were in front of it. */
function moved(log: LogMaker, by: number) {
  const fetched = log.fetched(0, log.end, log.end + by);
  for (let i = 0; i < fetched.count; i++) fetched.offsets[i] = fetched.offset(i) + by;
  return fetched;
}

function keptBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  // What the first one has made ready to go, the second one lets go.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('what a comparison keeps does not grow with the rows that were compared', async () => {
  const compare = compareOf();
  await pass(compare, 0, WARM);
  const before = keptBytes();
  await pass(compare, WARM, WARM + MORE);
  const grown = keptBytes() - before;
  expect(compare.ledgers.get('t1')?.pending).toEqual({ entries: 0, steps: 0 });
  expect([compare.ledgers.get('t1')?.doubt, compare.foreignCount]).toEqual([null, 0]);
  expect(grown).toBeLessThan(MORE * ROW_BYTES);
});
