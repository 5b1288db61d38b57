/** Tables that go from a server of one kind to one of the other: what the doctor has to say. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Flavor, MysqlSession } from '../../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../../shared/mysql/inspect.ts';
import { copyTables, printTable } from '../../../../shared/mysql/schema-copy.ts';
import { createLogger } from '../../../../shared/runtime/log.ts';
import { type Servers, startServers } from '../../../../test/support/servers/servers.ts';
import { preflightTarget } from './preflight-target.ts';

const LOG = createLogger({ name: 'test', level: 'silent' });
const DB = 'other_flavor';
const SMALL_POOL = { 'innodb-buffer-pool-size': '64M' };

let own: Servers;
const sessions = new Map<Flavor, MysqlSession>();

beforeAll(async () => {
  own = await startServers({
    mysql: [
      { name: 'mysql', serverId: 451, flavor: 'mysql', settings: SMALL_POOL },
      { name: 'mariadb', serverId: 452, flavor: 'mariadb', settings: SMALL_POOL },
    ],
  });
  for (const flavor of ['mysql', 'mariadb'] as const) {
    const session = await MysqlSession.open(own.mysql(flavor).endpoint, {
      role: 'admin',
      log: LOG,
    });
    await session.rawQuery(`CREATE DATABASE ${DB} CHARACTER SET utf8mb4`);
    await session.rawQuery(`USE ${DB}`);
    sessions.set(flavor, session);
  }
});

afterAll(async () => {
  for (const session of sessions.values()) await session.close();
  await own[Symbol.asyncDispose]();
});

function on(flavor: Flavor): MysqlSession {
  const session = sessions.get(flavor);
  if (session === undefined) throw new Error(`no server of ${flavor}`);
  return session;
}

const other = (flavor: Flavor): Flavor => (flavor === 'mysql' ? 'mariadb' : 'mysql');

/** What the doctor has against the table on a server of the other kind. */
async function blockers(from: Flavor, columns: string, there?: string) {
  const [source, target] = [on(from), on(other(from))];
  await source.rawQuery('DROP TABLE IF EXISTS t');
  await source.rawQuery(`CREATE TABLE t (${columns})`);
  await target.rawQuery('DROP TABLE IF EXISTS t');
  if (there !== undefined) await target.rawQuery(`CREATE TABLE t (${there})`);
  const report = await preflightTarget(target, {
    where: 'target',
    db: DB,
    tables: ['t'],
    schemas: new Map([['t', await inspectTable(source, DB, 't')]]),
    printed: new Map([['t', await printTable(source, DB, 't')]]),
    sourceFacts: undefined,
    maxMessageBytes: 1024 * 1024,
    createTargets: true,
    resuming: false,
  });
  return report.findings
    .filter(f => f.level === 'blocker')
    .map(f => `${f.code} ${f.where.replace(`target ${DB}.`, '')}`);
}

test.each([
  // A small letter of Georgian, and its capital, which Unicode has since version 11 only.
  ['utf8mb4_0900_ai_ci', '\u10d0', '\u1c90', { mysql: 0, mariadb: 1 }],
  ['utf8mb4_croatian_ci', 'd\u017d', 'd\u017e', { mysql: 1, mariadb: 0 }],
])('%s is the name of two collations', async (collation, one, two, same) => {
  const sql = `SELECT _utf8mb4'${one}' COLLATE ${collation} = _utf8mb4'${two}' AS same`;
  for (const flavor of ['mysql', 'mariadb'] as const) {
    const [row] = await on(flavor).query<{ same: number }>(sql);
    expect(Number(row?.same), flavor).toBe(same[flavor]);
  }
});

test.each([
  ['utf8mb4_0900_ai_ci', ['target-key-collation t.k']],
  ['utf8mb4_croatian_ci', ['target-key-collation t.k']],
  ['utf8mb4_0900_bin', []],
  ['utf8mb4_bin', []],
  ['utf8mb4_unicode_520_ci', []],
])('a row key of %s on MariaDB', async (collation, found) => {
  const columns = `k VARCHAR(40) COLLATE ${collation} PRIMARY KEY,
    note VARCHAR(40) COLLATE ${collation}`;
  const missing = found.length > 0 ? ['target-table-missing t'] : [];
  expect(await blockers('mysql', columns)).toEqual([...missing, ...found]);
  // Nor does it help to have made the table by hand.
  expect(await blockers('mysql', columns, columns)).toEqual(found);
});

test('types that the other kind does not have, before the table is made and after', async () => {
  const json = 'id INT PRIMARY KEY, j JSON';
  const found = ['target-lacks-type t.j'];
  expect(await blockers('mysql', json)).toEqual(['target-table-missing t', ...found]);
  expect(await blockers('mysql', json, json)).toEqual(found);
  const address = 'id INT PRIMARY KEY, u UUID, a INET6';
  const addresses = ['target-lacks-type t.u', 'target-lacks-type t.a'];
  expect(await blockers('mariadb', address)).toEqual(['target-table-missing t', ...addresses]);
  // JSON of MariaDB is a text, which MySQL has, too.
  expect(await blockers('mariadb', json)).toEqual([]);
});

test('a table that the target cannot read is named, with what the server says', async () => {
  const [source, target] = [on('mariadb'), on('mysql')];
  await source.rawQuery('CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, n TEXT DEFAULT (uuid()))');
  await target.rawQuery('DROP TABLE IF EXISTS t');
  await expect(copyTables(source, DB, target, DB, ['t'])).rejects.toMatchObject({
    kind: 'unsupported-type',
    message: expect.stringMatching(/^t: the target does not take it .*(SQL syntax|default value)/),
    remedy: expect.stringContaining('by hand'),
  });
});
