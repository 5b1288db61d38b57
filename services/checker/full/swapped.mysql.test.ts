/**
 * I9: what was compared is what is there at the end. A table that is truncated, or a server that is
 * another one, after its ranges were found equal ends the check as failed.
 */
import { describe, expect, test } from 'vitest';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { AT_REST, CheckBed } from '../../../test/support/checker/bed.ts';
import { runFullCheck } from './full-check.ts';
import { UNTHROTTLED_CHECK } from './rate-limit.ts';
import type { CheckServer } from './session-set.ts';

const TIMEOUT_MS = 60_000;
const ROWS = 1000;
const LEAF = 100;
const SIMPLE = 'id INT PRIMARY KEY, customer_id INT NOT NULL, a VARCHAR(40)';

async function filled(name: string, targets: number): Promise<CheckBed> {
  const bed = await CheckBed.open(name, { targets });
  await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
  const rows = Array.from({ length: ROWS }, (_, i) => `(${i + 1},${i},'a${i}')`).join(',');
  await bed.source().rawQuery(`INSERT INTO t VALUES ${rows}`);
  for (const place of bed.targets) await place.session.rawQuery(`INSERT INTO t VALUES ${rows}`);
  return bed;
}

/** Does something to the target when all rows are compared and the check has not ended. */
async function behindIts(bed: CheckBed, ...statements: string[]): Promise<string> {
  const made = `SELECT 1 AS n FROM information_schema.TABLES WHERE TABLE_NAME = 't'
    AND TABLE_SCHEMA = DATABASE() AND CREATE_TIME < NOW() - INTERVAL 1 SECOND`;
  const target = bed.target(0);
  const isOld = async () => (await target.query(made)).length === 1;
  await until(isOld, { timeoutMs: 10_000, what: 'a second that the table was not made in' });
  let rows = 0;
  // All rows are in the first range; the throttle holds the check before the empty one behind.
  const checking = bed.check({
    rangeRows: ROWS,
    leafRows: LEAF,
    concurrency: 1,
    throttle: { ...UNTHROTTLED_CHECK, rowsPerSecond: () => ROWS / 3 },
    onProgress: p => {
      rows = p.tables[0]?.rows ?? 0;
    },
  });
  const outcome = checking.then(
    r => `equal: ${r.equal}`,
    (e: Error) => e.message,
  );
  await until(() => rows === ROWS, { timeoutMs: 30_000, what: 'the first range' });
  for (const sql of statements) await target.rawQuery(sql);
  return outcome;
}

describe('a check', { timeout: TIMEOUT_MS }, () => {
  test('of a table that is truncated behind it is not equal, though each range was', async () => {
    await using bed = await filled('truncated', 1);
    const outcome = await behindIts(bed, 'TRUNCATE TABLE t');
    expect(['equal: false', 't was made anew meanwhile']).toContain(outcome);
  });

  test('of a table that is truncated on a target which has none of the first rows is not equal', async () => {
    await using bed = await CheckBed.open('emptied', { targets: 2 });
    await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
    const rows = Array.from({ length: ROWS }, (_, i) => `(${i + 1},${i < ROWS / 2 ? 1 : 0},'a')`);
    await bed.source().rawQuery(`INSERT INTO t VALUES ${rows.join(',')}`);
    await bed.target(1).rawQuery(`INSERT INTO t VALUES ${rows.slice(0, ROWS / 2).join(',')}`);
    await bed.target(0).rawQuery(`INSERT INTO t VALUES ${rows.slice(ROWS / 2).join(',')}`);
    const outcome = await behindIts(bed, 'TRUNCATE TABLE t');
    expect(['equal: false', 't was made anew meanwhile']).toContain(outcome);
  });

  test('of a table in whose place another one was put fails, though each range was equal', async () => {
    await using bed = await filled('renamed', 1);
    const outcome = await behindIts(
      bed,
      'CREATE TABLE n LIKE t',
      `INSERT INTO n SELECT * FROM t WHERE id < ${ROWS}`,
      'RENAME TABLE t TO o, n TO t',
    );
    expect(outcome).toBe('t was made anew meanwhile');
  });

  test('behind whose address another server answers fails, though its rows are equal', async () => {
    await using bed = await filled('swapped', 2);
    const [source] = bed.sources;
    const [first, second] = bed.targets;
    if (!source || !first || !second) throw new Error('three databases');
    const places = [first, second];
    let opened = 0;
    const target: CheckServer = {
      name: 't0',
      database: first.database,
      open: async () => {
        const place = places[Math.min(opened++, 1)] ?? first;
        const session = await MysqlSession.open(place, { role: 'read', side: 'target' });
        // The second server has the rows under the same names.
        await session.rawQuery(`USE \`${place.database}\``);
        return session;
      },
    };
    await second.session.rawQuery(`CREATE DATABASE \`${first.database}\``);
    await second.session.rawQuery(
      `CREATE TABLE \`${first.database}\`.t AS SELECT * FROM \`${second.database}\`.t`,
    );
    await second.session.rawQuery(`ALTER TABLE \`${first.database}\`.t ADD PRIMARY KEY (id)`);
    try {
      const from: CheckServer = {
        name: 's0',
        database: source.database,
        open: () => MysqlSession.open(source, { role: 'read', side: 'source' }),
      };
      const checking = runFullCheck({
        verifyId: 'verify-test',
        sources: [from],
        targets: [target],
        tables: bed.checked(1),
        waiter: AT_REST,
        log: bed.log,
        signal: new AbortController().signal,
        rangeRows: 100,
        concurrency: 2,
      });
      await expect(checking).rejects.toThrow('t0 is another server than before');
    } finally {
      await second.session.rawQuery(`DROP DATABASE \`${first.database}\``);
    }
  });
});
