/** I10: the doctor refuses a replica whose rows could be wrong, and says how to put it right. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runDoctor } from '../../services/control/doctor/doctor.ts';
import { parseJob } from '../../shared/job/job-schema.ts';
import type { Finding } from '../../shared/mysql/finding.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { servers } from '../support/dev.ts';
import { type MysqlEndpoint, type Servers, startServers } from '../support/servers/servers.ts';
import { executed, hasAllOf, replicate, run } from './replication.ts';

const DB = 'avail_doctor';
let mysql: Servers;
let p: MysqlEndpoint;
let r: MysqlEndpoint;
let other: MysqlEndpoint;

beforeAll(async () => {
  mysql = await startServers({
    mysql: [
      { name: 'p', serverId: 131, flavor: 'mysql' },
      { name: 'r', serverId: 132, flavor: 'mysql' },
      { name: 'other', serverId: 133, flavor: 'mysql' },
    ],
  });
  [p, r, other] = ['p', 'r', 'other'].map(n => mysql.mysql(n).endpoint) as [
    MysqlEndpoint,
    MysqlEndpoint,
    MysqlEndpoint,
  ];
  await run(p, `CREATE DATABASE ${DB}`, `CREATE TABLE ${DB}.t (id BIGINT PRIMARY KEY)`);
  await run(other, `CREATE DATABASE ${DB}`, `CREATE TABLE ${DB}.t (id BIGINT PRIMARY KEY)`);
  await replicate(p, r);
}, 120_000);

afterAll(() => mysql?.[Symbol.asyncDispose]());

async function findings(replica: MysqlEndpoint): Promise<Finding[]> {
  const { brokers, registryUrl } = servers();
  const name = `avail-doctor-${process.pid}`;
  const file = {
    job: name,
    kafka: { brokers },
    registry: { url: registryUrl },
    sources: [{ name, ...p, database: DB, replica }],
    targets: [{ name: 't1', ...p, database: `${DB}_target` }],
    tables: [{ name: 't' }],
    route: { kind: 'modulus', column: 'id' },
  };
  const log = createLogger({ name: 'doctor-test', level: 'fatal' });
  const found = await runDoctor(parseJob(JSON.stringify(file), {}), { log, createTargets: true });
  return found.filter(f => f.where.startsWith('replica') && f.level !== 'info');
}

async function finding(code: string): Promise<Finding | undefined> {
  return (await findings(r)).find(f => f.code === code);
}

test('a replica in order has nothing against it', async () => {
  expect(await findings(r)).toEqual([]);
});

test('filters and skipped errors that touch our tables are refused, others are not', async () => {
  const filter = (what: string): Promise<void> =>
    run(
      r,
      'STOP REPLICA SQL_THREAD',
      `CHANGE REPLICATION FILTER ${what}`,
      'START REPLICA SQL_THREAD',
    );
  await filter("REPLICATE_IGNORE_TABLE = (mysql.some), REPLICATE_WILD_IGNORE_TABLE = ('other.%')");
  expect(await findings(r)).toEqual([]);
  await filter(`REPLICATE_WILD_IGNORE_TABLE = ('${DB}.%')`);
  const found = await finding('replica-filter');
  expect(found?.level).toBe('blocker');
  // The fix as it is printed, without the words behind it.
  const statements = (found?.fix ?? '')
    .replace(/--.*/, '')
    .split(';')
    .map(s => s.trim());
  await run(r, ...statements.filter(Boolean));
  expect(await findings(r)).toEqual([]);
  await run(r, "SET GLOBAL replica_exec_mode = 'IDEMPOTENT'");
  expect((await finding('replica-skips'))?.what).toContain('IDEMPOTENT');
  await run(r, "SET GLOBAL replica_exec_mode = 'STRICT'");
  expect(await findings(r)).toEqual([]);
});

test('a server that is no replica of the source, and the source itself', async () => {
  expect(await findings(other)).toContainEqual(
    expect.objectContaining({ code: 'replica-unrelated', level: 'blocker' }),
  );
  expect((await findings(p)).map(f => f.code)).toEqual(['replica-is-source']);
});

test('commits in another order', async () => {
  await run(r, 'STOP REPLICA', 'SET GLOBAL replica_preserve_commit_order = OFF', 'START REPLICA');
  expect(await finding('replica-commit-order')).toMatchObject({ level: 'blocker' });
  await run(r, 'STOP REPLICA', 'SET GLOBAL replica_preserve_commit_order = ON', 'START REPLICA');
  expect(await finding('replica-commit-order')).toBeUndefined();
});

test('is behind: a warning, as it costs time only', async () => {
  await run(r, 'STOP REPLICA SQL_THREAD');
  await run(p, `INSERT INTO ${DB}.t VALUES (1)`);
  expect(await finding('replica-lag')).toMatchObject({ level: 'warning' });
  await run(r, 'START REPLICA SQL_THREAD');
  await hasAllOf(r, await executed(p));
  expect(await finding('replica-lag')).toBeUndefined();
});

test('another definition of a table; changes of its own', async () => {
  await run(r, `ALTER TABLE ${DB}.t ADD COLUMN more INT`);
  expect(await finding('replica-schema')).toMatchObject({ level: 'blocker' });
  const own = await finding('replica-own-changes');
  expect(own).toMatchObject({ level: 'blocker' });
  expect(own?.what).toMatch(/[0-9a-f-]{36}:1/);
});
