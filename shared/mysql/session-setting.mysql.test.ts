/**
 * Every variable of a session is judged, and a session of ours is the same whatever the server's
 * globals and its init_connect say. Servers of its own: what is set here would break other tests.
 */
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OWN_SESSION } from '../../test/support/own-session.ts';
import {
  type MysqlServer,
  type Servers,
  startServers,
} from '../../test/support/servers/servers.ts';
import { STRANGE } from '../../test/support/servers/strange-globals.ts';
import { MysqlSession, type Role } from './connect.ts';
import { LEFT, settingsOf, shows } from './session-setting.ts';

const FLAVORS = ['mysql', 'mariadb'] as const;
const ROLES: readonly Role[] = ['read', 'admin', 'apply'];
const ACCOUNT = { user: 'plain', password: 'pw' };

let set: Servers;

beforeAll(async () => {
  set = await startServers({
    mysql: FLAVORS.map((flavor, i) => ({ name: flavor, serverId: 60 + i, flavor })),
  });
  for (const flavor of FLAVORS) {
    const c = await mysql.createConnection(set.mysql(flavor).endpoint);
    await c.query(`CREATE USER plain@'%' IDENTIFIED BY 'pw'`);
    await c.query(`CREATE DATABASE d`);
    await c.query(`CREATE TABLE d.t (id INT PRIMARY KEY, v INT)`);
    await c.query(`GRANT ALL ON d.* TO plain@'%'`);
    for (const sql of STRANGE[flavor]) await c.query(sql);
    await c.end();
  }
}, 120_000);
afterAll(() => set?.[Symbol.asyncDispose]());

async function variables(server: MysqlServer): Promise<string[]> {
  await using session = await MysqlSession.open(server, { role: 'admin' });
  const sql =
    server.flavor === 'mysql'
      ? `SELECT VARIABLE_NAME AS name FROM performance_schema.variables_metadata
          WHERE VARIABLE_SCOPE <> 'GLOBAL'`
      : `SELECT VARIABLE_NAME AS name FROM information_schema.SYSTEM_VARIABLES
          WHERE VARIABLE_SCOPE <> 'GLOBAL'`;
  const rows = await session.query<{ name: string }>(sql);
  return rows.map(r => r.name.toLowerCase()).sort();
}

test('no variable is judged twice', () => {
  const left = LEFT.flatMap(group => group.names.split(/\s+/));
  const names = [...new Set(ROLES.flatMap(role => settingsOf(role).map(s => s.name))), ...left];
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

describe.each(FLAVORS)('%s', flavor => {
  test('every variable of a session is judged', async () => {
    const judged = new Set(LEFT.flatMap(group => group.names.split(/\s+/)));
    for (const role of ROLES) for (const { name } of settingsOf(role)) judged.add(name);
    const found = await variables(set.mysql(flavor));
    expect(found.length).toBeGreaterThan(100);
    expect(found.filter(name => !judged.has(name))).toEqual([]);
  });

  test.each(ROLES)('a session that is to %s has the values that it asks for', async role => {
    const endpoint = { ...set.mysql(flavor).endpoint, ...ACCOUNT };
    await using session = await MysqlSession.open(endpoint, { role });
    expect(session.flavor).toBe(flavor);
    const rows = await session.query<{ Variable_name: string; Value: string }>(
      'SHOW SESSION VARIABLES',
    );
    const seen = new Map(rows.map(r => [r.Variable_name.toLowerCase(), r.Value]));
    const wrong = settingsOf(role)
      .filter(
        s => s.restricted !== 'wished' && seen.has(s.name) && !shows(s, seen.get(s.name) ?? ''),
      )
      .map(s => `${s.name} is ${seen.get(s.name)}, not ${s.value}`);
    expect(wrong).toEqual([]);
    const isolation = seen.get('transaction_isolation') ?? seen.get('tx_isolation');
    expect(isolation).toBe(role === 'apply' ? 'READ-COMMITTED' : 'REPEATABLE-READ');
    const readOnly = seen.get('transaction_read_only') ?? seen.get('tx_read_only');
    expect(readOnly).toBe(role === 'read' ? 'ON' : 'OFF');
    expect(seen.get('character_set_results')).toBe('utf8mb4');
    expect(seen.get('collation_connection')).toBe('utf8mb4_general_ci');
    expect(seen.get('sql_select_limit')).toBe('18446744073709551615');
  });

  test('a read never sees what is not committed', async () => {
    const writer = await mysql.createConnection(set.mysql(flavor).endpoint);
    for (const sql of OWN_SESSION) await writer.query(sql);
    await writer.query('START TRANSACTION READ WRITE');
    await writer.query('INSERT INTO d.t VALUES (1, 1)');
    const endpoint = { ...set.mysql(flavor).endpoint, ...ACCOUNT };
    await using session = await MysqlSession.open(endpoint, { role: 'read' });
    expect((await session.rawQuery('SELECT * FROM d.t')).rows).toBe(0);
    await writer.query('COMMIT');
    await writer.end();
    expect((await session.rawQuery('SELECT * FROM d.t')).rows).toBe(1);
  });
});
