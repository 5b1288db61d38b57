/**
 * One route in two forms: what the sink computes from the bytes of a row and what a server computes
 * for the checker must be the same target, for every value that the server stores. The server also
 * is the judge of what a value is: rows come from it as the copy reads them.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newSeed } from '../../test/support/load/random.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import type { MysqlSession } from '../mysql/connect.ts';
import { quoteId } from '../mysql/identifier.ts';
import { inspectTable } from '../mysql/inspect.ts';
import { selectList } from '../mysql/range-sql.ts';
import { RowCodec } from '../row/row-codec.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import { ModulusRoute, sqlShard } from './modulus.ts';

const DB = `route_${process.pid}`;
const SEED = Number(process.env.RESHARD_SEED ?? newSeed());
const VALUES = 400;
let session: MysqlSession;
let tables = 0;

beforeAll(async () => {
  console.log(`route: seed ${SEED} (RESHARD_SEED=${SEED} repeats it)`);
  session = await openScratch(DB, { role: 'apply' });
});

afterAll(() => dropScratch(session, DB));

interface Integer {
  type: string;
  min: bigint;
  max: bigint;
}

const INTEGERS: Integer[] = (
  [
    ['TINYINT', 8n],
    ['SMALLINT', 16n],
    ['MEDIUMINT', 24n],
    ['INT', 32n],
    ['BIGINT', 64n],
  ] as const
).flatMap(([type, bits]) => [
  { type, min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n },
  { type: `${type} UNSIGNED`, min: 0n, max: 2n ** bits - 1n },
]);
INTEGERS.push({ type: 'INT(7) ZEROFILL', min: 0n, max: 2n ** 32n - 1n });

/** Values of the whole width, small ones, those of both ends and of the middle (2^63). */
function values({ min, max }: Integer): bigint[] {
  const near = (v: bigint) =>
    fc.bigInt({ min: v - 3n < min ? min : v - 3n, max: v + 3n > max ? max : v + 3n });
  const any = fc.oneof(
    fc.bigInt({ min, max }),
    fc.bigInt({ min, max: max / 2n }),
    ...[min, max, 0n, max / 2n + 1n].map(near),
  );
  const drawn = fc.sample(any, { numRuns: VALUES, seed: SEED });
  return [...drawn, min, max, 0n, max / 2n + 1n];
}

async function create(type: string, list: readonly (bigint | null)[]) {
  const table = `t${tables++}`;
  await session.rawQuery(`CREATE TABLE ${table} (id INT PRIMARY KEY, v ${type})`);
  if (list.length === 0) return inspectTable(session, DB, table);
  const rows = list.map((v, i) => `(${i},${v === null ? 'NULL' : v})`);
  await session.rawQuery(`INSERT INTO ${table} VALUES ${rows.join(',')}`);
  return inspectTable(session, DB, table);
}

const numbersOfTargets = [
  1,
  2,
  3,
  65_536,
  ...fc.sample(fc.integer({ min: 4, max: 65_535 }), { numRuns: 8, seed: SEED }),
];

describe('the route in SQL and in process', () => {
  test.each(INTEGERS)('is the same for $type', async integer => {
    const list = values(integer);
    const schema = await create(integer.type, list);
    const codec = new RowCodec(schema);
    const out = new ByteWriter(64);
    const offsets = new Int32Array(2);
    const rows: Buffer[] = [];
    const order = `FROM ${schema.table} ORDER BY id`;
    await session.rawQuery(`SELECT ${selectList(schema)} ${order}`, (buf, start, end) => {
      out.clear();
      codec.fromText(buf, start, end, out);
      rows.push(out.take());
    });
    expect(rows.length).toBe(list.length);
    for (const n of numbersOfTargets) {
      const route = new ModulusRoute(schema, 'v', n);
      const here = rows.map(row => {
        codec.offsets(row, 0, offsets);
        return route.shardOf(row, offsets[1] ?? 0);
      });
      const sql = `SELECT ${sqlShard(quoteId('v'), n)} AS shard ${order}`;
      const there = await session.query<{ shard: number | string }>(sql);
      const wrong = list.flatMap((value, i) => {
        const m = BigInt(n);
        const right = Number(((value % m) + m) % m);
        const said = Number(there[i]?.shard);
        const isRight = here[i] === right && said === right;
        return isRight ? [] : [`${value} % ${n}: here ${here[i]}, there ${said}, right ${right}`];
      });
      expect(wrong, `seed ${SEED}`).toEqual([]);
    }
  });

  test('gives NULL no target, here or there', async () => {
    const schema = await create('BIGINT', [null]);
    const codec = new RowCodec(schema);
    const out = new ByteWriter(16);
    await session.rawQuery(`SELECT ${selectList(schema)} FROM ${schema.table}`, (buf, from, to) => {
      codec.fromText(buf, from, to, out);
    });
    const offsets = new Int32Array(2);
    codec.offsets(out.view(), 0, offsets);
    const route = new ModulusRoute(schema, 'v', 2);
    expect(() => route.shardOf(out.view(), offsets[1] ?? 0)).toThrow(/NULL/);
    const sql = `SELECT ${sqlShard(quoteId('v'), 2)} AS shard FROM ${schema.table}`;
    expect(await session.query(sql)).toEqual([{ shard: null }]);
  });

  test.each(['DECIMAL(20,0)', 'VARCHAR(20)', 'DOUBLE', 'BIT(8)', 'YEAR', "ENUM('1','2')", 'DATE'])(
    'is refused for %s, where the two could differ',
    async type => {
      const schema = await create(type, []);
      expect(() => new ModulusRoute(schema, 'v', 2)).toThrow(/integer columns/);
    },
  );
});
