/**
 * I10 in the sink: a row that the target refuses, or a record that nobody can read, stops its key
 * and nothing else; it is never lost, and goes in when the target takes it.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../../shared/runtime/clock.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable, type PlayedLog } from '../../../../test/support/sink/applied-table.ts';
import type { Event, TextRow } from '../../../../test/support/sink/log-maker.ts';

const WAIT = { timeoutMs: 15_000, everyMs: 5 };
const LONG = 'x'.repeat(60);
/** Blocked keys are tried again at once, or not while the test runs. */
const SOON = { blockedMinMs: 20, blockedMaxMs: 100, haltedMs: 200 };
const LATER = { blockedMinMs: 600_000, blockedMaxMs: 600_000 };

/** Refuses long texts (1406), large numbers (1264) and 13 (3819, 4025). */
const NARROW = `MODIFY v VARCHAR(50) NOT NULL, MODIFY n TINYINT NOT NULL,
  ADD CONSTRAINT luck CHECK (n <> 13)`;
const WIDE = 'MODIFY v VARCHAR(100) NOT NULL, MODIFY n BIGINT NOT NULL, DROP CONSTRAINT luck';

function row(id: number, v = 'v', n = 0, uk: string | null = null): TextRow {
  return [id, 0, v, n, uk];
}

function insert(id: number, v?: string, n?: number, uk?: string | null): Event {
  return { op: 'c', after: row(id, v, n, uk) };
}

function inserts(from: number, to: number): Event[] {
  return Array.from({ length: to - from }, (_, i) => insert(from + i));
}

describe.each(['', ', UNIQUE KEY by_uk (uk)'])('blocked keys, table with%s', uniques => {
  let db: AppliedTable;
  let log: PlayedLog;
  let job: string;

  beforeAll(async () => {
    const t1 = commonServer('t1');
    db = await AppliedTable.create({
      endpoint: t1,
      database: 'sink_blocked',
      name: 'b',
      ddl: `CREATE TABLE b (id INT PRIMARY KEY, shard INT NOT NULL, v VARCHAR(100) NOT NULL,
            n BIGINT NOT NULL, uk VARCHAR(20) NULL${uniques})`,
      shardColumn: 'shard',
    });
  });
  afterAll(() => db[Symbol.asyncDispose]());
  beforeEach(async () => {
    ({ log, job } = await db.fresh(2));
    await alter(WIDE).catch(() => {});
    await alter(NARROW);
  });

  async function alter(change: string): Promise<void> {
    await db.session.rawQuery(`ALTER TABLE b ${change}`);
  }

  /** Reasons in the park, sorted. */
  async function parked(): Promise<string[]> {
    const rows = await db.session.query<{ reason: string; errno: number }>(
      'SELECT reason, errno FROM reshard_park WHERE job = ?',
      [job],
    );
    return rows.map(r => `${r.reason} ${r.errno}`).sort();
  }

  async function deadLettersWaiting(): Promise<number> {
    const [found] = await db.session.query<{ n: string }>(
      'SELECT COUNT(*) AS n FROM reshard_dead_letter WHERE job = ?',
      [job],
    );
    return Number(found?.n);
  }

  test('stop alone: all else of the same batch and partition flows', async () => {
    log.append(0, ...inserts(0, 700), insert(700, LONG), ...inserts(701, 800));
    log.append(0, insert(800, 'v', 1000), ...inserts(801, 802), insert(802, 'v', 13));
    log.append(0, ...inserts(803, 900));
    await using member = db.member(log, job, { schedule: LATER });
    await member.reached(0, log.release(0));
    const task = member.task(0);
    expect([task.state, task.error]).toEqual(['running', null]);
    expect(member.blocked).toEqual([700, 800, 802]);
    expect((await db.rows()).length).toBe(897);
    expect(await parked()).toEqual([
      'refused 1264',
      'refused 1406',
      expect.stringMatching(/3819|4025/),
    ]);
    await until(() => member.deadLetters.length === 3, { ...WAIT, what: 'the dead letters' });
    expect(member.deadLetters).toEqual([
      '700 refused a value is too long for its column: column v',
      '800 refused a number is outside the range of its column: column n',
      '802 refused a CHECK constraint refuses the row: constraint luck',
    ]);
    await until(async () => (await deadLettersWaiting()) === 0, { ...WAIT, what: 'the outbox' });
    // And it goes on like that.
    log.append(0, ...inserts(900, 950), insert(950, LONG), ...inserts(951, 1000));
    await member.reached(0, log.release(0));
    expect(member.blocked).toEqual([700, 800, 802, 950]);
    expect((await db.rows()).length).toBe(996);
  });

  test('have no row that could be taken for the newest; a newer event ends the block', async () => {
    log.append(0, insert(1, 'old'), insert(2, 'old'), insert(3, 'old'), insert(4, 'old'));
    await using member = db.member(log, job, { schedule: LATER });
    await member.reached(0, log.release(0));
    for (const id of [1, 2, 3]) {
      log.append(0, { op: 'u', before: row(id, 'old'), after: row(id, LONG) });
    }
    await member.reached(0, log.release(0));
    expect(await db.rows()).toEqual(['4,0,old,0,']);
    const [since] = [...member.task(0).blocked.values()].map(b => b.sinceMs);
    log.append(0, { op: 'u', before: row(1, LONG), after: row(1, 'good') });
    log.append(0, { op: 'u', before: row(2, LONG), after: row(2, `${LONG}2`) });
    log.append(0, { op: 'd', before: row(3, LONG) });
    await member.reached(0, log.release(0));
    expect(await db.rows()).toEqual(['1,0,good,0,', '4,0,old,0,']);
    // The newer event that is refused too has taken the older one's place, and its age.
    expect(member.blocked).toEqual([8]);
    expect([...member.task(0).blocked.values()][0]?.sinceMs).toBe(since);
    await until(() => member.deadLetters.length === 4, { ...WAIT, what: 'all four dead letters' });
    expect(member.deadLetters.map(l => Number.parseInt(l, 10))).toEqual([4, 5, 6, 8]);
    await alter(WIDE);
    await using next = db.member(log, job, { schedule: LATER });
    await until(() => next.task(0).state === 'running' && next.blocked.length === 0, {
      ...WAIT,
      what: 'the attempt at the start',
    });
    expect(await db.rows()).toEqual(['1,0,good,0,', `2,0,${LONG}2,0,`, '4,0,old,0,']);
    expect(await parked()).toEqual([]);
  });

  test('one that waits for its unique value, and is refused before it has it, stops alone', async () => {
    if (uniques === '') return;
    log.append(0, insert(1, 'v', 0, 'u'));
    log.append(1, { op: 'u', before: row(2, 'v', 0, 'w'), after: row(2, 'v', 7, 'u') });
    await using member = db.member(log, job, { schedule: SOON });
    for (const p of [0, 1]) await member.reached(p, log.release(p));
    expect(member.task(1).parked.size).toBe(1);
    await alter('ADD CONSTRAINT seven CHECK (n <> 7)');
    log.append(0, { op: 'u', before: row(1, 'v', 0, 'u'), after: row(1, 'v', 0, 'w') });
    log.append(1, insert(3));
    for (const p of [0, 1]) await member.reached(p, log.release(p));
    await until(() => member.deadLetters.length === 1, { ...WAIT, what: 'the dead letter' });
    const task = member.task(1);
    expect([task.state, task.error, task.parked.size]).toEqual(['running', null, 0]);
    expect(await parked()).toEqual([expect.stringMatching(/refused (3819|4025)/)]);
    expect(await db.rows()).toEqual(['1,0,v,0,w', '3,0,v,0,']);
    await alter('DROP CONSTRAINT seven');
    await until(() => member.blocked.length === 0, { ...WAIT, what: 'the row to go in' });
    expect(await db.rows()).toEqual(['1,0,v,0,w', '2,0,v,7,u', '3,0,v,0,']);
  });

  test('go in by themselves when the target is mended, whatever stands in their place', async () => {
    const poison = Array.from({ length: 250 }, (_, i) => insert(i, LONG, i % 2 ? 13 : 1));
    log.append(0, ...poison, ...inserts(300, 400));
    await using member = db.member(log, job, { schedule: SOON });
    await member.reached(0, log.release(0));
    expect(member.blocked.length).toBe(250);
    // Mended in part: what is still wrong is told anew.
    await alter('MODIFY v VARCHAR(100) NOT NULL');
    await until(() => member.blocked.length === 125, { ...WAIT, what: 'half of them' });
    await until(async () => (await parked()).every(p => /3819|4025/.test(p)), {
      ...WAIT,
      what: 'the new reason',
    });
    await db.session.rawQuery("INSERT INTO b VALUES (1, 0, 'by hand', 0, NULL)");
    await alter('MODIFY n BIGINT NOT NULL, DROP CONSTRAINT luck');
    await until(() => member.blocked.length === 0, { ...WAIT, what: 'all of them' });
    const rows = await db.rows();
    expect([rows.length, rows.filter(r => r.includes(LONG)).length]).toEqual([350, 250]);
    expect(await parked()).toEqual([]);
    await until(() => member.deadLetters.length === 250, { ...WAIT, what: 'all dead letters' });
    await until(async () => (await deadLettersWaiting()) === 0, { ...WAIT, what: 'the outbox' });
    expect(new Set(member.deadLetters).size).toBe(250);
  });

  test('are bounded: with too many the partition task halts as a whole, visibly, and comes back', async () => {
    log.append(0, ...inserts(0, 50));
    for (let i = 0; i < 20; i++) log.append(0, insert(100 + i, LONG), insert(200 + i));
    log.append(1, ...inserts(1000, 1050));
    await using member = db.member(log, job, { schedule: SOON, blockedKeys: 10 });
    log.release(0);
    await member.reached(1, log.release(1));
    const task = member.task(0);
    await until(() => task.error !== null, { ...WAIT, what: 'the halt' });
    expect(task.error?.message).toMatch(/more than 10 keys of a partition are blocked/);
    expect(task.error?.context).toMatchObject({ offset: 70, partition: 0, table: 'b' });
    expect(member.blocked.length).toBe(10);
    expect((await db.rows()).length).toBe(110);
    await alter(WIDE);
    await member.reached(0, log.end(0));
    await until(() => member.blocked.length === 0, { ...WAIT, what: 'all of them' });
    expect(task.error).toBeNull();
    expect((await db.rows()).length).toBe(140);
  });

  test('of records that nobody can read: the rest flows, a newer event ends the block', async () => {
    log.append(0, ...inserts(0, 3));
    log.logs[0]?.appendGarbage(row(1)).append(...inserts(4, 6));
    await using member = db.member(log, job, { schedule: LATER });
    await member.reached(0, log.release(0));
    expect(await db.rows()).toEqual(['0', '2', '4', '5'].map(id => `${id},0,v,0,`));
    expect(member.blocked).toEqual([3]);
    await until(() => member.deadLetters.length === 1, { ...WAIT, what: 'the dead letter' });
    expect(member.deadLetters[0]).toMatch(/^3 unreadable a record cannot be read/);
    log.append(0, { op: 'u', before: row(1), after: row(1, 'again') });
    await member.reached(0, log.release(0));
    expect([member.blocked, await db.rows()]).toEqual([
      [],
      ['0,0,v,0,', '1,0,again,0,', '2,0,v,0,', '4,0,v,0,', '5,0,v,0,'],
    ]);
  });

  test('keep their dead letters until the topic has them, in order, over members', async () => {
    log.append(0, insert(1, LONG), insert(2, LONG));
    {
      await using first = db.member(log, job, {
        schedule: LATER,
        sendDeadLetters: () => Promise.reject(new Error('the topic is away')),
      });
      await first.reached(0, log.release(0));
      // A newer event ends a block, but forgets no dead letter.
      log.append(0, { op: 'u', before: row(1, LONG), after: row(1, 'good') }, insert(3, LONG));
      await first.reached(0, log.release(0));
      await until(() => first.workers[0]?.deadLetters.error !== null, {
        ...WAIT,
        what: 'an attempt',
      });
      expect([first.blocked, first.deadLetters, await deadLettersWaiting()]).toEqual([
        [1, 3],
        [],
        3,
      ]);
    }
    let refusals = 2;
    await using next = db.member(log, job, {
      schedule: LATER,
      sendDeadLetters: async () => {
        if (--refusals > 0) throw new Error('not yet');
      },
    });
    await until(async () => (await deadLettersWaiting()) === 0, { ...WAIT, what: 'the outbox' });
    expect(next.deadLetters.map(l => Number.parseInt(l, 10))).toEqual([0, 1, 3]);
    // The member takes over what its transaction has done when the server has answered.
    await until(() => next.task(0).deadLetters === 0, { ...WAIT, what: 'the member to know' });
    expect(next.workers[0]?.deadLetters).toMatchObject({ error: null });
  });

  test('and parked rows of an older version, which name no job, are refused by name', async () => {
    await db.session.rawQuery('DROP TABLE IF EXISTS reshard_park');
    await db.session.rawQuery(`CREATE TABLE reshard_park (
      job VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      part INT NOT NULL, key_hash BINARY(32) NOT NULL, row_key LONGBLOB NOT NULL,
      record_offset BIGINT NOT NULL, schema_id INT NOT NULL, row_value LONGBLOB NOT NULL,
      since_ms BIGINT NOT NULL, PRIMARY KEY (job, topic, part, key_hash)) ENGINE=InnoDB`);
    const { table } = db;
    // Avro: id 7, shard 0, v 'old', n 5, uk NULL.
    await db.session.run(
      "INSERT INTO reshard_park VALUES (?, ?, 0, UNHEX(SHA2(x'0e', 256)), x'0e', 0, ?, ?, 1)",
      [job, table.topic, table.valueSchemaId, Buffer.from([14, 0, 6, 111, 108, 100, 10, 0])],
    );
    log.append(0, insert(1), insert(2, LONG));
    // Several sessions at once: one of them changes the table, the others find it changed.
    await using member = db.member(log, job, { schedule: LATER, workers: 4 });
    const end = log.release(0);
    const isRefused = (): boolean => member.workers.some(w => w.error?.kind === 'foreign-job');
    await until(isRefused, { ...WAIT, what: 'the rows to be refused' });
    expect(await db.rows()).toEqual([]);
    await db.session.rawQuery('DELETE FROM reshard_park');
    await member.reached(0, end);
    expect(await db.rows()).toEqual(['1,0,v,0,']);
    expect(await parked()).toEqual(['refused 1406']);
  });

  test('end as the source, whatever the order of poison, collisions and repairs', async () => {
    const seed = Number(process.env.RESHARD_SEED ?? Date.now() % 1_000_000);
    console.log(`seed ${seed} (RESHARD_SEED=${seed} repeats it)`);
    const partitions = 4;
    ({ log, job } = await db.fresh(partitions));
    const story = new Story(seed, partitions, log);
    await using member = db.member(log, job, { schedule: LATER, workers: 2 });
    for (let round = 0; round < 25; round++) {
      story.play(60);
      for (let p = 0; p < partitions; p++) log.release(p, story.random(40));
    }
    for (let p = 0; p < partitions; p++) await member.reached(p, log.release(p));
    await member.unparked();
    expect((await db.rows()).sort()).toEqual(story.rows(r => !story.isPoison(r)));
    expect(member.blocked.length).toBe(story.rows(r => story.isPoison(r)).length);
    await alter(WIDE);
    await using next = db.member(log, job, { schedule: SOON, workers: 2 });
    await until(
      () => next.tasks.every(l => l.state === 'running' && l.blocked.size + l.parked.size === 0),
      { ...WAIT, what: 'all rows to be back' },
    );
    expect((await db.rows()).sort()).toEqual(story.rows(() => true));
  }, 60_000);
});

/** Random changes of few keys with few unique values; some rows are such as the target refuses. */
class Story {
  readonly #rows = new Map<number, TextRow>();
  readonly #log: PlayedLog;
  readonly #partitions: number;
  #seed: number;

  constructor(seed: number, partitions: number, log: PlayedLog) {
    this.#seed = seed;
    this.#partitions = partitions;
    this.#log = log;
  }

  random(below: number): number {
    this.#seed = (Math.imul(this.#seed, 1103515245) + 12345) >>> 0;
    return (this.#seed >>> 8) % below;
  }

  isPoison(r: TextRow): boolean {
    return String(r[2]).length > 50 || r[3] === 13 || Number(r[3]) > 127;
  }

  rows(pick: (r: TextRow) => boolean): string[] {
    return [...this.#rows.values()]
      .filter(pick)
      .map(r => r.join())
      .sort();
  }

  play(changes: number): void {
    for (let i = 0; i < changes; i++) {
      const id = this.random(40);
      if (this.random(6) === 0) this.#set(id, null);
      else {
        const uk = this.random(3) === 0 ? null : `u${this.random(20)}`;
        const holder = [...this.#rows.values()].find(r => uk !== null && r[4] === uk);
        if (holder !== undefined && holder[0] !== id) {
          this.#set(Number(holder[0]), [holder[0] ?? 0, 0, holder[2] ?? '', holder[3] ?? 0, null]);
        }
        const v = this.random(8) === 0 ? `${LONG}${i}` : `v${i}`;
        this.#set(id, row(id, v, [0, 1, 2, 3, 4, 5, 13, 300][this.random(8)], uk));
      }
    }
  }

  #set(id: number, after: TextRow | null): void {
    const before = this.#rows.get(id);
    const partition = id % this.#partitions;
    if (after === null) {
      if (before === undefined) return;
      this.#rows.delete(id);
      this.#log.append(partition, { op: 'd', before });
    } else {
      this.#rows.set(id, after);
      this.#log.append(partition, before ? { op: 'u', before, after } : { op: 'c', after });
    }
  }
}
