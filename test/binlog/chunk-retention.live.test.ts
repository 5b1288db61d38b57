/**
 * Fault 12: a binlog service that was halted for longer than chunks live. The chunks that are gone
 * were never taken in, so no row is lost: their workers see that they have been passed over and
 * read them again.
 */
import { expect, test } from 'vitest';
import { chunksTopic } from '../../shared/kafka/topic-name.ts';
import { createAdminClient } from '../../shared/kafka/wire/kafkajs.ts';
import { until } from '../../shared/runtime/clock.ts';
import { servers } from '../support/dev.ts';
import { BinlogRig, folded, sourceRows } from './binlog-rig.ts';

const ROWS = 4000;
const TABLE = { name: 't', sql: 'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(200))' };

async function trim(rig: BinlogRig, topic: string, offset: number): Promise<void> {
  const admin = createAdminClient({ brokers: servers().brokers, clientId: 'trim', log: rig.log });
  await admin.connect();
  await admin.fetchTopicMetadata({ topics: [topic] });
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${offset}` }] });
  await admin.disconnect();
}

test('chunks that were deleted before they were taken in are read again', async () => {
  await using rig = await BinlogRig.open({
    name: 'retention',
    tables: [TABLE],
    options: { chunkRows: 100, chunkBytes: 16 * 1024 },
  });
  await rig.sql(
    'SET SESSION cte_max_recursion_depth = 100000',
    `INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      SELECT i, REPEAT('x', 100) FROM n`,
  );
  const topic = chunksTopic(rig.name);
  const latest = async (): Promise<number> => (await rig.kafka.offsets(topic))[0]?.latest ?? 0;
  {
    await using _ = rig.start();
    await rig.untilCaughtUp();
  }
  await using _snapshot = rig.startSnapshot();
  await until(async () => (await latest()) > 3, { timeoutMs: 20_000, what: 'chunks' });
  // The first ones expire while nobody takes them in.
  await trim(rig, topic, (await latest()) - 1);
  await using _ = rig.start();
  await rig.untilCopied('t');
  const rows = [...folded(await rig.records('t')).values()];
  const wanted = await sourceRows(rig, 't');
  expect(rows.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(wanted);
  expect(wanted.length).toBe(ROWS);
});
