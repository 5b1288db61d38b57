/**
 * One target seen from its workers: fences, restarts, refused data, lazy offsets, two targets.
 * Enforces I4, I5.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { sleep, until } from '../../../../shared/runtime/clock.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable, type PlayedLog } from '../../../../test/support/sink/applied-table.ts';
import type { Event } from '../../../../test/support/sink/log-maker.ts';
import { overdue } from '../../metrics.ts';

const WAIT = { timeoutMs: 10_000, everyMs: 5 };

const endpoint = () => commonServer('t1');

/** Inserts of rows [from, to) with `v` in the value column. */
function inserts(from: number, to: number, v: string | number = 'v'): Event[] {
  return Array.from({ length: to - from }, (_, i) => ({ op: 'c', after: [from + i, 0, v, null] }));
}

const INSERT = 'INSERT INTO `sink_worker`.`w`';

interface Connection {
  Id: string | number;
  db: string | null;
  Info: string | null;
}

/** Of the test's database. Not by information_schema, which fails when somebody's SQL has emoji. */
async function connections(session: MysqlSession): Promise<Connection[]> {
  const all = await session.query<Connection>('SHOW PROCESSLIST');
  return all.filter(c => c.db === 'sink_worker' && Number(c.Id) !== session.threadId);
}

describe('a worker', () => {
  let db: AppliedTable;
  let log: PlayedLog;
  let job: string;

  beforeAll(async () => {
    db = await AppliedTable.create({
      endpoint: endpoint(),
      database: 'sink_worker',
      name: 'w',
      ddl: `CREATE TABLE w (id INT PRIMARY KEY, shard INT NOT NULL, v VARCHAR(100) NOT NULL,
            uk VARCHAR(20) NULL, UNIQUE KEY (uk))`,
      shardColumn: 'shard',
    });
  });
  afterAll(() => db[Symbol.asyncDispose]());
  beforeEach(async () => {
    ({ log, job } = await db.fresh(2));
  });

  async function offsets(): Promise<number[]> {
    const rows = await db.session.query<{ n: string }>(
      'SELECT next_offset AS n FROM reshard_offset WHERE job = ? ORDER BY part',
      [job],
    );
    return rows.map(r => Number(r.n));
  }

  test('goes on from the offset in the target, whatever was read by the one before', async () => {
    log.append(0, ...inserts(0, 100));
    {
      await using first = db.member(log, job);
      await first.reached(0, log.release(0, 40));
    }
    expect(await offsets()).toEqual([40, 0]);
    await using second = db.member(log, job);
    await second.reached(0, log.release(0));
    expect((await db.rows()).length).toBe(100);
    expect(second.task(0).total).toEqual({ rows: 60, skipped: 0 });
  });

  test('a member that lost its partition tasks changes nothing, not even with the right offset', async () => {
    log.append(0, ...inserts(0, 10, 'first'));
    await using stale = db.member(log, job, { schedule: { fencedMs: 60_000, haltedMs: 60_000 } });
    await stale.reached(0, log.release(0));
    // The successor reads another log, so that whose rows are in the table can be seen.
    const { PlayedLog } = await import('../../../../test/support/sink/applied-table.ts');
    const other = new PlayedLog(db.table, 2);
    other.append(0, ...inserts(0, 10, 'first'), ...inserts(10, 20, 'second'));
    await using owner = db.member(other, job);
    await until(() => owner.task(0).state === 'running', { ...WAIT, what: 'the claim' });
    log.append(0, ...inserts(10, 20, 'stale'));
    log.release(0);
    await until(() => stale.task(0).state === 'waiting', { ...WAIT, what: 'the fence' });
    expect((await db.rows()).length).toBe(10);
    await owner.reached(0, other.release(0));
    const rows = await db.rows();
    expect([rows.length, rows.some(r => r.includes('stale'))]).toEqual([20, false]);
  });

  test('a fenced partition task does not take the other partition tasks of its worker with it', async () => {
    log.append(0, ...inserts(0, 5));
    log.append(1, ...inserts(100, 105));
    await using member = db.member(log, job, { schedule: { fencedMs: 60_000, haltedMs: 60_000 } });
    await until(() => member.tasks.every(l => l.state === 'running'), { ...WAIT, what: 'claims' });
    await db.session.run(
      'UPDATE reshard_offset SET revision = revision + 1 WHERE job = ? AND part = 0',
      [job],
    );
    log.release(0);
    log.release(1);
    await member.reached(1, 5);
    expect(member.task(0).state).toBe('waiting');
    expect((await db.rows()).length).toBe(5);
  });

  test('a connection killed in the middle of the work costs nothing but time', async () => {
    log.append(0, ...inserts(0, 3000));
    log.append(1, ...inserts(5000, 8000));
    await using member = db.member(log, job, { workers: 2 });
    const admin = await MysqlSession.open(endpoint(), { role: 'admin', side: 'target' });
    for (let i = 0; i < 30; i++) {
      log.release(0, 100);
      log.release(1, 100);
      const ids = (await connections(admin)).filter(c => Number(c.Id) !== db.session.threadId);
      if (i % 5 === 4) {
        for (const { Id } of ids) await admin.rawQuery(`KILL ${Id}`).catch(() => {});
      }
    }
    await member.reached(0, 3000);
    await member.reached(1, 3000);
    await admin.close();
    expect((await db.rows()).length).toBe(6000);
    expect(await offsets()).toEqual([3000, 3000]);
  }, 20_000);

  test('a record whose key cannot be read halts its partition task behind what is readable', async () => {
    log.append(0, ...inserts(0, 3));
    log.logs[0]?.appendBadKey([3, 0, 'v', null]).append(...inserts(4, 6));
    await using member = db.member(log, job, { schedule: { fencedMs: 100, haltedMs: 60_000 } });
    log.release(0);
    await until(() => member.task(0).state === 'halted', { ...WAIT, what: 'the halt' });
    expect(await offsets()).toEqual([3, 0]);
    expect((await db.rows()).length).toBe(3);
    expect(member.task(0).error?.kind).toBe('corrupt');
  });

  test('the offset follows records of other targets, and the end of a log without rows', async () => {
    log.append(0, ...inserts(0, 5).map(e => ({ ...e, after: [e.after?.[0] ?? 0, 1, 'v', null] })));
    await using member = db.member(log, job);
    await member.reached(0, log.release(0));
    expect(await offsets()).toEqual([5, 0]);
    expect(await db.rows()).toEqual([]);
  });

  test('a row that moves to another shard leaves the old target and enters the new one', async () => {
    log.append(
      0,
      { op: 'c', after: [1, 0, 'a', null] },
      { op: 'u', before: [1, 0, 'a', null], after: [1, 1, 'b', null] },
      { op: 'c', after: [2, 1, 'a', null] },
      { op: 'u', before: [2, 1, 'a', null], after: [2, 0, 'b', null] },
    );
    await using member = db.member(log, job);
    for (let i = 1; i <= 4; i++) await member.reached(0, log.release(0, 1));
    expect(await db.rows()).toEqual(['2,0,b,']);
  });

  test('a transaction that its owner left open does not lock the next owner out', async () => {
    log.append(0, ...inserts(1, 3));
    {
      await using first = db.member(log, job);
      await first.reached(0, log.release(0));
    }
    const frozen = await db.target(job).connect();
    await frozen.session.run('UPDATE reshard_offset SET revision = revision + 1 WHERE job = ?', [
      job,
    ]);
    await using next = db.member(log, job);
    log.append(0, ...inserts(3, 5));
    const to = log.release(0);
    await until(() => next.task(0).position.next === to, {
      timeoutMs: 25_000,
      what: 'the server to end the transaction',
    });
    frozen.session.destroy();
    expect((await db.rows()).length).toBe(4);
  }, 40_000);

  test('a worker without work stays connected', async () => {
    await using member = db.member(log, job);
    await until(() => member.tasks.every(l => l.state === 'running'), { ...WAIT, what: 'claims' });
    await sleep(12_000);
    expect(member.workers[0]?.error).toBeNull();
    expect(member.task(0).position.revision).toBe(1);
  }, 20_000);

  /** Another session of the target, which is in the worker's way. */
  function openRival(): Promise<MysqlSession> {
    const at = { ...endpoint(), database: db.database };
    return MysqlSession.open(at, { role: 'admin', side: 'target' });
  }

  test('a deadlock is tried again', async () => {
    log.append(0, ...inserts(1, 3));
    log.append(1, ...inserts(11, 13));
    await using member = db.member(log, job);
    await until(() => member.tasks.every(l => l.state === 'running'), { ...WAIT, what: 'claims' });
    const rival = await openRival();
    // The rival holds row 1; the worker waits for it and holds its offset row, which the rival
    // wants.
    await rival.rawQuery('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    await rival.rawQuery('START TRANSACTION');
    await rival.rawQuery("INSERT INTO w VALUES (1, 0, 'rival', NULL)");
    await rival.rawQuery("INSERT INTO w SELECT id + 1000, 0, 'heavy', NULL FROM w");
    log.release(0);
    let seen = 0;
    await until(
      async () => {
        const rows = (await connections(db.session)).filter(c => c.Info?.startsWith(INSERT));
        seen = rows.length === 1 ? seen + 1 : 0;
        return seen > 2;
      },
      { ...WAIT, everyMs: 50, what: 'the worker to wait for the rival' },
    );
    const [first] = await Promise.allSettled([
      rival.rawQuery(`UPDATE reshard_offset SET epoch = epoch WHERE job = '${job}' AND part = 0`),
    ]);
    await rival.rawQuery('ROLLBACK').catch(() => {});
    await rival.close();
    await member.reached(0, 2);
    const retries = member.workers[0]?.total.retries ?? 0;
    // One of the two was the victim; when it was the worker, it has tried again.
    expect(first?.status === 'rejected' || retries > 0).toBe(true);
    expect((await db.rows()).length).toBe(2);
  }, 20_000);

  test('a row that somebody keeps locked is told while it waits, and no longer', async () => {
    log.append(0, ...inserts(1, 3));
    await using member = db.member(log, job, { schedule: { silentMs: 300 } });
    await until(() => member.tasks.every(l => l.state === 'running'), { ...WAIT, what: 'claims' });
    const rival = await openRival();
    await rival.rawQuery('START TRANSACTION');
    await rival.rawQuery("INSERT INTO w VALUES (1, 0, 'rival', NULL)");
    const to = log.release(0);
    const worker = member.workers[0];
    await until(() => worker?.error !== null, { ...WAIT, what: 'the wait to be told' });
    expect(worker?.error?.message).toMatch(/waiting for more than/);
    expect(worker?.error?.remedy).toMatch(/end the session that holds rows/);
    await rival.rawQuery('ROLLBACK');
    await rival.close();
    await member.reached(0, to);
    expect(worker?.error).toBeNull();
  });

  test('positions that somebody drops are made anew: no row and no table is to blame', async () => {
    log.append(0, ...inserts(0, 10));
    await using member = db.member(log, job);
    await member.reached(0, log.release(0, 5));
    await db.session.rawQuery('DROP TABLE reshard_offset');
    const to = log.release(0);
    const states = new Set<string>();
    await until(
      () => {
        states.add(member.task(0).state);
        return member.task(0).position.next === to;
      },
      { ...WAIT, what: 'the log to be read again' },
    );
    expect(states).not.toContain('halted');
    expect((await db.rows()).length).toBe(10);
  });

  test('a table of ours that somebody drops is missed without a row that needs it', async () => {
    await using member = db.member(log, job);
    await until(() => member.tasks.every(l => l.state === 'running'), { ...WAIT, what: 'claims' });
    await db.session.rawQuery('DROP TABLE reshard_park');
    const isThere = async (): Promise<boolean> =>
      (await db.session.query("SHOW TABLES LIKE 'reshard_park'")).length > 0;
    await until(isThere, { ...WAIT, everyMs: 100, what: 'the table to be made anew' });
  });

  test('rows that waited in a table that somebody drops are told as lost', async () => {
    await db.session.rawQuery("INSERT INTO w VALUES (999, 0, 'foreign', 'taken')");
    log.append(0, { op: 'c', after: [1, 0, 'mine', 'taken'] });
    await using member = db.member(log, job);
    await member.reached(0, log.release(0));
    const task = member.task(0);
    expect(task.parked.size).toBe(1);
    await db.session.rawQuery('DROP TABLE reshard_park');
    await until(() => task.lost ?? undefined, { ...WAIT, what: 'the loss to be seen' });
    expect(task.lost?.rows).toBe(1);
    expect(task.parked.size).toBe(0);
  });

  test('a park that outlives its deadline is an error with table and key, and is never dropped', async () => {
    await db.session.rawQuery("INSERT INTO w VALUES (999, 0, 'foreign', 'taken')");
    log.append(0, { op: 'c', after: [1, 0, 'mine', 'taken'] });
    {
      await using member = db.member(log, job);
      await member.reached(0, log.release(0));
      const task = member.task(0);
      expect(task.parked.size).toBe(1);
      expect(overdue(task, 60_000, Date.now())).toBeNull();
      expect(overdue(task, 60_000, Date.now() + 61_000)?.message).toMatch(/unique value/);
      expect(overdue(task, 60_000, Date.now() + 61_000)?.context).toMatchObject({
        table: 'w',
        rows: 1,
        offset: 0,
      });
    }
    await using next = db.member(log, job);
    await until(() => next.task(0).parked.size === 1, { ...WAIT, what: 'the park to be known' });
    await db.session.rawQuery('DELETE FROM w WHERE id = 999');
    await next.unparked();
    expect(await db.rows()).toEqual(['1,0,mine,taken']);
  });

  test('a newer event of a parked key takes its place, a delete removes it', async () => {
    await db.session.rawQuery("INSERT INTO w VALUES (999, 0, 'foreign', 'taken')");
    log.append(
      0,
      { op: 'c', after: [1, 0, 'old', 'taken'] },
      { op: 'c', after: [2, 0, 'x', 'free'] },
    );
    log.append(1, { op: 'c', after: [3, 0, 'old', 'taken'] });
    await using member = db.member(log, job);
    await member.reached(0, log.release(0));
    await member.reached(1, log.release(1));
    expect(member.tasks.map(l => l.parked.size)).toEqual([1, 1]);
    log.append(0, { op: 'u', before: [1, 0, 'old', 'taken'], after: [1, 0, 'new', 'other'] });
    log.append(1, { op: 'd', before: [3, 0, 'old', 'taken'] });
    await member.reached(0, log.release(0));
    await member.reached(1, log.release(1));
    await member.unparked();
    const [parked] = await db.session.query<{ n: string }>(
      'SELECT COUNT(*) AS n FROM reshard_park WHERE job = ?',
      [job],
    );
    expect(Number(parked?.n)).toBe(0);
    expect(await db.rows()).toEqual(['1,0,new,other', '2,0,x,free', '999,0,foreign,taken']);
  });
});
