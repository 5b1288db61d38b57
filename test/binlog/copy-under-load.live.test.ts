/**
 * Enforces T1 while a table is copied: chunks merge into the log under load on the same keys, also
 * when the writer is killed in the middle of a chunk, and a consumer that knows nothing of
 * snapshots ends equal from offset 0.
 */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import { servers } from '../support/dev.ts';
import { differsFromSource, PlainConsumer } from '../support/plain-consumer.ts';
import { BinlogRig, folded, orderFaults, sourceRows } from './binlog-rig.ts';
import { SMALL_TABLE, startSmallLoad } from './small-load.ts';

const ROWS = 6000;
const options = { chunkRows: 100, chunkBytes: 16_384, snapshotWorkers: 3 };

/** Rows between those of the load, so that both are in every chunk. */
async function openFilled(name: string): Promise<BinlogRig> {
  const filled = {
    name: SMALL_TABLE.name,
    sql: `${SMALL_TABLE.sql};
      SET SESSION cte_max_recursion_depth = ${ROWS + 1};
      INSERT INTO t
        WITH RECURSIVE c (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < ${ROWS})
        SELECT (n DIV 60) * 100 + n % 60 + 40, 0, REPEAT('x', n % 50), n FROM c`,
  };
  return BinlogRig.open({ name, tables: [filled], options });
}

async function expectCopied(rig: BinlogRig): Promise<void> {
  await rig.untilCaughtUp();
  const records = await rig.records('t');
  expect(orderFaults(records)).toEqual([]);
  const copied = records.filter(r => r.op === 'r');
  expect(copied.length).toBeGreaterThan(ROWS / 2);
  const rows = [...folded(records).values()].sort((a, b) => Number(a[0]) - Number(b[0]));
  expect(rows).toEqual(await sourceRows(rig, 't'));
}

test('a copy under load on the same keys', async () => {
  await using rig = await openFilled('copy');
  await using load = startSmallLoad(rig, { connections: 6, seed: 11 });
  await using _ = rig.start();
  {
    await using __ = rig.startSnapshot();
    await rig.untilCopied('t');
  }
  await load.stop();
  await expectCopied(rig);
  const { brokers, registryUrl } = servers();
  const topic = rig.topic('t');
  await using plain = await PlainConsumer.open({
    brokers,
    registryUrl,
    groupId: `${rig.name}-${randomBytes(3).toString('hex')}`,
    topics: [topic],
  });
  const total = (await rig.records('t')).length;
  await until(() => plain.records >= total, { timeoutMs: 30_000, what: 'the plain consumer' });
  const rows = plain.tables.get(topic) ?? new Map();
  expect(await differsFromSource(rows, rig.source, rig.name, 't', ['id'])).toEqual([]);
});

test('killed in the middle of a chunk, twice', async () => {
  await using rig = await openFilled('midchunk');
  await using load = startSmallLoad(rig, { connections: 4, seed: 12 });
  await using _ = rig.startSnapshot();
  for (const nth of [2, 5]) {
    const killed = rig.spawn({ RESHARD_FAILPOINT: `${FAILPOINTS.binlogMidChunk}:${nth}` });
    expect(await killed.exited).toBe(128);
  }
  {
    await using __ = rig.start();
    await rig.untilCopied('t');
    await load.stop();
    await expectCopied(rig);
  }
});
