/**
 * Enforces I6 for repairs by hand: a script cures what a check finds, of every kind of damage, and
 * leaves a row alone that is another one by the time it runs.
 */
import { describe, expect, test } from 'vitest';
import { ROW_DAMAGES, ROW_TABLES } from '../../../test/detection/rows.ts';
import { KINDS, VALUE_DAMAGES } from '../../../test/detection/values.ts';
import { CheckBed, found } from '../../../test/support/checker/bed.ts';
import { runScripts, scriptsOf } from '../../../test/support/repair-scripts.ts';

const TIMEOUT_MS = 120_000;
const BY = 'customer_id';
/** The tables of the detection table, filled, and damaged on the targets. */
async function damaged(bed: CheckBed): Promise<void> {
  const damages = [...VALUE_DAMAGES, ...ROW_DAMAGES];
  for (const { name, create, fill } of [KINDS, ...ROW_TABLES]) {
    for (const { session } of [...bed.sources, ...bed.targets]) {
      for (const sql of [create, ...fill]) await session.rawQuery(sql);
    }
    bed.tables.push({ name, shardColumn: BY });
  }
  for (const { session } of [...bed.sources, ...bed.targets]) {
    for (const sql of damages.flatMap(d => d.before ?? [])) await session.rawQuery(sql);
  }
  for (const t of bed.targets.keys()) {
    for (const { name } of bed.tables) {
      await bed.target(t).rawQuery(`DELETE FROM ${name} WHERE ${BY} % 2 <> ${t}`);
    }
  }
  expect((await bed.oracle()).equal).toBe(true);
  for (const { target, sql } of damages.flatMap(d => d.done)) {
    await bed.target(target).rawQuery(sql);
  }
}

describe('a repair by a script', { timeout: TIMEOUT_MS }, () => {
  test('cures each kind of damage, in plain ASCII', async () => {
    await using bed = await CheckBed.open('script');
    await damaged(bed);
    const result = await bed.check();
    expect(result.differences).toBeGreaterThan(300);
    const { sql, counts } = await scriptsOf(bed, result);
    expect(counts.left).toBe(0);
    expect(counts.rows).toBeGreaterThanOrEqual(result.differences);
    expect(sql.join('')).toMatch(/^[\n\x20-\x7e]*$/);
    await runScripts(bed, sql);
    expect((await bed.oracle()).equal).toBe(true);
    expect((await bed.check()).equal).toBe(true);
  });

  test('leaves rows alone that are other ones by then, and writes the others', async () => {
    await using bed = await CheckBed.open('guard');
    const body = 'id INT PRIMARY KEY, customer_id INT NOT NULL, note VARCHAR(20)';
    await bed.table('t', body, { shardColumn: BY });
    await bed.table('u', `${body}, UNIQUE KEY (note)`, { shardColumn: BY });
    for (const table of ['t', 'u']) {
      const rows = Array.from({ length: 20 }, (_, i) => `(${2 * i}, 2, '${table}${i}')`).join();
      await bed.source().rawQuery(`INSERT INTO ${table} VALUES ${rows}`);
      await bed.target(0).rawQuery(`INSERT INTO ${table} VALUES ${rows}`);
    }
    const damage = (table: string): string[] => [
      `UPDATE ${table} SET note = CONCAT('x', id) WHERE id IN (0, 2)`,
      `DELETE FROM ${table} WHERE id IN (4, 6)`,
      `INSERT INTO ${table} VALUES (101, 2, 'extra1'), (103, 2, 'extra3')`,
    ];
    const meanwhile = (table: string): string[] => [
      `UPDATE ${table} SET note = CONCAT('X', id) WHERE id = 0`,
      `INSERT INTO ${table} VALUES (4, 2, 'new')`,
      `UPDATE ${table} SET note = 'Extra1' WHERE id = 101`,
    ];
    for (const sql of ['t', 'u'].flatMap(damage)) await bed.target(0).rawQuery(sql);
    const { sql, counts } = await scriptsOf(bed, await bed.check());
    expect(counts).toEqual({ rows: 12, left: 0 });
    for (const one of ['t', 'u'].flatMap(meanwhile)) await bed.target(0).rawQuery(one);
    await runScripts(bed, sql);
    const after = found(await bed.check());
    const same = ['different 0', 'different 4', 'extra 101'];
    expect(after).toEqual([...same, ...same].sort());
    expect(sql[0]).toContain('HOLD ALL WRITES TO THESE KEYS');
    expect(sql[0]).toMatch(/-- {3}s0 \S+:1-\d+/);
    expect(sql[1]).not.toContain('START TRANSACTION');
  });

  test('of a row that is gone meanwhile adds none in its place', async () => {
    await using bed = await CheckBed.open('gone');
    const body = 'id INT PRIMARY KEY, customer_id INT NOT NULL, doc JSON';
    await bed.table('t', body, { shardColumn: BY });
    for (const session of [bed.source(), bed.target(0)]) {
      await session.rawQuery(`INSERT INTO t VALUES (2, 2, '1'), (4, 2, '{"a": 1}')`);
    }
    await bed.target(0).rawQuery(`UPDATE t SET doc = NULL`);
    await bed.target(0).rawQuery(`UPDATE t SET doc = IF(id = 2, '1.0', '{"A": 1}')`);
    const { sql } = await scriptsOf(bed, await bed.check());
    await bed.target(0).rawQuery('DELETE FROM t WHERE id = 4');
    await runScripts(bed, sql);
    expect(found(await bed.check())).toEqual(['missing 4']);
  });
});
