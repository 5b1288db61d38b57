/**
 * Wherever a type is said to be wider than another, the server's own ALTER TABLE must keep every
 * value: the same bytes in the log, and the same text in a digest. All pairs of the types below,
 * with values at their limits and random ones, on both kinds of servers; in a session that pads
 * what a copy reads, and converts without an error.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { type Servers, startServers } from '../../test/support/servers/servers.ts';
import { MysqlSession } from '../mysql/connect.ts';
import { quoteId } from '../mysql/identifier.ts';
import { inspectTable } from '../mysql/inspect.ts';
import { selectExpression } from '../mysql/range-sql.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import type { Column } from '../type/column-type.ts';
import { columnCodec, familyOf } from '../type/type-families.ts';
import { isWidened, isWiderText } from './column-widening.ts';

const DB = `widening_${process.pid}`;
const SEED = Number(process.env.FC_SEED ?? Date.now() % 1_000_000);
const ROWS = 12;
let session: MysqlSession;

const signed = (bits: bigint): fc.Arbitrary<string> =>
  fc.bigInt(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n).map(String);
const unsigned = (bits: bigint): fc.Arbitrary<string> => fc.bigInt(0n, 2n ** bits - 1n).map(String);
const digits = (precision: number, scale: number): fc.Arbitrary<string> =>
  fc
    .bigInt(-(10n ** BigInt(precision)) + 1n, 10n ** BigInt(precision) - 1n)
    .map(n => `${n < 0n ? '-' : ''}${pointed(String(n).replace('-', ''), scale)}`);
const pointed = (text: string, scale: number): string => {
  const all = text.padStart(scale + 1, '0');
  return scale === 0 ? all : `${all.slice(0, -scale)}.${all.slice(-scale)}`;
};
const hex = (max: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength: max }).map(b => `x'${Buffer.from(b).toString('hex')}'`);
/** Blanks at the end, and letters of one byte to four. */
const letters = (charset: string, max: number): fc.Arbitrary<string> =>
  fc
    .array(
      fc.constantFrom(...(charset === 'latin1' ? 'aZ é ÿ' : ('aZ é名😀 '.match(/./gu) ?? []))),
      {
        maxLength: max,
      },
    )
    .map(a => `CONVERT(_utf8mb4 x'${Buffer.from(a.join('')).toString('hex')}' USING ${charset})`);

const INTEGERS = [
  ['TINYINT', 8n],
  ['SMALLINT', 16n],
  ['MEDIUMINT', 24n],
  ['INT', 32n],
  ['BIGINT', 64n],
] as const;

const MEMBERS = Array.from({ length: 300 }, (_, i) => `'${i % 2 ? 'b' : 'A'}${i}'`);

/** What each type is declared as, and its values as literals. */
const TYPES: [type: string, values: fc.Arbitrary<string>][] = [
  ...INTEGERS.flatMap(([type, bits]): [string, fc.Arbitrary<string>][] => [
    [type, signed(bits)],
    [`${type} UNSIGNED`, unsigned(bits)],
  ]),
  ['INT(5) ZEROFILL', unsigned(32n)],
  ...(
    [
      [5, 0],
      [9, 0],
      [8, 2],
      [10, 2],
      [20, 2],
      [10, 4],
      [65, 30],
    ] as const
  ).map(([p, s]): [string, fc.Arbitrary<string>] => [`DECIMAL(${p},${s})`, digits(p, s)]),
  ['DECIMAL(12,2) UNSIGNED', digits(12, 2).map(t => t.replace('-', ''))],
  ['FLOAT', fc.constantFrom('0.1', '-1e10')],
  ['DOUBLE', fc.constantFrom('0.1', '-1e10')],
  ...['utf8mb4', 'latin1', 'utf16'].flatMap(charset =>
    [
      ...['CHAR(3)', 'CHAR(60)', 'CHAR(200)', 'VARCHAR(3)', 'VARCHAR(63)', 'VARCHAR(64)'],
      ...['VARCHAR(300)', 'TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'],
    ].map((type): [string, fc.Arbitrary<string>] => {
      const most = Number(/\d+/.exec(type)?.[0] ?? 60);
      return [`${type} CHARACTER SET ${charset}`, letters(charset, Math.min(most, 60))];
    }),
  ),
  ['VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin', letters('utf8mb4', 20)],
  ...['BINARY(4)', 'BINARY(9)', 'VARBINARY(4)', 'VARBINARY(300)', 'TINYBLOB', 'BLOB'].map(
    (type): [string, fc.Arbitrary<string>] => [type, hex(4)],
  ),
  ...['MEDIUMBLOB', 'LONGBLOB'].map((type): [string, fc.Arbitrary<string>] => [type, hex(9)]),
  // The empty text is the error value; 300 members take two bytes.
  ...[2, 3, 300].map((n): [string, fc.Arbitrary<string>] => [
    `ENUM(${MEMBERS.slice(0, n).join(',')})`,
    fc.constantFrom("''", ...MEMBERS.slice(0, n)),
  ]),
  ...[2, 3, 60].map((n): [string, fc.Arbitrary<string>] => [
    `SET(${MEMBERS.slice(0, n).join(',')})`,
    fc.subarray(MEMBERS.slice(0, n)).map(all => `'${all.join(',').replaceAll("'", '')}'`),
  ]),
  ['DATE', fc.constantFrom("'2020-01-02'")],
  ['DATETIME', fc.constantFrom("'2020-01-02 03:04:05'")],
  ['DATETIME(3)', fc.constantFrom("'2020-01-02 03:04:05.678'")],
  ['BIT(3)', fc.constantFrom("b'101'")],
  ['BIT(9)', fc.constantFrom("b'100000001'")],
];

interface Pair {
  was: Column;
  is: Column;
  from: string;
  to: string;
  values: fc.Arbitrary<string>;
}

/** The columns of a table that has one of each type, as the server prints them. */
async function printed(): Promise<{ column: Column; text: string }[]> {
  const list = TYPES.map(([type], i) => `c${i} ${type} NULL`);
  await session.rawQuery(`CREATE TABLE kinds (id INT PRIMARY KEY, ${list.join(', ')})`);
  const rows = await session.query<{ name: string; text: string }>(
    `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS text FROM information_schema.COLUMNS
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 'kinds'`,
    [DB],
  );
  const { columns } = await inspectTable(session, DB, 'kinds');
  return TYPES.map((_, i) => {
    const column = columns.find(c => c.name === `c${i}`);
    if (column === undefined) throw new Error(`no column c${i}`);
    return { column, text: rows.find(r => r.name === `c${i}`)?.text ?? '' };
  });
}

async function widerPairs(): Promise<Pair[]> {
  const columns = await printed();
  return TYPES.flatMap(([from, values], i) =>
    TYPES.flatMap(([to], j): Pair[] => {
      const [a, b] = [columns[i], columns[j]];
      if (a === undefined || b === undefined || !isWidened(a.column, b.column)) return [];
      // What the type alone does not tell is for the text of the statement to say.
      if (!isWiderText(a.text, b.text)) return [];
      return [{ was: a.column, is: b.column, from, to, values }];
    }),
  );
}

/** Of each pair and row: what the log has, and what a digest is made of. */
async function values(table: string, columns: readonly Column[]): Promise<string[][]> {
  const selects = columns.flatMap((column, i) => {
    const name = quoteId(`p${i}`);
    const text = familyOf(column.type).rowText(column.type, name);
    const digest =
      'closed' in text ? text.closed : 'content' in text ? text.content : text.document;
    return [
      `HEX(CAST(${selectExpression({ ...column, name: `p${i}` })} AS BINARY)) AS v${i}`,
      `HEX(CAST(${digest} AS BINARY)) AS d${i}`,
    ];
  });
  const found: string[][] = [];
  const rows = await session.query<Record<string, string>>(
    `SELECT ${selects.join(', ')} FROM ${table} ORDER BY id`,
  );
  for (const row of rows) {
    found.push(
      columns.map((column, i) => {
        const bytes = Buffer.from(row[`v${i}`] ?? '', 'hex');
        const out = new ByteWriter(64);
        columnCodec('t', column).fromText(bytes, 0, bytes.length, out);
        return `${out.take().toString('hex')} ${row[`d${i}`]}`;
      }),
    );
  }
  return found;
}

/** A table holds so many of them. */
const PAIRS_EACH = 40;

/** Values of these pairs that are others behind the ALTER TABLE. Each second one gets NULL. */
async function changed(table: string, pairs: readonly Pair[]): Promise<string[]> {
  const [was, is] = [pairs.map(p => p.was), pairs.map(p => p.is)];
  const list = pairs.map(({ from }, i) => `p${i} ${from} ${i % 2 === 0 ? 'NULL' : 'NOT NULL'}`);
  await session.rawQuery(`CREATE TABLE ${table} (id INT PRIMARY KEY, ${list.join(', ')})`);
  const random = pairs.map(({ values: of }) => fc.sample(of, { numRuns: ROWS, seed: SEED }));
  const rows = Array.from(
    { length: ROWS },
    (_, n) => `(${n}, ${random.map(r => r[n]).join(', ')})`,
  );
  await session.rawQuery(`INSERT INTO ${table} VALUES ${rows.join(', ')}`);
  const before = await values(table, was);
  // Whatever the server has to convert, it does so silently.
  await session.rawQuery("SET SESSION sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'");
  const changes = pairs.map(({ to }, i) => `MODIFY p${i} ${to} NULL`);
  await session.rawQuery(`ALTER TABLE ${table} ${changes.join(', ')}`);
  await session.rawQuery("SET SESSION sql_mode = ''");
  const after = await values(table, is);
  return pairs.flatMap(({ from, to }, i) => {
    const n = before.findIndex((row, at) => row[i] !== after[at]?.[i]);
    return n < 0 ? [] : [`${from} -> ${to}: ${random[i]?.[n]}`];
  });
}

const utf8 = (type: string): string => `${type} CHARACTER SET utf8mb4`;
const COMMON = [
  ...[
    ['INT', 'BIGINT'],
    ['INT UNSIGNED', 'BIGINT'],
    ['DECIMAL(8,2)', 'DECIMAL(20,2)'],
  ],
  ...[
    ['CHAR(3)', 'CHAR(60)'],
    ['VARCHAR(63)', 'TINYTEXT'],
    ['TEXT', 'MEDIUMTEXT'],
  ].map(pair => pair.map(utf8)),
  ['VARBINARY(300)', 'BLOB'],
].map(pair => pair.join(' -> '));
const NEVER = /FLOAT|-> BINARY|BIT|DATE|-> BIGINT UNS|\d\) UNSIGNED$|ZEROFILL$/;

async function expectKept(): Promise<void> {
  console.log(`wider columns: FC_SEED=${SEED} repeats it`);
  const pairs = await widerPairs();
  const words = pairs.map(p => `${p.from} -> ${p.to}`);
  expect(words).toEqual(expect.arrayContaining(COMMON));
  await session.rawQuery("SET SESSION sql_mode = ''");
  const wrong: string[] = [];
  for (let start = 0; start < pairs.length; start += PAIRS_EACH) {
    wrong.push(...(await changed(`t${start}`, pairs.slice(start, start + PAIRS_EACH))));
  }
  expect(wrong).toEqual([]);
  expect(words.filter(w => NEVER.test(w))).toEqual([]);
}

describe('mysql', () => {
  beforeAll(async () => {
    session = await openScratch(DB, { role: 'apply' });
  });
  afterAll(() => dropScratch(session, DB));

  test("no value is another one behind the server's own ALTER TABLE", expectKept);

  // What docs/DDL.md says of sessions that are not strict.
  test.each([
    ['2024-02-31', 'ALLOW_INVALID_DATES', ''],
    ['2024-05-00', '', 'NO_ZERO_IN_DATE'],
  ])(
    '%s becomes zero when a lenient session copies its table, and is in the way of a strict one',
    async (date, holds, copies) => {
      await session.rawQuery('DROP TABLE IF EXISTS d');
      await session.rawQuery('CREATE TABLE d (id INT PRIMARY KEY, d DATE, n INT)');
      await session.rawQuery(`SET SESSION sql_mode = '${holds}'`);
      await session.rawQuery(`INSERT INTO d VALUES (1, '${date}', 1)`);
      await session.rawQuery(`SET SESSION sql_mode = '${copies},STRICT_ALL_TABLES'`);
      await expect(session.rawQuery('ALTER TABLE d MODIFY n BIGINT')).rejects.toThrow(
        /ncorrect date/,
      );
      await session.rawQuery(`SET SESSION sql_mode = '${copies}'`);
      await session.rawQuery('ALTER TABLE d MODIFY n BIGINT');
      const rows = await session.query<object>('SELECT id, CAST(d AS CHAR) AS d FROM d');
      expect(rows).toEqual([{ id: 1, d: '0000-00-00' }]);
    },
  );
});

describe('mariadb', () => {
  let own: Servers;
  beforeAll(async () => {
    own = await startServers({ mysql: [{ name: 'm', serverId: 195, flavor: 'mariadb' }] });
    session = await MysqlSession.open(own.mysql('m').endpoint, { role: 'apply' });
    await session.rawQuery(`CREATE DATABASE ${DB} CHARACTER SET utf8mb4`);
    await session.rawQuery(`USE ${DB}`);
  });
  afterAll(async () => {
    await session?.close();
    await own?.[Symbol.asyncDispose]();
  });

  test("no value is another one behind the server's own ALTER TABLE", expectKept);
});
