/**
 * I9, I13: a job that nobody asks for a check proves itself: the first check starts when the
 * targets are in step, the next ones by the clock, and they find what was damaged meanwhile.
 * Whoever asks for a check himself does not wait for one of those.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTE = 60_000;
/** Of `options.checkEveryHours`. */
const EVERY_MS = 8000;

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers();
  const options = { checkWhenInSync: true, checkEveryHours: EVERY_MS / 3_600_000 };
  job = await ShopJob.prepare({ mysql, orders: 2000, options });
}, 3 * MINUTE);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTE);

test(
  'it is verified by itself, and what is damaged later is found by itself',
  async () => {
    job.start(...SERVICES);
    const proven = await job.until('the proof', s => s.phase === 'verified', MINUTE);
    const first = proven.proofs[0]?.check;
    expect(proven.nextCheckMs).toBeGreaterThan(Date.now() - EVERY_MS);
    await using target = await job.sql(0);
    expect(await target.run('DELETE FROM orders ORDER BY order_id DESC LIMIT 1')).toBe(1);
    const found = await job.until('the difference', s => s.differing.length > 0, MINUTE);
    expect(found.differing).toMatchObject([{ table: 'orders', differences: 1 }]);
    expect(found.headline.word).toBe('differing');
    expect(found.differing[0]?.verifyId).not.toBe(first);
  },
  3 * MINUTE,
);

test(
  'a check that somebody asks for does not wait for one of the schedule',
  async () => {
    await job.end('sink', 'SIGKILL');

    await job.onSource(0, 'UPDATE orders SET quantity = quantity + 1 ORDER BY order_id LIMIT 1');
    const waits = await job.until(
      'a check of the schedule to wait for the targets',
      s => s.checks.some(c => c.waiting.some(w => w.what.startsWith('target '))),
      MINUTE,
    );
    const own = waits.checks[0]?.check;
    const verdict = job.verify();
    const left = await job.until(
      'it to be left',
      s => s.checks.some(c => c.check === own && c.waiting.some(w => w.what.includes('somebody'))),
      MINUTE,
    );
    expect(left.checks).toHaveLength(2);
    job.start('sink');
    const { code, out } = await verdict;
    expect(code).toBe(4);
    const asked: string = JSON.parse(out).verifyId;
    const again = await job.until(
      'the one of the schedule to be made up for',
      s => s.checks.every(c => c.check !== own) && s.proofs.every(p => (p.check ?? '') !== ''),
      MINUTE,
    );
    expect(asked > (own ?? '')).toBe(true);
    expect(again.differing).toMatchObject([{ table: 'orders', differences: 1 }]);
  },
  3 * MINUTE,
);
