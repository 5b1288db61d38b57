/**
 * Enforces I1 and I2 for XA transactions of MySQL: rows are in the log behind the commit, however
 * long ago they were prepared, and not at all when they are rolled back.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { BinlogRig, folded, orderFaults, sourceRows } from './binlog-rig.ts';

const TABLE = {
  name: 't',
  sql: 'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(200) NOT NULL)',
};
/** Of one transaction: more bytes than are kept of its rows. */
const MANY = 20_000;

describe('XA transactions', () => {
  let set: Servers;
  beforeAll(async () => {
    set = await startServers({ mysql: [{ name: 's', serverId: 93, flavor: 'mysql' }] });
  });
  afterAll(() => set?.[Symbol.asyncDispose]());

  const open = (name: string): Promise<BinlogRig> =>
    BinlogRig.open({ name, tables: [TABLE], source: set.mysql('s').endpoint });
  /** The log holds what the table holds, row by row and in order. */
  const equals = async (rig: BinlogRig): Promise<void> => {
    await rig.untilCaughtUp();
    const records = await rig.records('t');
    expect(orderFaults(records)).toEqual([]);
    const rows = [...folded(records).values()].sort((a, b) => Number(a[0]) - Number(b[0]));
    expect(rows.map(String)).toEqual((await sourceRows(rig, 't')).map(String));
  };
  const xa = (xid: string, sql: string): string =>
    `XA START '${xid}'; ${sql}; XA END '${xid}'; XA PREPARE '${xid}'`;

  test('are in the log at their commit, over files, restarts of the reader and of the server', async () => {
    await using rig = await open('xa');
    {
      await using _ = rig.start();
      await rig.sql(
        "INSERT INTO t VALUES (1, 'a'), (2, 'a'), (3, 'a')",
        xa('kept', "UPDATE t SET v = 'kept' WHERE id = 1; INSERT INTO t VALUES (11, 'new')"),
        xa('gone', "DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (12, 'gone')"),
        "UPDATE t SET v = 'b' WHERE id = 3",
      );
      await rig.untilCaughtUp();
      expect((await rig.records('t')).map(r => r.op)).toEqual(['c', 'c', 'c', 'u']);
      await rig.sql("XA COMMIT 'kept'", "UPDATE t SET v = 'after' WHERE id = 1");
      await rig.sql(xa('later', "UPDATE t SET v = 'later' WHERE id = 3"), 'FLUSH BINARY LOGS');
      await equals(rig);
    }
    await rig.sql(
      'SET SESSION binlog_transaction_compression = ON',
      xa('far', 'DELETE FROM t WHERE id = 1'),
    );
    await set.mysql('s').restart();
    await rig.sql('FLUSH BINARY LOGS', "XA ROLLBACK 'gone'", "XA COMMIT 'later'");
    await using _ = rig.start();
    await equals(rig);
    await rig.sql(
      "XA COMMIT 'far'",
      "XA START 'one'; INSERT INTO t VALUES (13, 'one'); XA END 'one'; XA COMMIT 'one' ONE PHASE",
    );
    await equals(rig);
    expect((await rig.records('t')).filter(r => r.key === '18').map(r => r.op)).toEqual([]);
  });

  test('the writer killed in the middle of a large one; then one whose binlog is purged', async () => {
    await using rig = await open('xalarge');
    const fill = (from: number, rows: number): string =>
      `INSERT INTO t WITH RECURSIVE c (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM c
        WHERE n < ${from + rows - 1}) SELECT n, REPEAT('y', 190) FROM c`;
    await rig.sql(
      `SET SESSION cte_max_recursion_depth = ${MANY}`,
      xa('large', fill(1, MANY)),
      xa('purged', fill(MANY + 1, 10)),
      "XA COMMIT 'large'",
    );
    await rig.withProgress(async view => {
      const killed = rig.spawn();
      await until(() => view.resume !== null && view.resume.partialRows > 1000, {
        timeoutMs: 60_000,
        everyMs: 1,
        what: 'the transaction to be in the log in part',
      });
      killed.kill('SIGKILL');
      await killed.exited;
      expect(view.resume?.partialRows).toBeLessThan(MANY);
    });
    {
      await using _ = rig.start();
      await equals(rig);
      expect((await rig.records('t')).length).toBe(MANY);
    }
    const c = await rig.connect();
    await c.query('FLUSH BINARY LOGS');
    const [status] = await c.query('SHOW BINARY LOG STATUS');
    await c.query('PURGE BINARY LOGS TO ?', [(status as { File: string }[])[0]?.File]);
    await c.end();
    await using _ = rig.start();
    await rig.untilCaughtUp();
    await rig.sql("XA COMMIT 'purged'");
    expect(await rig.untilHalted()).toMatch(
      /unsafe-event: an XA transaction is committed whose rows are not .*[\s\S]*--tables t`/,
    );
    expect((await rig.records('t')).length).toBe(MANY);
  });
});
