/**
 * Whatever shape documents are taken to have: where its condition is true of a document, the
 * server's list of the kinds in it is empty. Documents of a few shapes with each value in turn put
 * into the place of each of theirs, and documents of random values.
 *
 * RESHARD_SEED=<number> has other documents.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MADE_JSONS, wholeMadeJson } from '../../test/support/codec/made-jsons.ts';
import { many } from '../../test/support/codec/oracle-values.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import type { MysqlSession } from '../mysql/connect.ts';
import { kindsSelect } from './json-asking.ts';
import { JsonShape } from './json-shape.ts';

const DB = `json_shape_${process.pid}`;
/** JSON of MariaDB is text. */
const isMysql = process.env.RESHARD_DATABASE !== 'mariadb';

type Json = number | string | boolean | null | Json[] | { [key: string]: Json };

const SAMPLES: Json[][] = [
  [{ a: 1, b: [1, 2.5, 3], c: 'x' }],
  [
    { a: 1, o: { n: 1, deep: { x: 0, y: 'z' } }, e: {} },
    { t: true, o: { m: null } },
  ],
  [{ items: [{ n: 1, s: 'a' }, { n: 2 }], l: [[1], [], [[2]]] }],
  [[1, { k: 'v' }, 'x'], [2, {}], []],
  [[[[1]]], [[[2], 3]]],
  [{}],
];

/** Values of kinds that no parse makes, by themselves and in containers; and plain ones. */
const ODD = [
  ...['1.5', 'CAST(1 AS UNSIGNED)', 'CAST(1 AS DECIMAL(5,0))', '9223372036854775808'],
  ...["DATE'2024-01-02'", "TIME'01:02:03'", "TIMESTAMP'2024-01-02 03:04:05'", "x'00ff'"],
  ...['JSON_ARRAY(1.5)', 'JSON_ARRAY(JSON_ARRAY(1.5))', 'JSON_ARRAY(1, 1.5)'],
  ...["JSON_OBJECT('n', 1.5)", "JSON_OBJECT('z', 1.5)", "JSON_ARRAY(JSON_OBJECT('n', 1.5))"],
];
const PLAIN = ['1', '1.5e0', "'1.5'", 'NULL', 'TRUE', 'JSON_ARRAY()', 'JSON_OBJECT()'];

/** SQL of a document, and of all that differ from it in one place. */
function variants(value: Json): { sql: string; others: string[] } {
  const others = [...ODD, ...PLAIN];
  if (typeof value !== 'object' || value === null) {
    return { sql: `JSON_EXTRACT('${JSON.stringify(value)}','$')`, others };
  }
  const make = Array.isArray(value) ? 'JSON_ARRAY' : 'JSON_OBJECT';
  const parts = Object.entries(value).map(([key, v]) => ({
    head: Array.isArray(value) ? '' : `'${key}',`,
    ...variants(v),
  }));
  const all = parts.map(({ head, sql }) => `${head}${sql}`);
  const head = Array.isArray(value) ? '' : "'more',";
  for (const [i, part] of parts.entries()) {
    others.push(...part.others.map(sql => `${make}(${all.with(i, `${part.head}${sql}`)})`));
    others.push(`${make}(${all.toSpliced(i, 1)})`, `${make}(${all.with(i, `${head}1.5`)})`);
  }
  const sql = `${make}(${all})`;
  others.push(`${make}(${[...all, `${head}1.5`]})`, `JSON_ARRAY(${sql})`, `JSON_ARRAY(${sql},1.5)`);
  return { sql, others };
}

let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
});

afterAll(async () => {
  await dropScratch(session, DB);
});

describe.runIf(isMysql)('shapes of documents', () => {
  test('no document with a kind of its own is plain by any shape, plain ones of it are', async () => {
    const made = SAMPLES.flat().flatMap(document => {
      const { sql, others } = variants(document);
      return [sql, ...others];
    });
    made.push(...MADE_JSONS, ...many(100, () => wholeMadeJson(3).sql));
    await session.rawQuery(
      'CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, j JSON, hasKinds INT)',
    );
    for (let i = 0; i < made.length; i += 500) {
      const some = made.slice(i, i + 500).map(sql => `(CAST(${sql} AS JSON))`);
      await session.rawQuery(`INSERT INTO t (j) VALUES ${some.join(',')}`);
    }
    const all = `COUNT(*) AS n, SUM(hasKinds) AS odd FROM t`;
    await session.rawQuery(`UPDATE t SET hasKinds = ${kindsSelect('j')} IS NOT NULL`);
    const [total] = await session.query<{ n: string; odd: string }>(`SELECT ${all}`);
    expect(Number(total?.n)).toBe(made.length);
    expect(Number(total?.odd)).toBeGreaterThan(500);
    for (const sample of [...SAMPLES, ...SAMPLES.map(s => s.slice(0, 1))]) {
      const shape = JsonShape.ofMost(sample);
      const isPlain = shape?.isPlain('j') ?? 'TRUE';
      const [found] = await session.query<{ odd: string }>(`SELECT ${all} WHERE ${isPlain}`);
      expect({ isPlain, odd: Number(found?.odd) }).toEqual({ isPlain, odd: 0 });
      for (const document of sample) {
        const { sql } = variants(document);
        const [row] = await session.query<{ isPlain: string }>(
          `SELECT ${isPlain} AS isPlain FROM (SELECT CAST(${sql} AS JSON) AS j) made`,
        );
        expect({ document, isPlain: Number(row?.isPlain) }).toEqual({ document, isPlain: 1 });
      }
    }
  });

  test('a shape is that of most documents, with paths that need no escape, or none', () => {
    const ofMost = (...documents: Json[]): boolean => JsonShape.ofMost(documents) !== null;
    expect(ofMost()).toBe(false);
    expect(ofMost({ a: 1 }, null, 7)).toBe(false);
    expect(ofMost({ a: 1 }, null)).toBe(true);
    // The first one says what is a container.
    expect(ofMost({ a: 1 }, { a: [1] }, { a: {} })).toBe(false);
    for (const key of ['', "it's", 'a.b', '"', 'back\\slash', 'größe', 'a\n', '*']) {
      expect(ofMost({ [key]: 1 })).toBe(false);
    }
    expect(ofMost(many(31, i => i))).toBe(true);
    expect(ofMost(many(32, i => i))).toBe(false);
    // What is too much is nothing of the shape: others still are.
    expect(
      ofMost(
        many(32, i => i),
        [1, 2],
      ),
    ).toBe(true);
    expect(new JsonShape().isPlain('j')).toBe('FALSE');
  });
});
