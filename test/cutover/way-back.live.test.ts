/**
 * I11 on real servers, with a way back: over to the targets, back to the sources, over again, under
 * an application that remembers every write it was told is done.
 */
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Status } from '../../services/control/status/status.ts';
import type { CutoverStep } from '../../shared/job/state/cutover.ts';
import { sleep, until } from '../../shared/runtime/clock.ts';
import { FEW_PARTITIONS, type ShopJob } from '../pipeline/shop-job.ts';
import { type MysqlServer, targetName } from '../support/job-file.ts';
import { LOAD_TABLES } from '../support/load/tables.ts';
import { childrenOf, isAlive } from '../support/processes.ts';
import { beginReshard, callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import type { Application } from './application.ts';
import { ShopMove } from './shop-move.ts';

const MINUTES = 60_000;
const BEHIND = os.constants.priority.PRIORITY_BELOW_NORMAL;

let move: ShopMove;
let job: ShopJob;
let app: Application;

beforeAll(async () => {
  move = await ShopMove.begin({
    limits: { maxTransactionSeconds: 180, maxStreamAgeSeconds: 60 },
    options: {
      ...{ streamingCheck: true, partitions: FEW_PARTITIONS },
      sinkBufferBytes: 1024 * 1024,
    },
    more: targetFences,
  });
  ({ job, app } = move);
  // Each test stands by itself: a cutover wants every table proven.
  expect((await job.verify()).code).toBe(0);
}, 4 * MINUTES);

afterAll(() => move?.[Symbol.asyncDispose](), MINUTES);

/** Of the source that of every server; one target has its accounts locked, the other a hook. */
function targetFences(name: string, mysql: Servers): object {
  const of = (i: number) => targetName({ job: name, cutover: { back: {} } }, i);
  const { host, port } = mysql.mysql('t2');
  const flag = path.join(os.tmpdir(), `reshard-hook-${name}`);
  const hook = `${process.execPath} ${fileURLToPath(new URL('hook.ts', import.meta.url))}`;
  const set = `${hook} ${host}:${port}`;
  const command =
    `case $RESHARD_FENCE in freeze) ${set} && touch ${flag};; ` +
    `thaw) ${set} && rm -f ${flag};; status) test -f ${flag} || exit 3;; esac`;
  return {
    fences: { [of(0)]: { kind: 'accounts', lock: 'writers' }, [of(1)]: { kind: 'hook', command } },
  };
}

const carried = (way: string) =>
  job.until(
    `rows to be carried ${way}`,
    s => s.wayBack?.carries === way && !s.wayBack.isTurning && s.headline.level === 'good',
    MINUTES,
  );

test('the log of the targets has all that the sink has written, from the first row on', async () => {
  await job.drained();
  await using back = await job.targetConsumer();
  await job.expectTargetsFollowed(back);
});

/** Both logs are compared, every table is equal as of a moment after now, and no check runs. */
async function comparedEqual(): Promise<void> {
  const sinceMs = Date.now();
  const isEqual = ({ stream, checks, phase }: Status): boolean =>
    stream?.tables.length === LOAD_TABLES.length &&
    stream.tables.every(t => t.state === 'equal' && t.equalMs > sinceMs) &&
    checks.length === 0 &&
    phase === 'verified';
  await job.until('both logs to say that all is equal', isEqual, MINUTES);
}

/**
 * A cutover that has passed its gates waits to freeze the source while `meanwhile` is done; answers
 * what it was undone for. The source takes writes then.
 */
async function undone(meanwhile: () => Promise<void>): Promise<string> {
  await using lock = await job.sqlOf(0);
  await lock.run('CREATE TABLE IF NOT EXISTS held (id INT PRIMARY KEY)');
  await lock.run('LOCK TABLES held WRITE');
  await using look = await job.sqlOf(0);
  const going = callReshard('cutover', job.jobFile, '--yes', '--json', '--wait', '60');
  await expect.poll(() => look.rows(FREEZING), { timeout: MINUTES, interval: 20 }).toHaveLength(1);
  await meanwhile();
  await lock.run('UNLOCK TABLES');
  const { code, out, err } = await going;
  expect(code, out + err).toBe(1);
  const { run, error } = JSON.parse(out);
  expect(run).toMatchObject({ stage: 'undone', leg: null, journalMs: null });
  console.log(`undone after ${run.stopMs} ms: ${error}`);
  await job.onSource(0, 'UPDATE customers SET note = UUID() LIMIT 1');
  return error;
}

const FREEZING =
  "SELECT 1 FROM performance_schema.processlist WHERE INFO LIKE 'SET GLOBAL super_read_only%'";

test('a rehearsal compares both logs as they are', async () => {
  await comparedEqual();
  const { code, out, err } = await callReshard('cutover', job.jobFile, '--rehearse', '--json');
  expect(code, out + err).toBe(0);
  const { steps } = JSON.parse(out).rehearsals[0];
  console.log(`rehearsal: ${steps.map((s: CutoverStep) => `${s.step} ${s.tookMs}`)}`);
  const names = steps.map((s: CutoverStep) => s.step);
  expect(names).toEqual(expect.arrayContaining(['marker', 'compare']));
});

test('a check that is under way is waited for where the operator says so, and control is not asked', async () => {
  const throttle = async (...args: string[]): Promise<void> => {
    const { code, err } = await callReshard('throttle', job.jobFile, ...args);
    expect(code, err).toBe(0);
  };
  await throttle('--set', 'check-rows=5');
  const check = job.verify();
  await job.until('the check', s => s.checks.length > 0, MINUTES);
  const plan = ['cutover', job.jobFile, '--dry-run'];
  expect((await callReshard(...plan)).code).toBe(7);
  expect((await callReshard(...plan, '--wait', '1')).code, 'its time is over').toBe(7);
  const waiting = beginReshard(...plan, '--wait', '120');
  const isTold = (): boolean => /waits for .*other work: under way: verify-/.test(waiting.told());
  await until(isTold, { timeoutMs: MINUTES, what: 'it to say what it waits for' });
  await throttle('--clear', 'check-rows');
  const { code, out, err } = await waiting.ended;
  expect(code, out + err).toBe(0);
  expect((await check).code).toBe(0);
});

/** The process that reads the targets' logs, once there is another one than before. */
function wayBackMember(before = 0): Promise<number> {
  return until(() => childrenOf(job.pid('binlog')).find(pid => pid !== before), {
    timeoutMs: MINUTES,
    what: 'the member of the way back',
  });
}

const atPriority = (pid: number, nice: number): Promise<true> =>
  until(() => isAlive(pid) && os.getPriority(pid) === nice, {
    timeoutMs: MINUTES,
    what: `process ${pid} to have the priority ${nice}`,
  });

test('the reader of the targets lets others go first, and only itself dies with it', async () => {
  const sources = job.pid('binlog');
  const first = await wayBackMember();
  await atPriority(first, Math.max(os.getPriority(), BEHIND));
  process.kill(first, 'SIGKILL');
  const second = await wayBackMember(first);
  await job.onSource(0, 'UPDATE customers SET note = UUID() LIMIT 1');
  await comparedEqual();
  expect([isAlive(sources), await wayBackMember()]).toEqual([true, second]);
  await job.end('binlog', 'SIGKILL');
  await until(() => !isAlive(second), { timeoutMs: MINUTES, what: 'it to end with its member' });
  job.start('binlog');
  await comparedEqual();
});

test('a row that somebody else adds behind the gates: undone with its key, and found', async () => {
  const error = await undone(async () => {
    await using t1 = await job.sql(0);
    const row = "(customer_id, name, created_at) VALUES (900001, 'x', NOW(6))";
    expect(await t1.run(`INSERT INTO customers ${row}`)).toBe(1);
  });
  expect(error).toMatch(/not equal at the end of both logs: table customers, partition \d+: /);
  expect(error).toMatch(/somebody else has written to it: insert of key 900001 on target /);
  await job.until('a check to name the key', s => s.differing.length > 0, MINUTES);
  const { code, err } = await callReshard('repair', job.jobFile, '--yes', '--json');
  expect(code, err).toBe(0);
  await comparedEqual();
});

test('a checker that dies inside the write stop: undone, and what it said before is not heard', async () => {
  const error = await undone(async () => {
    await job.end('checker', 'SIGKILL');
  });
  expect(error).toMatch(
    /not found equal within 3 s: no checker has answered for partitions 0, 1\b/,
  );
  job.start('checker');
  await comparedEqual();
});

test('over: what is written on the targets comes to the sources, which take no other write', async () => {
  app.start();
  await app.more(100);
  await comparedEqual();
  const stray = tryToWrite(job.source);
  await using open = await move.clientOf(job.source);
  await open.run('BEGIN');
  await open.run('UPDATE orders SET quantity = quantity + 1 LIMIT 1');
  const run = await move.go('cutover');
  expect(run).toMatchObject({
    stage: 'switched',
    way: 'over',
    leg: { number: 2, carries: 'back' },
  });
  expect(run.steps.map(s => s.step)).toEqual(expect.arrayContaining(['marker', 'compare']));
  await app.more(300);
  await job.until(
    'the open transaction to be named',
    s => /transactions of before the freeze are open on/.test(s.cutover?.why ?? ''),
    MINUTES,
  );
  await open.run('ROLLBACK');
  await carried('back');
  await atPriority(await wayBackMember(), os.getPriority());
  await app.stop();
  const [first = 0, second = 0, third = 0] = app.orders.keys();
  await app.move(first, 40 + ((app.orders.get(first)?.customer ?? 0) % 2) + 1);
  await app.move(second, 50 + (((app.orders.get(second)?.customer ?? 0) + 1) % 2));
  await app.move(third, 60 + ((app.orders.get(third)?.customer ?? 0) % 2));
  await expectBack();
  // At no moment, also not between the two settings, has the source taken it again.
  expect(await stray.end()).toMatch(/^w+r{50,}$/);
  app.start();
});

test('back: no write is lost, and a transaction of before the freeze is refused', async () => {
  await using idle = await move.clientOf(job.targets[0]);
  await idle.run('BEGIN');
  await idle.run('UPDATE orders SET quantity = quantity + 1 WHERE order_no NOT LIKE "A-%" LIMIT 1');
  const run = await move.go('rollback');
  expect(run).toMatchObject({
    stage: 'switched',
    way: 'back',
    leg: { number: 3, carries: 'over' },
  });
  await expect(idle.run('COMMIT'), 'its session was ended').rejects.toThrow(/closed|lost|EPIPE/i);
  await expect(move.clientOf(job.targets[0])).rejects.toThrow(/locked/);
  await using byHook = await move.clientOf(job.targets[1]);
  await expect(byHook.run('UPDATE orders SET quantity = 1 LIMIT 1')).rejects.toThrow(/read-only/);
  await app.more(200);
  await carried('over');
  await expectWatched();
  await app.stop();
  await job.drained();
  await job.expectEqual();
  expect(await app.forgotten('back')).toEqual([]);
  expect(await app.forgotten('over')).toEqual([]);
});

/** Fences of the servers that it has left are looked at all the time, whatever they are. */
async function expectWatched(): Promise<void> {
  for (const [i, lost, again, why] of [
    [0, 'ALTER USER app ACCOUNT UNLOCK', 'ALTER USER app ACCOUNT LOCK', /app@% is not locked/],
    [1, 'SET GLOBAL read_only = OFF', 'SET GLOBAL read_only = ON', /an ordinary account can write/],
  ] as const) {
    await using target = await job.sql(i);
    await target.run(lost);
    const isLost = (s: Status): boolean => s.cutover?.lost.some(text => why.test(text)) ?? false;
    const { headline } = await job.until('a fence to be lost', isLost, MINUTES);
    expect(headline.word).toBe('fence-lost');
    await target.run(again);
    await job.until('it to stand again', s => s.headline.level === 'good', MINUTES);
  }
}

test('over again, and the end', async () => {
  expect((await job.verify()).code).toBe(0);
  app.start();
  await app.more(50);
  const run = await move.go('cutover');
  expect(run.leg).toMatchObject({ number: 4, carries: 'back' });
  await app.more(100);
  await app.stop();
  await expectBack();
  const end = await callReshard('finish', job.jobFile, '--yes');
  expect(end.code, end.out + end.err).toBe(0);
  const after = await callReshard('rollback', job.jobFile, '--yes');
  expect(after.err).toMatch(/the job is finished, and with it the way back/);
  console.log(
    `${app.acknowledged} writes, refused for ${Math.round(app.longestStopMs)} ms at most`,
  );
});

/** An ordinary account that writes nothing to a server, all the time: w went through, r refused. */
function tryToWrite(server: MysqlServer): { end(): Promise<string> } {
  let tried = '';
  let isOver = false;
  const run = async (): Promise<void> => {
    await using client = await move.clientOf(server);
    while (!isOver) {
      const write = client.run('UPDATE orders SET quantity = quantity WHERE 1 = 0');
      tried += await write.then(
        () => 'w',
        e => (/read-only/.test(String(e)) ? 'r' : '?'),
      );
      await sleep(2);
    }
  };
  const running = run();
  return {
    async end() {
      isOver = true;
      await running;
      return tried;
    },
  };
}

/** The application is still: targets and sources hold the same, and all that it remembers. */
async function expectBack(): Promise<void> {
  await sleep(100);
  await job.until(
    'the way back to be drained',
    s => s.wayBack?.lagSeconds === 0 && s.wayBack.lagRecords === 0,
    MINUTES,
  );
  await job.expectEqual();
  expect(await app.forgotten('over')).toEqual([]);
  expect(await app.forgotten('back')).toEqual([]);
}
