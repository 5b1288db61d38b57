/** I7 and I9 for a check: whoever dies or stands still meanwhile, its verdict is right. */
import { expect, test } from 'vitest';
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { SERVICES, ShopJob } from '../../test/pipeline/shop-job.ts';

const MINUTES = 60_000;

test(
  'a check asked for while the sink stands still waits, outlives its checker, and then says equal',
  async () => {
    await using mysql = await ShopJob.servers();
    await using job = await ShopJob.prepare({ mysql, orders: 2_000 });
    await using load = job.load(150);
    job.start(...SERVICES);
    await job.copied();
    await job.end('sink', 'SIGKILL');
    // Changes that the targets cannot have: every one of them would look like a difference.
    await sleep(2000);
    const verdict = job.verify();
    await sleep(2000);
    await job.end('checker', 'SIGKILL');
    job.start('checker');
    await sleep(2000);
    job.start('sink');
    const { code, out } = await verdict;
    const result: CheckResult = JSON.parse(out);
    expect(result).toMatchObject({ equal: true, differences: 0, unsettled: 0 });
    expect(result.rows).toBeGreaterThan(2_000);
    expect(code).toBe(0);
    const stats = await load.stop();
    expect(stats.total('done')).toBeGreaterThan(100);
    await job.drained();
    await job.expectEqual();
  },
  5 * MINUTES,
);
