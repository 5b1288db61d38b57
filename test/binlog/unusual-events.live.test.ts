/**
 * Enforces T5, I2 and I8 for what is rare in a binlog: tagged ids, rows of many packets, compressed
 * transactions and rows.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import type { RunningCommand } from '../support/reshard-cli.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { BinlogRig, folded, orderFaults, sourceRows } from './binlog-rig.ts';

const MB = 1024 * 1024;
/** Rows of a compressed transaction that is killed in the middle: 36 MB of events. */
const MANY = 40_000;
const RSS_MAX_MB = 300;
const BLOB_TABLE = {
  name: 't',
  sql: 'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, n INT NOT NULL, v LONGBLOB NULL)',
};

describe('mysql', () => {
  let set: Servers;
  beforeAll(async () => {
    set = await startServers({ mysql: [{ name: 's', serverId: 91, flavor: 'mysql' }] });
  });

  /** Compressed transactions that the server has written. */
  const packedSoFar = async (rig: BinlogRig): Promise<number> => {
    const c = await rig.connect();
    const [rows] = await c.query(
      `SELECT COALESCE(SUM(transaction_counter), 0) AS n
        FROM performance_schema.binary_log_transaction_compression_stats
        WHERE log_type = 'BINARY' AND compression_type = 'ZSTD'`,
    );
    await c.end();
    return Number((rows as { n: string }[])[0]?.n);
  };
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

  test('compressed transactions among plain ones, by session and for all', async () => {
    const other = { name: 'u', sql: 'CREATE TABLE u (id INT NOT NULL PRIMARY KEY, v TEXT)' };
    await using rig = await BinlogRig.open({
      name: 'packed',
      tables: [BLOB_TABLE, other],
      source: set.mysql('s').endpoint,
      options: { maxMessageBytes: 64 * MB },
    });
    const ON = 'SET SESSION binlog_transaction_compression = ON';
    const change = (id: number): string[] => [
      `BEGIN; INSERT INTO t VALUES (${id}, 1, REPEAT('a', 9000)), (${id + 1}, 2, NULL);
        INSERT INTO u VALUES (${id}, 'u'); UPDATE t SET n = n + 1 WHERE id = ${id};
        SAVEPOINT s; DELETE FROM t WHERE id = ${id}; ROLLBACK TO s;
        UPDATE t SET id = ${id + 2} WHERE id = ${id + 1}; COMMIT`,
    ];
    const before = await packedSoFar(rig);
    await rig.sql(ON, ...change(10));
    {
      await using _ = rig.start();
      await rig.untilCaughtUp();
    }
    await rig.sql(...change(20));
    await rig.sql(
      ON,
      'SET SESSION binlog_transaction_compression_level_zstd = 22',
      'SET SESSION binlog_rows_query_log_events = ON',
      ...change(30),
      'SET SESSION binlog_transaction_compression_level_zstd = 1',
      `INSERT INTO t VALUES (98, 1, x'${randomBytes(17 * MB).toString('hex')}')`,
      `INSERT INTO t VALUES (99, 1, REPEAT('ab', ${10 * MB}))`,
      'CREATE TABLE w AS SELECT 1 AS id',
      'DROP TABLE w',
      'DELETE FROM u WHERE id = 10',
    );
    await rig.sql('SET GLOBAL binlog_transaction_compression = ON');
    await rig.sql(...change(40));
    await rig.sql('SET SESSION binlog_transaction_compression = OFF', ...change(50));
    await rig.sql('SET GLOBAL binlog_transaction_compression = OFF');
    expect(await packedSoFar(rig)).toBeGreaterThan(before + 4);
    await using _ = rig.start();
    await rig.untilCaughtUp();
    for (const table of ['t', 'u']) {
      const records = await rig.records(table);
      expect(orderFaults(records)).toEqual([]);
      const rows = [...folded(records).values()].sort((a, b) => Number(a[0]) - Number(b[0]));
      expect(rows.map(shown)).toEqual((await sourceRows(rig, table)).map(shown));
    }
    const ops = (await rig.records('t')).filter(r => Number((r.after ?? r.before)?.[0]) < 20);
    expect(ops.map(r => r.op).sort()).toEqual(['c', 'c', 'c', 'd', 'u']);
    // What is refused is refused in a compressed transaction too, and its session is told.
    await rig.sql(ON, 'SET SESSION binlog_row_image = MINIMAL', 'UPDATE t SET n = 0 WHERE id = 99');
    expect(await rig.untilHalted()).toMatch(/unsafe-event: row images lack columns.*thread=\d+/);
  });

  test('the writer killed and ended in the middle of a compressed transaction of many rows', async () => {
    await using rig = await BinlogRig.open({
      name: 'packedcut',
      tables: [BLOB_TABLE],
      source: set.mysql('s').endpoint,
    });
    const before = await packedSoFar(rig);
    await rig.sql(
      `SET SESSION cte_max_recursion_depth = ${MANY}, binlog_transaction_compression = ON`,
      `INSERT INTO t WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c
        WHERE n < ${MANY}) SELECT n, n, REPEAT('y', 900) FROM c`,
      "INSERT INTO t VALUES (-1, 0, 'after')",
    );
    expect(await packedSoFar(rig)).toBe(before + 2);
    const spawned: RunningCommand[] = [];
    const inPart = (rows: number): Promise<number> =>
      rig.withProgress(view => {
        spawned.push(rig.spawn());
        return until(
          () => {
            const { partialRows = 0 } = view.resume ?? {};
            return partialRows > rows ? partialRows : undefined;
          },
          { timeoutMs: 60_000, everyMs: 1, what: 'the transaction to be in the log in part' },
        );
      });
    const cut = await inPart(3000);
    spawned[0]?.kill('SIGKILL');
    await spawned[0]?.exited;
    // One that is told to end does so in the middle too.
    const further = await inPart(cut + 3000);
    spawned[1]?.kill('SIGTERM');
    expect(await spawned[1]?.exited).toBe(0);
    expect(further).toBeLessThan(MANY);
    const last = rig.spawn();
    await rig.untilCaughtUp();
    const status = readFileSync(`/proc/${last.pid}/status`, 'utf8');
    const peakMb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    last.kill('SIGTERM');
    expect(await last.exited).toBe(0);
    const records = await rig.records('t');
    expect(orderFaults(records)).toEqual([]);
    expect([records.length, new Set(records.map(r => r.key)).size]).toEqual([MANY + 1, MANY + 1]);
    expect(peakMb).toBeLessThan(RSS_MAX_MB);
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
  await rig.sql(
    "INSERT INTO t VALUES (1, 1, REPEAT('z', 5000)), (2, 2, REPEAT('y', 3000))",
    'UPDATE t SET n = n + 10',
  );
  {
    await using _ = rig.start();
    await rig.untilCaughtUp();
  }
  await rig.sql(
    'UPDATE t SET id = 9 WHERE id = 2',
    'DELETE FROM t WHERE id = 1',
    'CREATE TABLE other (id INT, note TEXT)',
    'DROP TABLE other',
  );
  await using _ = rig.start();
  await rig.untilCaughtUp();
  const records = await rig.records('t');
  expect(orderFaults(records)).toEqual([]);
  const ops = records.map(r => `${r.op}${r.after?.[0] ?? r.before?.[0]}`);
  expect(ops.sort()).toEqual(['c1', 'c2', 'c9', 'd1', 'd2', 'u1', 'u2']);
  // The text of a compressed statement is read.
  await rig.sql('ALTER TABLE t DROP COLUMN v');
  expect(await rig.untilHalted()).toMatch(/schema-changed: ALTER of t/);
});

/** A row as texts, bytes by their number. */
function shown(row: readonly unknown[]): string {
  return row.map(v => (Buffer.isBuffer(v) ? `${v.length} bytes` : String(v))).join(', ');
}

function byteLength(value: unknown): number {
  return Buffer.isBuffer(value) ? value.length : -1;
}
