/** Enforces T5 for what is rare in a binlog: tagged ids, rows of many packets, compressed rows. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { BinlogRig, orderFaults } from './binlog-rig.ts';

const MB = 1024 * 1024;
const BLOB_TABLE = {
  name: 't',
  sql: 'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, n INT NOT NULL, v LONGBLOB NULL)',
};

describe('mysql', () => {
  let set: Servers;
  beforeAll(async () => {
    set = await startServers({ mysql: [{ name: 's', serverId: 91, flavor: 'mysql' }] });
  });
  afterAll(() => set?.[Symbol.asyncDispose]());

  test('transactions with tags, and a resume among them', async () => {
    await using rig = await BinlogRig.open({
      name: 'tagged',
      tables: [BLOB_TABLE],
      source: set.mysql('s').endpoint,
    });
    const change = async (id: number): Promise<void> => {
      const c = await rig.connect(rig.name);
      await c.query(`SET gtid_next = 'AUTOMATIC:app_${id % 2}'`);
      await c.query('INSERT INTO t VALUES (?, 1, NULL)', [id]);
      await c.query("SET gtid_next = 'AUTOMATIC'");
      await c.query('INSERT INTO t VALUES (?, 2, NULL)', [id + 100]);
      await c.end();
    };
    for (let id = 1; id <= 3; id++) await change(id);
    {
      await using _ = rig.start();
      await rig.untilCaughtUp();
    }
    for (let id = 4; id <= 6; id++) await change(id);
    await using _ = rig.start();
    await rig.untilCaughtUp();
    const records = await rig.records('t');
    expect(orderFaults(records)).toEqual([]);
    expect(records.map(r => Number(r.after?.[0])).sort((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 101, 102, 103, 104, 105, 106,
    ]);
    expect(records.filter(r => r.gtid.includes(':app_')).length).toBe(6);
  });

  test('a row larger than a packet of the protocol', async () => {
    await using rig = await BinlogRig.open({
      name: 'wide',
      tables: [BLOB_TABLE],
      source: set.mysql('s').endpoint,
      options: { maxMessageBytes: 64 * MB },
    });
    await using _ = rig.start();
    await rig.sql(
      `INSERT INTO t VALUES (1, 1, REPEAT('ab', ${10 * MB}))`,
      'UPDATE t SET n = 2 WHERE id = 1',
      'INSERT INTO t VALUES (2, 0, NULL)',
    );
    await rig.untilCaughtUp();
    const records = await rig.records('t');
    const sizes = records.filter(r => r.key === '02').map(r => byteLength(r.after?.[2]));
    expect(sizes).toEqual([20 * MB, 20 * MB]);
    expect(records.length).toBe(3);
  });

  test('a row above the message limit halts the source, by name, and is never dropped', async () => {
    await using rig = await BinlogRig.open({
      name: 'toolarge',
      tables: [BLOB_TABLE],
      source: set.mysql('s').endpoint,
      options: { maxMessageBytes: 2 * MB },
    });
    await using _ = rig.start();
    await rig.sql(
      'INSERT INTO t VALUES (1, 0, NULL)',
      `INSERT INTO t VALUES (2, 1, REPEAT('a', ${3 * MB}))`,
      'INSERT INTO t VALUES (3, 0, NULL)',
    );
    expect(await rig.untilHalted()).toMatch(/too-large: .*table=t[\s\S]*maxMessageBytes/);
    expect((await rig.records('t')).map(r => r.after?.[0])).toEqual([1]);
  });
});

test('mariadb: compressed row events', async () => {
  await using set = await startServers({
    mysql: [
      {
        name: 'm',
        serverId: 92,
        flavor: 'mariadb',
        settings: { log_bin_compress: 'ON', log_bin_compress_min_len: '10' },
      },
    ],
  });
  await using rig = await BinlogRig.open({
    name: 'compress',
    tables: [BLOB_TABLE],
    source: set.mysql('m').endpoint,
    flavor: 'mariadb',
  });
  await using _ = rig.start();
  await rig.sql(
    "INSERT INTO t VALUES (1, 1, REPEAT('z', 5000)), (2, 2, REPEAT('y', 3000))",
    'UPDATE t SET n = n + 10',
    'UPDATE t SET id = 9 WHERE id = 2',
    'DELETE FROM t WHERE id = 1',
    'CREATE TABLE other (id INT, note TEXT)',
    'DROP TABLE other',
  );
  await rig.untilCaughtUp();
  const records = await rig.records('t');
  expect(orderFaults(records)).toEqual([]);
  const ops = records.map(r => `${r.op}${r.after?.[0] ?? r.before?.[0]}`);
  expect(ops.sort()).toEqual(['c1', 'c2', 'c9', 'd1', 'd2', 'u1', 'u2']);
});

function byteLength(value: unknown): number {
  return Buffer.isBuffer(value) ? value.length : -1;
}
