/**
 * DDL that leaves a copied table's rows and columns alone stops nothing, wherever the server has
 * gone on to meanwhile; what changes them halts, and is named.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { BinlogRig } from './binlog-rig.ts';

const PARTS = [0, 1, 2].map(i => `PARTITION p${i} VALUES LESS THAN (${(i + 1) * 100})`).join(', ');
const TABLES = [
  {
    name: 't',
    sql: `CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20), n INT, KEY by_v (v))
          CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`,
  },
  {
    name: 'parts',
    sql: `CREATE TABLE parts (id INT NOT NULL PRIMARY KEY, v INT) PARTITION BY RANGE (id) (${PARTS})`,
  },
  {
    name: 'made',
    sql: `CREATE TABLE made (id INT NOT NULL PRIMARY KEY, v INT,
          w VARCHAR(40) AS (CONCAT(v, 'x')) STORED)`,
  },
];

const HARMLESS = [
  'CREATE TABLE IF NOT EXISTS t (id INT PRIMARY KEY, other INT)',
  'ANALYZE TABLE t, parts',
  'OPTIMIZE TABLE t',
  'CHECK TABLE t',
  'REPAIR TABLE t',
  "ALTER TABLE t COMMENT 'DROP COLUMN v, RENAME TO x'",
  'ALTER TABLE t STATS_PERSISTENT=1, STATS_AUTO_RECALC=0',
  'ALTER TABLE t ENGINE=InnoDB',
  'ALTER TABLE t FORCE',
  'ALTER TABLE t ADD INDEX by_n (n), ADD UNIQUE (v, n), DROP INDEX by_v',
  'ALTER TABLE t ADD CHECK (n < 1000000)',
  'ALTER TABLE t ALTER COLUMN n SET DEFAULT 4, AUTO_INCREMENT = 7',
  "ALTER TABLE t MODIFY v VARCHAR(20) NULL COMMENT 'the same once more'",
  'ALTER TABLE parts MODIFY v INT FIRST',
  'ALTER TABLE parts REORGANIZE PARTITION p0, p1 INTO (PARTITION pa VALUES LESS THAN (200))',
  'ALTER TABLE parts ADD PARTITION (PARTITION px VALUES LESS THAN MAXVALUE)',
  'ALTER TABLE parts REBUILD PARTITION pa',
  'ALTER TABLE parts REMOVE PARTITIONING',
  'ALTER TABLE parts PARTITION BY HASH (id) PARTITIONS 4',
  'ALTER TABLE parts COALESCE PARTITION 2',
  'CREATE TEMPORARY TABLE tmp AS SELECT * FROM t',
  'ALTER TABLE tmp ADD COLUMN x INT',
  'DROP TEMPORARY TABLE tmp',
  'CREATE VIEW w AS SELECT * FROM t',
  'CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW SET NEW.n = NEW.n + 1',
  'CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO SELECT 1',
  'CREATE PROCEDURE p() SELECT 1',
  'CREATE TABLE child (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES t (id) ON DELETE CASCADE)',
  'DROP TABLE child',
  'CREATE TABLE x1 (id INT PRIMARY KEY)',
  'RENAME TABLE x1 TO x2',
  'ALTER TABLE x2 ADD COLUMN t INT',
  'TRUNCATE x2',
  'DROP TABLE x2',
  // What gh-ost and pt-online-schema-change leave in the binlog until they swap.
  'CREATE TABLE _t_ghc (id BIGINT AUTO_INCREMENT PRIMARY KEY, hint VARCHAR(64))',
  'CREATE TABLE _t_gho LIKE t',
  'ALTER TABLE _t_gho ADD COLUMN more INT NOT NULL DEFAULT 5',
  'INSERT IGNORE INTO _t_gho (id, v, n) SELECT id, v, n FROM t LOCK IN SHARE MODE',
  'DROP TABLE _t_ghc, _t_gho',
  'CREATE TABLE _t_new LIKE t',
  'ALTER TABLE _t_new ADD COLUMN m INT',
  'CREATE TRIGGER pt_ins AFTER INSERT ON t FOR EACH ROW REPLACE INTO _t_new (id) VALUES (NEW.id)',
  'INSERT LOW_PRIORITY IGNORE INTO _t_new (id, v) SELECT id, v FROM t FORCE INDEX (PRIMARY)',
  'DROP TRIGGER IF EXISTS pt_ins',
  'DROP TABLE IF EXISTS _t_new',
];

const CONVERT = 'CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci';

/** What halts, and how it is named, on the flavor that it is about. */
const WRONG: [name: string, sql: string, shown: RegExp, flavor: 'mysql' | 'mariadb'][] = [
  [
    'a partition that goes',
    'ALTER TABLE parts DROP PARTITION p0',
    /ALTER of parts at the source/,
    'mysql',
  ],
  [
    'a column that is narrowed',
    'ALTER TABLE t MODIFY v VARCHAR(9)',
    /ALTER of t.*not as it was planned/,
    'mysql',
  ],
  [
    'texts that are converted',
    'ALTER TABLE t CONVERT TO CHARACTER SET latin1',
    /ALTER of t.*not as it was planned/,
    'mysql',
  ],
  [
    'columns that are made wider',
    'ALTER TABLE t MODIFY v VARCHAR(90), MODIFY n BIGINT',
    /ALTER of t at the source widens v, n/,
    'mariadb',
  ],
  [
    'a column that another one is computed from',
    'ALTER TABLE made MODIFY v BIGINT',
    /ALTER of made.*not as it was planned/,
    'mysql',
  ],
  [
    'options before the change',
    'ALTER TABLE parts NOWAIT TRUNCATE PARTITION p0',
    /ALTER of parts at the source/,
    'mariadb',
  ],
  [
    'a foreign key that acts unseen',
    'ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES shadow (id) ON DELETE CASCADE',
    /a foreign key changes its rows, which this server does not log/,
    'mariadb',
  ],
];

describe.each(['mysql', 'mariadb'] as const)('%s', flavor => {
  let set: Servers;
  beforeAll(async () => {
    set = await startServers({
      mysql: [
        { name: 's', serverId: 172, flavor, settings: { log_bin_trust_function_creators: 'ON' } },
      ],
    });
  });
  afterAll(() => set?.[Symbol.asyncDispose]());

  const open = (name: string): Promise<BinlogRig> =>
    BinlogRig.open({ name, tables: TABLES, source: set.mysql('s').endpoint, flavor });

  test('goes on over all that changes nothing, and over what comes after a lag', async () => {
    await using rig = await open('quiet');
    await rig.sql("INSERT INTO t VALUES (1, 'a', 1)", 'INSERT INTO parts VALUES (1, 1), (150, 2)');
    {
      await using _ = rig.start();
      await rig.sql(...HARMLESS);
      await rig.sql("INSERT INTO t VALUES (2, 'b', 2)", 'UPDATE t SET n = 5 WHERE id = 1');
      await rig.sql('INSERT INTO parts (id, v) VALUES (3, 7)');
      await rig.untilCaughtUp();
      // One at a time: a second one that may have undone the first is doubted.
      await rig.sql(`ALTER TABLE t ROW_FORMAT=DYNAMIC, ${CONVERT}`, 'DELETE FROM t WHERE id = 2');
      await rig.untilCaughtUp();
    }
    // By the time the reader comes to the first, the table is another one.
    await rig.sql(
      'CREATE TABLE IF NOT EXISTS t (id INT PRIMARY KEY)',
      "INSERT INTO t VALUES (3, 'c', 3)",
      // Neither can have undone the other.
      "ALTER TABLE t MODIFY v VARCHAR(20) COMMENT 'of v'",
      "ALTER TABLE t MODIFY n INT COMMENT 'of n'",
      'ALTER TABLE t ADD COLUMN later INT',
    );
    await using _ = rig.start();
    expect(await rig.untilHalted()).toMatch(/ALTER of t at the source adds later/);
    const records = await rig.records('t');
    expect(records.map(r => [r.op, r.after?.[0]])).toEqual([
      ['c', 1],
      ['c', 2],
      ['u', 1],
      ['d', undefined],
      ['c', 3],
    ]);
    // Columns are in another order by then.
    const parts = await rig.records('parts');
    expect(parts.map(r => r.after)).toEqual([
      ...[
        [1, 1],
        [150, 2],
        [3, 7],
      ],
    ]);
  });

  test.each(WRONG.filter(w => w[3] === flavor))('halts at %s', async (_, sql, shown) => {
    await using rig = await open('wrong');
    await rig.sql('CREATE TABLE shadow (id INT PRIMARY KEY, v VARCHAR(20), n INT)');
    await using _service = rig.start();
    await rig.sql(sql);
    expect(await rig.untilHalted()).toMatch(shown);
  });

  // By the time the reader comes to the first, the table is as it was, but for what it has lost.
  test.skipIf(flavor === 'mariadb').each([
    ['a column that was declared otherwise', 'MODIFY v VARCHAR(4)', 'MODIFY v VARCHAR(20)'],
    ['a text that was of another character set', 'CONVERT TO CHARACTER SET latin1', CONVERT],
  ])('%s in between is doubted', async (_, there, back) => {
    await using rig = await open('twice');
    await rig.sql("INSERT INTO t VALUES (1, 'long enough 客户', 1)");
    await rig.sql(
      "SET SESSION sql_mode = ''",
      `ALTER TABLE t ${there}`,
      `ALTER TABLE t ${back}`,
      "INSERT INTO t VALUES (2, 'later', 2)",
    );
    await using _service = rig.start();
    expect(await rig.untilHalted()).toMatch(/ALTER of t.*declared anew before/);
    expect((await rig.records('t')).map(r => r.after?.[0])).toEqual([1]);
  });

  test.skipIf(flavor === 'mariadb')('a foreign key whose work is logged passes', async () => {
    await using rig = await open('logged');
    await rig.sql('CREATE TABLE up (id INT PRIMARY KEY)', 'INSERT INTO up VALUES (1)');
    await using _ = rig.start();
    await rig.sql(
      'ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES up (id) ON DELETE CASCADE',
      "INSERT INTO t VALUES (1, 'a', 1)",
      'DELETE FROM up',
    );
    await rig.untilCaughtUp();
    expect((await rig.records('t')).map(r => r.op)).toEqual(['c', 'd']);
  });
});
