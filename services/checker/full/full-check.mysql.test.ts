/** Enforces I9. */
import { describe, expect, test } from 'vitest';
import type { CheckResult } from '../../../shared/job/state/check-result.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { CheckBed, found, foundByOracle } from '../../../test/support/checker/bed.ts';
import { resultCounters } from '../check-report.ts';
import { UNTHROTTLED_CHECK } from './rate-limit.ts';
import { textRows } from './server-rows.ts';

const TIMEOUT_MS = 60_000;

/** Fills source and targets with the same rows, spread by `customer_id`. */
async function fill(
  bed: CheckBed,
  table: string,
  rows: readonly (readonly string[])[],
): Promise<void> {
  const values = (list: readonly (readonly string[])[]): string =>
    list.map(r => `(${r.join(',')})`).join(',');
  await bed.source().rawQuery(`INSERT INTO ${table} VALUES ${values(rows)}`);
  for (const t of bed.targets.keys()) {
    const share = rows.filter(r => Number(r[1]) % bed.targets.length === t);
    if (share.length > 0)
      await bed.target(t).rawQuery(`INSERT INTO ${table} VALUES ${values(share)}`);
  }
}

function numbers(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

function hexOf(n: number): string {
  return n.toString(16).padStart(2, '0');
}

const SIMPLE = 'id INT PRIMARY KEY, customer_id INT NOT NULL, a VARCHAR(40), b VARCHAR(40)';

async function simpleBed(name: string, rows: number): Promise<CheckBed> {
  const bed = await CheckBed.open(name);
  await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
  const row = (id: number): string[] => [`${id}`, `${id % 7}`, `'a${id}'`, `'b${id}'`];
  await fill(bed, 't', numbers(rows).map(row));
  return bed;
}

describe('full check', { timeout: TIMEOUT_MS }, () => {
  test('equal data says equal, whatever the order and history of the writes', async () => {
    await using bed = await simpleBed('equal', 3000);
    for (const t of [0, 1]) {
      await bed.target(t).rawQuery('CREATE TABLE copy LIKE t');
      await bed.target(t).rawQuery('INSERT INTO copy SELECT * FROM t');
      await bed.target(t).rawQuery('DELETE FROM t');
      await bed.target(t).rawQuery('INSERT INTO t SELECT * FROM copy ORDER BY a DESC');
      await bed.target(t).rawQuery("UPDATE t SET a = CONCAT(a, 'x') WHERE id % 3 = 0");
      await bed.target(t).rawQuery("UPDATE t SET a = TRIM(TRAILING 'x' FROM a) WHERE id % 3 = 0");
    }
    const result = await bed.check({ rangeRows: 700 });
    expect(result).toMatchObject({ equal: true, rows: 3000, differences: 0, unsettled: 0 });
    expect(result.tables[0]).toMatchObject({ targetRows: 3000, rangesDifferent: 0 });
    const { sourceBytes = 0, targetBytes = 0 } = result.tables[0] ?? {};
    expect(Math.min(sourceBytes, targetBytes)).toBeGreaterThan(3000);
    expect(Object.keys(result.targetGtids ?? {})).toEqual(['t0', 't1']);
    for (const gtid of Object.values(result.targetGtids ?? {})) expect(gtid).toMatch(/:1-\d+/);
    expect((await bed.oracle()).equal).toBe(true);
  });

  test('tables that look equal are not called so while keys are blocked', async () => {
    await using bed = await simpleBed('blocked', 50);
    const waiter = { passed: async () => {}, blockedKeys: async () => new Map([['t', 2]]) };
    const result = await bed.check({ waiter });
    expect(result).toMatchObject({ equal: false, differences: 0, unsettled: 0, blocked: 2 });
    expect(resultCounters(result)).toMatchObject({ differences: 0, unsettled: 2 });
  });

  test('an empty table is equal to an empty table, and not to one with a row', async () => {
    await using bed = await CheckBed.open('empty');
    await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
    expect((await bed.check()).equal).toBe(true);
    await bed.target(1).rawQuery("INSERT INTO t VALUES (5, 1, 'a', 'b')");
    expect(found(await bed.check())).toEqual(['extra 5']);
  });

  test('missing, extra, different and misplaced rows are found by kind, and no others', async () => {
    await using bed = await simpleBed('kinds', 5000);
    await bed.target(1).rawQuery('DELETE FROM t WHERE id = 1');
    await bed.target(0).rawQuery("UPDATE t SET b = 'B2' WHERE id = 2");
    await bed.target(1).rawQuery("INSERT INTO t VALUES (9001, 1, 'x', 'y'), (-5, 3, 'x', 'y')");
    // 3 is of customer 3, so of target 1: it lies on target 0 instead.
    await bed.target(1).rawQuery('DELETE FROM t WHERE id = 3');
    await bed.target(0).rawQuery("INSERT INTO t VALUES (3, 3, 'a3', 'b3')");
    // 2504 is of customer 5, so of target 1: target 0 has a copy besides.
    await bed.target(0).rawQuery("INSERT INTO t VALUES (2504, 5, 'a2504', 'b2504')");
    // The last row and the last of a range.
    await bed.target(0).rawQuery('DELETE FROM t WHERE id = 4998');
    await bed.target(1).rawQuery('UPDATE t SET a = NULL WHERE id = 4999');
    const result = await bed.check({ rangeRows: 1000, leafRows: 64 });
    const expected = [
      'missing 1',
      'different 2',
      'extra 9001',
      'extra -5',
      'misplaced 3',
      'extra 2504',
      'missing 4998',
      'different 4999',
    ].sort();
    expect(found(result)).toEqual(expected);
    expect(result.equal).toBe(false);
    expect(foundByOracle(await bed.oracle())).toEqual(expected);
    const columns = result.tables[0]?.differences.flatMap(d => d.columns ?? []).sort();
    expect(columns, 'those of the rows 2 and 4999 alone').toEqual(['a', 'b']);
    const misplaced = result.tables[0]?.differences.find(d => d.kind === 'misplaced');
    expect(misplaced).toEqual({
      table: 't',
      kind: 'misplaced',
      key: { id: '3' },
      sources: ['s0'],
      expected: 't1',
      targets: ['t0'],
    });
  });

  test('differences that keep counts and sums of values do not cancel', async () => {
    await using bed = await simpleBed('cancel', 400);
    // Values swapped between two rows of one target, and between two columns of a row.
    await bed.target(0).rawQuery("UPDATE t SET a = IF(id = 2, 'a4', 'a2') WHERE id IN (2, 4)");
    await bed.target(0).rawQuery("UPDATE t SET a = 'b6', b = 'a6' WHERE id = 6");
    // Two rows swapped between the targets: each has as many rows as before.
    await bed
      .target(0)
      .rawQuery("UPDATE t SET id = 8, customer_id = 1, a = 'a8', b = 'b8' WHERE id = 9");
    await bed
      .target(1)
      .rawQuery("UPDATE t SET id = 9, customer_id = 2, a = 'a9', b = 'b9' WHERE id = 8");
    // The same change twice, which cancels in an XOR.
    await bed.target(1).rawQuery("UPDATE t SET a = 'same', b = 'same' WHERE id IN (15, 17)");
    const expected = [
      'different 2',
      'different 4',
      'different 6',
      'misplaced 8',
      'misplaced 9',
      'different 15',
      'different 17',
    ].sort();
    expect(found(await bed.check())).toEqual(expected);
    expect(foundByOracle(await bed.oracle())).toEqual(expected);
  });

  test('texts that would be the same row when joined with commas are different rows', async () => {
    await using bed = await CheckBed.open('commas');
    await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
    const pairs: [string, string][] = [
      ["'a,b','c'", "'a','b,c'"],
      ["'','1'", "'1',''"],
      ["NULL,''", "'',NULL"],
      ['NULL,NULL', "'',''"],
      ["NULL,'x'", "'NULL','x'"],
      ["',',''", "'',','"],
      ["'1,2','3'", "'1','2,3'"],
      ["NULL,'1'", "'1',NULL"],
      ["'ab','c'", "'a','bc'"],
    ];
    await Promise.all(
      pairs.map(async ([there, here], i) => {
        await bed.source().rawQuery(`INSERT INTO t VALUES (${i}, 0, ${there})`);
        await bed.target(0).rawQuery(`INSERT INTO t VALUES (${i}, 0, ${here})`);
      }),
    );
    const expected = pairs.map((_, i) => `different ${i}`).sort();
    expect(found(await bed.check())).toEqual(expected);
    expect(foundByOracle(await bed.oracle())).toEqual(expected);
  });

  test('several sources are summed; a key that two of them bring to a target is a duplicate', async () => {
    await using bed = await CheckBed.open('sources', { sources: 2, targets: 3 });
    await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
    const insert = (id: number, shard: number): string =>
      `INSERT INTO t VALUES (${id}, ${shard}, 'a', 'b')`;
    for (const id of numbers(90)) {
      await bed.source(id % 2).rawQuery(insert(id, id));
      await bed.target(id % 3).rawQuery(insert(id, id));
    }
    const first = await bed.check({ rangeRows: 20, leafRows: 4 });
    expect(first).toMatchObject({ equal: true, rows: 90 });
    expect(first.tables[0]?.ranges).toBeGreaterThan(2);
    await bed.source(0).rawQuery(insert(7, 7));
    expect(found(await bed.check())).toEqual(['duplicate 7']);
    expect(foundByOracle(await bed.oracle())).toEqual(['duplicate 7']);
  });

  test('negative and huge sharding values belong to the target that the route gives them', async () => {
    await using bed = await CheckBed.open('shards', { targets: 3 });
    await bed.table('t', 'id INT PRIMARY KEY, c BIGINT NOT NULL', { shardColumn: 'c' });
    const values = ['-1', '-2', '-3', '-9223372036854775808', '9223372036854775807'];
    for (const [i, c] of values.entries()) {
      const shard = Number(((BigInt(c) % 3n) + 3n) % 3n);
      await bed.source().rawQuery(`INSERT INTO t VALUES (${i}, ${c})`);
      await bed.target(shard).rawQuery(`INSERT INTO t VALUES (${i}, ${c})`);
    }
    expect((await bed.check()).equal).toBe(true);
    expect((await bed.oracle()).equal).toBe(true);
  });

  test('keys of several columns, text and bytes are divided, found and shown', async () => {
    await using bed = await CheckBed.open('keys');
    const body = `customer_id BIGINT UNSIGNED NOT NULL, word VARCHAR(20) COLLATE utf8mb4_0900_bin NOT NULL,
      raw VARBINARY(8) NOT NULL, day DATETIME(3) NOT NULL, price DECIMAL(6,2) NOT NULL, v INT,
      PRIMARY KEY (word, raw, customer_id, day, price)`;
    await bed.table('t', body, { shardColumn: 'customer_id' });
    const words = ["'it''s'", "'a?b'", "'ünï🚚'", "'\\\\'", "''", "'A'", "'a'"];
    const rows = numbers(700).map(i => [
      i === 77 ? '18446744073709551615' : `${i}`,
      words[i % words.length] ?? "''",
      `x'${i.toString(16).padStart(4, '0')}'`,
      `'2024-02-0${1 + (i % 5)} 10:11:12.013'`,
      `-${i}.50`,
      '1',
    ]);
    const values = rows.map(r => `(${r.join(',')})`).join(',');
    await bed.source().rawQuery(`INSERT INTO t VALUES ${values}`);
    for (const t of [0, 1]) {
      await bed.target(t).rawQuery(`INSERT INTO t SELECT * FROM (SELECT * FROM t LIMIT 0) x`);
      const share = rows.filter(r => Number(BigInt(r[0] ?? 0) % 2n) === t);
      await bed
        .target(t)
        .rawQuery(`INSERT INTO t VALUES ${share.map(r => `(${r.join(',')})`).join(',')}`);
    }
    const small = { rangeRows: 60, leafRows: 5 };
    expect(await bed.check(small)).toMatchObject({ equal: true, rows: 700 });
    await bed.target(1).rawQuery('UPDATE t SET v = 2 WHERE customer_id = 18446744073709551615');
    await bed.target(0).rawQuery('DELETE FROM t WHERE customer_id = 100');
    const result = await bed.check(small);
    expect(result.tables[0]?.differences.map(d => [d.kind, d.key])).toEqual(
      expect.arrayContaining([
        [
          'different',
          {
            word: "it's",
            raw: '0x004D',
            customer_id: '18446744073709551615',
            day: '2024-02-03 10:11:12.013',
            price: '-77.50',
          },
        ],
        [
          'missing',
          {
            word: 'ünï🚚',
            raw: '0x0064',
            customer_id: '100',
            day: '2024-02-01 10:11:12.013',
            price: '-100.50',
          },
        ],
      ]),
    );
    expect(result.differences).toBe(2);
    expect((await bed.oracle()).tables[0]?.differenceCount).toBe(2);
  });

  test('ranges with more rows than estimated are divided, and a single wrong row is found', async () => {
    await using bed = await simpleBed('divide', 6000);
    // The source has few rows at the end, where the target has many.
    await bed.source().rawQuery('DELETE FROM t WHERE id > 1000');
    const crowded = await bed.check({ rangeRows: 500, leafRows: 32, differencesMax: 10_000 });
    expect(crowded.differences).toBe(5000);
    await using other = await simpleBed('divide1', 6000);
    await other.target(1).rawQuery("UPDATE t SET b = 'b' WHERE id = 4320");
    const result = await other.check({ rangeRows: 6000, leafRows: 16 });
    expect(found(result)).toEqual(['different 4320']);
    expect(result.tables[0]?.rechecked).toBe(1);
  });

  test('a table with too many differences is given up, and says so', async () => {
    await using bed = await simpleBed('many', 2000);
    await bed.target(0).rawQuery('DELETE FROM t');
    await bed.target(1).rawQuery('DELETE FROM t');
    const result = await bed.check({ differencesMax: 50, rangeRows: 300 });
    expect(result).toMatchObject({ equal: false, differences: 50 });
    expect(result.tables[0]?.truncated).toBe(true);
  });

  test('tables that mean different things are refused, not compared', async () => {
    await using bed = await CheckBed.open('refused');
    await bed.table('t', "id INT PRIMARY KEY, c INT NOT NULL, e ENUM('a','b')", {
      shardColumn: 'c',
      onTargets: "id INT PRIMARY KEY, c INT NOT NULL, e ENUM('b','a')",
    });
    await expect(bed.check()).rejects.toThrow(/column e is enum/);
  });

  test('a statement that warns has no answer', async () => {
    await using bed = await CheckBed.open('warns');
    const half = "REPEAT('x', @@max_allowed_packet DIV 2)";
    const sql = `SELECT SHA2(CONCAT_WS(',', ${half}, ${half}), 256)`;
    await expect(textRows(bed.source(), sql)).rejects.toThrow(/max_allowed_packet/);
  });

  test('rows that the server warns of are checked: codes and values without a meaning', async () => {
    await using bed = await CheckBed.open('harmless');
    const column = 'VARCHAR(9) CHARACTER SET cp1257';
    const number = 'INT AS (CAST(v AS SIGNED)) VIRTUAL';
    await bed.table('t', `k ${column} PRIMARY KEY, c INT NOT NULL, v VARCHAR(9), n ${number}`, {
      shardColumn: 'c',
    });
    const bytes = numbers(255).map(n => `(_binary x'61${hexOf(n)}', 0, 'value ${n}')`);
    for (const session of [bed.source(), bed.target(0)]) {
      await session.rawQuery("SET SESSION sql_mode = ''");
      await session.rawQuery(`INSERT IGNORE INTO t (k, c, v) VALUES ${bytes.join(',')}`);
    }
    expect(await bed.check({ rangeRows: 20 })).toMatchObject({ equal: true, differences: 0 });
    // 0x83 and 0xb2: of the first cp1257 has no character.
    await bed.target(0).rawQuery("DELETE FROM t WHERE k = _cp1257 x'6183'");
    await bed.target(0).rawQuery("UPDATE t SET v = 'other' WHERE k = _cp1257 x'61b2'");
    const result = await bed.check({ rangeRows: 20 });
    expect(found(result).map(text => text.split(' ')[0])).toEqual(['different', 'missing']);
  });

  test('rows of which each warns are checked where the server keeps few warnings', async () => {
    await using bed = await CheckBed.open('warnings');
    const number = 'INT AS (CAST(v AS SIGNED)) VIRTUAL';
    const columns = `id INT PRIMARY KEY, c INT NOT NULL, v VARCHAR(9), n ${number}`;
    await bed.table('t', columns, { shardColumn: 'c' });
    const rows = numbers(500).map(n => `(${n}, 0, 'value ${n}')`);
    for (const session of [bed.source(), bed.target(0)]) {
      await session.rawQuery("SET SESSION sql_mode = ''");
      await session.rawQuery(`INSERT INTO t (id, c, v) VALUES ${rows.join(',')}`);
    }
    const check = (kept: number): Promise<CheckResult> => {
      const open = (p: CheckBed['sources'][number], side: 'source' | 'target') => async () => {
        const session = await MysqlSession.open(p, { role: 'read', side });
        // What a server keeps by itself (1,024) may be changed by a privilege alone.
        await session.rawQuery(`SET SESSION max_error_count = ${kept}`);
        return session;
      };
      const { sources, targets } = bed;
      return bed.check({
        sources: sources.map(p => ({ ...p, open: open(p, 'source') })),
        targets: targets.map(p => ({ ...p, open: open(p, 'target') })),
        ...{ rangeRows: 200, leafRows: 50 },
      });
    };
    const equal = await check(40);
    expect(equal).toMatchObject({ equal: true, rows: 500, differences: 0 });
    expect(equal.tables[0]).toMatchObject({ targetRows: 500, rangesDifferent: 0 });
    await bed.target(0).rawQuery("UPDATE t SET v = 'other' WHERE id = 77");
    await bed.target(0).rawQuery('DELETE FROM t WHERE id IN (100, 500)');
    const result = await check(40);
    expect(found(result)).toEqual(['different 77', 'missing 100', 'missing 500']);
    await expect(check(0)).rejects.toThrow(/of which 0 are kept/);
  });

  test('the throttle holds the check at its rate', async () => {
    await using bed = await simpleBed('pace', 3000);
    const started = performance.now();
    await bed.check({
      rangeRows: 500,
      throttle: { ...UNTHROTTLED_CHECK, rowsPerSecond: () => 3000 },
    });
    expect(performance.now() - started).toBeGreaterThan(600);
  });
});
