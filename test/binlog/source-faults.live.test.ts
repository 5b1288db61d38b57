/** Enforces I2, I7 and I10 at the source: restart, failover, purge, other checksums, dead links. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sleep, until } from '../../shared/runtime/clock.ts';
import { TcpProxy } from '../support/fault/tcp-proxy.ts';
import { type MysqlServer, type Servers, startServers } from '../support/servers/servers.ts';
import { BinlogRig, folded, orderFaults, sourceRows } from './binlog-rig.ts';
import { SMALL_TABLE, startSmallLoad } from './small-load.ts';

const tables = [SMALL_TABLE];

async function expectEqual(rig: BinlogRig, changes: number): Promise<void> {
  await rig.untilCaughtUp();
  const records = await rig.records('t');
  expect(orderFaults(records)).toEqual([]);
  expect(records.length).toBe(changes);
  const rows = [...folded(records).values()].sort((a, b) => Number(a[0]) - Number(b[0]));
  expect(rows).toEqual(await sourceRows(rig, 't'));
}

async function load(rig: BinlogRig, firstWorker: number, ms = 600): Promise<number> {
  await using running = startSmallLoad(rig, { connections: 3, seed: firstWorker, firstWorker });
  await sleep(ms);
  return await running.stop();
}

describe.each(['mysql', 'mariadb'] as const)('%s', flavor => {
  let set: Servers;
  let server: MysqlServer;

  beforeAll(async () => {
    set = await startServers({ mysql: [{ name: 's', serverId: 71, flavor }] });
    server = set.mysql('s');
  });
  afterAll(() => set?.[Symbol.asyncDispose]());

  test('the server is restarted, then killed, under a running reader', async () => {
    await using rig = await BinlogRig.open({
      name: 'restart',
      tables,
      source: server.endpoint,
      flavor,
    });
    await using _ = rig.start();
    let changes = await load(rig, 0);
    await server.restart();
    changes += await load(rig, 10);
    await server.kill();
    await server.start();
    changes += await load(rig, 20);
    await expectEqual(rig, changes);
  });

  test('the binlog checksum is switched between files that are read later', async () => {
    await using rig = await BinlogRig.open({
      name: 'checksum',
      tables,
      source: server.endpoint,
      flavor,
    });
    let changes = await load(rig, 0, 200);
    await rig.sql('SET GLOBAL binlog_checksum = NONE');
    changes += await load(rig, 10, 200);
    await using _ = rig.start();
    await rig.untilCaughtUp();
    changes += await load(rig, 20, 200);
    await rig.sql('SET GLOBAL binlog_checksum = CRC32');
    changes += await load(rig, 30, 200);
    await expectEqual(rig, changes);
  });

  test('binlogs that are needed are purged: halts, with a remedy, and never a gap', async () => {
    await using rig = await BinlogRig.open({
      name: 'purge',
      tables,
      source: server.endpoint,
      flavor,
    });
    await load(rig, 0, 100);
    await rig.sql('FLUSH BINARY LOGS');
    await load(rig, 10, 100);
    await rig.sql('FLUSH BINARY LOGS');
    const c = await rig.connect();
    // MariaDB keeps what no replica has read, unless it is told otherwise; and a file that its
    // engine has not checkpointed yet is kept for a moment longer.
    if (flavor === 'mariadb') await c.query('SET GLOBAL slave_connections_needed_for_purge = 0');
    await until(
      async () => {
        const [files] = await c.query('SHOW BINARY LOGS');
        const names = (files as { Log_name: string }[]).map(f => f.Log_name);
        await c.query(`PURGE BINARY LOGS TO '${names.at(-1)}'`);
        return names.length === 1;
      },
      { timeoutMs: 30_000, everyMs: 200, what: 'the binlogs to be purged' },
    );
    await c.end();
    await using _ = rig.start();
    expect(await rig.untilHalted()).toMatch(/position-lost: [\s\S]*remedy: .*recopy/);
    expect(await rig.records('t')).toEqual([]);
  });

  test('a server that drops idle connections soon does not make the reader start again', async () => {
    await using rig = await BinlogRig.open({
      name: 'idle',
      tables,
      source: server.endpoint,
      flavor,
    });
    await rig.sql('SET GLOBAL wait_timeout = 2');
    await using _ = rig.start();
    await rig.untilCaughtUp();
    await sleep(5000);
    const changes = await load(rig, 0, 200);
    await rig.untilCaughtUp();
    expect(await rig.withProgress(async view => view.resume?.epoch)).toBe(1);
    await rig.sql('SET GLOBAL wait_timeout = 28800');
    await expectEqual(rig, changes);
  });

  test('the link is cut, then goes silent, then both ends forget it', async () => {
    await using proxy = await TcpProxy.open(server);
    await using rig = await BinlogRig.open({
      name: 'link',
      tables,
      source: server.endpoint,
      flavor,
      via: proxy,
    });
    await using _ = rig.start();
    let changes = await load(rig, 0, 300);
    await rig.untilCaughtUp();
    await proxy.cut();
    changes += await load(rig, 10, 300);
    await sleep(1000);
    await proxy.heal();
    changes += await load(rig, 20, 300);
    await rig.untilCaughtUp();
    await proxy.silence();
    changes += await load(rig, 30, 300);
    // Longer than the watchdog: the reader must give the connection up by itself.
    await sleep(12_000);
    await proxy.forget();
    await proxy.heal();
    await expectEqual(rig, changes);
  });
});

test('failover: a replica goes on where the source was, by global ids alone', async () => {
  await using set = await startServers({
    mysql: [
      { name: 'a', serverId: 81, flavor: 'mysql' },
      { name: 'b', serverId: 82, flavor: 'mysql', settings: { log_replica_updates: 'ON' } },
    ],
  });
  const [a, b] = [set.mysql('a'), set.mysql('b')];
  await using rig = await BinlogRig.open({ name: 'failover', tables, source: a.endpoint });
  await rig.sql(
    "CREATE USER repl@'%' IDENTIFIED BY 'pw'",
    "GRANT REPLICATION SLAVE ON *.* TO repl@'%'",
  );
  let changes = await load(rig, 0);
  {
    await using _ = rig.start();
    await rig.untilCaughtUp();
    changes += await load(rig, 10);
  }
  changes += await load(rig, 20);
  const c = await rig.connect();
  const [rows] = await c.query('SELECT @@gtid_executed AS gtids');
  await c.end();
  rig.source = b.endpoint;
  const replica = await rig.connect();
  await replica.query('RESET BINARY LOGS AND GTIDS');
  await replica.query(`CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${a.port},
    SOURCE_USER='repl', SOURCE_PASSWORD='pw', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1`);
  await replica.query('START REPLICA');
  const [{ gtids = '' } = {}] = rows as { gtids?: string }[];
  await until(
    async () => {
      const [r] = await replica.query('SELECT GTID_SUBSET(?, @@gtid_executed) AS has', [gtids]);
      return Number((r as { has: number }[])[0]?.has) === 1;
    },
    { timeoutMs: 30_000, what: 'the replica to have all' },
  );
  await replica.query('STOP REPLICA');
  await replica.end();
  await a.kill();
  await using _ = rig.start({ host: b.host, port: b.port });
  changes += await load(rig, 30);
  await expectEqual(rig, changes);
});
