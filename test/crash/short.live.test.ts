/**
 * I2, I4, I5, I6, I7: the short form of `npm run crash`, at the three seams that all rests on: the
 * log half written, the target half written, a lease half moved.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Failpoint } from '../../shared/runtime/failpoint.ts';
import { ShopJob } from '../pipeline/shop-job.ts';
import type { Servers } from '../support/servers/servers.ts';
import { CRASHES, crashAt } from './crash.ts';

const MINUTES = 60_000;
const SHORT: readonly Failpoint[] = [
  'log.after-produce',
  'sink.before-commit',
  'sink.mid-rebalance',
];
let mysql: Servers;

beforeAll(async () => {
  mysql = await ShopJob.servers();
}, 2 * MINUTES);

afterAll(() => mysql[Symbol.asyncDispose]());

test.each(CRASHES.filter(c => SHORT.includes(c.failpoint)))(
  'killed at $failpoint, restarted: source equals targets, row for row',
  async crash => {
    const result = await crashAt(mysql, crash);
    console.log(`${crash.failpoint}: drained ${result.seconds.toFixed(1)} s after the kill`);
    expect(result.error).toBeNull();
    expect(result).toMatchObject({ killed: true, equal: true });
  },
  5 * MINUTES,
);
