/**
 * I7, I9: a check that was stopped half-way is gone on with. What it has compared is not read
 * again, nothing is left out or told twice, and its verdict is as old as its beginning.
 */
import { describe, expect, test } from 'vitest';
import type { CheckResult } from '../../../shared/job/state/check-result.ts';
import type { Checkpoint } from '../../../shared/job/state/checkpoint.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { CheckBed, found, foundByOracle } from '../../../test/support/checker/bed.ts';
import type { FullCheckOptions } from './full-check.ts';
import { UNTHROTTLED_CHECK } from './rate-limit.ts';
import type { CheckServer } from './session-set.ts';

const TIMEOUT_MS = 60_000;
const ROWS = 2000;
const RANGE = 100;
const SIMPLE = 'id INT PRIMARY KEY, customer_id INT NOT NULL, a VARCHAR(40)';
const OPTIONS = { rangeRows: RANGE, leafRows: 10, checkpointMs: 20 };

async function filled(name: string, ...tables: string[]): Promise<CheckBed> {
  const bed = await CheckBed.open(name);
  for (const table of tables) {
    await bed.table(table, SIMPLE, { shardColumn: 'customer_id' });
    const rows = (n: number[]): string => n.map(id => `(${id},${id},'a${id}')`).join(',');
    const ids = Array.from({ length: ROWS }, (_, i) => i + 1);
    await bed.source().rawQuery(`INSERT INTO ${table} VALUES ${rows(ids)}`);
    for (const t of [0, 1]) {
      const share = ids.filter(id => id % 2 === t);
      await bed.target(t).rawQuery(`INSERT INTO ${table} VALUES ${rows(share)}`);
    }
  }
  return bed;
}

/** Stops the check at the first checkpoint that is so far; answers that, as it comes back. */
async function stoppedAt(
  bed: CheckBed,
  isThere: (checkpoint: Checkpoint) => boolean,
  o: Partial<FullCheckOptions> = {},
): Promise<Checkpoint> {
  const stop = new AbortController();
  let kept: Checkpoint | undefined;
  const checking = bed.check({
    ...OPTIONS,
    signal: stop.signal,
    throttle: { ...UNTHROTTLED_CHECK, rowsPerSecond: () => ROWS },
    onCheckpoint: checkpoint => {
      if (kept !== undefined || !isThere(checkpoint)) return;
      kept = checkpoint;
      stop.abort(new Error('killed'));
    },
    ...o,
  });
  await expect(checking).rejects.toThrow('killed');
  if (kept === undefined) throw new Error('no checkpoint');
  return JSON.parse(JSON.stringify(kept));
}

function rowsOf({ tables }: Checkpoint, table = 't'): number {
  return tables.find(t => t.table === table)?.rows ?? 0;
}

/** Notes all statements of a server. */
function heard(server: CheckServer, said: string[]): CheckServer {
  const open = async (): Promise<MysqlSession> => {
    const session = await server.open();
    const ask = session.rawQuery.bind(session);
    session.rawQuery = (sql, onRow) => {
      said.push(String(sql));
      return ask(sql, onRow);
    };
    return session;
  };
  return { ...server, open };
}

/** Rows whose digests the statements ask for begin behind these keys; null: at the first one. */
function digestsBehind(said: readonly string[]): (number | null)[] {
  const digests = said.filter(sql => sql.includes('COUNT(*),SUM('));
  return digests.map(sql => {
    const [, from] = /WHERE.*`id` > (\d+)/.exec(sql) ?? [];
    return from === undefined ? null : Number(from);
  });
}

async function goneOn(
  bed: CheckBed,
  from: Checkpoint,
  o: Partial<FullCheckOptions> = {},
): Promise<CheckResult> {
  return bed.check({ ...OPTIONS, from, ...o });
}

describe('a check that was stopped', { timeout: TIMEOUT_MS }, () => {
  test('is gone on with behind what it has compared, and finds what was found and what was not', async () => {
    await using bed = await filled('resumed', 't');
    await bed.target(0).rawQuery("UPDATE t SET a = 'x' WHERE id IN (202, 204)");
    const from = await stoppedAt(bed, c => rowsOf(c) >= 500 && c.tables[0]?.suspects.length === 2);
    const upTo = Number(from.tables[0]?.upTo?.[0]);
    expect(upTo).toBeLessThan(ROWS - RANGE);
    expect(rowsOf(from)).toBe(upTo);
    // Mended meanwhile: it is looked at again, and not told.
    await bed.target(0).rawQuery("UPDATE t SET a = 'a204' WHERE id = 204");
    await bed.target(1).rawQuery(`DELETE FROM t WHERE id = ${ROWS - 1}`);
    const said: string[] = [];
    const sources = bed.checkSources().map(s => heard(s, said));
    const result = await goneOn(bed, from, { sources });
    expect(found(result)).toEqual(['different 202', `missing ${ROWS - 1}`]);
    expect(foundByOracle(await bed.oracle())).toEqual(found(result));
    expect(result).toMatchObject({ equal: false, rows: ROWS, startedMs: from.startedMs });
    expect(result.tables[0]).toMatchObject({ ranges: ROWS / RANGE + 1, targetRows: ROWS - 1 });
    expect(result.resumed).toMatchObject({
      ...{ times: 1, anew: [] },
      kept: [{ table: 't', rows: upTo, upTo: { id: `${upTo}` } }],
    });
    const behind = digestsBehind(said);
    // The first rows once more, at the end, whatever was compared.
    expect(behind.filter(key => key === null || key < upTo)).toEqual([null]);
    expect(behind.filter(key => key !== null && key >= upTo).length).toBeGreaterThan(5);
  });

  test('claims no later positions and no later moment than those of its beginning', async () => {
    await using bed = await filled('moment', 't');
    const from = await stoppedAt(bed, c => rowsOf(c) >= 500);
    await bed.source().rawQuery("UPDATE t SET a = 'later' WHERE id = 1");
    await bed.target(1).rawQuery("UPDATE t SET a = 'later' WHERE id = 1");
    const result = await goneOn(bed, from);
    const { startedMs, sourceGtids, targetGtids } = from;
    expect(result).toMatchObject({ equal: true, startedMs, sourceGtids, targetGtids });
    expect(result.startedMs + result.tookMs).toBeGreaterThanOrEqual(from.savedMs);
    const again = await bed.check(OPTIONS);
    expect(again.resumed).toBeUndefined();
    expect(again.sourceGtids).not.toEqual(sourceGtids);
  });

  test('goes on where it was through any number of kills', async () => {
    await using bed = await filled('kills', 't', 'u');
    await bed.target(0).rawQuery('DELETE FROM t WHERE id IN (2, 1000)');
    await bed.target(1).rawQuery(`UPDATE u SET a = NULL WHERE id IN (3, ${ROWS - 1})`);
    let from: Checkpoint | null = null;
    const all = (c: Checkpoint): number => rowsOf(c, 't') + rowsOf(c, 'u');
    for (const rows of [200, 900, 1700, 2600, 3500]) {
      const before: Checkpoint | null = from;
      from = await stoppedAt(bed, c => all(c) >= rows, { from });
      expect(all(from)).toBeGreaterThanOrEqual(before === null ? 0 : all(before));
      expect(from.startedMs).toBe(before?.startedMs ?? from.startedMs);
    }
    if (from === null) throw new Error('it was never stopped');
    const result = await goneOn(bed, from);
    expect(result).toMatchObject({ rows: 2 * ROWS, differences: 4, resumed: { times: 5 } });
    const keys = ['different 1999', 'different 3', 'missing 1000', 'missing 2'];
    expect(found(result)).toEqual(keys);
    expect(foundByOracle(await bed.oracle())).toEqual(keys);
  });

  test('by a checker that dies at once was taken up all the same, and keeps what it had', async () => {
    await using bed = await filled('at_once', 't');
    let from = await stoppedAt(bed, c => rowsOf(c) >= 500);
    const { tables } = from;
    for (const resumes of [1, 2, 3]) {
      from = await stoppedAt(bed, () => true, { from, checkpointMs: TIMEOUT_MS });
      expect(from).toMatchObject({ resumes, tables });
    }
  });

  test('and has compared all of a table reads the keys that differed, and the first rows', async () => {
    await using bed = await filled('whole', 't');
    await bed.target(0).rawQuery("UPDATE t SET a = 'x' WHERE id = 1000");
    // Keys are never decided while the pipeline stands.
    const waiter = { passed: (_: unknown, signal: AbortSignal) => standStill(signal) };
    let calls = 0;
    const from = await stoppedAt(bed, c => c.tables[0]?.upTo === null, {
      waiter: { passed: async (_, s) => (calls++ === 0 ? undefined : waiter.passed(_, s)) },
    });
    expect(rowsOf(from)).toBe(ROWS);
    const said: string[] = [];
    const result = await goneOn(bed, from, {
      sources: bed.checkSources().map(s => heard(s, said)),
    });
    expect(found(result)).toEqual(['different 1000']);
    expect(result).toMatchObject({ rows: ROWS, differences: 1 });
    expect(digestsBehind(said)).toEqual([null]);
    await bed.target(0).rawQuery('DELETE FROM t');
    const emptied = await goneOn(bed, from);
    expect(emptied.equal).toBe(false);
    expect(found(emptied)).toContain('missing 2');
  });

  test('begins anew with a table that has become another one, and says why', async () => {
    await using bed = await filled('altered', 't', 'u');
    const from = await stoppedAt(bed, c => rowsOf(c, 't') >= 300 && rowsOf(c, 'u') >= 300);
    for (const session of [bed.source(), bed.target(0), bed.target(1)]) {
      await session.rawQuery('ALTER TABLE t ADD COLUMN more INT DEFAULT 5');
    }
    await bed.target(0).rawQuery('UPDATE t SET more = 6 WHERE id = 2');
    const result = await goneOn(bed, from);
    expect(found(result)).toEqual(['different 2']);
    expect(result.rows).toBe(2 * ROWS);
    expect(result.resumed?.kept.map(k => k.table)).toEqual(['u']);
    expect(result.resumed?.anew).toMatchObject([{ table: 't' }]);
  });

  test('begins anew where the table was put in the place of the one that was compared', async () => {
    await using bed = await filled('renewed', 't');
    const from = await stoppedAt(bed, c => rowsOf(c) >= 1000);
    const made = `SELECT 1 AS n FROM information_schema.TABLES WHERE TABLE_NAME = 't'
      AND TABLE_SCHEMA = DATABASE() AND CREATE_TIME < NOW() - INTERVAL 1 SECOND`;
    const isOld = async (): Promise<boolean> => (await bed.target(0).query(made)).length === 1;
    await until(isOld, { timeoutMs: 10_000, what: 'a second that the table was not made in' });
    await bed.target(0).rawQuery('CREATE TABLE n LIKE t');
    // The first rows, and those behind the checkpoint, are as they were.
    await bed.target(0).rawQuery('INSERT INTO n SELECT * FROM t WHERE id <> 800');
    await bed.target(0).rawQuery('RENAME TABLE t TO o, n TO t');
    const result = await goneOn(bed, from);
    expect(found(result)).toEqual(['missing 800']);
    expect(result.resumed).toMatchObject({ kept: [], anew: [{ table: 't' }] });
  });

  test('notices that a target was truncated whose rows were all compared before', async () => {
    await using bed = await CheckBed.open('emptied_between');
    await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
    const isOf0 = (id: number): boolean => id > 500 && id <= 700;
    const row = (id: number): string => `(${id},${isOf0(id) ? 0 : 1},'a')`;
    const ids = Array.from({ length: ROWS }, (_, i) => i + 1);
    const insert = (of: number[]): string => `INSERT INTO t VALUES ${of.map(row).join(',')}`;
    await bed.source().rawQuery(insert(ids));
    await bed.target(0).rawQuery(insert(ids.filter(isOf0)));
    await bed.target(1).rawQuery(insert(ids.filter(id => !isOf0(id))));
    const from = await stoppedAt(bed, c => rowsOf(c) >= 1000);
    const range = { after: ['500'], upTo: ['600'], targets: ['t0'] };
    expect(from.tables[0]?.firsts).toContainEqual(range);
    await bed.target(0).rawQuery('TRUNCATE TABLE t');
    const outcome = await goneOn(bed, from).then(
      r => (r.resumed?.anew.length === 1 ? 'begun anew' : `equal: ${r.equal}`),
      (e: Error) => e.message,
    );
    // A server may note when it was made anew.
    expect(['equal: false', 'begun anew']).toContain(outcome);
  });

  test('with a scope of which all was compared ends, and compares nothing of it again', async () => {
    await using bed = await filled('scope_end', 't');
    await bed.target(0).rawQuery('DELETE FROM t WHERE id = 500');
    const scope = { from: null, to: { id: '600' }, where: null };
    const tables = bed.checked(2).map(t => ({ ...t, scope }));
    const waiter = {
      passed: async (_: unknown, signal: AbortSignal) => {
        if (calls++ > 0) await standStill(signal);
      },
    };
    let calls = 0;
    const from = await stoppedAt(bed, c => rowsOf(c) === 600, { tables, waiter });
    expect(from.tables[0]).toMatchObject({ upTo: ['600'], ranges: 6, suspects: [['500']] });
    const result = await goneOn(bed, from, { tables });
    expect(found(result)).toEqual(['missing 500']);
    expect(result.tables[0]).toMatchObject({ rows: 600, ranges: 6 });
  });

  test('with a scope is gone on with in the scope', async () => {
    await using bed = await filled('scope', 't');
    await bed.target(1).rawQuery('DELETE FROM t WHERE id IN (401, 403, 1601)');
    const scope = { from: { id: '200' }, to: { id: '1700' }, where: 'id <> 403' };
    const tables = bed.checked(2).map(t => ({ ...t, scope }));
    const from = await stoppedAt(bed, c => rowsOf(c) >= 600, { tables });
    expect(from.tables[0]?.filled).not.toBeNull();
    const result = await goneOn(bed, from, { tables });
    expect(found(result)).toEqual(['missing 1601', 'missing 401']);
    expect(result).toMatchObject({ equal: false, equalInScope: false, rows: 1500 });
    const whole = await goneOn(bed, from);
    expect(whole.resumed).toMatchObject({ kept: [], anew: [{ table: 't' }] });
    expect(whole).toMatchObject({ rows: ROWS, differences: 3 });
  });
});

function standStill(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
