/** Plans on a real server: whatever the key, each row is in exactly one range. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { KeyBound } from '../row/key-bound.ts';
import type { MysqlSession } from './connect.ts';
import { inspectTable } from './inspect.ts';
import { planRanges } from './range-plan.ts';
import { rangePredicate } from './range-sql.ts';

const database = `plan_${randomUUID().slice(0, 8)}`;
const ROWS = 1000;
let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(database, { role: 'admin' });
});

afterAll(() => dropScratch(session, database));

const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})`;

/** Creates and fills `t`, plans it, answers the rows of each range. */
async function rowsPerRange(columns: string, values: string, rowsPerRange = 100) {
  await session.run(`DROP TABLE IF EXISTS ${database}.t`);
  await session.run(`CREATE TABLE ${database}.t (${columns})`);
  await session.run(`INSERT INTO ${database}.t ${numbers} SELECT ${values} FROM n`);
  await session.rawQuery(`ANALYZE TABLE ${database}.t`, () => undefined);
  const schema = await inspectTable(session, database, 't');
  const plan = await planRanges(session, schema, { rowsPerRange, rangesMax: 50 });
  const bound = new KeyBound(schema);
  const counts: number[] = [];
  for (const { after, upTo } of plan.ranges) {
    const where = rangePredicate(schema, bound.range(after, upTo));
    const [row] = await session.query<{ n: string | number }>(
      `SELECT COUNT(*) AS n FROM ${database}.t WHERE ${where}`,
    );
    counts.push(Number(row?.n));
  }
  expect(counts.reduce((a, b) => a + b, 0)).toBe(ROWS);
  return { counts, plan, bound };
}

describe('planRanges', () => {
  it('divides an integer key by value', async () => {
    const { counts } = await rowsPerRange('id BIGINT UNSIGNED PRIMARY KEY', 'i');
    expect(counts.length).toBeGreaterThan(7);
    expect(Math.max(...counts)).toBeLessThan(250);
  });

  it('is exact at the limits of BIGINT UNSIGNED, where a number would round', async () => {
    const { counts } = await rowsPerRange(
      'id BIGINT UNSIGNED PRIMARY KEY',
      '18446744073709551615 - (i - 1)',
    );
    expect(counts.length).toBeGreaterThan(7);
  });

  it('divides negative keys', async () => {
    const { counts } = await rowsPerRange('id INT PRIMARY KEY', 'i - 500');
    expect(counts.length).toBeGreaterThan(7);
  });

  it('makes no empty ranges of a gap in the values', async () => {
    const { counts } = await rowsPerRange(
      'id BIGINT PRIMARY KEY',
      'IF(i = 1, -9000000000000000000, i)',
    );
    expect(counts.every(n => n > 0)).toBe(true);
  });

  it('divides a composite key at keys that exist', async () => {
    const { counts, plan, bound } = await rowsPerRange(
      'a INT, b VARBINARY(10), c INT, PRIMARY KEY (c, b)',
      'i, HEX(i), i DIV 3',
    );
    expect(counts.length).toBeGreaterThan(7);
    const [first] = plan.ranges;
    expect(first?.upTo && bound.describe(first.upTo)).toMatch(/^c=\d+, b=/);
  });

  it.each([
    [
      'text',
      'k VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PRIMARY KEY',
      "CONCAT('ключ ', i, '\\'\\\\')",
    ],
    ['bytes', 'k VARBINARY(40) PRIMARY KEY', 'UNHEX(SHA2(i, 256))'],
    ['datetime', 'k DATETIME(6) PRIMARY KEY', "'2020-01-01 00:00:00.000001' + INTERVAL i SECOND"],
    ['timestamp', 'k TIMESTAMP(3) PRIMARY KEY', "'2020-01-01 00:00:00.001' + INTERVAL i HOUR"],
    [
      'date in front',
      'k DATE, i INT, PRIMARY KEY (k, i)',
      "'2020-01-01' + INTERVAL i DIV 9 DAY, i",
    ],
    ['time', 'k TIME(2) PRIMARY KEY', 'SEC_TO_TIME(i * 7 - 3500.5)'],
    ['bit', 'k BIT(20) PRIMARY KEY', 'i * 999'],
    ['year behind', 'i INT, k YEAR, PRIMARY KEY (i, k)', 'i DIV 100, 1950 + i % 100'],
    ['decimal', 'k DECIMAL(20,4) PRIMARY KEY', 'i / 8 - 60'],
    ['enum in front', "k ENUM('z','m','a'), i INT, PRIMARY KEY (k, i)", '1 + i % 3, i'],
    ['set behind', "i INT, k SET('q','p'), PRIMARY KEY (i, k)", 'i DIV 4, i % 4'],
  ])('divides a key of %s by position, in the order of the index', async (_, columns, values) => {
    if (session.flavor === 'mariadb' && columns.includes('0900')) return;
    const { counts } = await rowsPerRange(columns, values);
    expect(counts.length).toBeGreaterThan(7);
    expect(Math.max(...counts)).toBeLessThan(250);
  });

  it('plans an empty table and a small one as one range', async () => {
    const { counts } = await rowsPerRange('id INT PRIMARY KEY', 'i', 1_000_000);
    expect(counts).toEqual([ROWS]);
    await session.run(`TRUNCATE TABLE ${database}.t`);
    const schema = await inspectTable(session, database, 't');
    const plan = await planRanges(session, schema, { rowsPerRange: 1, rangesMax: 50 });
    expect(plan.ranges).toEqual([{ id: 0, after: null, upTo: null }]);
  });
});
