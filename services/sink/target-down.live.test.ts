/** A target that is killed, stalled, read-only or full stops its own share only, and comes back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../shared/member/reporter.ts';
import { until } from '../../shared/runtime/clock.ts';
import { servers } from '../../test/support/dev.ts';
import { defaultFlavor, type Servers, startServers } from '../../test/support/servers/servers.ts';
import type { Event } from '../../test/support/sink/log-maker.ts';
import { SinkJob } from '../../test/support/sink/sink-job.ts';

const TABLES = {
  t: 'CREATE TABLE t (id INT PRIMARY KEY, shard INT NOT NULL, v VARCHAR(200) NOT NULL)',
};
/** MariaDB lets root write when it is read-only, and dies when its file is full. */
const IS_MYSQL = defaultFlavor() === 'mysql';
/** All tables in one file that does not grow without end: that is full as a disk is. */
const SMALL = {
  'innodb-file-per-table': 'OFF',
  'innodb-data-file-path': 'ibdata1:12M:autoextend:max:64M',
};
const PAYLOAD = 'x'.repeat(150);

describe('a target that fails', { timeout: 120_000 }, () => {
  let own: Servers;
  let job: SinkJob;
  let published = 0;

  beforeAll(async () => {
    own = await startServers({
      mysql: [{ name: 'frail', serverId: 977, settings: IS_MYSQL ? SMALL : {} }],
      kafka: false,
    });
    const shared = servers();
    const name = `sink_down_${process.pid}`;
    job = await SinkJob.create({
      servers: { ...shared, mysql: { ...shared.mysql, frail: own.mysql('frail').endpoint } },
      targets: ['t1', 'frail'],
      name,
      tables: TABLES,
      options: { sinkBufferBytes: 2 * 1024 * 1024 },
    });
    job.start();
  }, 120_000);
  afterAll(async () => {
    await job[Symbol.asyncDispose]();
    await own[Symbol.asyncDispose]();
  }, 60_000);

  async function publish(count: number): Promise<void> {
    const events: Event[] = [];
    for (let i = 0; i < count; i++, published++) {
      events.push({ op: 'c', after: [published, published % 2, PAYLOAD] });
    }
    await job.publish('t', events);
  }

  async function rowsOf(target: number): Promise<number> {
    const [row] =
      (await job.sessions[target]?.query<{ n: string }>('SELECT COUNT(*) AS n FROM t')) ?? [];
    return Number(row?.n);
  }

  function isWaiting(r: Report): boolean {
    return r.unit.startsWith('frail/') && r.state === 'backing-off';
  }

  /** More than fits into the memory of the sink, while the other target must follow. */
  async function publishWhileDown(): Promise<void> {
    for (let i = 0; i < 10; i++) await publish(2000);
    await until(async () => (await rowsOf(0)) === published / 2, {
      timeoutMs: 30_000,
      what: 'the healthy target to have all of its rows',
    });
  }

  async function expectEqual(): Promise<void> {
    await job.waitDrained(60_000);
    expect([await rowsOf(0), await rowsOf(1)]).toEqual([published / 2, published / 2]);
  }

  test('stalled: the others go on, and it catches up', async () => {
    await publish(2000);
    await expectEqual();
    const pid = own.mysql('frail').pid;
    if (pid === undefined) return;
    process.kill(pid, 'SIGSTOP');
    try {
      await publishWhileDown();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await expectEqual();
  });

  test('read-only: the others go on, and it catches up', async () => {
    await job.sessions[1]?.rawQuery('SET GLOBAL read_only = ON');
    await job.sessions[1]?.rawQuery('SET GLOBAL super_read_only = ON').catch(() => {});
    await publishWhileDown();
    if (IS_MYSQL) {
      const { error } = await job.waitReport('the target to wait', isWaiting);
      expect(error).toMatch(/read.only.*\n.*remedy: Make the server writable/);
    }
    await job.sessions[1]?.rawQuery('SET GLOBAL super_read_only = OFF').catch(() => {});
    await job.sessions[1]?.rawQuery('SET GLOBAL read_only = OFF');
    await expectEqual();
  });

  test('full: the others go on, the reason is told, and it catches up when there is room', async () => {
    if (!IS_MYSQL) return;
    await publish(100);
    await expectEqual();
    const frail = job.sessions[1];
    await frail?.rawQuery('CREATE TABLE ballast (id INT AUTO_INCREMENT PRIMARY KEY, b LONGBLOB)');
    const fill = async (bytes: number): Promise<void> => {
      for (;;) await frail?.rawQuery(`INSERT INTO ballast (b) VALUES (REPEAT('x', ${bytes}))`);
    };
    for (const bytes of [1_000_000, 100_000, 10_000]) {
      await expect(fill(bytes)).rejects.toMatchObject({ context: { errno: 1114 } });
    }
    const before = await rowsOf(1);
    await publishWhileDown();
    const { error } = await job.waitReport('the target to wait', isWaiting);
    expect(error).toMatch(/is full.*\n.*remedy: Free disk space/);
    expect(await rowsOf(1)).toBeLessThan(before + 10_000);
    // Not the fault of any row: none is blocked by it.
    const [blocked] =
      (await frail?.query<{ n: string }>('SELECT COUNT(*) AS n FROM reshard_park')) ?? [];
    expect(Number(blocked?.n)).toBe(0);
    await frail?.rawQuery('DROP TABLE ballast');
    await expectEqual();
  });

  test('killed: the others go on, and it catches up', async () => {
    await own.mysql('frail').kill();
    await publishWhileDown();
    await own.mysql('frail').start();
    await job.reconnect(1);
    await expectEqual();
  });
});
