/** Keys that two sources bring to one target, on real servers. */
import { hash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { jumpBucket } from '../../../shared/route/jump.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { checkSharedKeys } from './shared-keys.ts';

const LOG = createLogger({ name: 'test', level: 'silent' });
const DATABASES = ['shared_a', 'shared_b', 'shared_c'];
const numbers = Array.from({ length: 20 }, (_, i) => i);
const BIG = '9223372036854775800';
let session: MysqlSession;

const endpoint = () => commonServer('t1');

const job = (kind: 'modulus' | 'jump') =>
  parseJob(
    JSON.stringify({
      job: 'shared',
      kafka: { brokers: ['127.0.0.1:1'] },
      registry: { url: 'http://127.0.0.1:1' },
      sources: DATABASES.map((database, i) => ({ name: `s${i}`, ...endpoint(), database })),
      targets: [0, 1].map(i => ({ name: `t${i}`, ...endpoint(), database: `shared_t${i}` })),
      tables: [{ name: 'k' }],
      route: kind === 'jump' ? { kind, columns: 'shard' } : { kind, column: 'shard' },
    }),
    {},
  );

beforeAll(async () => {
  session = await MysqlSession.open(endpoint(), { role: 'admin' });
});

beforeEach(async () => {
  for (const database of DATABASES) {
    await session.rawQuery(`DROP DATABASE IF EXISTS ${database}`);
    await session.rawQuery(`CREATE DATABASE ${database}`);
    await session.rawQuery(`CREATE TABLE ${database}.k (
      id BIGINT NOT NULL, part VARBINARY(9) NOT NULL, shard INT NOT NULL, PRIMARY KEY (id, part))`);
  }
});

afterAll(async () => {
  for (const database of DATABASES) await session.rawQuery(`DROP DATABASE IF EXISTS ${database}`);
  await session.close();
});

async function insert(source: number, ...rows: [id: string, part: string, shard: number][]) {
  const list = rows.map(([id, part, shard]) => `(${id}, x'${part}', ${shard})`);
  await session.rawQuery(`INSERT INTO ${DATABASES[source]}.k VALUES ${list.join(',')}`);
}

async function found(kind: 'modulus' | 'jump' = 'modulus') {
  const schema = await inspectTable(session, DATABASES[0] ?? '', 'k');
  return await checkSharedKeys(job(kind), new Map([['k', schema]]), LOG);
}

test('keys that differ in one column, or go to different targets, are all right', async () => {
  await insert(0, ['1', '00', 0], ['2', '00', 0], [BIG, '00', 1]);
  await insert(1, ['1', '01', 0], ['2', '00', 1], ['9223372036854775801', '00', 1]);
  await insert(2, ['3', '00', 0]);
  expect(await found()).toEqual([]);
});

test('a key of two sources for one target is a blocker that names both and the key', async () => {
  await insert(0, ['1', '00', 0], [BIG, 'ff', 3]);
  await insert(1, ['7', '00', 0]);
  await insert(2, [BIG, 'ff', 1], ['7', '07', 0]);
  expect(await found()).toMatchObject([
    {
      level: 'blocker',
      code: 'key-in-two-sources',
      where: expect.stringMatching(/s2.*shared_c\.k$/),
      what: `has a row of the same key as s0, for the same target: id=${BIG}, part=0xff`,
    },
  ]);
});

test('so it is where the servers do not know the targets', async () => {
  const targetOf = (shard: number): number => {
    const key = hash('sha256', `${shard}`, 'buffer');
    return jumpBucket(key.readUInt32BE(0), key.readUInt32BE(4), 2);
  };
  const [here, there] = [0, 1].map(t => numbers.filter(n => targetOf(n) === t));
  await insert(0, ['1', '00', here?.[0] ?? 0], ['2', '00', here?.[0] ?? 0]);
  await insert(1, ['1', '00', there?.[0] ?? 0]);
  expect(await found('jump')).toEqual([]);
  await insert(2, ['2', '00', here?.[1] ?? 0]);
  expect(await found('jump')).toMatchObject([{ what: expect.stringContaining('id=2, part=0x00') }]);
});

test('what is in the middle of both tables is left to the check', async () => {
  const many = (from: number): [string, string, number][] =>
    Array.from({ length: 600 }, (_, i) => [String(from + i), '00', 0]);
  const middle: [string, string, number] = ['5000', '00', 0];
  await insert(0, ...many(1000), middle, ...many(8000));
  await insert(1, ...many(2000), middle, ...many(9000));
  expect(await found()).toEqual([]);
});
