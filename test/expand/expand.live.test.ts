/**
 * I6, I9, I11: a cluster of two servers gets a third, under writes. Rows that move are copied,
 * followed and checked, and no others; from the cutover on they are refused on their old servers,
 * while all others are written all the time; undone, nothing is refused. In the end each row is on
 * its owner, once, with every write that was acknowledged.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CleanupPlace } from '../../services/control/command/cleanup.ts';
import type { CutoverPlan } from '../../services/control/command/cutover.ts';
import type { Status } from '../../services/control/status/status.ts';
import type { CutoverRun } from '../../shared/job/state/cutover.ts';
import { FENCE_TEXT } from '../../shared/mysql/row-fence.ts';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import { SERVICES, ShopJob } from '../pipeline/shop-job.ts';
import type { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { Application, expectMoved, prepareCluster, SHARDED } from './cluster.ts';

const MINUTES = 60_000;
const KILLED = 128;
const PROBE = { user: 'app', password: 'app' };
const LIMITS = {
  ...{ lockSeconds: 1, lockTries: 2, drainSeconds: 20, maxTransactionSeconds: 60 },
  cleanupDelayMinutes: 0,
};

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
  const written = (more: number): Promise<void> => {
    const from = app.written;
    return expect.poll(() => app.written, { timeout: 20_000 }).toBeGreaterThan(from + more);
  };
  // What was on its way when the fence fell, or the route changed, has its answer by then.
  await written(10);
  app.refused.clear();
  await written(200);
  expect([...app.refused]).toEqual([]);
}

test(
  'what moves is on the new server, equal, and the check names what is not',
  async () => {
    const route = await callReshard('route', job.jobFile, '--json');
    expect(route.code, route.err).toBe(0);
    const spreads: { table: string; rows: number; staying: number; targets: { rows: number }[] }[] =
      JSON.parse(route.out).tables;
    for (const { name, was, is } of SHARDED) {
      const spread = spreads.find(s => s.table === name);
      const moving = Array.from({ length: spread?.rows ?? 0 }, (_, i) => i);
      expect(spread?.targets[0]?.rows).toBe(moving.filter(i => was(i) !== is(i)).length);
      expect(spread?.staying).toBe(moving.filter(i => was(i) === is(i)).length);
    }
    app = await Application.start(job);
    job.start(...SERVICES);
    await job.until('some rows', s => s.tables.some(t => t.done > 0), 2 * MINUTES);
    await job.end('sink', 'SIGKILL');
    job.start('sink');
    await job.copied();
    await app.stop();
    expect([...app.refused]).toEqual([]);
    await job.drained();
    const proof = await job.verify();
    expect(proof.code, proof.out).toBe(0);
    await expectMoved(job);
    const target = await job.sql(0);
    await target.run('DELETE FROM notes ORDER BY id LIMIT 1');
    await target.run("INSERT INTO events VALUES (1,'stays on c1',0)");
    await target.close();
    const damaged = await job.verify();
    expect(damaged.code, damaged.out).toBe(4);
    const told: { table: string; differences: { kind: string }[] }[] = JSON.parse(
      damaged.out,
    ).tables;
    expect(told.flatMap(t => t.differences.map(d => `${t.table} ${d.kind}`))).toEqual([
      'notes missing',
      'events extra',
    ]);
    const repaired = await callReshard('repair', job.jobFile, '--yes', '--timeout', '120');
    expect(repaired.code, repaired.err).toBe(0);
    await expectMoved(job);
    app = await Application.start(job);
  },
  3 * MINUTES,
);

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

async function cleanup(
  ...more: string[]
): Promise<{ code: number; places: CleanupPlace[]; text: string }> {
  const { code, out, err } = await callReshard('cleanup', job.jobFile, '--yes', '--json', ...more);
  const { places = [] } = out === '' ? {} : JSON.parse(out);
  return { code, places, text: `${out}\n${err}` };
}

function sum(places: readonly CleanupPlace[], what: 'left' | 'deleted' | 'kept'): number {
  return places.reduce((n, p) => n + p[what], 0);
}

/** Rows of a server that move, and that stay, of both tables. */
async function rowsOf(client: LoadClient): Promise<{ moving: number; staying: number }> {
  let [moving, staying] = [0, 0];
  for (const { name, moves } of SHARDED) {
    moving += Number(await client.value(`SELECT COUNT(*) FROM ${name} WHERE ${moves}`));
    staying += Number(await client.value(`SELECT COUNT(*) FROM ${name} WHERE NOT (${moves})`));
  }
  return { moving, staying };
}

/** Texts of all rows that move, by table and key. */
async function textsOf(client: LoadClient): Promise<Map<string, string>> {
  const found = await Promise.all(
    SHARDED.map(async ({ name, moves }) => {
      const rows = await client.rows(`SELECT id, body, n FROM ${name} WHERE ${moves}`);
      return rows.map(([id, ...rest]): [string, string] => [`${name} ${id}`, rest.join('|')]);
    }),
  );
  return new Map(found.flat());
}

async function recordsOf(source: number): Promise<number> {
  const topics = SHARDED.map(t => job.keysOf(job.topic(t.name, source)));
  return (await Promise.all(topics)).reduce((n, keys) => n + keys.length, 0);
}

test(
  'what has moved is deleted at its old place, where it is equal, and no reader of the topics sees it',
  async () => {
    await app.stop();
    await job.until('the job', isWell, MINUTES);
    await using c1 = await job.sqlOf(0);
    await using c2 = await job.sqlOf(1);
    await using c3 = await job.sql(0);
    const [one, two, three] = [await rowsOf(c1), await rowsOf(c2), await rowsOf(c3)];
    const before = await cleanup('--dry-run');
    expect(sum(before.places, 'left')).toBe(one.moving + two.moving);
    expect(one.moving + two.moving).toBeGreaterThan(700);
    const there = await textsOf(c3);
    const here = [...(await textsOf(c1)), ...(await textsOf(c2))];
    const changed = here.filter(([key, text]) => there.has(key) && there.get(key) !== text);
    const gone = here.filter(([key]) => !there.has(key));
    expect(changed.length).toBeGreaterThan(0);
    expect(gone.length).toBeGreaterThan(0);
    const records = [await recordsOf(0), await recordsOf(1)];

    await job.end('control', 'SIGTERM');
    const dies = job.startArmed('control', `${FAILPOINTS.cleanupBeforeCommit}:2`);
    await job.until('the armed control', isWell, MINUTES);
    const going = cleanup();
    expect(await Promise.race([dies, going.then(end => end.text)])).toBe(KILLED);
    // A batch is deleted as a whole or not at all.
    expect(one.moving - (await rowsOf(c1)).moving).toBeLessThanOrEqual(128);
    job.start('control');
    const done = await going;
    expect(done.code, done.text).toBe(0);
    const left = [await rowsOf(c1), await rowsOf(c2)];
    // The application has changed rows on their new owner since: those are not equal.
    const kept = sum(done.places, 'kept');
    expect(kept).toBe(changed.length + gone.length);
    expect(sum(done.places, 'left')).toBe(kept);
    expect(sum(done.places, 'deleted')).toBe(one.moving + two.moving - kept);
    expect(left.map(r => r.staying)).toEqual([one.staying, two.staying]);
    expect(await rowsOf(c3)).toEqual(three);

    // What comes behind the deletes in the binlog is in the topics, and they are not.
    const stays = SHARDED[1];
    for (const [i, client] of [c1, c2].entries()) {
      await client
        .run(`INSERT INTO ${stays?.name} VALUES (${i === 0 ? -1 : 1_400_000}, 'x', 0)`)
        .catch(e => expect(String(e)).toMatch(FENCE_TEXT));
    }
    await c2.run(`UPDATE ${stays?.name} SET body='behind' WHERE id < 1500 LIMIT 1`);
    await expect.poll(() => recordsOf(0), { timeout: 30_000 }).toBe((records[0] ?? 0) + 1);
    await expect.poll(() => recordsOf(1), { timeout: 30_000 }).toBe((records[1] ?? 0) + 1);

    const stale = await cleanup('--stale');
    expect(stale.code, stale.text).toBe(0);
    expect([sum(stale.places, 'left'), sum(stale.places, 'kept')]).toEqual([0, 0]);
    expect(sum(stale.places, 'deleted')).toBe(kept);
    expect(await rowsOf(c3)).toEqual(three);

    const [trigger] = await c2.rows(
      `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '${job.database}' LIMIT 1`,
    );
    await c2.run(`DROP TRIGGER ${trigger?.[0]}`);
    const open = await cleanup();
    expect(open.code).toBe(1);
    expect(open.text).toMatch(/the fence of \w+ is down/);
    await job.until('it is told', s => s.headline.word === 'fence-lost', MINUTES);
  },
  3 * MINUTES,
);
