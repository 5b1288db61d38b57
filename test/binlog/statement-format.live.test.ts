/**
 * Faults 10 and 21: a session in STATEMENT format changes our tables by texts that do not name them
 * (a trigger, a routine, a view, an executable comment). The binlog service must stop there; and it
 * must go on over texts that leave our tables alone, whatever they say.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { BinlogRig } from './binlog-rig.ts';

const TABLES = [{ name: 't', sql: 'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20))' }];

const OUTSIDE = [
  'CREATE TABLE o (id INT PRIMARY KEY)',
  'CREATE TABLE plain (id INT PRIMARY KEY, n INT)',
  "CREATE TRIGGER tr AFTER INSERT ON o FOR EACH ROW INSERT INTO t VALUES (NEW.id, 'x')",
  "CREATE FUNCTION f(n INT) RETURNS INT BEGIN INSERT INTO t VALUES (n, 'f'); RETURN n; END",
  'CREATE VIEW w AS SELECT * FROM t',
];

/** By flavor: what changes our table without naming it, and what the halt must say. */
const WRONG: [name: string, sql: string, shown: RegExp, flavor?: 'mariadb'][] = [
  ['a trigger of another table', 'INSERT INTO o VALUES (41)', /o has triggers/],
  ['DO of a function', 'DO f(42)', /calls f/],
  ['SELECT of a function', 'SELECT f(43)', /calls f/],
  ['UPDATE of a view', "UPDATE w SET v = 'y' WHERE id = 1", /w is no plain table/],
  ['a function in another insert', 'INSERT INTO plain VALUES (f(44), 1)', /calls f/],
  ['an executable comment', '/*!50000 TRUNCATE TABLE t */', /TRUNCATE of t/],
  [
    'SET STATEMENT ... FOR',
    'SET STATEMENT max_statement_time=9 FOR TRUNCATE t',
    /TRUNCATE/,
    'mariadb',
  ],
  ['RENAME IF EXISTS', 'RENAME TABLE IF EXISTS t TO gone', /RENAME of t/, 'mariadb'],
];

const HARMLESS = [
  'CREATE TABLE IF NOT EXISTS t (id INT)',
  'ALTER TABLE t ADD INDEX by_v (v)',
  'ANALYZE TABLE t',
  'OPTIMIZE TABLE t',
  'CREATE TEMPORARY TABLE tmp (id INT)',
  'DROP TEMPORARY TABLE tmp',
  'SET SESSION binlog_format = STATEMENT',
  'INSERT INTO plain VALUES (1, 2), (3, 4)',
  'UPDATE plain SET n = n + 1 WHERE id IN (SELECT id FROM t)',
  'REPLACE INTO plain (id, n) SELECT 7, COALESCE(BIT_XOR(CRC32(CONCAT_WS("#", id, v))), 0) FROM t',
  'DELETE FROM plain WHERE id = 3',
  'BEGIN; INSERT INTO plain VALUES (8, 8); UPDATE plain SET n = 9 WHERE id = 8; COMMIT',
];

describe.each(['mysql', 'mariadb'] as const)('%s', flavor => {
  let set: Servers;
  beforeAll(async () => {
    set = await startServers({
      mysql: [
        { name: 's', serverId: 171, flavor, settings: { log_bin_trust_function_creators: 'ON' } },
      ],
    });
  });
  afterAll(() => set?.[Symbol.asyncDispose]());

  async function open(name: string): Promise<BinlogRig> {
    const source = set.mysql('s').endpoint;
    const rig = await BinlogRig.open({ name, tables: TABLES, source, flavor });
    await rig.sql(...OUTSIDE);
    return rig;
  }

  test.each(WRONG.filter(w => w[3] === undefined || w[3] === flavor))(
    'halts at %s',
    async (_, sql, shown) => {
      await using rig = await open('wrong');
      await using _service = rig.start();
      await rig.sql("INSERT INTO t VALUES (1, 'a')");
      await rig.sql('SET SESSION binlog_format = STATEMENT', sql);
      await rig.sql('INSERT IGNORE INTO plain VALUES (99, 0)');
      const error = await rig.untilHalted();
      expect(error).toMatch(shown);
      expect(error).toMatch(new RegExp(`reshard recopy <job file> --source ${rig.name}`));
      expect((await rig.records('t')).length).toBe(1);
    },
  );

  test('goes on over all that leaves our tables alone', async () => {
    await using rig = await open('right');
    await using _ = rig.start();
    await rig.sql("INSERT INTO t VALUES (1, 'a')");
    await rig.sql(...HARMLESS);
    // What a judgement rests on may go once the stream has come to where it was given.
    await rig.untilCaughtUp();
    await rig.sql('DROP TRIGGER tr', 'DROP VIEW w', 'DROP TABLE plain');
    await rig.sql("INSERT INTO t VALUES (2, 'b')");
    await rig.untilCaughtUp();
    expect((await rig.records('t')).map(r => r.after?.[0])).toEqual([1, 2]);
  });

  test('what cannot be seen is doubted, and the way out is a grant', async () => {
    await using rig = await open('unseen');
    await rig.sql(`REVOKE TRIGGER ON \`${rig.name}\`.* FROM '${rig.name}'@'%'`);
    await rig.sql("INSERT INTO t VALUES (1, 'a')");
    await rig.sql('SET SESSION binlog_format = STATEMENT', 'INSERT INTO plain VALUES (1, 2)');
    let error = '';
    {
      await using _ = rig.start();
      error = await rig.untilHalted();
    }
    const grant = /GRANT SELECT, TRIGGER ON .+? TO '[^']+'@'[^']+'/.exec(error)?.[0];
    expect(grant, error).toBeDefined();
    await rig.sql(grant ?? '');
    await using _ = rig.start();
    await rig.untilCaughtUp();
    expect((await rig.records('t')).length).toBe(1);
  });

  test('a database that is gone by now may have changed ours: the way out is a copy', async () => {
    await using rig = await open('gone');
    const gone = `${rig.name}_gone`;
    await rig.sql(
      `CREATE DATABASE ${gone}`,
      `CREATE TABLE ${gone}.o (id INT PRIMARY KEY)`,
      `CREATE TRIGGER ${gone}.tr AFTER INSERT ON ${gone}.o FOR EACH ROW
         INSERT INTO ${rig.name}.t VALUES (NEW.id, 'x')`,
      `SET SESSION binlog_format = STATEMENT; INSERT INTO ${gone}.o VALUES (1)`,
      `DROP DATABASE ${gone}`,
    );
    const halted = async (): Promise<string> => {
      await using _ = rig.start();
      return await rig.untilHalted();
    };
    // An account without rights on a database does not learn whether there is one.
    const unknown = await halted();
    expect(unknown).toMatch(/sees no database .*_gone: if it is gone, what its triggers/);
    const grant = /GRANT SELECT, TRIGGER ON .+? TO '[^']+'@'[^']+'/.exec(unknown)?.[0] ?? '';
    const isMysql = flavor === 'mysql';
    await rig.sql(isMysql ? `GRANT SHOW DATABASES ON *.* TO '${rig.name}'@'%'` : grant);
    const error = await halted();
    const what = isMysql ? 'database .*_gone' : 'table .*_gone\\.o';
    expect(error).toMatch(new RegExp(`the ${what} is gone: what its triggers`));
    expect(error).not.toMatch(/GRANT/);
    expect(error).toMatch(new RegExp(`; then \`reshard recopy <job file> --source ${rig.name}\``));
    expect((await rig.records('t')).length).toBe(0);
  });
});
