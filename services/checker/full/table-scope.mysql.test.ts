/** Enforces I9 for a part of a table: it speaks of its rows, and of no other. */
import { describe, expect, test } from 'vitest';
import type { CheckResult } from '../../../shared/job/state/check-result.ts';
import type { CheckScope } from '../../../shared/job/state/check-scope.ts';
import { CheckBed, found } from '../../../test/support/checker/bed.ts';
import { resultCounters } from '../check-report.ts';
import type { FullCheckOptions } from './full-check.ts';
import { tryScope } from './table-scope.ts';

const TIMEOUT_MS = 60_000;
const ROWS = 3000;

/** 3,000 rows over two targets; `state` is 'open' for every tenth. */
async function filled(name: string): Promise<CheckBed> {
  const bed = await CheckBed.open(name);
  const body =
    'tenant INT, id INT, customer_id INT NOT NULL, state VARCHAR(9) NOT NULL, note VARCHAR(20), ' +
    'PRIMARY KEY (tenant, id)';
  await bed.table('t', body, { shardColumn: 'customer_id' });
  const rows = Array.from({ length: ROWS }, (_, i) => [
    ...[Math.floor(i / 1000), i, i % 2, i % 10 === 0 ? "'open'" : "'paid'", `'n${i}'`],
  ]);
  const values = (list: typeof rows): string => list.map(r => `(${r.join(',')})`).join(',');
  await bed.source().rawQuery(`INSERT INTO t VALUES ${values(rows)}`);
  for (const t of [0, 1]) {
    await bed.target(t).rawQuery(`INSERT INTO t VALUES ${values(rows.filter(r => r[2] === t))}`);
  }
  return bed;
}

function scoped(
  bed: CheckBed,
  scope: Partial<CheckScope>,
  o: Partial<FullCheckOptions> = {},
): Promise<CheckResult> {
  const whole = { from: null, to: null, where: null };
  const tables = bed.checked(2).map(t => ({ ...t, scope: { ...whole, ...scope } }));
  return bed.check({ tables, rangeRows: 100, leafRows: 16, ...o });
}

const key = (tenant: number, id: number): Record<string, string> => ({
  tenant: `${tenant}`,
  id: `${id}`,
});

describe('a check with a scope', { timeout: TIMEOUT_MS }, () => {
  test('finds what differs in its keys, both ends included, and reads no other', async () => {
    await using bed = await filled('keys');
    await bed.target(0).rawQuery("UPDATE t SET note = 'x' WHERE id IN (998, 1002, 1500, 1506)");
    await bed.target(1).rawQuery('DELETE FROM t WHERE id IN (1001, 1507)');
    // 1005 is of target 1: it lies on target 0 instead.
    await bed.target(1).rawQuery('DELETE FROM t WHERE id = 1005');
    await bed.target(0).rawQuery("INSERT INTO t VALUES (1, 1005, 1, 'paid', 'n1005')");
    const result = await scoped(bed, { from: key(1, 1001), to: key(1, 1500) });
    expect(found(result)).toEqual([
      'different 1,1002',
      'different 1,1500',
      'misplaced 1,1005',
      'missing 1,1001',
    ]);
    expect(result).toMatchObject({ equal: false, equalInScope: false, rows: 500 });
    // The last of them ends at the scope's own end: there is none behind it.
    expect(result.tables[0]?.ranges).toBe(5);
    const others = await scoped(bed, { from: key(2, 2000) });
    expect(others).toMatchObject({ equal: false, equalInScope: true, rows: 1000, differences: 0 });
    expect(resultCounters(others)).toMatchObject({ differences: 0, unsettled: 0 });
  });

  test('finds a row that meets the condition on one side only, as what it is', async () => {
    await using bed = await filled('where');
    // Out of it by the damage, into it by the damage, in it on both sides, in it on none.
    await bed.target(0).rawQuery("UPDATE t SET state = 'paid' WHERE id = 10");
    await bed.target(0).rawQuery("UPDATE t SET state = 'open' WHERE id = 12");
    await bed.target(0).rawQuery("UPDATE t SET note = 'x' WHERE id IN (20, 22)");
    await bed.target(0).rawQuery('DELETE FROM t WHERE id = 2990');
    const result = await scoped(bed, { where: "state = 'open'" });
    expect(found(result)).toEqual([
      'different 0,10',
      'different 0,12',
      'different 0,20',
      'missing 2,2990',
    ]);
    expect(result.rows).toBe(ROWS / 10);
    const none = await scoped(bed, { where: "state = 'lost'" });
    expect(none).toMatchObject({ equal: false, equalInScope: true, rows: 0 });
    expect(none.tables[0]?.targetRows).toBe(0);
  });

  test('a row that moves in or out of it meanwhile is no difference', async () => {
    await using bed = await filled('moves');
    // On its way: the source has what the targets get when they are waited for.
    await bed.source().rawQuery("UPDATE t SET state = 'paid', note = 'y' WHERE id = 30");
    await bed.source().rawQuery("UPDATE t SET state = 'open', note = 'y' WHERE id = 32");
    let waits = 0;
    const passed = async (): Promise<void> => {
      waits += 1;
      if (waits !== 2) return;
      await bed.target(0).rawQuery("UPDATE t SET state = 'paid', note = 'y' WHERE id = 30");
      await bed.target(0).rawQuery("UPDATE t SET state = 'open', note = 'y' WHERE id = 32");
    };
    const result = await scoped(bed, { where: "state = 'open'" }, { waiter: { passed } });
    expect(result).toMatchObject({ equalInScope: true, differences: 0, unsettled: 0 });
    expect(result.tables[0]?.rechecked).toBe(2);
  });

  test('a condition that a server refuses, or warns of, ends it before a row is compared', async () => {
    await using bed = await filled('refused');
    const why = (where: string): Promise<string> =>
      scoped(bed, { where }).then(
        () => 'not refused',
        e => `${e.kind}: ${e.message}`,
      );
    expect(await why('note > 5')).toMatch(
      /^config: s0 refuses the condition .* value does not fit/,
    );
    expect(await why('state LIKE')).toMatch(/^config: s0 refuses .* SQL syntax/);
    expect(await why('state = (1, 2)')).toMatch(/^config: s0 refuses .*Operand/);
    expect(await why('id IN (SELECT 1)')).toMatch(/^config: the condition has SELECT/);
    expect(await why('id > 18446744073709551615 + id')).toMatch(/^config: s0 refuses .*error 1690/);
  });

  test.each([
    ['VARCHAR(9) COLLATE utf8mb4_0900_ai_ci', 'a', 'B'],
    ['VARCHAR(9) COLLATE utf8mb4_bin', 'B', 'a'],
    ['VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german1_ci', 'ä', 'b'],
    ["ENUM('z','a')", 'z', 'a'],
    ['TIME', '-02:00:00', '-01:00:00'],
    ['TIME', '99:00:00', '100:00:00'],
    ['DATETIME(3)', '2026-01-01 00:00:00.100', '2026-01-01 00:00:00.200'],
    ['DECIMAL(9,2)', '9.50', '10.25'],
    ['VARBINARY(9)', '0x09', '0x10'],
    ['BIT(16)', '9', '256'],
  ])('of keys of %s a range from %s to %s is one, and none the other way', async (type, a, b) => {
    await using bed = await CheckBed.open('order');
    await bed.table('t', `k ${type} PRIMARY KEY, n INT NOT NULL`, { shardColumn: 'n' });
    const tried = (from: string, to: string): Promise<void> =>
      tryScope({
        ...{ servers: bed.checkSources(), table: 't', key: undefined, log: bed.log },
        scope: { from: { k: from }, to: { k: to }, where: null },
        signal: new AbortController().signal,
      });
    await tried(a, b);
    await tried(a, a);
    const refused = await tried(b, a).catch(e => e);
    expect([refused?.kind, refused?.message]).toEqual([
      'config',
      `--from k=${b} is behind --to k=${a}`,
    ]);
  });
});
