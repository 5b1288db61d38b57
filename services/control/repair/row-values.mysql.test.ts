/** What differs is shown as it is on both sides, bounded, and safe to print. */
import { expect, test } from 'vitest';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { KINDS, VALUE_DAMAGES } from '../../../test/detection/values.ts';
import { CheckBed } from '../../../test/support/checker/bed.ts';
import { type RowValues, readValues, type ShownDifference } from './row-values.ts';

const TIMEOUT_MS = 60_000;

/** Differences of the check of a table, with their values. */
async function shown(bed: CheckBed, table: string): Promise<ShownDifference[]> {
  const result = await bed.check();
  const found: ShownDifference[] = result.tables.find(t => t.table === table)?.differences ?? [];
  const servers = (places: CheckBed['sources'], side: 'source' | 'target') =>
    places.map(({ name, database, host, port, user, password }) => ({
      name,
      database,
      open: () => MysqlSession.open({ host, port, user, password }, { role: 'read', side }),
    }));
  const [sources, targets] = [servers(bed.sources, 'source'), servers(bed.targets, 'target')];
  await readValues({ sources, targets }, table, undefined, found);
  return found;
}

const texts = ({ columns }: RowValues): [string, ...unknown[]][] =>
  columns.map(c => [c.column, c.source?.text, c.target?.text]);

test('the values of each kind of row are those of both sides', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using bed = await CheckBed.open('values', { targets: 1 });
  const body = `id VARCHAR(20) PRIMARY KEY, customer_id INT NOT NULL, a TEXT, b VARBINARY(9), c DOUBLE`;
  await bed.table('t', body, { shardColumn: 'customer_id' });
  const rows = `('k1', 1, 'paid', x'00ff', 0.1), ('k2', 1, NULL, x'', -0e0), ('k3', 1, 'x', NULL, 1)`;
  await bed.source().rawQuery(`INSERT INTO t VALUES ${rows}`);
  await bed.target(0).rawQuery(`INSERT INTO t VALUES ${rows}`);
  const evil = `CONCAT('<b>', CHAR(27), _utf8mb4 x'e280ae', REPEAT('é', 5000))`;
  await bed.target(0).rawQuery(`UPDATE t SET a = ${evil}, b = x'01ff' WHERE id = 'k1'`);
  await bed.target(0).rawQuery(`UPDATE t SET a = 'NULL', c = 0e0 WHERE id = 'k2'`);
  await bed.target(0).rawQuery(`DELETE FROM t WHERE id = 'k3'`);
  await bed.target(0).rawQuery(`INSERT INTO t VALUES ('k4', 1, 'ab', NULL, 1)`);
  const found = new Map((await shown(bed, 't')).map(d => [d.key.id, d.values?.[0]]));
  const of = (key: string) => found.get(key) ?? { source: '', target: '', columns: [], more: 0 };

  const long = of('k1').columns[0]?.target;
  expect(long).toMatchObject({ bytes: 10_007, isCut: true });
  expect(long?.text).toMatch(/^'<b>\\u\{1b\}\\u\{202e\}é{115}'$/);
  expect(long?.hash).toMatch(/^[0-9a-f]{16}$/);
  expect(texts(of('k1'))[1]).toEqual(['b', '0x00ff', '0x01ff']);
  expect(texts(of('k2'))).toEqual([
    ['a', null, "'NULL'"],
    ['c', '-0', '0'],
  ]);
  expect(of('k3')).toMatchObject({ source: 's0', target: null });
  expect(texts(of('k3')).slice(2)).toEqual([
    ['a', "'x'", undefined],
    ['b', null, undefined],
    ['c', '1', undefined],
  ]);
  expect(of('k4')).toMatchObject({ source: null, target: 't0' });
  expect(texts(of('k4'))[2]).toEqual(['a', undefined, "'ab'"]);
});

test(
  'each damaged value is shown as two that differ to the eye, or by hash',
  async () => {
    await using bed = await CheckBed.open('kinds', { targets: 1 });
    for (const { session } of [...bed.sources, ...bed.targets]) {
      for (const sql of [KINDS.create, ...KINDS.fill]) await session.rawQuery(sql);
    }
    bed.tables.push({ name: KINDS.name, shardColumn: 'customer_id' });
    for (const { sql } of VALUE_DAMAGES.flatMap(d => d.done)) await bed.target(0).rawQuery(sql);
    const found = await shown(bed, KINDS.name);
    expect(found).toHaveLength(VALUE_DAMAGES.length);
    for (const { key, columns, values } of found) {
      const [one] = values?.[0]?.columns ?? [];
      expect([one?.column], JSON.stringify(key)).toEqual(columns);
      const [a, b] = [one?.source, one?.target].map(v => JSON.stringify(v));
      expect(a, JSON.stringify(key)).not.toBe(b);
    }
  },
  TIMEOUT_MS,
);
