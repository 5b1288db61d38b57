/** I1: members that the server prints as `?` are read as they are, or the column is refused. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commonServer } from '../../test/support/dev.ts';
import { unsupportedColumns } from '../schema/table-schema.ts';
import type { ColumnType } from '../type/column-type.ts';
import { familyOf } from '../type/type-families.ts';
import { MysqlSession } from './connect.ts';
import { inspectTable } from './inspect.ts';
import { copyTables, createTableSql } from './schema-copy.ts';

const DB = `members_${process.pid}`;
const server = () => commonServer('s1');
const members = ['a', '😀', '𝒳', '?', "it's", 'c)d,'];
let admin: MysqlSession;

beforeAll(async () => {
  admin = await MysqlSession.open(server(), { role: 'admin' });
  await admin.rawQuery(`CREATE DATABASE ${DB} CHARACTER SET utf8mb4`);
  await admin.rawQuery(`USE ${DB}`);
  if (admin.flavor !== 'mysql') return;
  const list = members.map(m => `'${m.replaceAll("'", "''")}'`).join(',');
  await admin.rawQuery(
    `CREATE TABLE t (id INT PRIMARY KEY, e ENUM(${list}) NOT NULL DEFAULT '𝒳' COMMENT 'what?',
      s SET('😀','b') DEFAULT '😀,b', plain ENUM('x','y') DEFAULT 'y')`,
  );
});

afterAll(async () => {
  await admin.rawQuery(`DROP DATABASE IF EXISTS ${DB}`);
  await admin.rawQuery(`DROP USER IF EXISTS '${DB}'@'%'`);
  await admin.close();
});

test('a session that only reads knows them, and still only reads', async () => {
  if (admin.flavor !== 'mysql') return;
  await using session = await MysqlSession.open(server(), { role: 'read' });
  const { columns } = await inspectTable(session, DB, 't');
  expect(columns.map(c => c.type).slice(1)).toEqual([
    { kind: 'enum', values: members },
    { kind: 'set', values: ['😀', 'b'] },
    { kind: 'enum', values: ['x', 'y'] },
  ]);
  await expect(session.rawQuery(`DELETE FROM ${DB}.t`)).rejects.toThrow(/READ ONLY/);
});

test('the table that is made from its definition has them, and its defaults', async () => {
  if (admin.flavor !== 'mysql') return;
  const sql = await createTableSql(admin, DB, 't');
  await admin.rawQuery(sql.replace('TABLE `t`', 'TABLE `again`'));
  const { columns } = await inspectTable(admin, DB, 'again');
  expect(columns[1]?.type).toEqual({ kind: 'enum', values: members });
  await admin.rawQuery('INSERT INTO again (id) VALUES (1)');
  const [row] = await admin.query<{ e: string; s: string; plain: string }>('SELECT * FROM again');
  expect(row).toMatchObject({ e: '𝒳', s: '😀,b', plain: 'y' });
});

test('an account that may not ask is told which right it lacks', async () => {
  if (admin.flavor !== 'mysql') return;
  await admin.rawQuery(`CREATE USER '${DB}'@'%' IDENTIFIED BY 'pw'`);
  await admin.rawQuery(`GRANT SELECT ON ${DB}.* TO '${DB}'@'%'`);
  const account = { ...server(), user: DB, password: 'pw' };
  await using session = await MysqlSession.open(account, { role: 'read' });
  const refused = unsupportedColumns(await inspectTable(session, DB, 't'));
  expect(refused.map(r => r.column)).toEqual(['e', 's']);
  for (const r of refused) expect(r.remedy).toContain('GRANT CREATE TEMPORARY TABLES');
});

test('members that look the same, and are not, are not equal to the check', async () => {
  if (admin.flavor !== 'mysql') return;
  const sums: string[] = [];
  for (const [table, member] of [
    ['smile', '😀'],
    ['mark', '?'],
  ]) {
    await admin.rawQuery(`CREATE TABLE ${table} (id INT PRIMARY KEY, e ENUM('${member}'))`);
    await admin.rawQuery(`INSERT INTO ${table} VALUES (1, 1)`);
    // What an account may see that has no right to ask: the same words of both tables.
    const seen: ColumnType = { kind: 'enum', values: ['?'] };
    const text = familyOf(seen).rowText(seen, 'e');
    if (!('closed' in text)) throw new Error('a number is expected');
    await admin.rawQuery(`SELECT ${text.closed} FROM ${table}`, (buf, start, end) => {
      sums.push(buf.toString('latin1', start, end));
    });
  }
  expect(sums).toHaveLength(2);
  expect(sums[0]).not.toBe(sums[1]);
});

test('a table whose expressions the server prints with question marks is not made', async () => {
  if (admin.flavor !== 'mysql') return;
  const copy = `${DB}_copy`;
  const made = async (name: string, column: string): Promise<string[]> => {
    await admin.rawQuery(`USE ${DB}`);
    await admin.rawQuery(`CREATE TABLE ${name} (id INT PRIMARY KEY, t VARCHAR(9), ${column})`);
    return copyTables(admin, DB, admin, copy, [name]);
  };
  await admin.rawQuery(`CREATE DATABASE ${copy} CHARACTER SET utf8mb4`);
  try {
    const wrong = {
      g: "c VARCHAR(20) AS (CONCAT(t, '😀')) VIRTUAL",
      x: "c INT, UNIQUE KEY u ((CONCAT(t, '😀')))",
      h: "u CHAR(5) CHARACTER SET gbk, c CHAR(9) CHARACTER SET gbk AS (CONCAT(u, '文')) STORED",
      i: "c VARCHAR(20) DEFAULT (CONCAT('😀', 'a'))",
      j: "c INT, CONSTRAINT smile CHECK (t <> '😀')",
    };
    for (const [name, column] of Object.entries(wrong)) {
      await expect(made(name, column), name).rejects.toMatchObject({ kind: 'unsupported-type' });
      const left = await admin.query(`SHOW TABLES FROM ${copy} LIKE '${name}'`);
      expect(left, name).toEqual([]);
    }
    expect(await made('k', "c VARCHAR(20) AS (CONCAT(t, 'ä?')) STORED")).toEqual(['k']);
  } finally {
    await admin.rawQuery(`DROP DATABASE ${copy}`);
    await admin.rawQuery(`USE ${DB}`);
  }
});
