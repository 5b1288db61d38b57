/** I2, I4, I5, I6, I7: killed at every named place, the job ends equal. `npm run crash`. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ShopJob } from '../pipeline/shop-job.ts';
import type { Servers } from '../support/servers/servers.ts';
import { CRASHES, type CrashResult, crashAt, crashTable } from './crash.ts';

const MINUTES = 60_000;
const results: CrashResult[] = [];
let mysql: Servers;

beforeAll(async () => {
  mysql = await ShopJob.servers();
}, 2 * MINUTES);

afterAll(async () => {
  console.log(`\n${crashTable(results)}`);
  await mysql[Symbol.asyncDispose]();
});

test.each(CRASHES)(
  'killed at $failpoint, restarted: source equals targets, row for row',
  async crash => {
    const result = await crashAt(mysql, crash);
    results.push(result);
    expect(result.error).toBeNull();
    expect(result).toMatchObject({ killed: true, equal: true });
  },
  6 * MINUTES,
);
