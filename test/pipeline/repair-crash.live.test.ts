/** I7 for repairs: the worker and the writer die in the middle of one, under load on its keys. */
import { expect, it } from 'vitest';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;
const KILLED = 128;

it(
  'a repair whose snapshot worker and writer are killed in its middle is finished by the next ones',
  async () => {
    await using mysql = await ShopJob.servers();
    await using job = await ShopJob.prepare({ mysql, orders: 1000 });
    job.start(...SERVICES);
    await job.copied();
    await job.drained();
    const target = await job.sql(0);
    try {
      await target.insist('DELETE FROM order_items LIMIT 150');
      await target.insist('UPDATE orders SET total = total + 1 LIMIT 100');
    } finally {
      await target.close();
    }
    expect((await job.verify()).code).toBe(4);
    await Promise.all([job.end('binlog', 'SIGKILL'), job.end('snapshot', 'SIGKILL')]);
    await using load = job.load(50);
    const args = ['--yes', '--json', '--timeout', '120'];
    const repairing = callReshard('repair', job.jobFile, ...args);
    expect(await job.startArmed('snapshot', FAILPOINTS.snapshotAfterPublish)).toBe(KILLED);
    job.start('snapshot');
    expect(await job.startArmed('binlog', FAILPOINTS.binlogMidChunk)).toBe(KILLED);
    job.start('binlog');
    const repaired = await repairing;
    console.log(repaired.out.slice(0, 120));
    expect(repaired.code, repaired.err).toBe(0);
    await load.stop();
    await job.drained();
    await job.expectEqual();
    await using consumer = await job.plainConsumer();
    await job.expectFollowed(consumer);
  },
  5 * MINUTES,
);
