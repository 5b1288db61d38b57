/**
 * I14: everything that can halt a partition task, and the remedy that its error names, applied as
 * it is printed. What comes behind the halt must then be on the target. A recopy with all its
 * services is in test/availability/halt.live.test.ts; here is what the sink does with its plan.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { until } from '../../../../shared/runtime/clock.ts';
import { describeError, ReshardError } from '../../../../shared/runtime/error.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import {
  AppliedTable,
  type PlayedLog,
  type PlayedMember,
} from '../../../../test/support/sink/applied-table.ts';

const WAIT = { timeoutMs: 15_000, everyMs: 5 };
const SCHEDULE = { fencedMs: 100, haltedMs: 100, blockedMinMs: 100, blockedMaxMs: 200 };

const endpoint = () => commonServer('t1');

describe('a halted partition task', () => {
  let db: AppliedTable;
  let log: PlayedLog;
  let job: string;

  beforeAll(async () => {
    db = await AppliedTable.create({
      endpoint: endpoint(),
      database: 'sink_halt',
      name: 'h',
      ddl: 'CREATE TABLE h (id INT PRIMARY KEY, shard INT NOT NULL, v LONGTEXT NOT NULL)',
      shardColumn: 'shard',
      shared: true,
    });
  });
  afterAll(() => db[Symbol.asyncDispose]());
  beforeEach(async () => {
    ({ log, job } = await db.fresh(1));
    db.table.copy = { generation: 1, from: [] };
  });

  function member(o: Parameters<AppliedTable['member']>[2] = {}): PlayedMember {
    return db.member(log, job, { schedule: SCHEDULE, ...o });
  }

  /** The error that the operator reads. */
  async function halted(m: PlayedMember): Promise<string> {
    await until(() => m.task(0).error !== null, { ...WAIT, what: 'the halt' });
    return describeError(m.task(0).error);
  }

  /** A recopy is planned, and its rows come behind the end that the log has now. */
  function recopy(m: PlayedMember): void {
    db.table.copy = { generation: db.table.copy.generation + 1, from: [log.end(0)] };
    m.workers[0]?.retryHalted(m.task(0));
  }

  test('corrupt: by a record whose key cannot be read, goes on with a recopy', async () => {
    log.append(0, { op: 'c', after: [1, 0, 'a'] });
    log.logs[0]?.appendBadKey([2, 0, 'a']).append({ op: 'c', after: [3, 0, 'a'] });
    await using m = member();
    log.release(0);
    expect(await halted(m)).toMatch(/corrupt.*reshard recopy <job file> --source s --tables h/s);
    recopy(m);
    log.append(0, { op: 'r', after: [3, 0, 'b'] });
    await m.reached(0, log.release(0));
    expect(await db.rows()).toEqual(['1,0,a', '3,0,b']);
    expect(m.task(0)).toMatchObject({ state: 'running', error: null });
  });

  test('history-lost: a trimmed log is passed where a recopy begins, and never else', async () => {
    log.append(0, { op: 'c', after: [1, 0, 'a'] });
    await using m = member();
    await m.reached(0, log.release(0));
    const context = { earliest: 5, latest: 9 };
    const lost = (): void =>
      m.workers[0]?.lost(m.task(0), new ReshardError('history-lost', 'trimmed', { context }));
    log.append(0, ...Array.from({ length: 9 }, () => ({ op: 'd', before: [1, 0, 'a'] }) as const));
    lost();
    expect(await halted(m)).toMatch(
      /history-lost.*reshard recopy <job file> --source s --tables h/s,
    );
    // A recopy of which the first rows are gone as well is behind the position: no way on.
    db.table.copy = { generation: 2, from: [1] };
    m.workers[0]?.retryHalted(m.task(0));
    await until(() => m.task(0).state === 'running', { ...WAIT, what: 'another attempt' });
    expect(m.task(0).position.next).toBe(1);
    lost();
    recopy(m);
    log.append(0, { op: 'r', after: [2, 0, 'b'] });
    await m.reached(0, log.release(0));
    // The rows that were deleted in between are the check's, which is part of the command.
    expect(await db.rows()).toEqual(['1,0,a', '2,0,b']);
    await using next = member();
    await until(() => next.task(0).position.next === log.end(0), { ...WAIT, what: 'the position' });
  });

  test('history-lost: a topic made anew is read from where a younger recopy begins', async () => {
    log.append(0, { op: 'c', after: [1, 0, 'a'] }, { op: 'c', after: [2, 0, 'a'] });
    await using m = member();
    await m.reached(0, log.release(0));
    const lost = (): void =>
      m.workers[0]?.lost(m.task(0), new ReshardError('history-lost', 'made anew'));
    db.table.copy = { generation: 2, from: [0] };
    lost();
    await until(() => m.task(0).state === 'running', { ...WAIT, what: 'another attempt' });
    expect(m.task(0).position.next, 'a recopy of before the halt').toBe(2);
    lost();
    db.table.copy = { generation: 3, from: [0] };
    m.workers[0]?.retryHalted(m.task(0));
    await until(() => m.task(0).position.revision > 4, { ...WAIT, what: 'the restart' });
    await until(() => m.task(0).error === null, { ...WAIT, what: 'the end of the halt' });
  });

  test('history-lost: what a recopy has brought already halts nothing', async () => {
    log.append(0, { op: 'c', after: [1, 0, 'a'] }, { op: 'c', after: [2, 0, 'a'] });
    await using m = member({ schedule: { ...SCHEDULE, haltedMs: 3_600_000 } });
    await m.reached(0, log.release(0));
    const id = Buffer.alloc(16, 2).toString('base64url');
    db.table.copy = { generation: 2, from: [0], topicId: id };
    const context = { loss: 're-created', topicId: 'the one before', id };
    const { revision } = m.task(0).position;
    m.workers[0]?.lost(m.task(0), new ReshardError('history-lost', 'made anew', { context }));
    expect(m.task(0).isHalted).toBe(false);
    const goesOn = (): boolean => {
      const { position, error } = m.task(0);
      return position.revision > revision && error === null;
    };
    await until(goesOn, { ...WAIT, what: 'the restart' });
    // Without the recopy it is a halt, which the operator hears of.
    m.workers[0]?.lost(m.task(0), new ReshardError('history-lost', 'trimmed'));
    expect(m.task(0).isHalted).toBe(true);
  });

  test('schema-changed: another primary key on the target, made as on the sources', async () => {
    await db.session.rawQuery('ALTER TABLE h DROP PRIMARY KEY, ADD PRIMARY KEY (id, shard)');
    log.append(0, { op: 'c', after: [1, 0, 'a'] });
    await using m = member();
    log.release(0);
    expect(await halted(m)).toMatch(/schema-changed.*create the table on t0 as it is/s);
    await db.session.rawQuery('ALTER TABLE h DROP PRIMARY KEY, ADD PRIMARY KEY (id)');
    await until(() => m.task(0).state === 'running', { ...WAIT, what: 'the claim' });
    await m.reached(0, log.release(0));
    expect(await db.rows()).toEqual(['1,0,a']);
  });

  test('target-data: a delete that the target refuses, once the table is like the source', async () => {
    log.append(0, { op: 'c', after: [1, 0, 'a'] });
    await using m = member();
    await m.reached(0, log.release(0));
    await db.session.rawQuery(
      "CREATE TRIGGER keep BEFORE DELETE ON h FOR EACH ROW SIGNAL SQLSTATE '45000'",
    );
    log.append(0, { op: 'd', before: [1, 0, 'a'] }, { op: 'c', after: [2, 0, 'b'] });
    log.release(0);
    expect(await halted(m)).toMatch(/target-data.*trigger.*make the target table like the source/s);
    await db.session.rawQuery('DROP TRIGGER keep');
    await m.reached(0, log.end(0));
    expect(await db.rows()).toEqual(['2,0,b']);
  });

  test('too-large: a row above max_allowed_packet, when that is raised as it says', async () => {
    const admin = await MysqlSession.open(endpoint(), { role: 'admin', side: 'target' });
    const [before] = await admin.query<{ n: string }>('SELECT @@global.max_allowed_packet AS n');
    try {
      await admin.rawQuery('SET GLOBAL max_allowed_packet = 1048576');
      log.append(0, { op: 'c', after: [1, 0, 'x'.repeat(1_200_000)] });
      await using m = member();
      log.release(0);
      const text = await halted(m);
      const remedy = /SET GLOBAL max_allowed_packet = \d+/.exec(text)?.[0];
      expect(text).toMatch(/too-large/);
      await admin.rawQuery(remedy ?? '');
      await m.reached(0, log.end(0));
      expect((await db.rows()).length).toBe(1);
    } finally {
      await admin.rawQuery(`SET GLOBAL max_allowed_packet = ${before?.n}`);
      await admin.close();
    }
  });

  test('collision: more keys of two sources than may be blocked, when the others let go', async () => {
    await using m = member({ blockedKeys: 2, parkDeadlineMs: 0 });
    await until(() => m.task(0).state === 'running', { ...WAIT, what: 'the claim' });
    const tables = await db.session.query<{ name: string }>(
      "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'sink_halt' " +
        'AND TABLE_COMMENT LIKE ?',
      [`%job ${job}#1`],
    );
    const owners = tables[0]?.name ?? '';
    await db.session.rawQuery("INSERT INTO h VALUES (1, 0, 'z'), (2, 0, 'z'), (3, 0, 'z')");
    await db.session.rawQuery(`INSERT INTO ${owners} VALUES (1, 'z'), (2, 'z'), (3, 'z')`);
    log.append(0, ...[1, 2, 3, 4].map(id => ({ op: 'c', after: [id, 0, 'a'] }) as const));
    log.release(0);
    expect(await halted(m)).toMatch(/collision.*source z has a row of the same key as source s/s);
    await db.session.rawQuery('DELETE FROM h');
    await db.session.rawQuery(`DELETE FROM ${owners}`);
    await m.reached(0, log.end(0));
    const isBack = async (): Promise<boolean> => (await db.rows()).length === 4;
    await until(isBack, { ...WAIT, what: 'the blocked rows to go in' });
    expect(await db.rows()).toEqual(['1,0,a', '2,0,a', '3,0,a', '4,0,a']);
  });
});
