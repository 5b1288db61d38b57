/** I9: what the checker names is what was done to the target, no more and no less. */
import { expect, it } from 'vitest';
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { until } from '../../shared/runtime/clock.ts';
import { Random } from '../support/load/random.ts';
import { ORDER_COLUMNS, orderRow } from '../support/load/tables.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

it(
  'a row corrupted, one deleted and one added on a target of a running job are named, and only those',
  async () => {
    await using mysql = await ShopJob.servers();
    await using job = await ShopJob.prepare({ mysql, orders: 10_000 });
    await using load = job.load(50);
    job.start(...SERVICES);
    await job.copied();

    // Out of the load's reach, so that it cannot repair or repeat what is done here.
    const { space } = job;
    const random = new Random(job.seed, 5);
    const customer = space.customerId(space.customers * 4);
    const at = customer % job.targets.length;
    const [corrupted, deleted, kept, added] = [3, 4, 5, 6].map(n =>
      space.orderId(space.orders * n),
    );
    const insert = `INSERT INTO orders (${ORDER_COLUMNS}) VALUES (?)`;
    const source = await job.sql();
    const target = await job.sql(at);
    try {
      for (const id of [corrupted, deleted, kept]) {
        if (id === undefined) throw new Error('an id is missing');
        await source.run(insert, [orderRow(random, id, customer, `out-${id}`)]);
      }
      await until(
        async () =>
          (await target.run('SELECT 1 FROM orders WHERE customer_id=?', [customer])) === 3,
        { timeoutMs: MINUTES, what: 'the rows to come to their target' },
      );
      expect((await job.verify()).code).toBe(0);

      if (added === undefined || corrupted === undefined || deleted === undefined) return;
      const corrupt = 'UPDATE orders SET total = total + 0.01 WHERE order_id=?';
      expect(await target.run(corrupt, [corrupted])).toBe(1);
      expect(await target.insist('DELETE FROM orders WHERE order_id=?', [deleted])).toBe(1);
      await target.run(insert, [orderRow(random, added, customer, `out-${added}`)]);

      const { code, out } = await job.verify();
      const found: CheckResult = JSON.parse(out);
      const differences = found.tables.flatMap(t => t.differences);
      const named = differences.map(d => `${d.table} ${d.key.order_id} ${d.kind}`);
      expect(named.sort()).toEqual([
        `orders ${corrupted} different`,
        `orders ${deleted} missing`,
        `orders ${added} extra`,
      ]);
      expect(code).toBe(4);
    } finally {
      await source.close();
      await target.close();
    }
    const stats = await load.stop();
    expect(stats.total('done')).toBeGreaterThan(50);
  },
  5 * MINUTES,
);
