/** Enforces I8 and I2: a transaction larger than any batch passes in bounded memory, cut safely. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { BinlogRig } from './binlog-rig.ts';

/** RESHARD_LARGE_ROWS=2000000 is the full size: minutes, and gigabytes of disk. */
const ROWS = Number(process.env.RESHARD_LARGE_ROWS ?? 400_000);
/** Does not grow with the rows. */
const RSS_MAX_MB = 300;
const PATIENCE_MS = 90_000 + ROWS / 10;
const NAME = `one transaction of ${ROWS} rows, the writer killed in the middle of it`;

test(NAME, { timeout: PATIENCE_MS * 3 }, async () => {
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
  const begun = performance.now();
  const second = rig.spawn();
  await rig.untilCaughtUp(PATIENCE_MS);
  const seconds = (performance.now() - begun) / 1000;
  const status = readFileSync(`/proc/${second.pid}/status`, 'utf8');
  const peakMb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  const rest = ROWS - (cuts.partialRows ?? 0);
  const rate = `${rest} rows in ${seconds.toFixed(1)} s`;
  console.log(`${rate} after the kill, ${Math.round(peakMb)} MB at most`);
  expect(peakMb).toBeGreaterThan(20);
  expect(peakMb).toBeLessThan(RSS_MAX_MB);
  second.kill('SIGTERM');
  expect(await second.exited).toBe(0);
  const keys = new Set<string>();
  const faults: string[] = [];
  const last = new Map<number, number>();
  let count = 0;
  await rig.scan('t', ({ partition, ordinal, key, offset }) => {
    count += 1;
    keys.add(key);
    if (ordinal <= (last.get(partition) ?? -1)) faults.push(`${partition}/${offset}`);
    last.set(partition, ordinal);
  });
  expect(faults).toEqual([]);
  expect(count).toBe(ROWS + 1);
  expect(keys.size).toBe(ROWS + 1);
});
