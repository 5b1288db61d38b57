/** Enforces I8 and I2: a transaction larger than any batch passes in bounded memory, cut safely. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { BinlogRig, orderFaults } from './binlog-rig.ts';

const ROWS = 400_000;
const RSS_MAX_MB = 300;

test('one transaction of 400,000 rows, the writer killed in the middle of it', async () => {
  const sql =
    'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, n INT NOT NULL, v VARCHAR(200) NOT NULL)';
  await using rig = await BinlogRig.open({ name: 'large', tables: [{ name: 't', sql }] });
  await rig.sql(
    `SET SESSION cte_max_recursion_depth = ${ROWS}`,
    `INSERT INTO t WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${ROWS})
      SELECT n, n, REPEAT('y', 150) FROM c`,
    "INSERT INTO t VALUES (-1, 0, 'after')",
  );
  const cuts = await rig.withProgress(async view => {
    const killed = rig.spawn();
    await until(() => view.resume !== null && view.resume.partialRows > 50_000, {
      timeoutMs: 60_000,
      everyMs: 1,
      what: 'the transaction to be in the log in part',
    });
    killed.kill('SIGKILL');
    await killed.exited;
    const { partialGtid, partialRows } = view.resume ?? {};
    return { partialGtid, partialRows };
  });
  expect(cuts.partialGtid).toMatch(/:\d+$/);
  expect(cuts.partialRows).toBeLessThan(ROWS);
  const second = rig.spawn();
  await rig.untilCaughtUp(90_000);
  const status = readFileSync(`/proc/${second.pid}/status`, 'utf8');
  const peakMb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  expect(peakMb).toBeGreaterThan(20);
  expect(peakMb).toBeLessThan(RSS_MAX_MB);
  second.kill('SIGTERM');
  expect(await second.exited).toBe(0);
  const records = await rig.records('t');
  expect(orderFaults(records)).toEqual([]);
  expect(records.length).toBe(ROWS + 1);
  expect(new Set(records.map(r => r.key)).size).toBe(ROWS + 1);
});
