/**
 * I2, I10: global ids that the source gives a second time, to other transactions. The log must not
 * take them for what it has: it stops, by name, before anything is passed over.
 */
import { cp, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { type MysqlServer, type Servers, startServers } from '../support/servers/servers.ts';
import { BinlogRig } from './binlog-rig.ts';
import { SMALL_TABLE } from './small-load.ts';

const tables = [SMALL_TABLE];
const CHANGED = /history-changed: [\s\S]*remedy: .*recopy/;

describe.each(['mysql', 'mariadb'] as const)('%s', flavor => {
  let set: Servers;
  let server: MysqlServer;
  const reset = flavor === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER';

  beforeAll(async () => {
    set = await startServers({ mysql: [{ name: 's', serverId: 75, flavor }] });
    server = set.mysql('s');
  }, 60_000);
  afterAll(() => set?.[Symbol.asyncDispose]());

  const open = (name: string): Promise<BinlogRig> =>
    BinlogRig.open({ name, tables, source: server.endpoint, flavor });

  let next = 0;
  async function write(rig: BinlogRig, transactions: number): Promise<void> {
    const c = await rig.connect(rig.name);
    for (let i = 0; i < transactions; i++) {
      next += 1;
      await c.query(`INSERT INTO t (id, n) VALUES (${next}, ${next})`);
    }
    await c.end();
  }

  test('a reset under a running reader, with more new writes than there were, halts it', async () => {
    await using rig = await open('reset_running');
    await using _ = rig.start();
    await write(rig, 5);
    await rig.untilCaughtUp();
    const before = await rig.records('t');
    await rig.sql(reset);
    await write(rig, 40);
    expect(await rig.untilHalted()).toMatch(CHANGED);
    expect(await rig.records('t')).toEqual(before);
  });

  test('a reset while nobody reads, with as many new writes, halts the next reader', async () => {
    await using rig = await open('reset_stopped');
    {
      await using _ = rig.start();
      await write(rig, 5);
      await rig.untilCaughtUp();
    }
    const before = await rig.records('t');
    await rig.sql(reset);
    await write(rig, 90);
    await using _ = rig.start();
    expect(await rig.untilHalted()).toMatch(CHANGED);
    expect(await rig.records('t')).toEqual(before);
  });

  test('fewer transactions than the log has halt it too', async () => {
    await using rig = await open('fewer');
    {
      await using _ = rig.start();
      await write(rig, 5);
      await rig.untilCaughtUp();
    }
    await rig.sql(reset);
    await using _ = rig.start();
    expect(await rig.untilHalted(40_000)).toMatch(/(history-changed|position-lost): [\s\S]*recopy/);
  });

  test('a reset with fewer bytes than were read halts a reader that runs and is idle', async () => {
    await using rig = await open('idle_running');
    await using _ = rig.start();
    await write(rig, 60);
    await rig.untilCaughtUp();
    await rig.sql(reset);
    await write(rig, 10);
    expect(await rig.untilHalted(40_000)).toMatch(/(history-changed|position-lost): [\s\S]*recopy/);
    expect((await rig.records('t')).length).toBe(60);
  });

  test('a reset of a source that has changed nothing since the start halts it', async () => {
    await using rig = await open('idle');
    {
      await using _ = rig.start();
      const what = 'the file to be known';
      await rig.withProgress(view => until(() => view.resume?.fileS, { timeoutMs: 30_000, what }));
    }
    await rig.sql(reset);
    await write(rig, 60);
    await using _ = rig.start();
    expect(await rig.untilHalted(40_000)).toMatch(CHANGED);
    expect(await rig.records('t')).toEqual([]);
  });

  test('a data directory from an older copy, written to again, halts the reader', async () => {
    await using rig = await open('restored');
    if (set.backEnd !== 'local') return;
    const c = await rig.connect();
    const [rows] = await c.query('SELECT @@datadir AS dir');
    const dir = (rows as { dir: string }[])[0]?.dir.replace(/\/$/, '') ?? '';
    await c.end();
    await using _ = rig.start();
    await write(rig, 5);
    await rig.untilCaughtUp();
    await server.stop();
    await cp(dir, `${dir}-copy`, { recursive: true });
    await server.start();
    await write(rig, 5);
    await rig.untilCaughtUp();
    const before = await rig.records('t');
    expect(before.length).toBe(10);
    await server.stop();
    await rm(dir, { recursive: true });
    await cp(`${dir}-copy`, dir, { recursive: true });
    await server.start();
    await write(rig, 8);
    expect(await rig.untilHalted(60_000)).toMatch(CHANGED);
    expect(await rig.records('t')).toEqual(before);
  });

  test('a restart, a rotation and a purge of what is in the log are no other history', async () => {
    await using rig = await open('same');
    {
      await using _ = rig.start();
      await write(rig, 5);
      await rig.untilCaughtUp();
    }
    await server.restart();
    await rig.sql('FLUSH BINARY LOGS');
    {
      await using _ = rig.start();
      await write(rig, 3);
      await rig.untilCaughtUp();
    }
    const c = await rig.connect();
    if (flavor === 'mariadb') await c.query('SET GLOBAL slave_connections_needed_for_purge = 0');
    await c.query('FLUSH BINARY LOGS');
    const [files] = await c.query('SHOW BINARY LOGS');
    await c.query(`PURGE BINARY LOGS TO '${(files as { Log_name: string }[]).at(-1)?.Log_name}'`);
    await c.end();
    await using _ = rig.start();
    await write(rig, 3);
    await rig.untilCaughtUp();
    expect((await rig.records('t')).length).toBe(11);
  });
});

/** In its binlog a replica of MariaDB's own would go on behind it, as if it had been there. */
test('mariadb: a number that goes back in its domain halts the reader before it is in the log', async () => {
  await using set = await startServers({
    mysql: [
      { name: 'm', serverId: 76, flavor: 'mariadb', settings: { 'gtid-strict-mode': 'OFF' } },
    ],
  });
  const source = set.mysql('m').endpoint;
  await using rig = await BinlogRig.open({ name: 'back', tables, source, flavor: 'mariadb' });
  await using _ = rig.start();
  await rig.sql('INSERT INTO t (id, n) VALUES (1, 1)', 'INSERT INTO t (id, n) VALUES (2, 2)');
  await rig.untilCaughtUp();
  const before = await rig.records('t');
  const c = await rig.connect(rig.name);
  await c.query('SET SESSION server_id = 99, gtid_seq_no = 3');
  await c.query('INSERT INTO t (id, n) VALUES (3, 3)');
  await c.end();
  const error = await rig.untilHalted();
  expect(error).toMatch(/history-changed: the numbers of a domain go back \(.*0-99-3/);
  expect(error).toMatch(/gtid_strict_mode = ON/);
  expect(await rig.records('t')).toEqual(before);
});
