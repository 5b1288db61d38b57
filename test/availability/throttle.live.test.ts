/**
 * I7, I13: what brakes the copy holds for all members at once and for those that come later,
 * whoever is killed meanwhile; changes are not braked; the status says what it is.
 */
import mysql from 'mysql2/promise';
import { expect, test } from 'vitest';
import type { ThrottleStatus } from '../../services/control/status/throttle-status.ts';
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { commonServer } from '../support/dev.ts';
import type { MysqlServer } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { Rig, SLOW_COPY } from './rig.ts';

const MINUTES = 60_000;
const ROWS = 200;
/** Rows of chunks that were under way when a brake came. */
const UNDER_WAY_MS = 500;
/** At the lowest limit of the test rows come more often than that. */
const STILL_MS = 600;

test(
  'the copy of two members is as slow as one limit, stands while paused or behind, and ends equal',
  async () => {
    const [source, target] = [commonServer('s1'), commonServer('t1')];
    await using rig = await Rig.open({
      source,
      targets: [target],
      orders: 3_500,
      options: SLOW_COPY,
    });
    const throttle = async (...args: string[]): Promise<ThrottleStatus> => {
      const { code, out, err } = await callReshard('throttle', rig.jobFile, '--json', ...args);
      expect(code, err).toBe(0);
      return JSON.parse(out);
    };
    rig.startAll(['control', 'binlog', 'sink']);
    await rig.link();
    const set = await throttle('--set', `rows=${ROWS},max-lag=1000000`, '--by', 'ann');
    expect(set.limits).toMatchObject([
      { name: 'rows', value: ROWS, by: 'ann' },
      { name: 'max-lag', value: 1_000_000 },
    ]);
    rig.startAll(['snapshot'], 2);

    // One limit for both, and the status says that it is the limit.
    await rig.until('rows', async () => (await rig.copiedRows()) > 100, MINUTES);
    expect(await paceOf(rig, 2_500)).toBeLessThan(ROWS * 1.4);
    expect(rig.status?.throttle.brakes).toMatchObject([{ reason: 'rate', copy: 'slowed' }]);

    // Live: no member is started anew.
    await throttle('--set', 'rows=50');
    await sleep(UNDER_WAY_MS);
    expect(await paceOf(rig, 2_000)).toBeLessThan(50 * 2.2);

    const paused = await throttle('--pause');
    expect(paused.brakes[0]).toMatchObject({ reason: 'operator', copy: 'stopped' });
    const rows = await standing(rig);
    await using shop = await LoadClient.open(source, rig.database);
    await using moved = await LoadClient.open(target, rig.database);
    const change = async (id: number): Promise<void> => {
      const insert = 'INSERT INTO customers (customer_id, name, created_at) VALUES (?, ?, NOW(6))';
      await shop.run(insert, [id, 'a change']);
      const select = 'SELECT 1 FROM customers WHERE customer_id = ?';
      const isThere = async () => (await moved.run(select, [id])) === 1;
      await rig.until('a change while the copy stands', isThere, 5_000);
    };
    await change(900_000_001);
    for (const service of ['snapshot', 'control'] as const) {
      for (const member of rig.running(service)) await rig.end(member, 'SIGKILL');
    }
    rig.start('control');
    await rig.startReady('snapshot');
    await change(900_000_002);
    await sleep(1_000);
    expect(await rig.copiedRows(), 'rows that were copied while it was paused').toBe(rows);
    const { brakes, limits } = await throttle();
    expect(brakes[0]).toMatchObject({ reason: 'operator', sinceMs: paused.brakes[0]?.sinceMs });
    expect(limits.map(l => `${l.name}=${l.value}`).sort()).toEqual(['max-lag=1000000', 'rows=50']);

    // Behind: nobody applies, and the copy waits for whoever does.
    for (const sink of rig.running('sink')) await rig.end(sink, 'SIGTERM');
    await throttle('--set', 'max-lag=100,rows=400', '--resume');
    const isBehind = () => rig.status?.throttle.brakes.some(b => b.reason === 'lag');
    await rig.until('the backlog to stop the copy', isBehind, 20_000);
    const held = await standing(rig);
    await sleep(1_500);
    expect(await rig.copiedRows(), 'rows that were copied over a backlog').toBe(held);
    expect(rig.status?.tables.every(t => t.complete || t.etaSeconds === null)).toBe(true);

    rig.start('sink');
    // A target that is busy with something else; other tests have a few threads running there, too.
    const busy = await busyThreads(target, 60);
    await throttle('--set', 'max-threads=50', '--clear', 'max-lag');
    const isBusy = () => rig.status?.throttle.brakes.some(b => b.reason === 'load');
    await rig.until('the threads to stop the copy', isBusy, 20_000);
    await busy[Symbol.asyncDispose]();
    await rig.until('the copy to go on', () => !isBusy(), 20_000);
    await throttle('--clear', 'rows,max-threads');
    await rig.copied();
    await rig.drained();
    await rig.expectEqual();

    // A check stands outside of its hours, and goes on when they are taken away.
    await throttle('--set', `window=${closedHour()}`);
    rig.start('checker');
    const check = callReshard('verify', rig.jobFile, '--json');
    const isHeld = () =>
      rig.status?.throttle.brakes.some(b => b.reason === 'window' && b.work === 'check');
    await rig.until('the window to stop the check', isHeld, 20_000);
    expect(rig.status?.headline).toMatchObject({ word: 'throttled', level: 'warning' });
    expect(
      await Promise.race([check, sleep(1_500)]),
      'a check outside of its hours',
    ).toBeUndefined();
    await throttle('--clear', 'window');
    const { code, out } = await check;
    expect(code, out).toBe(0);

    // As slow as its limit, and as fast as it can at once when that is taken away.
    const fast: CheckResult = JSON.parse(out);
    await throttle('--set', `check-rows=${Math.round(fast.rows / 3)}`);
    const slow = await callReshard('verify', rig.jobFile, '--json');
    expect(slow.code, slow.out).toBe(0);
    expect(JSON.parse(slow.out).tookMs).toBeGreaterThan(2_000);
    await throttle('--set', 'check-rows=1');
    const freed = callReshard('verify', rig.jobFile, '--json');
    expect(await Promise.race([freed, sleep(2_500)]), 'a check at a row a second').toBeUndefined();
    await throttle('--clear', 'check-rows');
    expect((await freed).code).toBe(0);
    const { spentSeconds, ...after } = await throttle();
    expect(after).toMatchObject({ limits: [], brakes: [] });
    const { operator, rate, window, lag, replica } = spentSeconds;
    for (const seconds of [operator, rate, window, lag]) expect(seconds).toBeGreaterThan(0);
    expect(replica).toBe(0);
  },
  3 * MINUTES,
);

/** An hour that is closed now, and a good while longer. */
function closedHour(): string {
  const time = (hours: number): string =>
    new Date(Date.now() + hours * 3600_000).toISOString().slice(11, 16);
  return `${time(3)}-${time(4)}`;
}

/** Connections that do something until they are closed. */
async function busyThreads(server: MysqlServer, n: number): Promise<AsyncDisposable> {
  const opening = Array.from({ length: n }, () => mysql.createConnection(server));
  const connections = await Promise.all(opening);
  const sleeping = connections.map(c => c.query('SELECT SLEEP(120)').catch(() => {}));
  return {
    async [Symbol.asyncDispose]() {
      const killer = await mysql.createConnection(server);
      for (const { threadId } of connections) await killer.query(`KILL ${threadId}`);
      await Promise.all(sleeping);
      await killer.end();
    },
  };
}

/** Rows in the log when what was under way has come to its end. */
async function standing(rig: Rig): Promise<number> {
  let rows = -1;
  const stands = async (): Promise<boolean> => {
    const before = rows;
    rows = await rig.copiedRows();
    await sleep(STILL_MS);
    return before === rows && rows === (await rig.copiedRows());
  };
  await rig.until('the copy to stand still', stands, 20_000);
  return rows;
}

/** Rows a second that come into the log from the copy. */
async function paceOf(rig: Rig, ms: number): Promise<number> {
  const [rows, since] = [await rig.copiedRows(), performance.now()];
  await sleep(ms);
  return ((await rig.copiedRows()) - rows) / ((performance.now() - since) / 1000);
}
