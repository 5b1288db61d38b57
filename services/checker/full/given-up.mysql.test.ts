/**
 * I9: a table with more differences than are listed is given up, and taken up again behind the
 * key up to which all is compared and listed. Nothing before that key is left out, and a check of
 * a part never says equal.
 */
import { expect, test } from 'vitest';
import type { CheckResult, TableResult } from '../../../shared/job/state/check-result.ts';
import { CheckBed } from '../../../test/support/checker/bed.ts';

const ROWS = 2400;
/** One less than in two ranges: the first that is not listed is the last one of a range. */
const LISTED = 39;
/** Every so many rows one is wrong. */
const EVERY = 10;

async function damagedBed(): Promise<CheckBed> {
  const bed = await CheckBed.open('given_up', { targets: 1 });
  await bed.table('t', 'id INT PRIMARY KEY, c INT NOT NULL, v INT NOT NULL', { shardColumn: 'c' });
  const rows = Array.from({ length: ROWS }, (_, i) => `(${i + 1},0,0)`).join(',');
  for (const session of [bed.source(), bed.target(0)]) {
    await session.rawQuery(`INSERT INTO t VALUES ${rows}`);
  }
  await bed.target(0).rawQuery(`UPDATE t SET v = 1 WHERE id % ${EVERY} = 0`);
  return bed;
}

function tableOf({ tables: [table] }: CheckResult): TableResult {
  if (table === undefined) throw new Error('a result without its table');
  return table;
}

/** A check behind a key; null is the whole table. */
function check(bed: CheckBed, after: TableResult['settledTo'] = null): Promise<CheckResult> {
  const tables = bed.checked(1).map(t => ({ ...t, after }));
  return bed.check({ tables, rangeRows: 200, leafRows: 16, differencesMax: LISTED });
}

test('a table that is given up is taken up again until nothing is left, at the cost of its parts', async () => {
  await using bed = await damagedBed();
  const wrong = new Set(Array.from({ length: ROWS / EVERY }, (_, i) => EVERY * (i + 1)));
  const cure = async (ids: readonly number[]): Promise<void> => {
    await bed.target(0).rawQuery(`UPDATE t SET v = 0 WHERE id IN (${[0, ...ids].join(',')})`);
    for (const id of ids) wrong.delete(id);
  };
  let compared = 0;
  let passes = 0;
  let result = await check(bed);
  for (; tableOf(result).truncated; passes++) {
    const { differences, rows, settledTo } = tableOf(result);
    expect(result.equal).toBe(false);
    expect(differences).toHaveLength(LISTED);
    compared += rows;
    await cure(differences.map(d => Number(d.key.id)));
    expect([...wrong].filter(id => id <= Number(settledTo?.id ?? 0))).toEqual([]);
    result = await check(bed, settledTo ?? null);
  }
  // The last part: whatever is found there says nothing of the whole.
  await cure(tableOf(result).differences.map(d => Number(d.key.id)));
  expect(result.equal).toBe(false);
  expect(wrong.size).toBe(0);
  expect(passes).toBeGreaterThanOrEqual(ROWS / EVERY / LISTED - 1);
  expect(compared).toBeLessThan(6 * ROWS);
  expect(await check(bed)).toMatchObject({ equal: true, rows: ROWS });
}, 60_000);
