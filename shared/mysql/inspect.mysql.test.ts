import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commonServer } from '../../test/support/dev.ts';
import { schemaDifferences } from '../schema/schema-diff.ts';
import { allColumns } from '../schema/table-schema.ts';
import { MysqlSession } from './connect.ts';
import { gtidLowerBound } from './gtid-lower-bound.ts';
import { inspectTable, listTables, serverFacts } from './inspect.ts';
import { inspectKeys } from './row-key.ts';
import { copyDatabase, copyTables, createTableSql } from './schema-copy.ts';

const DB = 'mysqlroom_inspect';
const COPY = 'mysqlroom_copy';

let session: MysqlSession;
let collation: string;
let binary: string;

beforeAll(async () => {
  session = await MysqlSession.open(commonServer('s1'), { role: 'admin' });
  await session.rawQuery(`DROP DATABASE IF EXISTS ${DB}`);
  const isMysql = session.flavor === 'mysql';
  collation = isMysql ? 'utf8mb4_0900_as_cs' : 'utf8mb4_bin';
  binary = isMysql ? 'utf8mb4_0900_bin' : 'utf8mb4_nopad_bin';
  await session.rawQuery(`CREATE DATABASE ${DB} CHARACTER SET utf8mb4 COLLATE ${collation}`);
  await session.rawQuery(`USE ${DB}`);
});

afterAll(async () => {
  await session.rawQuery(`DROP DATABASE IF EXISTS ${DB}`);
  await session.close();
});

const everyType = (): string => `CREATE TABLE every_type (
  b_key INT UNSIGNED NOT NULL, a_key VARBINARY(20) NOT NULL,
  t1 TINYINT, t2 SMALLINT UNSIGNED, t3 MEDIUMINT, t4 INT AUTO_INCREMENT,
  t5 BIGINT UNSIGNED NOT NULL,
  d DECIMAL(30,10) UNSIGNED, f FLOAT, g DOUBLE(10,2), y YEAR, da DATE, ti TIME(3), dt DATETIME,
  ts TIMESTAMP(6) NULL, c CHAR(7) CHARACTER SET latin1, v VARCHAR(300) COLLATE ${binary},
  lt LONGTEXT, bi BINARY(4), lb LONGBLOB, bt BIT(13), j JSON,
  e ENUM('a','it''s','back\\\\slash','com,ma',''), s SET('x','y z'), p POINT,
  gs INT AS (t1 + 1) STORED, gv INT AS (t1 + 2) VIRTUAL, hidden INT INVISIBLE,
  PRIMARY KEY (a_key, b_key), UNIQUE KEY uk2 (v(10)), UNIQUE KEY uk1 (t5, t1), KEY (t4),
  UNIQUE KEY ex (${session.flavor === 'mysql' ? '(t1 + t2)' : 'gs'}))`;

describe('inspectTable', () => {
  test('reads every type, both key orders and the kinds of columns', async () => {
    await session.rawQuery(everyType());
    const schema = await inspectTable(session, DB, 'every_type');
    const byName = new Map(schema.columns.map(c => [c.name, c]));
    const type = (name: string) => byName.get(name)?.type;
    expect(schema.columns.map(c => c.name).slice(0, 3)).toEqual(['b_key', 'a_key', 't1']);
    expect(schema.primaryKey).toEqual([1, 0]);
    expect(type('b_key')).toEqual({ kind: 'integer', bits: 32, unsigned: true });
    expect(type('a_key')).toEqual({ kind: 'binary', length: 20, form: 'varbinary' });
    expect(['t1', 't2', 't3', 't5'].map(type)).toEqual([
      { kind: 'integer', bits: 8, unsigned: false },
      { kind: 'integer', bits: 16, unsigned: true },
      { kind: 'integer', bits: 24, unsigned: false },
      { kind: 'integer', bits: 64, unsigned: true },
    ]);
    expect(type('d')).toEqual({ kind: 'decimal', precision: 30, scale: 10 });
    expect(['f', 'g', 'y', 'da', 'j'].map(n => type(n)?.kind)).toEqual([
      'float',
      'double',
      'year',
      'date',
      session.flavor === 'mysql' ? 'json' : 'text',
    ]);
    expect(['ti', 'dt', 'ts'].map(type)).toEqual([
      { kind: 'time', fsp: 3 },
      { kind: 'datetime', fsp: 0 },
      { kind: 'timestamp', fsp: 6 },
    ]);
    expect(type('c')).toMatchObject({ kind: 'text', charset: 'latin1', length: 7, form: 'char' });
    expect(type('v')).toEqual({
      kind: 'text',
      charset: 'utf8mb4',
      collation: binary,
      length: 1200,
      form: 'varchar',
    });
    expect(type('lt')).toMatchObject({ form: 'longtext', length: 4294967295 });
    expect(type('bi')).toEqual({ kind: 'binary', length: 4, form: 'binary' });
    expect(type('bt')).toEqual({ kind: 'bit', bits: 13 });
    expect(type('e')).toEqual({ kind: 'enum', values: ['a', "it's", 'back\\slash', 'com,ma', ''] });
    expect(type('s')).toEqual({ kind: 'set', values: ['x', 'y z'] });
    expect(type('p')).toEqual({ kind: 'geometry', form: 'point' });
    expect(byName.get('t4')).toMatchObject({ autoIncrement: true, nullable: false });
    expect(byName.get('gs')).toMatchObject({ generated: 'stored', nullable: true });
    expect(schema.virtual).toMatchObject([
      { at: 26, column: { name: 'gv', generated: 'virtual' } },
    ]);
    expect(
      allColumns(schema)
        .map(c => c.name)
        .slice(25),
    ).toEqual(['gs', 'gv', 'hidden']);
    expect(byName.get('hidden')).toMatchObject({ invisible: true, generated: 'no' });
    const unique = new Map(schema.uniqueKeys.map(k => [k.name, k]));
    expect(unique.get('uk1')).toEqual({ name: 'uk1', columns: [6, 2] });
    expect(unique.get('uk2')?.parts).toEqual(['v(10)']);
    const isMysql = session.flavor === 'mysql';
    expect(unique.get('ex')?.parts).toEqual(isMysql ? ['((`t1` + `t2`))'] : undefined);
  });

  test('tells parts and expressions of keys', async () => {
    const keys = new Map((await inspectKeys(session, DB, 'every_type')).map(k => [k.name, k]));
    expect(keys.get('uk2')?.parts).toMatchObject([{ column: 'v', prefix: 10 }]);
    const column = session.flavor === 'mysql' ? undefined : 'gs';
    expect(keys.get('ex')?.parts).toMatchObject([{ column, prefix: undefined }]);
    expect(keys.get('t4')?.unique).toBe(false);
  });

  test('refuses a primary key over part of a column, and a missing table', async () => {
    await session.rawQuery('CREATE TABLE part (v VARCHAR(100) NOT NULL, PRIMARY KEY (v(5)))');
    await expect(inspectTable(session, DB, 'part')).rejects.toMatchObject({
      kind: 'unsupported-type',
    });
    await expect(inspectTable(session, DB, 'none')).rejects.toMatchObject({
      kind: 'schema-changed',
    });
  });

  test('odd names work', async () => {
    const name = 'Ta`ble-"x" ü';
    await session.rawQuery(
      `CREATE TABLE \`${name.replace('`', '``')}\` (\`se lect\` INT PRIMARY KEY)`,
    );
    const schema = await inspectTable(session, DB, name);
    expect(schema.columns.map(c => c.name)).toEqual(['se lect']);
    expect((await listTables(session, DB)).map(t => t.table)).toContain(name);
  });
});

test('a copied table is equal, without its counter', async () => {
  await using target = await MysqlSession.open(commonServer('t1'), {
    role: 'admin',
    side: 'target',
  });
  await target.rawQuery(`DROP DATABASE IF EXISTS ${COPY}`);
  await session.rawQuery(`CREATE TABLE parent (id INT AUTO_INCREMENT PRIMARY KEY,
    note VARCHAR(50) DEFAULT 'AUTO_INCREMENT=5') AUTO_INCREMENT=77 COMMENT='x AUTO_INCREMENT=9 y'`);
  await session.rawQuery(`CREATE TABLE child (id INT PRIMARY KEY, p INT,
    FOREIGN KEY (p) REFERENCES parent (id))`);
  expect(await createTableSql(session, DB, 'parent')).not.toContain('AUTO_INCREMENT=77');
  expect(await createTableSql(session, DB, 'parent')).toContain("COMMENT='x AUTO_INCREMENT=9 y'");
  const tables = ['child', 'parent', 'every_type'];
  await copyDatabase(session, DB, target, COPY);
  expect(await copyTables(session, DB, target, COPY, tables)).toEqual(tables);
  expect(await copyTables(session, DB, target, COPY, tables)).toEqual([]);
  for (const table of tables) {
    const [a, b] = [
      await inspectTable(session, DB, table),
      await inspectTable(target, COPY, table),
    ];
    expect(schemaDifferences(a, b)).toEqual([]);
  }
  const [row] = await target.query<{ c: string }>(
    `SELECT DEFAULT_COLLATION_NAME AS c FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '${COPY}'`,
  );
  expect(row?.c).toBe(collation);
  await target.rawQuery(`ALTER TABLE ${COPY}.parent MODIFY note VARCHAR(40), ADD extra INT`);
  const [a, b] = [
    await inspectTable(session, DB, 'parent'),
    await inspectTable(target, COPY, 'parent'),
  ];
  expect(schemaDifferences(a, b).map(d => [d.column, d.blocks])).toEqual([
    ['note', true],
    ['extra', true],
  ]);
  await target.rawQuery(`DROP DATABASE ${COPY}`);
});

test('the visible set holds a transaction as soon as its commit has returned', async () => {
  await session.rawQuery('CREATE TABLE seen (i INT PRIMARY KEY)');
  let before = await gtidLowerBound(session);
  for (let i = 0; i < 20; i++) {
    await session.rawQuery(`INSERT INTO seen VALUES (${i})`);
    const after = await gtidLowerBound(session);
    if (session.flavor === 'mysql') {
      const sql = 'SELECT GTID_SUBTRACT(?, ?) AS more, GTID_SUBSET(?, ?) AS grown';
      const [row] = await session.query(sql, [after, before, before, after]);
      expect(row).toEqual({ more: expect.stringMatching(/^[0-9a-f-]{36}:\d/), grown: '1' });
    } else {
      const [row] = await session.query<{ g: string }>('SELECT @@last_gtid AS g');
      expect(after.split(',')).toContain(row?.g);
    }
    before = after;
  }
});

test('server facts are there by name', async () => {
  const facts = await serverFacts(session);
  expect(facts.isOn('log_bin')).toBe(true);
  expect(facts.number('max_allowed_packet')).toBeGreaterThan(1024);
  expect(facts.get('no_such_variable')).toBeUndefined();
});

test('a table that another control makes meanwhile is taken as it is', async () => {
  await using target = await MysqlSession.open(commonServer('t1'), {
    role: 'admin',
    side: 'target',
  });
  await target.rawQuery(`DROP DATABASE IF EXISTS ${COPY}`);
  await session.rawQuery('CREATE TABLE two_makers (id INT PRIMARY KEY)');
  await copyDatabase(session, DB, target, COPY);
  // The second time it is there, and was not when the look was taken.
  const tables = ['two_makers', 'two_makers'];
  expect(await copyTables(session, DB, target, COPY, tables)).toEqual(['two_makers']);
  await target.rawQuery(`DROP DATABASE ${COPY}`);
});

test('members that their collation takes for one another are refused by name', async () => {
  await using target = await MysqlSession.open(commonServer('t1'), {
    role: 'admin',
    side: 'target',
  });
  await target.rawQuery(`DROP DATABASE IF EXISTS ${COPY}`);
  await session.rawQuery("SET SESSION sql_mode = ''");
  await session.rawQuery(
    `CREATE TABLE twin_members (id INT PRIMARY KEY, e ENUM('a','ä') COLLATE utf8mb4_general_ci)`,
  );
  await copyDatabase(session, DB, target, COPY);
  await expect(copyTables(session, DB, target, COPY, ['twin_members'])).rejects.toMatchObject({
    kind: 'unsupported-type',
    message: expect.stringContaining('takes for one another'),
  });
  await target.rawQuery(`DROP DATABASE ${COPY}`);
});
