/**
 * I6: rows go in that strict sessions refuse though they are right (the error value of an ENUM,
 * generated columns that warn); and nothing else of them is changed to fit on that occasion.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable, type PlayedLog } from '../../../../test/support/sink/applied-table.ts';
import type { Event } from '../../../../test/support/sink/log-maker.ts';

const LATER = { blockedMinMs: 600_000, blockedMaxMs: 600_000 };

/** ENUM values are numbers here, as both ways into the log have them. */
function insert(id: number, e: number, v = 'v'): Event {
  return { op: 'c', after: [id, 0, e, v, id] };
}

describe.each(['', ', UNIQUE KEY by_uk (uk)'])('a table with%s', uniques => {
  let db: AppliedTable;
  let log: PlayedLog;
  let job: string;

  beforeAll(async () => {
    const t1 = commonServer('t1');
    db = await AppliedTable.create({
      endpoint: t1,
      database: 'sink_enum_error',
      name: 'n',
      ddl: `CREATE TABLE n (id INT PRIMARY KEY, shard INT NOT NULL, e ENUM('a','') NOT NULL,
            v VARCHAR(50) NOT NULL, uk INT NOT NULL${uniques})`,
      shardColumn: 'shard',
    });
  });
  afterAll(() => db[Symbol.asyncDispose]());
  beforeEach(async () => {
    ({ log, job } = await db.fresh(1));
    await db.session.rawQuery('ALTER TABLE n MODIFY v VARCHAR(50) NOT NULL');
  });

  async function stored(): Promise<string[]> {
    const rows = await db.session.query<{ id: number; e: number; v: string }>(
      'SELECT id, e + 0 AS e, v FROM n ORDER BY id',
    );
    return rows.map(r => `${r.id} ${r.e} ${r.v}`);
  }

  test('rows with it, among others, new and changed', async () => {
    log.append(0, insert(1, 1), insert(2, 0), insert(3, 2), insert(4, 0), insert(5, 1));
    await using member = db.member(log, job, { schedule: LATER });
    await member.reached(0, log.release(0));
    expect(await stored()).toEqual(['1 1 v', '2 0 v', '3 2 v', '4 0 v', '5 1 v']);
    log.append(0, { op: 'u', before: [1, 0, 1, 'v', 1], after: [1, 0, 0, 'w', 1] });
    log.append(0, { op: 'u', before: [2, 0, 0, 'v', 2], after: [2, 0, 2, 'w', 2] });
    await member.reached(0, log.release(0));
    expect(await stored()).toEqual(['1 0 w', '2 2 w', '3 2 v', '4 0 v', '5 1 v']);
    expect(member.blocked).toEqual([]);
  });

  test('a row whose other value does not fit is refused, not cut', async () => {
    await db.session.rawQuery('ALTER TABLE n MODIFY v VARCHAR(3) NOT NULL');
    log.append(0, insert(1, 0, 'longer'), insert(2, 0, 'abc'), insert(3, 1, 'longer'));
    await using member = db.member(log, job, { schedule: LATER });
    await member.reached(0, log.release(0));
    expect(await stored()).toEqual(['2 0 abc']);
    // By their place in the log.
    expect(member.blocked).toEqual([0, 2]);
  });

  // What is refused is told of and taken for somebody's fault, what waits is not.
  test.skipIf(uniques === '')('one whose unique value is on another row waits for it', async () => {
    log.append(0, insert(1, 1), { op: 'c', after: [2, 0, 0, 'w', 1] });
    await using member = db.member(log, job, { schedule: LATER });
    await member.reached(0, log.release(0));
    expect(await stored()).toEqual(['1 1 v']);
    expect(member.blocked).toEqual([]);
    log.append(0, { op: 'd', before: [1, 0, 1, 'v', 1] });
    await member.reached(0, log.release(0));
    await member.unparked();
    expect(await stored()).toEqual(['2 0 w']);
    expect(member.blocked).toEqual([]);
  });

  test('nor one whose warnings the server does not keep', async () => {
    await db.session.rawQuery('ALTER TABLE n MODIFY v VARCHAR(3) NOT NULL');
    // As where max_error_count is 0 and the account may not set it.
    await db.session.rawQuery(
      'CREATE TRIGGER forgets BEFORE INSERT ON n FOR EACH ROW SET SESSION max_error_count = 0',
    );
    log.append(0, insert(1, 1, 'abc'), insert(2, 0, 'longer'));
    await using member = db.member(log, job, { schedule: LATER });
    await member.reached(0, log.release(0));
    log.append(0, insert(3, 0, 'longer'));
    await member.reached(0, log.release(0));
    await db.session.rawQuery('DROP TRIGGER forgets');
    expect(await stored()).toEqual(['1 1 abc']);
    expect(member.blocked).toEqual([1, 2]);
  });
});

test('rows with it in their key are deleted among others, and others among them', async () => {
  const t1 = commonServer('t1');
  await using db = await AppliedTable.create({
    endpoint: t1,
    database: 'sink_enum_key',
    name: 'k',
    ddl: `CREATE TABLE k (id INT NOT NULL, e ENUM('a','b') NOT NULL, shard INT NOT NULL,
          PRIMARY KEY (id, e))`,
    shardColumn: 'shard',
  });
  const { log, job } = await db.fresh(1);
  const row = (id: number, e: number): [number, number, number] => [id, e, 0];
  const all = [row(1, 0), row(1, 1), row(2, 2), row(3, 0), row(4, 0), row(5, 1)];
  log.append(0, ...all.map((after): Event => ({ op: 'c', after })));
  await using member = db.member(log, job, { schedule: LATER });
  await member.reached(0, log.release(0));
  const gone = [row(1, 0), row(2, 2), row(3, 0), row(5, 1)];
  log.append(0, ...gone.map((before): Event => ({ op: 'd', before })));
  await member.reached(0, log.release(0));
  const rows = await db.session.query<{ id: number; e: number }>(
    'SELECT id, e + 0 AS e FROM k ORDER BY id, e',
  );
  expect(rows.map(r => `${r.id} ${r.e}`)).toEqual(['1 1', '4 0']);
  expect(member.blocked).toEqual([]);
});

describe('a table with computed columns', () => {
  let db: AppliedTable;
  let log: PlayedLog;
  let job: string;

  beforeAll(async () => {
    const t1 = commonServer('t1');
    db = await AppliedTable.create({
      endpoint: t1,
      database: 'sink_computed',
      name: 'g',
      ddl: `CREATE TABLE g (id INT PRIMARY KEY, shard INT NOT NULL, s VARCHAR(90) NOT NULL,
            v VARCHAR(50) NOT NULL, n INT AS (CAST(s AS SIGNED)) VIRTUAL,
            m TINYINT AS (CAST(s AS SIGNED)) STORED)`,
      shardColumn: 'shard',
    });
  });
  afterAll(() => db[Symbol.asyncDispose]());
  beforeEach(async () => {
    ({ log, job } = await db.fresh(1));
    // A strict session neither deletes rows that it would refuse, nor alters their table.
    await db.session.rawQuery('TRUNCATE g');
    await db.session.rawQuery('ALTER TABLE g MODIFY v VARCHAR(50) NOT NULL');
  });

  async function stored(): Promise<string[]> {
    const rows = await db.session.query<{ id: number; s: string; v: string; m: number }>(
      'SELECT id, s, v, m FROM g ORDER BY id',
    );
    return rows.map(r => `${r.id} ${r.s} ${r.v} ${r.m}`);
  }

  const insertComputed = (id: number, s: string, m: number, v = 'v'): Event => ({
    op: 'c',
    after: [id, 0, s, v, m],
  });

  test('rows whose computed columns warn, among others, new and changed', async () => {
    const [word, large] = [insertComputed(1, 'abc', 0), insertComputed(2, '300', 127)];
    log.append(0, word, large, insertComputed(3, '7', 7));
    await using member = db.member(log, job, { schedule: LATER });
    await member.reached(0, log.release(0));
    expect(await stored()).toEqual(['1 abc v 0', '2 300 v 127', '3 7 v 7']);
    log.append(0, { op: 'u', before: [3, 0, '7', 'v', 7], after: [3, 0, 'x', 'w', 0] });
    await member.reached(0, log.release(0));
    expect(await stored()).toEqual(['1 abc v 0', '2 300 v 127', '3 x w 0']);
    // Of rows that are there already, whose columns warn before they are changed.
    log.append(0, { op: 'u', before: [1, 0, 'abc', 'v', 0], after: [1, 0, '5', 'v', 5] });
    log.append(0, { op: 'd', before: [3, 0, 'x', 'w', 0] });
    await member.reached(0, log.release(0));
    expect(await stored()).toEqual(['1 5 v 5', '2 300 v 127']);
    expect(member.blocked).toEqual([]);
  });

  test('one whose other value does not fit is refused, not cut', async () => {
    await db.session.rawQuery('ALTER TABLE g MODIFY v VARCHAR(3) NOT NULL');
    // A value that reads like the words of a warning of a computed column.
    const words = "' for column 'm' at row 1";
    log.append(0, insertComputed(1, 'abc', 0, 'longer'), insertComputed(2, words, 0, 'abc'));
    log.append(0, insertComputed(3, 'abc', 0, words));
    await using member = db.member(log, job, { schedule: LATER });
    await member.reached(0, log.release(0));
    expect((await stored()).map(row => row.split(' ')[0])).toEqual([]);
    expect(member.blocked).toEqual([0, 1, 2]);
  });
});
