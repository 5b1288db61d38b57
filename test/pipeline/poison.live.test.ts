/**
 * I10: rows that a target refuses stop their keys and nothing else, the job says so and is not
 * called equal; once the target is mended they go in, and the oracle agrees.
 */
import { expect, it } from 'vitest';
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { deadLetterTopic } from '../../shared/kafka/topic-name.ts';
import { until } from '../../shared/runtime/clock.ts';
import { servers } from '../support/dev.ts';
import { DeadLetterBox } from '../support/sink/letter-box.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;
const REFUSED = 'order_id % 20 = 7';
/** A table that refuses rows of these keys, but not those that it has already. */
const POISON = `CREATE TRIGGER poison BEFORE INSERT ON orders FOR EACH ROW
  IF NEW.${REFUSED} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such order'; END IF`;

it(
  'rows that a target refuses under load block their keys only, and go in when it is mended',
  async () => {
    await using mysql = await ShopJob.servers();
    await using job = await ShopJob.prepare({ mysql, orders: 5000 });
    const load = job.load(60);
    job.start(...SERVICES);
    await job.copied();
    const target = await job.sql(0);
    await target.run(POISON);
    await job.until('some keys to be blocked', s => (s.targets[0]?.blocked ?? 0) > 3, MINUTES);
    const stats = await load.stop();
    expect(stats.total('done')).toBeGreaterThan(50);

    const status = await job.until(
      'all else to be applied',
      s => s.sources.every(x => x.caughtUp) && s.targets.every(t => t.lagRecords === 0),
      MINUTES,
    );
    const blocked = status.targets.map(t => t.blocked);
    expect(blocked[0]).toBeGreaterThan(3);
    expect(blocked[1]).toBe(0);
    expect(status.drained).toBe(false);
    expect(status.halted).toBeGreaterThan(0);
    const red = status.services.filter(s => s.state === 'blocked');
    expect(red.length).toBeGreaterThan(0);
    for (const { error } of red) expect(error).toMatch(/a trigger refuses the row/);

    const { code, out } = await job.verify();
    const found: CheckResult = JSON.parse(out);
    const differences = found.tables.flatMap(t => t.differences);
    expect(code).toBe(4);
    expect(new Set(differences.map(d => `${d.table} ${d.kind}`))).toEqual(
      new Set(['orders missing']),
    );
    expect([differences.length, found.blocked]).toEqual([blocked[0], blocked[0]]);
    for (const d of differences) expect(Number(d.key.order_id) % 20).toBe(7);
    expect(job.status?.phase).not.toBe('verified');

    const topic = deadLetterTopic(job.name);
    await using box = await DeadLetterBox.open(servers().brokers, topic);
    await until(() => box.records.length >= (blocked[0] ?? 0), {
      timeoutMs: MINUTES,
      what: 'the dead letters',
    });
    expect(box.headers(0)).toMatchObject({
      '__connect.errors.topic': job.topic('orders'),
      'reshard.errno': '1644',
    });

    await target.run('DROP TRIGGER poison');
    await target.close();
    await job.drained();
    await job.expectEqual();
    expect((await job.verify()).code).toBe(0);
  },
  6 * MINUTES,
);
