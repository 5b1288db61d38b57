/** Which of the rows that wait in a target a check waits for: those that are on their way. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { JobTarget } from '../../../shared/job/job.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../../test/support/scratch-database.ts';
import { PipelineWaits } from './pipeline-wait.ts';
import { targetPassed } from './target-passed.ts';

const DATABASE = 'check_waits';
const OWNER = { job: 'shop', jobId: 'j1' };
/** Rows are waited for as long as they have waited less than this. */
const YOUNG_MS = 5000;

let target: JobTarget;
let session: MysqlSession;

beforeAll(async () => {
  const t1 = commonServer('t1');
  target = { ...t1, kind: 'mysql', name: 't1', database: DATABASE };
  session = await openScratch(DATABASE, { role: 'admin', server: 't1' });
  await session.rawQuery(`CREATE TABLE ${DATABASE}.reshard_offset
    (job VARCHAR(64), job_id VARCHAR(64), topic VARCHAR(249), part INT, next_offset BIGINT)`);
  await session.rawQuery(`CREATE TABLE ${DATABASE}.reshard_park
    (id INT PRIMARY KEY, job VARCHAR(64), since_ms BIGINT)`);
});
afterAll(() => dropScratch(session, DATABASE));
beforeEach(async () => {
  await session.rawQuery(`DELETE FROM ${DATABASE}.reshard_park`);
});

async function parks(id: number, forMs: number): Promise<void> {
  const since = Date.now() - forMs;
  await session.rawQuery(`INSERT INTO ${DATABASE}.reshard_park VALUES (${id}, 'shop', ${since})`);
}

/** For how long a check waits, in milliseconds. */
async function waited(meanwhile: () => Promise<void> = async () => {}): Promise<number> {
  const signal = new AbortController().signal;
  using wait = new PipelineWaits(60_000).begin('target', signal);
  const log = createLogger({ name: 'test', level: 'fatal' });
  const from = performance.now();
  const passed = targetPassed({ owner: OWNER, target, ends: new Map(), wait, log });
  await Promise.all([passed, meanwhile()]);
  return performance.now() - from;
}

test('one that has waited for long is missing, not late: no probe waits for it again', async () => {
  for (let id = 0; id < 50; id++) await parks(id, YOUNG_MS + id);
  expect(await waited()).toBeLessThan(YOUNG_MS / 2);
});

test('one that has just begun to wait is waited for, and those that follow it are not', async () => {
  await parks(1, 0);
  const ms = await waited(async () => {
    await new Promise(resolve => setTimeout(resolve, 600));
    await parks(2, 0);
    await session.rawQuery(`DELETE FROM ${DATABASE}.reshard_park WHERE id = 1`);
  });
  expect(ms).toBeGreaterThan(600);
  expect(ms).toBeLessThan(YOUNG_MS / 2);
});

test('one that goes on to wait is given up when it has waited for long', async () => {
  await parks(1, YOUNG_MS - 1500);
  const ms = await waited();
  expect(ms).toBeGreaterThan(1000);
  expect(ms).toBeLessThan(YOUNG_MS);
});
