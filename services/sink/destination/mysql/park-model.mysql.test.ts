/**
 * I4, I5, I6 of the whole sink against a model: random histories of a table with unique keys, over
 * several partitions, on two real targets, while connections are killed, transactions collide with
 * a rival's locks, readers fail and partition tasks wander between members that partly know nothing
 * of it. SEED repeats a run, MODEL_RUNS and MODEL_STEPS make more of it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { sleep, until } from '../../../../shared/runtime/clock.ts';
import { createLogger } from '../../../../shared/runtime/log.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import { newSeed, Random } from '../../../../test/support/load/random.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import { LogMaker } from '../../../../test/support/sink/log-maker.ts';
import { PlayedSink } from '../../../../test/support/sink/played-sink.ts';
import { UniqueWorld, uniqueDdl } from '../../../../test/support/sink/unique-world.ts';

const SEED = Number(process.env.SEED ?? newSeed());
const RUNS = Number(process.env.MODEL_RUNS ?? 4);
const STEPS = Number(process.env.MODEL_STEPS ?? 700);
const TARGETS = 2;
const PARTITIONS = 4;
const TABLE = 'm';
const logger = createLogger({ name: 'test', level: process.env.TEST_LOG ?? 'silent' });

/** Each is guarded in another way (target/mysql.ts), and has keys at the edges of its type. */
const KEYS: Record<string, (i: number) => string> = {
  INT: i => String(i - 9),
  'BIGINT UNSIGNED': i => String(i % 2 === 0 ? i : 2n ** 64n - BigInt(i)),
  'BIGINT AUTO_INCREMENT': i => String(i - 3),
  'VARBINARY(20)': i => `k${i % 2 === 0 ? '' : '\\'}${i}`,
};

/** The last one with a unique key of part of a column. */
const WORLDS = [...Object.keys(KEYS).map(keyType => ({ keyType, parts: false, runs: RUNS }))];
WORLDS.push({ keyType: 'INT', parts: true, runs: Math.ceil(RUNS / 2) });

describe.each(WORLDS)('the sink against a model, key $keyType, of parts: $parts', w => {
  const { keyType, parts, runs } = w;
  const tables: AppliedTable[] = [];

  beforeAll(async () => {
    const t1 = commonServer('t1');
    for (let target = 0; target < TARGETS; target++) {
      const database = `sink_model_${target}`;
      const ddl = uniqueDdl(TABLE, keyType, parts);
      const shape = { name: TABLE, ddl, shardColumn: 'shard' };
      tables.push(await AppliedTable.create({ endpoint: t1, database, ...shape }));
    }
  });
  afterAll(async () => {
    for (const t of tables) await t[Symbol.asyncDispose]();
  });

  function admin(): Promise<MysqlSession> {
    const t1 = commonServer('t1');
    return MysqlSession.open(t1, { role: 'admin', side: 'target' });
  }

  /** Kills connections of workers, at whatever they are doing. */
  async function kill(session: MysqlSession, random: Random): Promise<void> {
    const own = new Set(tables.map(t => t.session.threadId));
    const all = await session.query<{ Id: string; db: string | null; User: string }>(
      'SHOW PROCESSLIST',
    );
    for (const { Id, db } of all) {
      if (!db?.startsWith('sink_model_') || own.has(Number(Id)) || random.chance(0.5)) continue;
      await session.rawQuery(`KILL ${Id}`).catch(() => {});
    }
  }

  /** Locks some rows, then an offset row, so that a worker may be the victim of a deadlock. */
  async function rival(session: MysqlSession, job: string, random: Random): Promise<void> {
    const database = `sink_model_${random.below(TARGETS)}`;
    const statements = [
      'SET SESSION innodb_lock_wait_timeout = 1',
      'START TRANSACTION',
      `UPDATE ${database}.${TABLE} SET seq = seq + 1 WHERE flag = ${random.below(2)}`,
      `UPDATE ${database}.reshard_offset SET epoch = epoch WHERE job = '${job}'
       AND part = ${random.below(PARTITIONS)}`,
    ];
    for (const sql of statements) {
      const isRefused = await session.rawQuery(sql).then(
        () => false,
        () => true,
      );
      if (isRefused) break;
      await sleep(random.below(10));
    }
    await session.rawQuery('ROLLBACK');
  }

  async function play(run: number): Promise<void> {
    const random = new Random(SEED, run);
    const [first] = tables;
    if (first === undefined) throw new Error('no tables');
    const job = `model${run}-${SEED}`;
    for (const t of tables) await t.session.rawQuery(`DELETE FROM ${TABLE}`);
    const { schema, topic } = first.table;
    const logs = Array.from({ length: PARTITIONS }, (_, p) => new LogMaker(schema, topic, p));
    const ids = Array.from({ length: random.between(6, 30) }, (_, i) => KEYS[keyType]?.(i) ?? '');
    const world = new UniqueWorld(new Random(SEED, 1000 + run), ids, logs, { parts });
    const targets = tables.map((t, i) => t.target(job, i));
    const member = (): PlayedSink =>
      new PlayedSink({
        table: first.table,
        logs,
        targets,
        workers: random.between(1, 3),
        batchRows: random.pick([1, 5, 40, 4000]),
        bufferBytes: random.pick([4_000, 40_000, 4_000_000]),
        random,
        logger,
      });
    await using a = member();
    await using b = member();
    await using session = await admin();
    const members = [a, b];
    const owners = Array.from({ length: PARTITIONS }, () => random.below(2));
    owners.forEach((m, p) => {
      members[m]?.take(p);
    });
    const sleepers = new Map<number, { member: number; until: number }>();
    for (let i = 0; i < STEPS; i++) {
      world.step();
      if (random.chance(0.15)) await sleep(random.below(4));
      const what = random.weighted({ nothing: 1000, kill: 6, rival: 30, fail: 4, move: 20 });
      if (what === 'kill') await kill(session, random);
      else if (what === 'rival') await rival(session, job, random);
      else if (what === 'fail') random.pick(members).failReaders();
      else if (what === 'move') {
        const partition = random.below(PARTITIONS);
        if (sleepers.has(partition)) continue;
        const from = owners[partition] ?? 0;
        owners[partition] = 1 - from;
        // A member that has lost its lease may not know it, for a while or for long.
        if (random.chance(0.6)) sleepers.set(partition, { member: from, until: i + 60 });
        else await members[from]?.giveUp(partition);
        members[1 - from]?.take(partition);
      }
      for (const [partition, { member, until }] of sleepers) {
        if (until > i) continue;
        sleepers.delete(partition);
        await members[member]?.giveUp(partition);
      }
    }
    for (const [partition, { member }] of sleepers) await members[member]?.giveUp(partition);
    world.finish();
    const isDone = (): boolean => members.every(m => m.isDone);
    await until(isDone, { timeoutMs: 20_000, everyMs: 5, what: 'the logs to be applied' }).catch(
      e => {
        const stands = members.flatMap(m => [...m.stands, ...m.errors]);
        throw new Error(`${e.message}\n${stands.join('\n')}`);
      },
    );
    for (const [number, t] of tables.entries()) {
      expect(await t.rows(), `target ${number}`).toEqual(world.expected(number, TARGETS));
      const [parked] = await t.session.query<{ n: string }>(
        'SELECT COUNT(*) AS n FROM reshard_park WHERE job = ?',
        [job],
      );
      expect(Number(parked?.n)).toBe(0);
    }
  }

  test.each(Array.from({ length: runs }, (_, i) => i))(
    `run %i of seed ${SEED}`,
    { timeout: 60_000 },
    async run => {
      await play(run);
    },
  );
});
