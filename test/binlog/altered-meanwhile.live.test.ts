/**
 * I14: a job whose tables are altered while it is being prepared or copied neither halts nor has to
 * be copied anew: a plan is of a place in the binlog, and what came before that is in the copy.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { BinlogRig, sourceRows } from './binlog-rig.ts';

const TABLE = 'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(5), n INT)';

/** Each alone would halt a log that meets it, or rows of the table before it. */
const MEANWHILE = [
  "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)",
  'ALTER TABLE t MODIFY v VARCHAR(90)',
  "UPDATE t SET v = REPEAT('long', 20) WHERE id = 1",
  'ALTER TABLE t DROP COLUMN n',
  'ALTER TABLE t ADD COLUMN x INT NOT NULL DEFAULT 7 FIRST',
  "INSERT INTO t (id, v) VALUES (3, 'c')",
  'TRUNCATE TABLE t',
  "INSERT INTO t (id, v) VALUES (4, 'd'), (5, 'e')",
];

describe.each(['mysql', 'mariadb'] as const)('on %s', flavor => {
  let mysql: Servers;

  beforeAll(async () => {
    mysql = await startServers({ mysql: [{ name: 's', serverId: 171, flavor }] });
  });

  afterAll(async () => {
    await mysql?.[Symbol.asyncDispose]();
  });

  test('changes between the start of a job and its plans are in the copy', async () => {
    const source = mysql.mysql('s').endpoint;
    const tables = [{ name: 't', sql: TABLE }];
    const meanwhile = MEANWHILE;
    await using rig = await BinlogRig.open({ name: 'late', tables, source, flavor, meanwhile });
    await rig.sql('DELETE FROM t WHERE id = 4', "INSERT INTO t (id, v) VALUES (6, 'f')");
    await using _log = rig.start();
    await using _copy = rig.startSnapshot();
    await rig.untilCopied('t');
    await rig.sql("UPDATE t SET v = 'g' WHERE id = 5");
    await rig.untilCaughtUp();
    const rows = new Map<string, unknown[]>();
    for (const { key, after } of await rig.records('t')) {
      if (after === null) rows.delete(key);
      else rows.set(key, after);
    }
    const found = [...rows.values()].sort((a, b) => Number(a[1]) - Number(b[1]));
    expect(found).toEqual(await sourceRows(rig, 't'));
    expect(found.map(r => r[1])).toEqual([5, 6]);
  });
});
