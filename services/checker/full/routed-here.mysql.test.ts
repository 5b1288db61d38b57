/**
 * Routes that a server cannot compute: it says the value, the check works out the target. What is
 * found must be what was broken, in ranges of several values of one target, and of several sources.
 */
import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeRoute } from '../../../shared/job/job-route.ts';
import type { RouteSpec } from '../../../shared/job/route-spec.ts';
import { jumpBucket } from '../../../shared/route/jump.ts';
import { Ring } from '../../../shared/route/ring.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { CheckBed, found } from '../../../test/support/checker/bed.ts';

const ROWS = 300;
const TARGETS = ['a', 'b', 'c'];

const id = (i: number): string => `${i % 7}-${i}`;

function byJump(key: string): number {
  const digest = hash('sha256', key, 'buffer');
  return jumpBucket(digest.readUInt32BE(0), digest.readUInt32BE(4), TARGETS.length);
}

const RING = new Ring(
  TARGETS.map((name, target) => ({ name, target })),
  [2, 1, 1],
);

test.each<[string, RouteSpec, (key: string) => number]>([
  ['jump hash', { kind: 'jump', columns: ['k'] }, byJump],
  [
    'ring',
    { kind: 'ring', columns: ['k'], weights: { a: 2, b: 1, c: 1 } },
    key => RING.targetOf(Buffer.from(key)),
  ],
])('rows placed by %s are proven, and what is wrong is found', async (_, spec, placeOf) => {
  await using bed = await CheckBed.open('routed', { sources: 2, targets: TARGETS.length });
  const body = 'k VARCHAR(20) CHARACTER SET utf8mb4 PRIMARY KEY, v INT NOT NULL';
  await bed.table('t', body, { shardColumn: 'v' });
  const sql = (rows: readonly number[]): string =>
    `INSERT INTO t VALUES ${rows.map(i => `('${id(i)}',${i})`).join(',')}`;
  const all = Array.from({ length: ROWS }, (_x, i) => i);
  for (const s of [0, 1]) await bed.source(s).rawQuery(sql(all.filter(i => i % 2 === s)));
  const places = TARGETS.map((_x, t) => all.filter(i => placeOf(id(i)) === t));
  for (const [t, rows] of places.entries()) {
    expect(rows.length).toBeGreaterThan(ROWS / 10);
    await bed.target(t).rawQuery(sql(rows));
  }
  let rangesDifferent = -1;
  const check = async (): Promise<string[]> => {
    const routeOf = (schema: TableSchema) => makeRoute(spec, schema, TARGETS);
    const tables = [{ name: 't', routeOf }];
    const result = await bed.check({ tables, rangeRows: 40, leafRows: 5 });
    expect(result.equal).toBe(result.tables.every(t => t.differences.length === 0));
    expect(result.tables[0]?.rows).toBe(ROWS);
    rangesDifferent = result.tables[0]?.rangesDifferent ?? -1;
    return found(result);
  };
  expect(await check()).toEqual([]);
  expect(rangesDifferent).toBe(0);

  const [stray = 0, gone = 0, stale = 0] = places[0] ?? [];
  await bed.target(0).rawQuery(`DELETE FROM t WHERE v IN (${stray},${gone})`);
  await bed.target(1).rawQuery(sql([stray]));
  await bed.target(0).rawQuery(`UPDATE t SET v = -1 WHERE v = ${stale}`);
  const kinds = [`misplaced ${id(stray)}`, `missing ${id(gone)}`, `different ${id(stale)}`];
  expect(await check()).toEqual(kinds.sort());
});
