/**
 * A constant that a column is added with is, for us, the value that the server puts in the rows
 * that are there, or it is refused. The server is asked for each.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import type { MysqlSession } from '../mysql/connect.ts';
import { quoteId } from '../mysql/identifier.ts';
import { inspectTable } from '../mysql/inspect.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import { columnCodec, familyOf } from '../type/type-families.ts';
import { columnConstant } from './column-constant.ts';

const DB = `constants_${process.pid}`;
let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
});

afterAll(() => dropScratch(session, DB));

const NUMBERS = ['0', '1', '-1', '7', '127', '1.5', '-0', '0.005', '-1.25', '1e2', '.5', '2020'];
const TEXTS = NUMBERS.map(n => `'${n}'`);
const TYPES: [string, string[]][] = [
  ...['TINYINT', 'INT UNSIGNED', 'BIGINT', 'BIGINT UNSIGNED', 'DECIMAL(8,2)', 'DECIMAL(5,0)'].map(
    (type): [string, string[]] => [type, [...NUMBERS, ...TEXTS, "'007'", "' 1'"]],
  ),
  ['BIGINT', ['9223372036854775807', '-9007199254740993', '9007199254740991']],
  ['BIGINT UNSIGNED', ['18446744073709551615']],
  ['DECIMAL(65,30)', ['12345678901234567890123456789012345.5', '0.1']],
  ['FLOAT', [...NUMBERS, '0.1', '3.4e38', "'0.1'"]],
  ['DOUBLE', [...NUMBERS, '0.1', '1e308', '0.30000000000000004']],
  ['YEAR', ["'2020'", '2020', "'20'", '0', "'0'"]],
  ['VARCHAR(9)', [...NUMBERS, ...TEXTS, "''", "'a '", "'it''s'", "'%_'", "'NULL'"]],
  ['VARCHAR(9) CHARACTER SET ucs2', ["'abc'", "''", '5']],
  ['VARCHAR(9) CHARACTER SET latin1', ["'a~z'"]],
  ['CHAR(9)', ["'a'", "'a '", "''", '5']],
  ["ENUM('a','B','')", ["'a'", "'b'", "'B'", "''", '1', "'2'"]],
  ['DATE', ["'2020-01-02'", "'2020-1-2'", "'20200102'", '20200102', "'2020-01-02 00:00:00'"]],
  ['DATETIME', ["'2020-01-02 03:04:05'", "'2020-01-02'", "'2020-01-02 03:04:05.6'"]],
  ['DATETIME(3)', ["'2020-01-02 03:04:05.6'", "'2020-01-02 03:04:05'", "'2020-01-02T03:04:05'"]],
  ['TIMESTAMP', ["'2020-01-02 03:04:05'"]],
  ['TIME', ["'01:02:03'"]],
  ["SET('a','b')", ["'a,b'"]],
  ['BIT(3)', ['5']],
  ['VARBINARY(3)', ["'abc'"]],
];
const EMPTY = [
  'INT',
  'BIGINT UNSIGNED',
  'DECIMAL(8,2)',
  'FLOAT',
  'DOUBLE',
  'VARCHAR(9)',
  'CHAR(3)',
];

test('what is taken for a value is the value that the server has put in the rows', async () => {
  const columns = [
    ...TYPES.flatMap(([type, all]) => all.map(literal => ({ type, literal }))),
    ...EMPTY.map(type => ({ type, literal: null })),
  ].map((c, i) => ({ ...c, name: `c${i}` }));
  await session.rawQuery('CREATE TABLE t (id INT PRIMARY KEY)');
  await session.rawQuery('INSERT INTO t VALUES (1)');
  const declared = (c: (typeof columns)[number]): string =>
    `${c.name} ${c.type} ${c.literal === null ? 'NOT NULL' : `DEFAULT ${c.literal}`}`;
  const made: typeof columns = [];
  for (const c of columns) {
    // What a server refuses is no constant of a table.
    const isTaken = await session.rawQuery(`CREATE TEMPORARY TABLE probe (${declared(c)})`).then(
      () => true,
      () => false,
    );
    if (!isTaken) continue;
    await session.rawQuery('DROP TEMPORARY TABLE probe');
    made.push(c);
  }
  await session.rawQuery(`ALTER TABLE t ADD ${made.map(declared).join(', ADD ')}`);
  const schema = await inspectTable(session, DB, 't');
  const taken: string[] = [];
  const wrong: string[] = [];
  const selects: string[] = [];
  const found = made.flatMap(({ name, type, literal }) => {
    const column = schema.columns.find(c => c.name === name);
    if (column === undefined) throw new Error(`no column ${name}`);
    const constant = columnConstant('t', column, literal);
    if (!('bytes' in constant)) return [];
    const select = familyOf(column.type).select(quoteId(name), column.type);
    // Our session reads texts as they are, the others are ASCII.
    selects.push(`HEX(CONCAT(${select}))`, `${quoteId(name)} <=> ${constant.operand}`);
    return [{ what: `${type} ${literal}`, column, constant }];
  });
  const [row] = await session.query<Record<string, string>>(
    `SELECT ${selects.map((select, i) => `${select} AS r${i}`).join(', ')} FROM t`,
  );
  for (const [i, { what, column, constant }] of found.entries()) {
    const printed = Buffer.from(row?.[`r${2 * i}`] ?? '', 'hex');
    const out = new ByteWriter(64);
    columnCodec('t', column).fromText(printed, 0, printed.length, out);
    taken.push(what);
    if (!out.take().equals(constant.bytes)) wrong.push(`${what} is ${printed.toString()}`);
    if (Number(row?.[`r${2 * i + 1}`]) !== 1) wrong.push(`${what} is not ${constant.operand}`);
  }
  expect(wrong).toEqual([]);
  // Those that migrations are made of are taken.
  for (const plain of ['DECIMAL(8,2) 1.5', "VARCHAR(9) 'it''s'", "ENUM('a','B','') 'a'"]) {
    expect(taken).toContain(plain);
  }
  expect(taken).toEqual(expect.arrayContaining(['BIGINT 7', 'FLOAT 0.1', "DATE '2020-01-02'"]));
  expect(taken).toEqual(expect.arrayContaining(EMPTY.map(type => `${type} null`)));
  for (const doubted of ["DATE '2020-1-2'", 'DECIMAL(8,2) 0.005', "ENUM('a','B','') 'b'"]) {
    expect(taken).not.toContain(doubted);
  }
  expect(taken).not.toContain("TIMESTAMP '2020-01-02 03:04:05'");
});
