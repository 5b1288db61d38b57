/**
 * I11 on real servers: a cutover of a job under writes, by the command line. The gates and what
 * opens them; undone when it is held up, and when control is killed inside the write stop; then a
 * whole one, after which every write that was acknowledged is on its target, once.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { CutoverPlan } from '../../services/control/command/cutover.ts';
import type { CutoverRun } from '../../shared/job/state/cutover.ts';
import type { Rehearsal } from '../../shared/job/state/rehearsal.ts';
import { sleep, until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import { SERVICES, ShopJob } from '../pipeline/shop-job.ts';
import { sourceName } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { Writer } from './writer.ts';

const MINUTES = 60_000;
const KILLED = 128;
const PROBE = { user: 'app', password: 'app' };
const LIMITS = { lockSeconds: 1, lockTries: 2, drainSeconds: 20, maxTransactionSeconds: 3 };
const OPENED = path.join(mkdtempSync(path.join(os.tmpdir(), 'reshard-open-')), 'opened');
const CUTOVER = { probe: PROBE, limits: LIMITS, open: `echo $RESHARD_CUTOVER >> ${OPENED}` };
/** Clients of tests have steps of their own. */
const AS_THE_SERVER_HAS_IT = `SET auto_increment_increment = @@global.auto_increment_increment,
  auto_increment_offset = @@global.auto_increment_offset`;
const READ_ONLY = 'SELECT @@global.super_read_only + @@global.read_only';
const LOCKED = `SELECT account_locked FROM mysql.user WHERE User = '${PROBE.user}'`;

let mysql: Servers;
let job: ShopJob;
let writer: Writer;

beforeAll(async () => {
  mysql = await ShopJob.servers();
  job = await ShopJob.prepare({ mysql, orders: 300, cutover: CUTOVER });
  const { user, password } = PROBE;
  await job.onSource(
    0,
    'ALTER TABLE orders MODIFY order_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT',
    'CREATE TABLE of_nobody (id INT PRIMARY KEY)',
    `CREATE USER ${user}@'%' IDENTIFIED BY '${password}'`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ${job.database}.* TO ${user}@'%'`,
  );
  job.start(...SERVICES);
  await job.copied();
  writer = await Writer.start({ ...job.source, ...PROBE }, job.database, 0);
}, 3 * MINUTES);

afterAll(async () => {
  await writer?.[Symbol.asyncDispose]();
  const source = await LoadClient.open(job.source);
  await source.run('SET GLOBAL super_read_only = OFF');
  await source.run('SET GLOBAL read_only = OFF');
  await source.close();
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
  rmSync(path.dirname(OPENED), { recursive: true, force: true });
});

async function dryRun(): Promise<{ code: number; plan: CutoverPlan; shut: string[] }> {
  const { code, out, err } = await callReshard('cutover', job.jobFile, '--dry-run', '--json');
  if (out === '') throw new Error(err);
  const plan: CutoverPlan = JSON.parse(out);
  return { code, plan, shut: shutOf(plan) };
}

function shutOf({ gates }: CutoverPlan): string[] {
  const shut = gates.filter(g => g.state !== 'open');
  for (const { name, where, why } of shut) console.log(`${name} ${where}: ${why}`);
  return shut.map(g => `${g.name} ${g.where}`.trim());
}

async function goOver(): Promise<{ code: number; run: CutoverRun | null; error: string }> {
  const { code, out, err } = await callReshard(
    'cutover',
    job.jobFile,
    '--yes',
    '--json',
    '--wait',
    '60',
  );
  if (out === '') throw new Error(err);
  const { run = null, error = '', gates } = JSON.parse(out);
  if (gates !== undefined) throw new Error(`gates are shut: ${shutOf(JSON.parse(out))}`);
  return { code, run, error };
}

async function onTarget(number: number, ...statements: string[]): Promise<void> {
  const target = await job.sql(number);
  for (const sql of statements) await target.insist(sql);
  await target.close();
}

/** Writes go through, by the writer's own count, and nothing is left of the freeze. */
async function expectOpen(): Promise<void> {
  const before = writer.done.length;
  expect(writer.refused).toBeNull();
  await using source = await LoadClient.open(job.source);
  expect(await source.value(READ_ONLY)).toBe('0');
  const persisted = await source.rows('SELECT * FROM performance_schema.persisted_variables');
  expect(persisted.flat().filter(x => /read_only/.test(String(x)))).toEqual([]);
  for (let i = 0; i < 200 && writer.done.length < before + 5; i++) await sleep(20);
  expect(writer.done.length).toBeGreaterThanOrEqual(before + 5);
}

test('what is not as it must be is named, and the fixes that are named open the gates', async () => {
  const unproven = await dryRun();
  expect(unproven.code).toBe(7);
  expect(unproven.shut).toContain('phase');
  expect(unproven.shut).toContain('proof orders');
  expect((await job.verify()).code).toBe(0);
  await using source = await job.sql();
  await source.run('BEGIN');
  await source.run('UPDATE order_items SET quantity = quantity + 1 LIMIT 1');
  await onTarget(0, `CREATE EVENT ${job.database}.tick ON SCHEDULE EVERY 1 DAY DO DO 1`);
  await sleep(1000 * LIMITS.maxTransactionSeconds + 500);
  const { code, shut, plan } = await dryRun();
  expect(code).toBe(7);
  expect(shut).toEqual([
    `transactions ${sourceName(job.name, 0)}`,
    'events target1',
    'ids target1/orders',
    'ids target2/orders',
    'id steps target1',
    'id steps target2',
  ]);
  await source.run('ROLLBACK');
  await onTarget(0, `DROP EVENT ${job.database}.tick`);
  for (const { fix, where } of plan.gates.filter(g => g.name.startsWith('id'))) {
    const statements = (fix ?? '').replace(/ or `.*$/, '').split(';');
    const wanted = statements.filter(s => s.trim() !== '');
    await onTarget(where.startsWith('target1') ? 0 : 1, ...wanted);
  }
  const now = await dryRun();
  expect(now.shut).toEqual([]);
  expect(now.code).toBe(0);
});

test('held up by a lock of somebody: undone within its budget, writes are open', async () => {
  await using holder = await job.sql();
  await holder.run('LOCK TABLES of_nobody WRITE');
  const { code, run, error } = await goOver();
  expect(error).toMatch(/kept .* from being frozen in 2 tries of 1 s/);
  expect(code).toBe(1);
  expect(run).toMatchObject({ stage: 'undone', journalMs: null });
  expect(run?.stopMs).toBeLessThan(5000);
  await expectOpen();
});

test('control is killed when all is frozen: the next one undoes it, writes are open', async () => {
  await job.end('control', 'SIGTERM');
  const killed = job.startArmed('control', FAILPOINTS.cutoverAfterFreeze);
  await job.until('the armed control', isWell, MINUTES);
  const going = goOver();
  expect(await Promise.race([killed, going])).toBe(KILLED);
  await using source = await LoadClient.open(job.source);
  expect(await source.value(READ_ONLY)).toBe('2');
  expect(writer.refused).toMatch(/read-only/);
  job.start('control');
  const { code, run } = await going;
  expect(code).toBe(1);
  expect(run).toMatchObject({ stage: 'undone', journalMs: null });
  await comeBack(writer.done.length);
  await expectOpen();
});

/** The application, whose writes were refused; its order numbers begin behind `from`. */
async function comeBack(from: number): Promise<void> {
  await writer[Symbol.asyncDispose]();
  const { done } = writer;
  writer = await Writer.start({ ...job.source, ...PROBE }, job.database, from);
  writer.done.push(...done);
}

test('accounts are locked, and control is killed then: the next one unlocks them', async () => {
  const accounts = { kind: 'accounts', lock: 'writers' };
  const file = readFileSync(job.jobFile, 'utf8');
  const fenced = stringify({ ...parse(file), cutover: { ...CUTOVER, fence: accounts } });
  writeFileSync(job.jobFile, fenced);
  await job.end('control', 'SIGTERM');
  const killed = job.startArmed('control', FAILPOINTS.cutoverAfterFreeze);
  await job.until('the armed control', isWell, MINUTES);
  const going = goOver();
  expect(await Promise.race([killed, going])).toBe(KILLED);
  await using source = await LoadClient.open(job.source);
  expect(await source.value(LOCKED)).toBe('Y');
  expect(await source.value(READ_ONLY)).toBe('0');
  expect(writer.refused).not.toBeNull();
  await expect(LoadClient.open({ ...job.source, ...PROBE })).rejects.toThrow(/locked/);
  job.start('control');
  const { code, run } = await going;
  expect(code).toBe(1);
  expect(run).toMatchObject({ stage: 'undone', journalMs: null });
  expect(run?.sources).toMatchObject([{ by: { kind: 'accounts', locked: [`${PROBE.user}@%`] } }]);
  expect(await source.value(LOCKED)).toBe('N');
  // Whether its last write is done nobody has told it.
  await comeBack(writer.done.length + 10);
  await expectOpen();
  writeFileSync(job.jobFile, file);
  await job.end('control', 'SIGTERM');
  job.start('control');
});

test('a rehearsal forecasts the write stop, and changes nothing', async () => {
  await job.until('the job', isWell, MINUTES);
  const { code, out, err } = await callReshard('cutover', job.jobFile, '--rehearse', '--json');
  expect(code, out + err).toBe(0);
  const { rehearsals }: { rehearsals: Rehearsal[] } = JSON.parse(out);
  const [made] = rehearsals;
  console.log(`forecast ${made?.forecastMs} ms: ${made?.steps.map(s => `${s.step} ${s.tookMs}`)}`);
  expect(rehearsals).toHaveLength(1);
  expect(made?.forecastMs).toBeLessThan(1000 * LIMITS.drainSeconds);
  await expectOpen();
  await job.until('it in the status', s => s.rehearsals.length === 1, MINUTES);
});

test('a whole one: every acknowledged write is on its target once, none is after it', async () => {
  await job.until('the job', isWell, MINUTES);
  const stop = new AbortController();
  const idle = idleTransaction(stop.signal);
  const { code, run, error } = await goOver();
  expect(error).toBeNull();
  expect(code).toBe(0);
  if (run === null) throw new Error('no run');
  console.log(
    `writes refused for ${run.stopMs} ms: ${run.steps.map(s => `${s.step} ${s.tookMs}`)}`,
  );
  expect(run.stage).toBe('switched');
  expect(readFileSync(OPENED, 'utf8')).toBe(`${run.id}\n`);
  await writer.stop();
  expect(writer.refused).toMatch(/read-only/);
  const freeze = run.steps.find(s => s.step === 'freeze');
  const frozenMs = (freeze?.atMs ?? 0) + (freeze?.tookMs ?? 0);
  expect(writer.done.filter(w => w.beganMs > frozenMs)).toEqual([]);
  stop.abort();
  const { refused, id } = await idle;
  expect(refused).toMatch(/read-only/);
  await job.expectEqual();
  await expectOnTargets(id);
  await using source = await LoadClient.open(job.source);
  const gtid = await source.value('SELECT @@global.gtid_executed');
  expect(run.sources.map(s => s.position)).toEqual([gtid?.replaceAll(/\s/g, '')]);
});

test('afterwards: nothing reads the sources anew, a lost fence is red, the end on demand', async () => {
  const source1 = ['--source', sourceName(job.name, 0)];
  for (const [verb, ...o] of [['verify'], ['repair'], ['recopy', ...source1]] as const) {
    const { code, err } = await callReshard(verb, job.jobFile, ...o);
    expect(code, err).toBe(2);
    expect(err).toMatch(/is refused: the application has gone over/);
  }
  expect((await callReshard('drop', job.jobFile, '--yes')).err).toMatch(/sources are frozen/);
  expect((await callReshard('cancel', job.jobFile)).out).toMatch(/no way back/);
  await job.until('the word', s => s.headline.word === 'switched', MINUTES);
  const server = mysql.mysql('s1');
  await server.kill();
  await server.start();
  await using source = await LoadClient.open(job.source);
  expect(await source.value(READ_ONLY), 'after a restart').toBe('2');
  await source.run('SET GLOBAL super_read_only = OFF');
  const lost = await job.until('the alarm', s => s.headline.word === 'fence-lost', MINUTES);
  expect(lost.headline.level).toBe('failure');
  const isLogged = () => job.logOf('control').some(line => line.includes('fence lost'));
  await until(isLogged, { timeoutMs: MINUTES, what: 'control to log the loss' });
  await source.run('SET GLOBAL super_read_only = ON');
  await job.until('the word', s => s.headline.word === 'switched', MINUTES);
  const finish = () => callReshard('finish', job.jobFile, '--release-sources', '--yes');
  const beside = await finish();
  expect(beside.out).toMatch(/sink .* would bring what is written to the sources/);
  expect(beside.code).toBe(1);
  await Promise.all([job.end('sink', 'SIGTERM'), job.end('binlog', 'SIGTERM')]);
  const end = await finish();
  expect(end.out).toMatch(/finished; the sources take writes again; no table was dropped/);
  expect(end.code).toBe(0);
  expect(await source.value(READ_ONLY)).toBe('0');
  // Nothing of the job brings anything to the targets any more.
  const sink = await callReshard('service', 'sink', job.jobFile);
  expect(sink.err + sink.out).toMatch(/the job is finished/);
});

const isWell = (s: { headline: { level: string } }): boolean => s.headline.level === 'good';

/**
 * Opens a transaction with a row, again and again; the one that the freeze meets tries to commit.
 */
async function idleTransaction(signal: AbortSignal): Promise<{ refused: string; id: string }> {
  await using client = await LoadClient.open({ ...job.source, ...PROBE }, job.database);
  for (let n = 0; ; n++) {
    await client.run('BEGIN');
    await client.run(
      `INSERT INTO orders (customer_id, order_no, total, quantity, placed_at)
         VALUES (1, 'idle-${n}', 1, 1, NOW(6))`,
    );
    const id = (await client.value('SELECT LAST_INSERT_ID()')) ?? '';
    await sleep(1000, signal);
    if ((await client.value(READ_ONLY)) === '2') {
      const refused = await client.run('COMMIT').then(() => 'committed', String);
      return { refused, id };
    }
    await client.run('ROLLBACK');
  }
}

/** `lost`: an order that nobody has committed. */
async function expectOnTargets(lost: string): Promise<void> {
  const found: Map<string, number>[] = [];
  for (const number of [0, 1]) {
    await using target = await job.sql(number);
    const rows = await target.rows('SELECT order_id, COUNT(*) FROM orders GROUP BY order_id');
    found.push(new Map(rows.map(([id, n]) => [String(id), Number(n)])));
  }
  expect(writer.done.length).toBeGreaterThan(100);
  for (const { id, customer } of writer.done) {
    const here = customer % 2;
    expect(found[here]?.get(id), `order ${id}`).toBe(1);
    expect(found[1 - here]?.has(id), `order ${id}`).toBe(false);
  }
  expect(found.some(rows => rows.has(lost))).toBe(false);
  const next: string[] = [];
  for (const number of [0, 1]) {
    await using target = await job.sql(number);
    await target.run(AS_THE_SERVER_HAS_IT);
    await target.run('BEGIN');
    await target.run(
      `INSERT INTO orders (customer_id, order_no, total, quantity, placed_at)
         VALUES (2, 'new-${number}', 1, 1, NOW(6))`,
    );
    next.push((await target.value('SELECT LAST_INSERT_ID()')) ?? '');
    await target.run('ROLLBACK');
  }
  expect(new Set(next).size).toBe(2);
  expect(next.filter(id => found.some(rows => rows.has(id)))).toEqual([]);
}
