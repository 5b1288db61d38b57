/** What tests that kill servers rely on: the same data, the same port, servers that differ. */
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MysqlServer, type Servers, startServers } from './servers.ts';

let servers: Servers;

beforeAll(async () => {
  servers = await startServers({
    mysql: [
      { name: 'a', serverId: 31, settings: { 'max-allowed-packet': '64M' } },
      { name: 'b', serverId: 32 },
    ],
  });
});

afterAll(() => servers?.[Symbol.asyncDispose]());

async function ask(server: MysqlServer, sql: string): Promise<unknown[]> {
  const connection = await createConnection({ ...server.endpoint, rowsAsArray: true });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return Array.isArray(rows) ? rows.flat() : [];
  } finally {
    connection.destroy();
  }
}

test('servers are fit to be sources, and each is a server of its own', async () => {
  const a = await ask(
    servers.mysql('a'),
    'SELECT @@server_id, @@log_bin, @@binlog_format, @@binlog_row_metadata, @@max_allowed_packet',
  );
  expect(a).toEqual([31, 1, 'ROW', 'FULL', 64 * 1024 * 1024]);
  expect(await ask(servers.mysql('b'), 'SELECT @@server_id')).toEqual([32]);
  const identity = servers.mysql('a').flavor === 'mysql' ? '@@server_uuid' : '@@server_id';
  const [one] = await ask(servers.mysql('a'), `SELECT ${identity}`);
  const [other] = await ask(servers.mysql('b'), `SELECT ${identity}`);
  expect(one).not.toBe(other);
  // In one that is shared a MariaDB that starts deletes what another one has open.
  const [folder] = await ask(servers.mysql('a'), 'SELECT @@tmpdir');
  expect(await ask(servers.mysql('b'), 'SELECT @@tmpdir')).not.toEqual([folder]);
});

test('a killed server comes back on its port with what was committed', async () => {
  const server = servers.mysql('a');
  const { port } = server;
  await ask(server, 'CREATE DATABASE servers_test');
  await ask(server, 'CREATE TABLE servers_test.t (id INT PRIMARY KEY)');
  await ask(server, 'INSERT INTO servers_test.t VALUES (1)');
  await server.kill();
  await expect(ask(server, 'SELECT 1')).rejects.toThrow();
  await server.start();
  expect(server.port).toBe(port);
  expect(await ask(server, 'SELECT id FROM servers_test.t')).toEqual([1]);
});

test('an orderly restart keeps the other server as it is', async () => {
  const before = await ask(servers.mysql('b'), 'SELECT CONNECTION_ID() > 0');
  await servers.mysql('a').restart();
  expect(await ask(servers.mysql('a'), 'SELECT id FROM servers_test.t')).toEqual([1]);
  expect(await ask(servers.mysql('b'), 'SELECT CONNECTION_ID() > 0')).toEqual(before);
});

test('a server that was not asked for is an error with its name', () => {
  expect(() => servers.mysql('c')).toThrow('MySQL c was not asked for');
  expect(() => servers.kafka).toThrow('Kafka was not asked for');
});
