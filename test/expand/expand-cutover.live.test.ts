/**
 * I11: the cutover of a cluster that grows. Rows that move are refused on their old servers, all
 * others are written all the time; undone, nothing is refused; after the journal each row is on
 * its owner, once, with every write that was acknowledged.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CutoverPlan } from '../../services/control/command/cutover.ts';
import type { Status } from '../../services/control/status/status.ts';
import type { CutoverRun } from '../../shared/job/state/cutover.ts';
import { FENCE_TEXT } from '../../shared/mysql/row-fence.ts';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import { SERVICES, ShopJob } from '../pipeline/shop-job.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { Application, expectMoved, prepareCluster } from './cluster.ts';

const MINUTES = 60_000;
const KILLED = 128;
const PROBE = { user: 'app', password: 'app' };
const LIMITS = { lockSeconds: 1, lockTries: 2, drainSeconds: 20, maxTransactionSeconds: 60 };

let mysql: Servers;
let job: ShopJob;
let app: Application;

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
  job = await prepareCluster({ mysql, cutover: { probe: PROBE, limits: LIMITS } });
  const { user, password } = PROBE;
  for (const s of [0, 1]) {
    await job.onSource(
      s,
      `CREATE USER ${user}@'%' IDENTIFIED BY '${password}'`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ${job.database}.* TO ${user}@'%'`,
    );
  }
  app = await Application.start(job);
  job.start(...SERVICES);
  await job.copied();
  expect((await job.verify()).code).toBe(0);
}, 3 * MINUTES);

afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
});

async function goOver(): Promise<{ code: number; run: CutoverRun | null; text: string }> {
  const { code, out, err } = await callReshard('cutover', job.jobFile, '--yes', '--json');
  const { run = null } = out === '' ? {} : JSON.parse(out);
  return { code, run, text: `${out}\n${err}` };
}

/** Triggers of ours on a server. */
async function fences(source: number): Promise<number> {
  await using client = await job.sqlOf(source);
  const like = `SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_NAME LIKE 'reshard%'
    AND TRIGGER_SCHEMA = '${job.database}'`;
  return Number(await client.value(like));
}

/** Nothing keeps a gate shut. */
function isWell({ headline }: Status): boolean {
  return headline.level === 'good';
}

/** Rows that move and rows that stay are written, and none is refused. */
async function expectAllWritten(): Promise<void> {
  const before = app.written;
  app.refused.clear();
  await expect.poll(() => app.written, { timeout: 20_000 }).toBeGreaterThan(before + 200);
  expect([...app.refused]).toEqual([]);
}

test('the gates are those of a cluster, and all are open', async () => {
  const { code, out, err } = await callReshard('cutover', job.jobFile, '--dry-run', '--json');
  if (out === '') throw new Error(err);
  const plan: CutoverPlan = JSON.parse(out);
  expect(plan.gates.filter(g => g.state !== 'open')).toEqual([]);
  expect(code).toBe(0);
  expect(plan.steps.find(s => s.step === 'freeze')?.what).toMatch(
    /triggers that refuse rows that move/,
  );
});

test(
  'a control that dies behind the fence is undone by the next one: no row is refused any more',
  async () => {
    await job.end('control', 'SIGTERM');
    const dies = job.startArmed('control', FAILPOINTS.cutoverAfterFreeze);
    await job.until('the armed control', isWell, MINUTES);
    const asked = goOver();
    expect(await Promise.race([dies, asked.then(end => end.text)])).toBe(KILLED);
    expect([await fences(0), await fences(1)]).toEqual([6, 6]);
    job.start('control');
    const { code, run } = await asked;
    expect(code).toBe(1);
    expect(run?.stage).toBe('undone');
    expect([await fences(0), await fences(1)]).toEqual([0, 0]);
    expect([...app.refused.keys()].filter(text => !text.includes(FENCE_TEXT))).toEqual([]);
    await expectAllWritten();
  },
  2 * MINUTES,
);

test(
  'a transaction that is open holds the fence up for seconds, and it is undone',
  async () => {
    await job.until('the job', isWell, MINUTES);
    await using held = await job.sqlOf(0);
    await held.run('BEGIN');
    await held.run('UPDATE notes SET n=n+1 WHERE id=1');
    const { code, text } = await goOver();
    await held.run('ROLLBACK');
    expect(code, text).toBe(1);
    expect(text).toMatch(/kept .* from being frozen/);
    expect([await fences(0), await fences(1)]).toEqual([0, 0]);
    await expectAllWritten();
  },
  2 * MINUTES,
);

test(
  'it goes over: rows that stay are written all the time, and every row is on its owner',
  async () => {
    app.refused.clear();
    const { code, run, text } = await goOver();
    expect(code, text).toBe(0);
    expect(run?.stage).toBe('switched');
    expect([...app.refused.keys()].filter(t => !t.includes(FENCE_TEXT))).toEqual([]);
    await expectMoved(job);
    // From here on the new server is written to, by the application.
    await app.allOnNewOwners();
    await expectAllWritten();
    const status = await callReshard('status', job.jobFile, '--json');
    expect(status.code, status.err).toBe(0);
  },
  2 * MINUTES,
);
