/** Marks that another job has left in a table topic, at the sink. */
import { expect, test } from 'vitest';
import { markHeader } from '../../../shared/codec/mark.ts';
import { registryFrame } from '../../../shared/codec/registry-frame.ts';
import { RecordBatchBuilder } from '../../../shared/kafka/wire/record-batch.ts';
import { decodeRecordSet } from '../../../shared/kafka/wire/record-set.ts';
import { wholeRecord } from '../../../shared/kafka/wire/record-slices.ts';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import { NO_TARGET } from '../../../shared/route/route.ts';
import { LogMaker, SCHEMA_IDS } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { RoutedBatch } from './routed-batch.ts';
import { SinkTable } from './sink-table.ts';

test('a mark is no row, for no target, and blocks no key; a tombstone beside it is one', () => {
  const table = new SinkTable(
    { topic: 's.d.t', source: 's', schema: SMALL_TABLE, ...SCHEMA_IDS },
    { route: new ModulusRoute(SMALL_TABLE, 'shard', 1), compacted: false },
  );
  const log = new LogMaker(SMALL_TABLE, table.topic, 0);
  log.append({ op: 'c', after: [1, 0, 1] });
  const row = log.fetched(0, 1);
  const builder = new RecordBatchBuilder();
  const key = row.key(0);
  const markKey = Buffer.concat([registryFrame(77), Buffer.from('\x02a\0')]);
  const at = { job: 'j', topic: 's1.d.t', partition: 0, next: 1, gtid: 'g', tsMs: 1 };
  builder.append(wholeRecord(key, row.value(0), 1));
  builder.append(
    wholeRecord(markKey, null, 1, markHeader({ ...at, waits: [], more: false, left: 0 })),
  );
  builder.append(wholeRecord(key, null, 1));
  builder.append(wholeRecord(markKey, null, 1));
  const buf = Buffer.from(
    builder.finish({ id: -1, epoch: -1, sequence: -1, transactional: false }),
  );
  const set = { topic: table.topic, partition: 0, buf, start: 0, end: buf.length };
  const [fetched] = decodeRecordSet({ ...set, wanted: 0, aborted: [] }).fetchedBatches;
  if (fetched === undefined) throw new Error('nothing was fetched');
  const routed = new RoutedBatch(table, fetched, 0, () => {});
  const places = [...routed.goesTo.slice(0, 4)].map((to, i) => [to, routed.leaves[i]]);
  expect(places.slice(0, 2)).toEqual([
    [0, NO_TARGET],
    [NO_TARGET, NO_TARGET],
  ]);
  expect(places[2]?.[1]).not.toBe(NO_TARGET);
  // What only looks like a mark is a record without a readable key: nothing behind it is applied.
  expect([routed.count, routed.error?.kind]).toEqual([3, 'schema-changed']);
});
