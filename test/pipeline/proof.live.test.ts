/**
 * I9, I13: the word `verified` reaches as far as proofs do, a repair is finished whoever dies, and a
 * check ends. Issue 8, faults 2, 14 and 16, on one job with two sources.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import type { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;
const KILLED = 128;
/** Ids of the second source begin here. */
const SECOND = 1_000_000_000;
const MAIN = fileURLToPath(new URL('../../services/control/main.ts', import.meta.url));

let mysql: Servers;
let job: ShopJob;
let target: LoadClient;

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
  job = await ShopJob.prepare({
    mysql,
    orders: 400,
    sources: 2,
    options: { checkStallSeconds: 5 },
  });
  job.start(...SERVICES);
  await job.copied();
  await job.drained();
  target = await job.sql(0);
}, 6 * MINUTES);

afterAll(async () => {
  await target?.close();
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

function verify(...args: string[]) {
  return callReshard('verify', job.jobFile, '--timeout', '60', ...args);
}

function proven(): string {
  const proofs = job.status?.proofs ?? [];
  return proofs
    .filter(p => p.isProven)
    .map(p => p.table)
    .sort()
    .join();
}

/** An order of the second source that the first target has lost; only a second round brings it. */
async function lostOrder(): Promise<string> {
  const id = await target.value(`SELECT MIN(order_id) FROM orders WHERE order_id > ${SECOND}`);
  if (id === undefined) throw new Error('no order of the second source');
  expect(await target.run(`DELETE FROM orders WHERE order_id = ${id}`)).toBe(1);
  return id;
}

async function isThere(order: string): Promise<boolean> {
  return (await target.value(`SELECT 1 FROM orders WHERE order_id = ${order}`)) !== undefined;
}

/** `reshard repair` of one order, killed when it has said something of its run. */
async function killedRepair(order: string): Promise<void> {
  const args = [MAIN, 'repair', job.jobFile, '--yes', '--keys', `orders:${order}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.once('data', () => child.kill('SIGKILL'));
  const [, signal] = await once(child, 'exit');
  expect(signal).toBe('SIGKILL');
}

const noRepair = (): Promise<unknown> =>
  job.until('the repair to end', s => s.repairs.length === 0, MINUTES);

describe('the word verified', () => {
  it(
    'is not given by a check with a scope, and is taken back by what that finds',
    async () => {
      expect(await target.run('UPDATE orders SET total = total + 1 LIMIT 1')).toBe(1);
      const far = await verify('--tables', 'orders', '--from', `${SECOND}`, '--json');
      expect(far.code, far.err).toBe(0);
      expect(JSON.parse(far.out)).toMatchObject({ equal: false, equalInScope: true });
      const first = ['--tables', 'orders', '--where', `order_id < ${SECOND} AND total IS NOT NULL`];
      const near = await verify(...first, '--values');
      expect(near.code, near.err).toBe(4);
      expect(near.out).toContain('DIFFERENT: 1 keys of orders differ');
      expect(near.out).toMatch(/^ {4}total: [\d.]+ on \S+-?s1; [\d.]+ on target1$/m);
      const { out } = await callReshard('status', job.jobFile);
      expect(out).toMatch(/orders: NOT PROVEN, verify-\d+ found 1 or more keys that differ/);
      const refused = await verify('--tables', 'orders', '--where', 'order_id > NOW()');
      expect(refused.code, refused.err).toBe(2);
      const warned = await verify('--tables', 'orders', '--where', "total > 'a'");
      expect(warned.out).toMatch(/the check failed: .*refuses the condition of the scope/);
      expect(warned.code).toBe(1);
      // By hand: right again, and still not proven.
      const folder = mkdtempSync(path.join(tmpdir(), 'reshard-sql-'));
      const scripts = await callReshard('repair', job.jobFile, '--sql', folder, '--json');
      expect(scripts.code, scripts.err).toBe(0);
      const [made, other] = JSON.parse(scripts.out).scripts;
      expect([made, other]).toMatchObject([
        { rows: 1, left: 0 },
        { rows: 0, left: 0 },
      ]);
      expect(statSync(made.file).mode & 0o777).toBe(0o600);
      for (const line of readFileSync(made.file, 'utf8').split('\n')) {
        if (line !== '' && !line.startsWith('--')) await target.run(line);
      }
      rmSync(folder, { recursive: true });
      expect((await verify(...first)).out).toContain('EQUAL IN THE SCOPE ALONE');
      expect(proven()).not.toContain('orders');
      const repaired = await callReshard('repair', job.jobFile, '--yes');
      expect(repaired.code, repaired.err).toBe(0);
      await job.until('the proof', () => proven().includes('orders'), MINUTES);
      await job.drained();
      await job.expectEqual();
    },
    4 * MINUTES,
  );

  it(
    'is of the whole job: a check of some tables neither gives it nor speaks of the others',
    async () => {
      expect(await target.run('UPDATE orders SET total = total + 1 LIMIT 3')).toBe(3);
      const file = path.join(mkdtempSync(path.join(tmpdir(), 'reshard-page-')), 'check.html');
      expect((await verify('--html', file)).code).toBe(4);
      const page = readFileSync(file, 'utf8');
      expect(page).toMatch(/<h1 class="different">Check of .*DIFFERENT: 3 keys/);
      expect(page.match(/<td>different<\/td><td><code>order_id=\d+/g)).toHaveLength(3);
      rmSync(path.dirname(file), { recursive: true });
      const partly = await verify('--tables', 'customers,order_items');
      expect(partly.code, partly.err).toBe(0);
      expect(partly.out).toMatch(
        /EQUAL: sources and targets hold the same [\d,]+ rows of customers/,
      );
      expect(partly.out).toMatch(/compared: customers, order_items in full .* as of .*-s1 \S+/);
      expect(partly.out).not.toMatch(/\borders\b/);
      await job.until('the proofs', () => proven() === 'customers,order_items', MINUTES);
      expect(job.status?.phase).toBe('following');
      const { out } = await callReshard('status', job.jobFile);
      expect(out).toMatch(/orders: NOT PROVEN, verify-\d+ found 3 keys that differ/);

      const repaired = await callReshard('repair', job.jobFile, '--yes');
      expect(repaired.code, repaired.err).toBe(0);
      await job.until('the word', s => s.phase === 'verified', MINUTES);
      await job.drained();
      await job.expectEqual();
    },
    4 * MINUTES,
  );

  it(
    'is taken back by a later check that finds a difference, and says why',
    async () => {
      expect((await verify()).code).toBe(0);
      await job.until('the word', s => s.phase === 'verified', MINUTES);
      const wrong = 'UPDATE order_items SET quantity = quantity + 1 LIMIT 1';
      expect(await target.run(wrong)).toBe(1);
      const { code, out } = await verify('--tables', 'order_items', '--json');
      const found: CheckResult = JSON.parse(out);
      expect({ code, differences: found.differences }).toEqual({ code: 4, differences: 1 });
      await job.until('the word to go', s => s.phase === 'following', MINUTES);
      expect(proven()).toBe('customers,orders');
      const repaired = await callReshard('repair', job.jobFile, '--yes');
      expect(repaired.code, repaired.err).toBe(0);
      await job.until('the word', s => s.phase === 'verified', MINUTES);
    },
    4 * MINUTES,
  );
});

describe('a repair', () => {
  it(
    'whose command is killed after its first round brings the row back, and checks its table',
    async () => {
      const order = await lostOrder();
      await killedRepair(order);
      await noRepair();
      await job.until('the proof of its check', s => s.phase === 'verified', MINUTES);
      expect(await isThere(order)).toBe(true);
      await job.drained();
      await job.expectEqual();
    },
    4 * MINUTES,
  );

  it(
    'is finished by the next control when one is killed between its rounds',
    async () => {
      const order = await lostOrder();
      await job.end('control', 'SIGKILL');
      const armed = job.startArmed('control', FAILPOINTS.controlAfterRepairRound);
      await killedRepair(order);
      expect(await armed).toBe(KILLED);
      // Both are gone, and the first round has not brought the row.
      expect(await isThere(order)).toBe(false);
      const { out } = await callReshard('status', job.jobFile);
      expect(out).toMatch(/repair {2}repair-\d+ of orders: repairing pass 1 round 2/);
      expect(out).toMatch(/orders: NOT PROVEN, repair-\d+ writes keys anew/);
      job.start('control');
      await noRepair();
      expect(await isThere(order)).toBe(true);
      await job.until('the proof of its check', s => s.phase === 'verified', MINUTES);
      await job.drained();
      await job.expectEqual();
    },
    4 * MINUTES,
  );
});

describe('a check', () => {
  it(
    'that waits for a target says so, and fails when nothing moves, never as equal',
    async () => {
      await job.end('sink', 'SIGKILL');
      const source = await job.sql();
      expect(await source.run('UPDATE orders SET quantity = quantity + 1 LIMIT 5')).toBe(5);
      await source.close();
      const failing = verify();
      const waits = () => (job.status?.checks ?? []).flatMap(c => c.waiting.map(w => w.what));
      await until(() => waits().some(w => /^target target\d to apply .*\[\d+\]/.test(w)), {
        timeoutMs: MINUTES,
        what: 'a status that says what the check waits for',
      });
      const { code, out, err } = await failing;
      expect(code).toBe(1);
      expect(out).toMatch(
        /the check failed: target: nothing moved for 5 s while waiting for target/,
      );
      expect(err).toMatch(/waits for target target\d to apply/);
      await job.until('the word to go', s => s.phase === 'following', MINUTES);
      job.start('sink');
      await job.drained();
      expect((await verify()).code).toBe(0);
    },
    4 * MINUTES,
  );

  it(
    'ends equal although the source has ids that never come through its binlog',
    async () => {
      const source = await job.sql();
      const version = (await source.value('SELECT VERSION()')) ?? '';
      // MariaDB has no way to declare a transaction executed without an event.
      if (!/mariadb/i.test(version)) {
        const ids = '11111111-2222-3333-4444-555555555555:1-7';
        await source.run(`SET GLOBAL gtid_purged = '+${ids}'`);
        expect(await source.value('SELECT @@global.gtid_executed')).toContain(ids);
      }
      await source.close();
      const { code, out, err } = await verify();
      expect(code, err).toBe(0);
      expect(out).toContain('EQUAL');
      await job.expectEqual();
    },
    4 * MINUTES,
  );
});
