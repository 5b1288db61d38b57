import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commonServer } from '../../test/support/dev.ts';
import { numbersSql } from '../../test/support/numbers.ts';
import { MysqlSession } from './connect.ts';
import { errnoOf } from './mysql-error.ts';

const MEGA = 1024 * 1024;
const FULL_PACKET = 0xffffff;

const endpoint = () => commonServer('s1');

let session: MysqlSession;

beforeAll(async () => {
  session = await MysqlSession.open(endpoint(), { role: 'admin' });
  const [row] = await session.query<{ n: string }>('SELECT @@max_allowed_packet AS n');
  if (Number(row?.n) < 64 * MEGA) {
    await session.rawQuery(`SET GLOBAL max_allowed_packet = ${64 * MEGA}`);
    await session.close();
    session = await MysqlSession.open(endpoint(), { role: 'admin' });
  }
  await session.rawQuery('DROP DATABASE IF EXISTS mysqlroom_raw');
  await session.rawQuery('CREATE DATABASE mysqlroom_raw');
  await session.rawQuery('USE mysqlroom_raw');
});

afterAll(async () => {
  await session.rawQuery('DROP DATABASE IF EXISTS mysqlroom_raw');
  await session.close();
});

async function rowsOf(sql: string | Buffer): Promise<Buffer[]> {
  const rows: Buffer[] = [];
  await session.rawQuery(sql, (buf, start, end) =>
    rows.push(Buffer.from(buf.subarray(start, end))),
  );
  return rows;
}

/** The session still answers, and answers this question. */
async function expectUsable(): Promise<void> {
  expect(await rowsOf('SELECT 42')).toEqual([Buffer.from('\x0242')]);
}

describe('rows', () => {
  test('are handed out as the server sent them, NULL as 0xfb', async () => {
    const rows = await rowsOf("SELECT 1, NULL, 'é' UNION ALL SELECT 22, '', 'x'");
    expect(rows).toEqual([
      Buffer.from([1, 0x31, 0xfb, 2, 0xc3, 0xa9]),
      Buffer.from([2, 0x32, 0x32, 0, 1, 0x78]),
    ]);
  });

  test('an empty result has none and leaves the session usable', async () => {
    const result = await session.rawQuery('SELECT 1 FROM DUAL WHERE FALSE', () => {
      throw new Error('no row was asked for');
    });
    expect(result).toMatchObject({ rows: 0, warnings: 0 });
    await expectUsable();
  });

  test('a statement may be bytes that are no valid text', async () => {
    const sql = Buffer.concat([
      Buffer.from("SELECT _binary'"),
      Buffer.from([0xff, 0, 0x80]),
      Buffer.from("'"),
    ]);
    expect(await rowsOf(sql)).toEqual([Buffer.from([3, 0xff, 0, 0x80])]);
  });

  test('a hundred thousand rows arrive complete and in order', async () => {
    let [count, sum] = [0, 0];
    await session.rawQuery(
      `SELECT i + 1, REPEAT('x', i % 400) FROM ${numbersSql(5)} ORDER BY i`,
      (buf, start) => {
        count += 1;
        sum += Number(buf.toString('latin1', start + 1, start + 1 + (buf[start] ?? 0)));
      },
    );
    expect([count, sum]).toEqual([100_000, 5_000_050_000]);
  });

  // The row's payload is the text and its length prefix; these meet the packet limit and miss it.
  test.each([-1, 0, 1, MEGA, FULL_PACKET, FULL_PACKET + 1])(
    'a row of one full packet %i bytes is joined',
    async extra => {
      const prefix = FULL_PACKET + extra > 0xffffff ? 9 : 4;
      const length = FULL_PACKET + extra - prefix;
      let seen: { length: number; first: number; ok: boolean } | undefined;
      const { rows } = await session.rawQuery(
        `SELECT REPEAT('z', ${length}) UNION ALL SELECT 'end'`,
        (buf, start, end) => {
          if (seen !== undefined) return;
          const body = buf.subarray(end - length, end);
          const ok = body.every(b => b === 0x7a);
          seen = { length: end - start, first: buf[start] ?? 0, ok };
        },
      );
      expect(rows).toBe(2);
      expect(seen?.ok).toBe(true);
      expect(seen?.length).toBe(length + (length < 0x1000000 ? 4 : 9));
      await expectUsable();
    },
  );

  test('columns of 16 MB and more, whose rows start like an end marker, are rows', async () => {
    const length = 20 * MEGA;
    const lengths: number[] = [];
    await session.rawQuery(`SELECT REPEAT('y', ${length}), 7`, (buf, start, end) => {
      expect(buf[start]).toBe(0xfe);
      lengths.push(end - start);
    });
    expect(lengths).toEqual([length + 9 + 2]);
    await expectUsable();
  });
});

describe('long statements', () => {
  test.each([-1, 0, 1, 5, FULL_PACKET - 1, FULL_PACKET, FULL_PACKET + 1])(
    'a command of one full packet %i bytes is split',
    async extra => {
      const head = Buffer.from("SELECT LENGTH('");
      const tail = Buffer.from("')");
      // The command byte is part of the payload.
      const length = FULL_PACKET + extra - 1 - head.length - tail.length;
      const sql = Buffer.concat([head, Buffer.alloc(length, 0x61), tail]);
      const text = String(length);
      expect(await rowsOf(sql)).toEqual([Buffer.from(String.fromCharCode(text.length) + text)]);
      await expectUsable();
    },
  );
});

describe('errors', () => {
  test('a refused statement rejects with its number and leaves the session usable', async () => {
    await expect(session.rawQuery('SELECT * FROM missing')).rejects.toMatchObject({
      kind: 'schema-changed',
      context: { errno: 1146, side: 'source' },
    });
    await expectUsable();
  });

  test('an error in the middle of the rows rejects and leaves the session usable', async () => {
    await session.rawQuery('CREATE TABLE broken (id INT PRIMARY KEY, v JSON)');
    await session.rawQuery(`INSERT INTO broken VALUES (1, '1'), (2, '"x"')`);
    let rows = 0;
    const reading = session.rawQuery(
      `SELECT id, IF(id = 1, 1, (SELECT id FROM broken b WHERE b.id <= broken.id)) FROM broken`,
      () => {
        rows += 1;
      },
    );
    const error = await reading.catch((e: unknown) => e);
    expect(errnoOf(error)).toBe(1242);
    expect(rows).toBe(1);
    await expectUsable();
  });

  test('a throwing row handler rejects with its error, the rest is read and dropped', async () => {
    let calls = 0;
    const reading = session.rawQuery('SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3', () => {
      calls += 1;
      throw new RangeError('handler');
    });
    await expect(reading).rejects.toMatchObject({ message: 'handler' });
    expect(calls).toBe(1);
    await expectUsable();
  });

  test('a second result set is an error and is not handed out', async () => {
    await session.rawQuery('CREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2; END');
    const rows: string[] = [];
    const reading = session.rawQuery('CALL two()', (buf, start, end) => {
      rows.push(buf.toString('latin1', start + 1, end));
    });
    await expect(reading).rejects.toMatchObject({ kind: 'bug' });
    expect(rows).toEqual(['1']);
    await expectUsable();
  });
});

test('affected rows tell a new row from a changed one and from an equal one', async () => {
  await session.rawQuery('CREATE TABLE u (id INT PRIMARY KEY, v INT)');
  const [alias, value] = session.flavor === 'mysql' ? ['AS n', 'n.v'] : ['', 'VALUES(v)'];
  const upsert = (v: number): string =>
    `INSERT INTO u VALUES (1, ${v}) ${alias} ON DUPLICATE KEY UPDATE v = ${value}`;
  expect(await session.rawQuery(upsert(5))).toMatchObject({ affectedRows: 1, rows: 0 });
  expect(await session.rawQuery(upsert(6))).toMatchObject({ affectedRows: 2 });
  expect(await session.rawQuery(upsert(6))).toMatchObject({ affectedRows: 0 });
  const many = await session.rawQuery('INSERT INTO u VALUES (2, 2), (3, 3)');
  expect(many).toMatchObject({ affectedRows: 2, info: 'Records: 2  Duplicates: 0  Warnings: 0' });
});

test('commands sent at once are answered in order', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => rowsOf(`SELECT 'n${i}'`)));
  expect(answers.map(rows => rows[0]?.toString('latin1', 1))).toEqual(
    Array.from({ length: 50 }, (_, i) => `n${i}`),
  );
});

describe('a lost connection', () => {
  test('rejects what runs, what waits and what comes later', async () => {
    await using victim = await MysqlSession.open(endpoint(), { role: 'read' });
    const pending = [victim.rawQuery('SELECT SLEEP(30)'), victim.query('SELECT 1')];
    const settled = Promise.allSettled(pending);
    await session.rawQuery(`KILL ${victim.threadId}`);
    for (const result of await settled) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { kind: expect.stringMatching(/unreachable|source/) },
      });
    }
    await expect(victim.rawQuery('SELECT 1')).rejects.toMatchObject({ kind: 'unreachable' });
    expect(victim.alive).toBe(false);
  });

  test('destroy rejects what runs at once', async () => {
    const victim = await MysqlSession.open(endpoint(), { role: 'read' });
    const pending = victim.rawQuery('SELECT SLEEP(30)');
    victim.destroy();
    await expect(pending).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test('a statement over its time limit destroys the session', async () => {
    const options = { role: 'read', statementTimeoutMs: 300 } as const;
    await using victim = await MysqlSession.open(endpoint(), options);
    const started = performance.now();
    await expect(victim.rawQuery('SELECT SLEEP(30)')).rejects.toMatchObject({
      kind: 'unreachable',
      message: 'no answer within 300 ms',
    });
    expect(performance.now() - started).toBeLessThan(5000);
    expect(victim.alive).toBe(false);
  });
});

describe('login', () => {
  test('a closed port is unreachable', async () => {
    const opening = MysqlSession.open({ ...endpoint(), port: 1 }, { role: 'read' });
    await expect(opening).rejects.toMatchObject({ kind: 'unreachable', context: { port: 1 } });
  });

  test('a wrong password is denied', async () => {
    const opening = MysqlSession.open({ ...endpoint(), password: 'wrong' }, { role: 'read' });
    await expect(opening).rejects.toMatchObject({ kind: 'denied', context: { errno: 1045 } });
  });

  test('a missing database is a mistake in the job file', async () => {
    const opening = MysqlSession.open(
      { ...endpoint(), database: 'mysqlroom_no' },
      { role: 'read' },
    );
    await expect(opening).rejects.toMatchObject({ kind: 'config', context: { errno: 1049 } });
  });

  test('a server that accepts and stays silent is unreachable', async () => {
    const sockets: Socket[] = [];
    const silent = createServer(socket => sockets.push(socket)).listen(0, '127.0.0.1');
    await new Promise(resolve => silent.once('listening', resolve));
    const address = silent.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const opening = MysqlSession.open(
      { ...endpoint(), port: address.port },
      { role: 'read', connectTimeoutMs: 300 },
    );
    await expect(opening).rejects.toMatchObject({ kind: 'unreachable' });
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  // MariaDB has TLS by itself from 11.4 on only.
  const isMariadb = process.env.RESHARD_DATABASE === 'mariadb';
  test.skipIf(isMariadb)(
    'TLS carries long statements; an unknown authority is refused',
    async () => {
      const tls = { rejectUnauthorized: false };
      await using secure = await MysqlSession.open({ ...endpoint(), tls }, { role: 'read' });
      const [row] = await secure.query<{ Value: string }>("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
      expect(row?.Value).toMatch(/\w/);
      const text = 'a'.repeat(17 * MEGA);
      let length = 0;
      await secure.rawQuery(`SELECT '${text}'`, (_, start, end) => {
        length = end - start;
      });
      expect(length).toBe(17 * MEGA + 9);
      const strict = MysqlSession.open({ ...endpoint(), tls: true }, { role: 'read' });
      await expect(strict).rejects.toMatchObject({ kind: 'unreachable' });
    },
  );

  test('the session is lossless and of its role', async () => {
    await using apply = await MysqlSession.open(endpoint(), { role: 'apply' });
    const isolation = apply.flavor === 'mysql' ? 'transaction_isolation' : 'tx_isolation';
    const [row] = await apply.query<Record<string, string | number>>(
      `SELECT @@session.time_zone AS zone, @@session.sql_mode AS mode,
              @@session.foreign_key_checks AS fk, @@session.unique_checks AS uk,
              @@session.${isolation} AS isolation, @@session.sql_select_limit AS lim,
              @@session.character_set_client AS charset`,
    );
    expect(row).toEqual({
      zone: '+00:00',
      mode: 'NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION',
      fk: '0',
      uk: '1',
      isolation: 'READ-COMMITTED',
      lim: '18446744073709551615',
      charset: 'utf8mb4',
    });
    await using read = await MysqlSession.open(endpoint(), { role: 'read' });
    await expect(read.rawQuery('CREATE TABLE mysqlroom_raw.no (i INT)')).rejects.toMatchObject({
      context: { errno: 1792 },
    });
  });

  test('64-bit integers, decimals, dates and JSON come as text', async () => {
    const [row] = await session.query(
      `SELECT 18446744073709551615 AS u, CAST(1.10 AS DECIMAL(5,2)) AS d,
              CAST('2020-02-30' AS DATE) AS bad, JSON_OBJECT('a', 1.0) AS j`,
    );
    expect(row).toEqual({
      u: '18446744073709551615',
      d: '1.10',
      bad: '2020-02-30',
      j: '{"a": 1.0}',
    });
  });
});
