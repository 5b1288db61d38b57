/**
 * What the topics of a server say of the transactions that a sink has made on it, by the sink's own
 * statements: its rows are told from those of others, and marks say up to where it has come.
 */
import type { RowDataPacket } from 'mysql2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OffsetTable } from '../../services/sink/destination/mysql/offset.ts';
import { ParkTable } from '../../services/sink/destination/mysql/park.ts';
import { PartitionTask } from '../../services/sink/intake/partition-task.ts';
import type { SinkTable } from '../../services/sink/intake/sink-table.ts';
import { type Mark, markAt, ORIGIN_HEADER } from '../../shared/codec/mark.ts';
import { MysqlSession } from '../../shared/mysql/connect.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { BinlogRig } from './binlog-rig.ts';

const TABLE = { name: 't', sql: 'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v INT)' };
const ORIGIN = 's1.shop.t';
const JOB = 'shop#000000000001';

/** A record as `c 1` or `mark 7`, with the job that it says to be of. */
interface Told {
  what: string;
  job: string | null;
  mark: Mark | null;
}

describe.each(['mysql', 'mariadb'] as const)('%s', flavor => {
  let set: Servers;
  let rig: BinlogRig;
  let session: MysqlSession;
  let offsets: OffsetTable;
  let parks: ParkTable;

  beforeAll(async () => {
    set = await startServers({ mysql: [{ name: 's', serverId: 121, flavor }] });
    const source = set.mysql('s').endpoint;
    const options = { originMarks: true, partitions: 1 };
    rig = await BinlogRig.open({
      name: `marks_${flavor}`,
      tables: [TABLE],
      source,
      flavor,
      options,
    });
    const endpoint = { ...source, database: rig.name };
    session = await MysqlSession.open(endpoint, { role: 'apply', side: 'target' });
    await session.rawQuery('SET SESSION autocommit = 0');
    const owner = { job: 'shop', jobId: JOB, target: 't1' };
    offsets = new OffsetTable(rig.name, owner);
    parks = new ParkTable(rig.name, owner);
    await offsets.create(session);
    await parks.create(session);
  }, 120_000);

  afterAll(async () => {
    await session?.close();
    await rig?.[Symbol.asyncDispose]();
    await set?.[Symbol.asyncDispose]();
  });

  async function log(): Promise<Told[]> {
    await rig.untilCaughtUp();
    const told: Told[] = [];
    const [end = 0] = await rig.kafka.highWatermarks(rig.topic('t'));
    const done = Promise.withResolvers<void>();
    const reader = await rig.kafka.reader({
      isolation: 'committed',
      onError: done.reject,
      onFetched: fetched => {
        for (let i = 0; i < fetched.count; i++) {
          const mark = markAt(fetched, i);
          const job = mark?.job ?? fetched.header(i, ORIGIN_HEADER)?.toString() ?? null;
          const id = (fetched.key(i)?.[5] ?? 0) >> 1;
          told.push({ what: mark === null ? `row ${id}` : `mark ${mark.next}`, job, mark });
        }
        reader.release(fetched);
        if (fetched.position >= end) done.resolve();
      },
    });
    reader.add(rig.topic('t'), 0, 0);
    await done.promise;
    reader.close();
    return told;
  }

  test('rows of a sink have its job, others none; a mark ends each of its transactions', async () => {
    const task = new PartitionTask({ topic: ORIGIN } as SinkTable, 0, 0);
    const advanceTo = async (next: number): Promise<void> => {
      const [position] = await offsets.claim(session, [task]);
      if (position === undefined) throw new Error('the claim has no position');
      task.position = position;
      const advance = { task, next, epoch: 1, ordinal: next, history: null };
      await offsets.compareAndSet(session, [advance]);
    };
    {
      await using _ = rig.start();
      await advanceTo(5);
      await session.rawQuery('INSERT INTO t VALUES (1, 1), (2, 2)');
      await session.rawQuery('COMMIT');
      await rig.sql('INSERT INTO t VALUES (3, 3)');
      await advanceTo(9);
      await session.rawQuery('UPDATE t SET id = 4 WHERE id = 1');
      await session.rawQuery('COMMIT');
      await rig.sql('UPDATE t SET v = 9 WHERE id = 2', 'DELETE FROM reshard_park');
      await rig.untilCaughtUp();
    }
    await advanceTo(12);
    const row = { task, offset: 11, sinceMs: 1, reason: 'unique', why: null } as const;
    await parks.put(session, [{ ...row, key: '\x0e', value: Buffer.from('\0\0\0\0\x01v') }], 1e6);
    await session.rawQuery('COMMIT');
    await advanceTo(13);
    await parks.remove(session, task, ['\x0e']);
    await session.rawQuery('INSERT INTO t VALUES (7, 7)');
    await session.rawQuery('COMMIT');
    await using _ = rig.start();
    const told = await log();
    const lines = told.map(({ what, job }) => `${what} ${job ?? 'of others'}`);
    expect(lines.filter(line => !line.startsWith('mark'))).toEqual([
      `row 1 ${JOB}`,
      `row 2 ${JOB}`,
      'row 3 of others',
      `row 1 ${JOB}`,
      `row 4 ${JOB}`,
      'row 2 of others',
      `row 7 ${JOB}`,
    ]);
    // A claim tells the position anew.
    const marks = [
      'mark 0',
      'mark 5',
      'mark 5',
      'mark 9',
      'mark 9',
      'mark 12',
      'mark 12',
      'mark 13',
    ];
    expect(told.flatMap(t => (t.mark === null ? [] : t.what))).toEqual(marks);
    // Each stands behind the rows of its transaction and in front of all that came later.
    expect(lines.indexOf(`mark 5 ${JOB}`)).toBe(3);
    expect(lines.at(-1)).toBe(`mark 13 ${JOB}`);
    const waits = told.flatMap(t => t.mark?.waits ?? []);
    const key = Buffer.from('\x0e', 'latin1').toString('base64');
    expect(waits).toEqual([
      { key, waits: true },
      { key, waits: false },
    ]);
    const [mark] = told.flatMap(t => t.mark ?? []);
    expect(mark).toMatchObject({ job: JOB, topic: ORIGIN, partition: 0, more: false });
    expect(await gtids()).toContain((mark?.gtid ?? '').split(':')[0]?.split('-')[0] ?? '?');
  }, 60_000);

  async function gtids(): Promise<string> {
    const c = await rig.connect();
    const variable = flavor === 'mysql' ? 'gtid_executed' : 'gtid_binlog_pos';
    const [rows] = await c.query<RowDataPacket[]>(`SELECT @@global.${variable} AS gtids`);
    await c.end();
    return String(rows[0]?.gtids);
  }
});
