/** I6, T1: what is done to a target is cured through the log, while the very keys are changed. */
import { expect, it } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import type { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

it(
  'missing, different and extra rows are repaired under load, and a plain consumer agrees',
  async () => {
    await using mysql = await ShopJob.servers();
    await using job = await ShopJob.prepare({ mysql, orders: 3000 });
    await using load = job.load(40);
    job.start(...SERVICES);
    await job.copied();
    const target = await job.sql(0);
    const other = await job.sql(1);
    try {
      const ids = 'SELECT order_id FROM orders ORDER BY order_id LIMIT';
      // What is copied is in the topics, and not on every target yet.
      const done = (client: LoadClient, sql: string, rows: number): Promise<unknown> =>
        until(async () => (await client.run(sql)) === rows, { timeoutMs: MINUTES, what: sql });
      await done(
        target,
        `UPDATE orders SET total = total + 1 WHERE order_id IN
          (SELECT * FROM (${ids} 20 OFFSET 20) AS x)`,
        20,
      );
      await target.insist(`DELETE FROM orders WHERE order_id IN (SELECT * FROM (${ids} 20) AS x)`);
      await done(other, 'UPDATE customers SET customer_id = customer_id + 1000001 LIMIT 1', 1);
    } finally {
      await target.close();
      await other.close();
    }
    const found = await job.verify();
    expect(found.code).toBe(4);
    const repaired = await callReshard(
      'repair',
      job.jobFile,
      '--yes',
      '--json',
      '--timeout',
      '120',
    );
    console.log(repaired.out.slice(0, 300));
    expect(repaired.code, repaired.err).toBe(0);
    await load.stop();
    await job.drained();
    await job.expectEqual();
    await using consumer = await job.plainConsumer();
    await job.expectFollowed(consumer);
  },
  5 * MINUTES,
);
