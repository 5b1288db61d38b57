/**
 * I9: what other tools were reported to call equal, row for row as it was reported. Each case runs
 * the expression of that tool on both sides first, and it gives the same there; then our check,
 * which names the rows.
 */
import { describe, expect, test } from 'vitest';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { CheckBed, found } from '../../../test/support/checker/bed.ts';

interface Published {
  /** Where it was reported. */
  report: string;
  columns: string;
  /** The checksum of that tool, of all rows. */
  checksum: string;
  source: string;
  target: string;
  differing: string[];
}

/** Of one row of a table with these columns, by the method of sync-diff-inspector. */
const crcOf = (...names: string[]): string => {
  const flags = names.map(n => `ISNULL(${n})`).join(',');
  return `BIT_XOR(CAST(CRC32(CONCAT_WS(',', ${names.join(', ')}, CONCAT(${flags}))) AS UNSIGNED))`;
};

/** Of texts `a` and `b`, by what Spirit had before it put a separator between them. */
const CONCATENATED = `BIT_XOR(CRC32(CONCAT(IFNULL(a, ''), ISNULL(a), IFNULL(b, ''), ISNULL(b))))`;

const CASES: Published[] = [
  {
    report: 'tidb-tools#703: the same time is wrong by the same minutes in four rows',
    columns: 't DATETIME',
    checksum: crcOf('id', 't'),
    source: [1, 2, 3, 4].map(id => `(${id}, 0, '2022-02-23 11:22:00')`).join(),
    target: [1, 2, 3, 4].map(id => `(${id}, 0, '2022-02-23 11:32:00')`).join(),
    differing: ['different 1', 'different 2', 'different 3', 'different 4'],
  },
  {
    report: 'tidb-tools#344, #634: a column of two rows has changed in the same way',
    columns: 'source INT',
    checksum: crcOf('id', 'source'),
    source: '(1, 0, 10), (2, 0, 10), (3, 0, 7)',
    target: '(1, 0, 20), (2, 0, 20), (3, 0, 7)',
    differing: ['different 1', 'different 2'],
  },
  {
    // With SHA-256 for MD5, which MySQL 9 does not have.
    report: "ghostferry#137: the text 'NULL' for NULL",
    columns: 'v VARCHAR(10)',
    checksum: `MIN(SHA2(CONCAT(SHA2(id, 256), SHA2(COALESCE(v, 'NULL'), 256)), 256))`,
    source: '(1, 0, NULL)',
    target: "(1, 0, 'NULL')",
    differing: ['different 1'],
  },
  {
    report: 'spirit#931: a letter has moved from one column to the next',
    columns: 'a VARCHAR(10), b VARCHAR(10)',
    checksum: CONCATENATED,
    source: "(1, 0, 'x0', 'y')",
    target: "(1, 0, 'x', '0y')",
    differing: ['different 1'],
  },
  {
    report: 'spirit#931: the same with a separator that the values hold, too',
    columns: 'a VARCHAR(10), b VARCHAR(10)',
    checksum: `BIT_XOR(CRC32(CONCAT_WS('#', a, b, CONCAT(ISNULL(a), ISNULL(b)))))`,
    source: "(1, 0, 'x#y', 'z')",
    target: "(1, 0, 'x', 'y#z')",
    differing: ['different 1'],
  },
];

async function sumOf(session: MysqlSession, table: string, checksum: string): Promise<unknown> {
  const [row] = await session.query<{ sum: unknown }>(`SELECT ${checksum} AS sum FROM ${table}`);
  return row?.sum;
}

describe('called equal by others', { timeout: 60_000 }, () => {
  test.each(CASES)('$report', async ({ columns, checksum, source, target, differing }) => {
    await using bed = await CheckBed.open('published', { targets: 1 });
    const all = `id INT PRIMARY KEY, s INT NOT NULL, ${columns}`;
    await bed.table('t', all, { shardColumn: 's' });
    await bed.source().rawQuery(`INSERT INTO t VALUES ${source}`);
    await bed.target(0).rawQuery(`INSERT INTO t VALUES ${target}`);
    const theirs = await sumOf(bed.source(), 't', checksum);
    expect(theirs).toBeTruthy();
    expect(await sumOf(bed.target(0), 't', checksum)).toEqual(theirs);
    expect(found(await bed.check())).toEqual(differing);
  });
});
