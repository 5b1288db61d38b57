/**
 * Every route in two forms: what the sink computes from the bytes of a row and what a server
 * computes for the checker must be the same target, for every value that the server stores. Rows
 * are made by the server and come from it as the copy reads them.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newSeed } from '../../test/support/load/random.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { makeRoute, routeProblem } from '../job/job-route.ts';
import type { RouteSpec } from '../job/route-spec.ts';
import type { MysqlSession } from '../mysql/connect.ts';
import { MYSQL_DIALECT } from '../mysql/identifier.ts';
import { inspectTable } from '../mysql/inspect.ts';
import { selectList } from '../mysql/range-sql.ts';
import { RowCodec } from '../row/row-codec.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import {
  NO_TARGET,
  placedCondition,
  type Route,
  type RowView,
  serverPart,
  type TargetSet,
} from './route.ts';

const DB = `routes_${process.pid}`;
const SEED = Number(process.env.RESHARD_SEED ?? newSeed());
const ROWS = 600;
const TARGETS = ['t0', 't1', 't2'];

const ANY_BYTES = 'UNHEX(LEFT(SHA2(n,256),IF(n%3=0,2,8)))';

/** Columns, and SQL of a value of each from a random number `r` and the row's number `n`. */
const COLUMNS: readonly (readonly [name: string, declared: string, value: string])[] = [
  ['i8', 'TINYINT', 'FLOOR(r*256)-128'],
  ['u16z', 'SMALLINT(6) ZEROFILL', 'r*65535'],
  ['i32', 'INT', 'IF(n%7=0,-2147483648,FLOOR(r*4294967295)-2147483648)'],
  ['i64', 'BIGINT', 'IF(n%5=0,-9223372036854775808,CAST(r*1e18-5e17 AS SIGNED))'],
  ['u64', 'BIGINT UNSIGNED', 'IF(n%5=0,18446744073709551615,CAST(r*1e9 AS UNSIGNED)*10000000000)'],
  ['num', 'DECIMAL(20,4)', 'IF(n%6=0,-0.5,r*1e9-5e8)'],
  ['wide', 'DECIMAL(65,30)', '-r*1e30'],
  ['pad', 'DECIMAL(9,2) UNSIGNED ZEROFILL', 'r*100'],
  ['d', 'DATE', "'1000-01-01' + INTERVAL r*3000000 DAY"],
  ['dt', 'DATETIME', "'1970-01-01' + INTERVAL r*4000000000-2000000000 SECOND"],
  ['dt6', 'DATETIME(6)', "'2000-01-01' + INTERVAL r*1e15 MICROSECOND"],
  ['ts3', 'TIMESTAMP(3)', "'1970-01-02' + INTERVAL r*2e9 SECOND"],
  ['tm', 'TIME(2)', 'SEC_TO_TIME(r*6000000-3000000)'],
  [
    'vc',
    'VARCHAR(60) CHARACTER SET utf8mb4',
    "CONCAT(CHAR(65+r*25 USING utf8mb4), IF(n%3=0,'ß🙂 ''\\\\ ',''), n)",
  ],
  ['l1', 'VARCHAR(60) CHARACTER SET latin1', "CONCAT('é€', FLOOR(r*1000), '  ')"],
  // Bytes of all kinds: some have no character, or one by some collations only.
  ['l2', 'VARCHAR(9) CHARACTER SET latin2 COLLATE latin2_czech_cs', ANY_BYTES],
  ['s7', 'CHAR(9) CHARACTER SET swe7', ANY_BYTES],
  ['gbk', 'VARCHAR(9) CHARACTER SET gbk', "CONVERT(ELT(1+FLOOR(r*3),'中','文','a') USING gbk)"],
  ['u16', 'VARCHAR(9) CHARACTER SET utf16', "CONCAT(ELT(1+FLOOR(r*3),'😀','文','a'), n)"],
  ['c', 'CHAR(20) CHARACTER SET ascii', "CONCAT('x', FLOOR(r*100), '  ')"],
  ['e', 'VARCHAR(10)', "''"],
  ['vb', 'VARBINARY(40)', "UNHEX(CONCAT(HEX(FLOOR(r*1e9)),'00'))"],
  ['b', 'BINARY(16)', 'UNHEX(LEFT(SHA2(n,256),IF(n%4=0,6,32)))'],
];

let session: MysqlSession;
let schema: TableSchema;
const rows: RowView[] = [];

class StoredRow implements RowView {
  readonly buf: Buffer;
  readonly #starts: Int32Array;

  constructor(buf: Buffer, codec: RowCodec) {
    this.buf = buf;
    this.#starts = new Int32Array(schema.columns.length);
    codec.offsets(buf, 0, this.#starts);
  }

  start(column: number): number {
    return this.#starts[column] as number;
  }
}

beforeAll(async () => {
  console.log(`routes: seed ${SEED} (RESHARD_SEED=${SEED} repeats it)`);
  session = await openScratch(DB, { role: 'apply' });
  const declared = COLUMNS.map(([name, type]) => `${name} ${type} NOT NULL`).join(',');
  await session.rawQuery(`CREATE TABLE t (id INT PRIMARY KEY, ${declared})`);
  const random = fc.sample(fc.double({ min: 0, max: 0.999_999, noNaN: true }), {
    numRuns: ROWS,
    seed: SEED,
  });
  await session.rawQuery('CREATE TABLE seeds (n INT PRIMARY KEY, r DOUBLE)');
  await session.rawQuery(
    `INSERT INTO seeds VALUES ${random.map((r, n) => `(${n},${r})`).join(',')}`,
  );
  await session.rawQuery(
    `INSERT INTO t SELECT n,${COLUMNS.map(([, , value]) => value).join(',')} FROM seeds`,
  );
  schema = await inspectTable(session, DB, 't');
  const codec = new RowCodec(schema);
  const out = new ByteWriter(1024);
  const select = `SELECT ${selectList(schema)} FROM t ORDER BY id`;
  await session.rawQuery(select, (buf, start, end) => {
    out.clear();
    codec.fromText(buf, start, end, out);
    rows.push(new StoredRow(out.take(), codec));
  });
  expect(rows.length).toBe(ROWS);
});

afterAll(() => dropScratch(session, DB));

/** What the server says of each row, in the order of the rows. */
async function there(route: Route): Promise<(TargetSet | null)[]> {
  const { sql, targetOf } = serverPart(route, MYSQL_DIALECT);
  const found = await session.query<{ shard: number | string | null }>(
    `SELECT ${sql} AS shard FROM t ORDER BY id`,
  );
  return found.map(({ shard }) => (shard === null ? null : targetOf(`${shard}`)));
}

async function agree(spec: RouteSpec): Promise<TargetSet[]> {
  expect(routeProblem(schema, spec)).toBeNull();
  const route = makeRoute(spec, schema, TARGETS);
  const here = rows.map(row => route.targetsOf(row));
  expect(await there(route), `seed ${SEED}: ${JSON.stringify(spec)}`).toEqual(here);
  for (const target of here) expect(TARGETS[target]).toBeDefined();
  return here;
}

/** Some values of a column as people would write them. */
async function valuesOf(column: string, count: number): Promise<string[]> {
  const type = schema.columns.find(c => c.name === column)?.type.kind;
  const bytes = type === 'binary';
  const printed = bytes ? `CONCAT('0x',HEX(${column}))` : `CAST(${column} AS CHAR)`;
  const order = type === 'integer' || bytes ? column : `CAST(${column} AS BINARY)`;
  const found = await session.query<{ v: string }>(
    `SELECT DISTINCT ${printed} AS v, ${order} AS o FROM t ORDER BY o`,
  );
  const step = Math.max(1, Math.floor(found.length / count));
  return found.filter((_, i) => i % step === 0).map(r => String(r.v));
}

describe('the two forms of a route are the same', () => {
  test('by hash, of each type', async () => {
    for (const [name] of COLUMNS) await agree({ kind: 'hash', columns: [name] });
  });

  test('by ring and by jump hash, of each type and of all columns', async () => {
    const all = COLUMNS.map(([name]) => name);
    for (const columns of [...all.map(name => [name]), all]) {
      const servers = { t1: '10.0.0.1:3306' };
      const here = await agree({ kind: 'jump', columns });
      const ring = await agree({ kind: 'ring', columns, servers });
      await agree({ kind: 'ring', columns, servers, weights: { t0: 3, t1: 1 } });
      if (columns.length > 1) expect([new Set(here).size, new Set(ring).size]).toEqual([3, 3]);
    }
  });

  test('by hash of several columns, with weights, and the targets get their shares', async () => {
    const all = COLUMNS.map(([name]) => name);
    const weights = { t0: 2, t1: 1, t2: 1 };
    const here = await agree({ kind: 'hash', columns: all, weights });
    const share = here.filter(t => t === 0).length / here.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
    await agree({ kind: 'hash', columns: ['vc', 'e', 'b'], weights: { t1: 1 } });
    // Two thousand runs of slots: the longest expression there is.
    const odd = Array.from({ length: 2048 }, (_, i) => [`${2 * i + 1}`, 't2']);
    const moves = Object.fromEntries(odd);
    await agree({ kind: 'hash', columns: ['i64', 'vc'], weights: { t0: 1 }, moves });
    // Not their bytes in a row: the border between two columns counts.
    const ab = makeRoute({ kind: 'hash', columns: ['vc', 'e'] }, schema, TARGETS);
    const ba = makeRoute({ kind: 'hash', columns: ['e', 'vc'] }, schema, TARGETS);
    expect(rows.some(r => ab.targetsOf(r) !== ba.targetsOf(r))).toBe(true);
  });

  test('by a function, of each type and of all columns', async () => {
    const all = COLUMNS.map(([name]) => name);
    const code = `const text: string = Object.values(row).join('/');
      let sum = 0;
      for (const letter of text) sum += letter.codePointAt(0)!;
      return ['t0', 't1', 't2'][sum % 3];`;
    for (const columns of [...all.map(name => [name]), all]) {
      const here = await agree({ kind: 'function', columns, code });
      if (columns.length > 1) expect(new Set(here).size).toBe(3);
    }
  });

  test('what a function gets are the texts that people write', async () => {
    const columns = ['id', 'i64', 'num', 'dt6', 'vc', 'l1', 'c', 'e', 'gbk', 'b'];
    const code = 'throw new Error(JSON.stringify(row));';
    const route = makeRoute({ kind: 'function', columns, code }, schema, TARGETS);
    const [row] = rows;
    if (row === undefined) throw new Error('a row');
    const printed = columns.map(c => (c === 'gbk' || c === 'b' ? `LOWER(HEX(${c}))` : c));
    const said = printed.map((sql, i) => `'${columns[i]}',CONVERT(${sql}, CHAR)`);
    const [stored] = await session.query<{ v: string }>(
      `SELECT CAST(JSON_OBJECT(${said.join(',')}) AS CHAR) AS v FROM t ORDER BY id LIMIT 1`,
    );
    try {
      route.targetsOf(row);
      expect.unreachable();
    } catch (e) {
      const { message } = (e as Error).cause as Error;
      expect(JSON.parse(message)).toEqual(JSON.parse(String(stored?.v)));
    }
  });

  test('a function may name no target, and what it names must be one', async () => {
    const byId = (code: string): Route =>
      makeRoute({ kind: 'function', columns: ['id'], code }, schema, TARGETS);
    const some = byId("return Number(row.id) % 2 ? 't1' : null;");
    const here = rows.map(row => some.targetsOf(row));
    expect(here.slice(0, 4)).toEqual([NO_TARGET, 1, NO_TARGET, 1]);
    expect(await there(some)).toEqual(here);
    expect(placedCondition(some, MYSQL_DIALECT)).toBeNull();
    const [row] = rows;
    if (row === undefined) throw new Error('a row');
    for (const code of ["return 't3';", 'return 1;', 'return;', 'return async () => 1;']) {
      const wrong = byId(code);
      expect(() => wrong.targetsOf(row), code).toThrow(/which is no target/);
      await expect(there(wrong), code).rejects.toThrow(/which is no target/);
    }
    expect(() => byId('return row.id.nothing.here;').targetsOf(row)).toThrow(/throws/);
  });

  test.each([
    'i8',
    'u16z',
    'i32',
    'i64',
    'u64',
    'd',
    'dt',
    'dt6',
    'ts3',
    'vc',
    'l1',
    'c',
    'vb',
    'b',
  ])('by range of %s, each bound the first value behind it', async column => {
    const values = await valuesOf(column, 8);
    const ranges = values.slice(1).map((below, i) => ({ below, target: TARGETS[i % 3] ?? '' }));
    const here = await agree({ kind: 'range', column, ranges: [...ranges, { target: 't2' }] });
    if (values.length > 3) expect(new Set(here).size).toBe(3);
  });

  test.each(['i8', 'i64', 'u64', 'd', 'vc', 'l1', 'gbk', 'u16', 'c', 'e', 'vb', 'b'])(
    'by list of %s',
    async column => {
      const values = await valuesOf(column, 9);
      const t0 = values.filter((_, i) => i % 2 === 0);
      const t1 = values.filter((_, i) => i % 2 === 1);
      const listed = t1.length > 0 ? { t0, t1 } : { t0 };
      const here = await agree({ kind: 'list', column, values: listed, otherwise: 't2' });
      expect(here).toContain(0);
    },
  );

  test('a value that is not listed has no target, here or there', async () => {
    const spec: RouteSpec = { kind: 'list', column: 'id', values: { t0: ['0'] } };
    const route = makeRoute(spec, schema, TARGETS);
    expect((await there(route)).slice(0, 2)).toEqual([0, null]);
    const [first, second] = rows;
    if (first === undefined || second === undefined) throw new Error('two rows');
    expect(route.targetsOf(first)).toBe(0);
    expect(() => route.targetsOf(second)).toThrow(/no target is listed/);
  });

  test('of a cluster that grows: what stays goes nowhere, and is not even read', async () => {
    const hash = (more: object): RouteSpec => ({ kind: 'hash', columns: ['id'], ...more });
    const weights = { a: 1, b: 1 };
    const ranges = (...names: string[]) => {
      const bounds = ['100', '300', '500'].map((below, i) => ({ below, target: names[i] ?? '' }));
      return { kind: 'range', column: 'id', ranges: [...bounds, { target: names[3] ?? '' }] };
    };
    const pairs: [unknown, unknown][] = [
      [hash({}), hash({ weights, moves: { '1366-2047': 't0', '3413-4095': 't1' } })],
      [ranges('a', 'a', 'b', 'b'), ranges('a', 't0', 't1', 'b')],
      [
        { kind: 'ring', columns: ['vc'] },
        { kind: 'ring', columns: ['vc'] },
      ],
      [
        { kind: 'jump', columns: ['vc', 'i64'] },
        { kind: 'jump', columns: ['vc', 'i64'] },
      ],
    ];
    for (const [was, is] of pairs) {
      const before = ['a', 'b'];
      const spec = { kind: 'moving', was, is, before, after: [...before, ...TARGETS] } as RouteSpec;
      expect(routeProblem(schema, spec)).toBeNull();
      const route = makeRoute(spec, schema, TARGETS);
      const here = rows.map(row => route.targetsOf(row));
      expect(await there(route)).toEqual(here);
      const staying = here.filter(t => t === NO_TARGET).length;
      expect(staying).toBeGreaterThan(0);
      expect(staying, JSON.stringify(spec)).toBeLessThan(ROWS);
      const only = placedCondition(route, MYSQL_DIALECT);
      if (only === null) continue;
      const [read] = await session.query<{ n: number }>(
        `SELECT COUNT(*) AS n FROM t WHERE ${only}`,
      );
      expect(Number(read?.n)).toBe(ROWS - staying);
    }
  });

  test('a row without a target is read all the same, so that it is an error and not missing', async () => {
    const list = (values: object) => ({ kind: 'list', column: 'id', values });
    const was = list({ a: ['0', '1'] });
    const is = list({ a: ['0'], t0: ['1'] });
    const spec = { kind: 'moving', was, is, before: ['a'], after: ['a', 't0'] } as RouteSpec;
    const route = makeRoute(spec, schema, TARGETS);
    const only = placedCondition(route, MYSQL_DIALECT);
    const [read] = await session.query<{ n: number }>(`SELECT COUNT(*) AS n FROM t WHERE ${only}`);
    expect(Number(read?.n)).toBe(ROWS - 1);
  });

  test('pinned to a target', async () => {
    expect(new Set(await agree({ kind: 'target', target: 't1' }))).toEqual(new Set([1]));
  });

  test('types whose text the two could print otherwise are refused', async () => {
    await session.rawQuery(
      "CREATE TABLE odd (id INT PRIMARY KEY, f FLOAT NOT NULL, y YEAR NOT NULL, e ENUM('a') NOT NULL, " +
        'bits BIT(8) NOT NULL, j JSON NOT NULL)',
    );
    const odd = await inspectTable(session, DB, 'odd');
    for (const column of ['f', 'y', 'e', 'bits', 'j']) {
      expect(routeProblem(odd, { kind: 'hash', columns: [column] })).toMatchObject({
        problem: 'type',
      });
    }
  });
});
