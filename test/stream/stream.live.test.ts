/**
 * I9: a running proof. Both logs are compared all the time: a table is known to be equal as of a
 * few seconds ago, and what makes a target another one is found by itself, within seconds, under
 * load.
 */
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Status } from '../../services/control/status/status.ts';
import { until } from '../../shared/runtime/clock.ts';
import { MISTAKES } from '../../shared/runtime/failpoint.ts';
import { FEW_PARTITIONS, SERVICES, ShopJob } from '../pipeline/shop-job.ts';
import { LOAD_TABLES } from '../support/load/tables.ts';
import { callReshard, type RunningCommand, spawnReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';

const MINUTE = 60_000;
/** Changes a second, from many connections. */
const LOAD = 15;
/** From the damage to the doubt, on a machine that has other work too. */
const FOUND_MS = MINUTE;
const TARGETS = 2;
/** Of the storm: `npm run stream` makes it long. */
const LONG_SECONDS = Number(process.env.RESHARD_STREAM_SECONDS ?? 0);

/** Rows that go through the sink, of which it loses one: `RESHARD_STREAM_EVENTS=1000000`. */
const EVENTS = Number(process.env.RESHARD_STREAM_EVENTS ?? 20_000);
const PER_TRANSACTION = 10_000;
const FIRST_EVENT = 20_000_000;

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers();
  const partitions = FEW_PARTITIONS;
  const options = { checkWhenInSync: true, streamingCheck: true, partitions };
  job = await ShopJob.prepare({ mysql, orders: 2000, options, cutover: { back: {} } });
  job.start(...SERVICES);
}, 3 * MINUTE);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTE);

/** Every table is equal as of a moment after now, and nothing is in doubt. */
async function equalAgain(what: string): Promise<Status> {
  const sinceMs = Date.now();
  const isEqual = ({ stream }: Status): boolean =>
    stream?.tables.length === LOAD_TABLES.length &&
    stream.tables.every(t => t.state === 'equal' && t.equalMs > sinceMs) &&
    stream.doubts.length === 0;
  return await job.until(what, isEqual, 2 * MINUTE);
}

/** Both logs say of each of the tables that a target differs; then the check that follows does. */
async function foundIn(tables: readonly string[], atMs: number): Promise<Status> {
  const of = (list: readonly { table: string }[]): boolean =>
    tables.every(table => list.some(d => d.table === table));
  await job.until('the doubt', s => of(s.stream?.doubts ?? []), FOUND_MS);
  console.log(`found after ${Date.now() - atMs} ms`);
  const named = await job.until('the keys', s => of(s.differing), 2 * MINUTE);
  console.log(`named after ${Date.now() - atMs} ms`);
  expect(named.phase).not.toBe('verified');
  return named;
}

/** A customer that no source has. */
function added(id: number): string {
  return `INSERT INTO customers (customer_id, name, created_at) VALUES (${id}, 'x', NOW(6))`;
}

async function repaired(): Promise<void> {
  const { code, err } = await callReshard('repair', job.jobFile, '--yes', '--json');
  expect(code, err).toBe(0);
  await equalAgain('what was repaired to be equal');
}

test(
  'under load every table is equal as of a few seconds ago, and nobody is accused',
  async () => {
    await equalAgain('both logs to say that all is equal');
    await using _ = job.load(LOAD);
    const s = await equalAgain('the same under load');
    expect(s.stream?.foreignCount).toBe(0);
    const [gtids] = s.stream?.tables.map(t => Object.values(t.gtids)) ?? [];
    expect(gtids?.[0]).toMatch(/:1-\d+/);
    await equalAgain('the same of a later moment');
  },
  3 * MINUTE,
);

test(
  'members that are killed, and rows that wait for each other: nobody is accused',
  async () => {
    await using _ = job.load(80);
    const endMs = Date.now() + LONG_SECONDS * 1000;
    do {
      for (const service of ['sink', 'checker', 'binlog'] as const) {
        await job.end(service, 'SIGKILL');
        job.start(service);
        await job.until(
          `reports of the new ${service}`,
          s => {
            expect(s.stream?.doubts).toEqual([]);
            return s.services.every(u => u.service !== service || u.state === 'running');
          },
          // Checkers go behind all others, also where those take the whole machine.
          3 * MINUTE,
        );
      }
    } while (Date.now() < endMs);
    const s = await equalAgain('all to be equal behind it');
    expect([s.stream?.foreignCount, s.stream?.doubts]).toEqual([0, []]);
  },
  LONG_SECONDS * 1000 + 4 * MINUTE,
);

test(
  'rows that somebody else changes, deletes and adds on targets',
  async () => {
    await using _ = job.load(LOAD);
    await using t1 = await job.sql(0);
    await using t2 = await job.sql(1);
    const atMs = Date.now();
    // Several of each: the load mends some of them, since it writes to the same rows.
    const some = 'ORDER BY order_id DESC LIMIT 20';
    expect(await t2.insist(`UPDATE orders SET quantity = quantity + 1000 ${some}`)).toBe(20);
    expect(await t1.insist(`DELETE FROM order_items ${some}`)).toBe(20);
    expect(await t1.run(added(900_001))).toBe(1);
    const { stream } = await foundIn(LOAD_TABLES, atMs);
    expect(stream?.foreignCount).toBe(41);
    const foreign = stream?.foreign.find(f => f.table === 'customers');
    expect(foreign).toMatchObject({ op: 'insert', key: '900001' });
    expect(foreign?.gtid).toMatch(/^[0-9a-f-]{36}:\d+$/);
    expect(stream?.doubts).toContainEqual(
      expect.objectContaining({ table: 'customers', rows: -1, keys: ['900001'] }),
    );
    await repaired();
  },
  4 * MINUTE,
);

test.each(['the doubt', 'the keys'])(
  'a row that is taken away again after %s is told too, and a check that follows finds all equal',
  async told => {
    await using _ = job.load(LOAD);
    await using t1 = await job.sql(0);
    const before = job.status?.stream?.foreignCount ?? 0;
    expect(await t1.run(added(900_002))).toBe(1);
    const isTold = ({ stream, differing }: Status): boolean =>
      (told === 'the keys' ? differing : (stream?.doubts ?? [])).length > 0;
    await job.until(told, isTold, FOUND_MS);
    expect(await t1.insist('DELETE FROM customers WHERE customer_id = 900002')).toBe(1);
    const s = await equalAgain('a check to have cleared it up');
    expect(s.stream?.foreignCount).toBe(before + 2);
    expect(s.differing).toEqual([]);
  },
  4 * MINUTE,
);

test(
  'what happens while no checker runs is found by the next one',
  async () => {
    await using _ = job.load(LOAD);
    await job.end('checker', 'SIGKILL');
    await using t2 = await job.sql(1);
    expect(await t2.insist('DELETE FROM orders ORDER BY order_id LIMIT 20')).toBe(20);
    const atMs = Date.now();
    job.start('checker');
    await foundIn(['orders'], atMs);
    await repaired();
  },
  4 * MINUTE,
);

/** Processes that have slots of the streaming check; none while one of these is on its way. */
function holders({ services }: Status): Set<number> {
  const slots = services.filter(u => u.service === 'checker' && u.unit.startsWith('stream/'));
  if (slots.some(u => u.state !== 'running')) return new Set();
  return new Set(slots.map(u => Number(u.member.split(':').at(-1))));
}

test(
  'slots that go from one checker to another, given up or torn away: what differs is found, no more',
  async () => {
    await using _ = job.load(LOAD);
    const log = path.join(job.dir, 'checker-2.log');
    const other = (): RunningCommand => spawnReshard(['service', 'checker', job.jobFile], { log });
    // A checker comes last on a busy machine.
    const held = (what: string, pids: readonly number[]): Promise<Status> =>
      job.until(
        what,
        s => {
          expect(s.stream?.doubts).toEqual([]);
          const now = holders(s);
          return now.size === pids.length && pids.every(pid => now.has(pid));
        },
        3 * MINUTE,
      );
    let second = other();
    await held('both to have slots', [job.pid('checker'), second.pid]);
    second.kill('SIGTERM');
    expect(await second.exited).toBe(0);
    await held('the first to have all of them', [job.pid('checker')]);
    await equalAgain('all to be equal behind it');
    second = other();
    await held('both to have slots again', [job.pid('checker'), second.pid]);
    await job.end('checker', 'SIGKILL');
    await using t1 = await job.sql(0);
    const atMs = Date.now();
    expect(await t1.run(added(900_003))).toBe(1);
    const found = await foundIn(['customers'], atMs);
    expect([...holders(found)]).toEqual([second.pid]);
    expect(found.stream?.doubts.map(d => [d.table, d.rows, d.keys])).toEqual([
      ['customers', -1, ['900003']],
    ]);
    job.start('checker');
    second.kill('SIGTERM');
    await second.exited;
    await repaired();
  },
  12 * MINUTE,
);

test.each(LONG_SECONDS > 0 ? Object.values(MISTAKES) : [MISTAKES.sinkLosesRow])(
  'a mistake of the sink: %s',
  async mistake => {
    await using load = job.load(LOAD);
    await job.end('sink', 'SIGTERM');
    void job.startArmed('sink', `${mistake}:60`);
    const atMs = Date.now();
    const isDoubted = (s: Status): boolean => (s.stream?.doubts.length ?? 0) > 0;
    await job.until('the doubt', isDoubted, FOUND_MS);
    console.log(`found after ${Date.now() - atMs} ms`);
    const named = ({ stream }: Status): boolean =>
      stream?.doubts.some(d => (d.keys?.length ?? 0) > 0) === true;
    await job.until('keys of it by the logs', named, FOUND_MS);
    await job.end('sink', 'SIGTERM');
    job.start('sink');
    await load.stop();
    await job.until('the keys', s => s.differing.length > 0, 2 * MINUTE);
    // A repair is of what checks have found: rows that were lost last may have none yet.
    await job.drained();
    expect((await job.verify()).code).toBe(4);
    await repaired();
    await job.drained();
    await job.expectEqual();
  },
  4 * MINUTE,
);

/** Customers with the keys from `FIRST_EVENT` on, by big transactions. */
async function manyCustomers(): Promise<void> {
  await using source = await job.sql();
  await source.run(`SET SESSION cte_max_recursion_depth = ${PER_TRANSACTION}`);
  for (let from = 0; from < EVENTS; from += PER_TRANSACTION) {
    const rows = Math.min(PER_TRANSACTION, EVENTS - from);
    const numbers = `WITH RECURSIVE n AS
      (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${rows})`;
    await source.insist(
      `INSERT INTO customers (customer_id, name, created_at) ${numbers}
        SELECT ${FIRST_EVENT + from} + i, 'x', NOW(6) FROM n`,
    );
  }
}

/**
 * A target that comes to it later has a reading of its own: each record would count twice, and one
 * that is lost in the reading of the other target is not lost at all.
 */
function hasClaimedAll(): boolean {
  const claims = job
    .logOf('sink')
    .filter(l => l.includes(`"pid":${job.pid('sink')},`) && l.includes('tasks claimed'));
  return (claims.join().match(/customers\[\d\]@/g)?.length ?? 0) >= FEW_PARTITIONS * TARGETS;
}

/** The key that the source has and no target. */
async function lostCustomer(): Promise<string> {
  const sum = async (target?: number): Promise<bigint> => {
    await using client = await job.sql(target);
    const of = `FROM customers WHERE customer_id >= ${FIRST_EVENT}`;
    return BigInt((await client.value(`SELECT COALESCE(SUM(customer_id), 0) ${of}`)) ?? 0);
  };
  return `${(await sum()) - (await sum(0)) - (await sum(1))}`;
}

test(
  `a sink that loses one event in ${EVENTS}: the key is named by both logs`,
  async () => {
    await equalAgain('all to be equal before');
    await job.end('sink', 'SIGTERM');
    void job.startArmed('sink', `${MISTAKES.sinkLosesRow}:${EVENTS}`);
    await until(hasClaimedAll, { timeoutMs: MINUTE, what: 'the sink to work for both targets' });
    const fromMs = Date.now();
    await manyCustomers();
    const insertedMs = Date.now();
    const named = ({ stream }: Status): boolean =>
      stream?.doubts.some(d => (d.keys?.length ?? 0) > 0) === true;
    const { stream } = await job.until('the key by the logs', named, FOUND_MS + EVENTS);
    const seconds = (ms: number): string => (ms / 1000).toFixed(1);
    const [doubt] = stream?.doubts ?? [];
    const inDoubt = seconds((doubt?.atMs ?? 0) - insertedMs);
    console.log(
      `${EVENTS} rows in ${seconds(insertedMs - fromMs)} s; behind the last of them ` +
        `in doubt after ${inDoubt} s, named after ${seconds(Date.now() - insertedMs)} s`,
    );
    await job.drained(MINUTE + EVENTS);
    expect(stream?.doubts.map(d => [d.table, d.rows, d.keys])).toEqual([
      ['customers', 1, [await lostCustomer()]],
    ]);
    await job.end('sink', 'SIGTERM');
    job.start('sink');
    await job.until('the key by a check', s => s.differing.length > 0, 2 * MINUTE + EVENTS);
    await repaired();
    await job.drained();
    expect(await lostCustomer()).toBe('0');
  },
  6 * MINUTE + 3 * EVENTS,
);
