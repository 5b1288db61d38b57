/** Rows of a cluster that do not lie as its `oldRoute` says, on a real server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { returnJob } from '../../../shared/job/return-job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { jumpBucket } from '../../../shared/route/jump.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { checkBroadcasts } from './broadcast-copies.ts';
import { checkMisplaced } from './misplaced-rows.ts';

const LOG = createLogger({ name: 'test', level: 'silent' });
const DATABASES = ['misplaced_a', 'misplaced_b'];
let session: MysqlSession;

const MODULUS = { kind: 'modulus', column: 'id' };
const JUMP = { kind: 'jump', columns: 'id' };

/** The cluster has the servers in this order. */
function cluster(route: object, order: readonly number[], more: readonly object[] = []): Job {
  const server = (database: string | undefined, name: string): object => {
    return { name, ...commonServer('t1'), database };
  };
  return parseJob(
    JSON.stringify({
      ...{ job: 'misplaced', kind: 'expand', kafka: { brokers: ['127.0.0.1:1'] } },
      registry: { url: 'http://127.0.0.1:1' },
      sources: order.map(i => server(DATABASES[i], `c${i}`)),
      targets: [2, 3].map(i => server('none', `c${i}`)),
      tables: [{ name: 't' }, ...more],
      ...{ oldRoute: route, route },
    }),
    {},
  );
}

/** Rows go from both databases to one target, and come back by the modulus. */
function wayBack(): Job {
  const server = (database: string | undefined, name: string): object => {
    return { name, ...commonServer('t1'), database };
  };
  const job = parseJob(
    JSON.stringify({
      ...{ job: 'strays', kafka: { brokers: ['127.0.0.1:1'] } },
      registry: { url: 'http://127.0.0.1:1' },
      sources: DATABASES.map((database, i) => server(database, `c${i}`)),
      targets: [server('none', 'd')],
      ...{ tables: [{ name: 't' }], route: { kind: 'target', target: 'd' } },
      cutover: { back: { route: MODULUS } },
    }),
    {},
  );
  const back = returnJob(job);
  if (back === null) throw new Error('a way back');
  return back;
}

async function found(route: object, order = [0, 1]): Promise<string[]> {
  const job = cluster(route, order);
  const schema = await inspectTable(session, DATABASES[0] ?? '', 't');
  const findings = await checkMisplaced(job, new Map([['t', schema]]), LOG);
  for (const { level, code } of findings) expect([level, code]).toEqual(BLOCKER);
  return findings.map(f => `${f.where.replace(/^source (\w+) .*/, '$1')}: ${f.what}`);
}

const BLOCKER = ['blocker', 'row-on-wrong-server'];

async function fill(place: (id: number) => number): Promise<void> {
  for (const [i, db] of DATABASES.entries()) {
    const ids = Array.from({ length: 400 }, (_, id) => id).filter(id => place(id) === i);
    await session.rawQuery(`TRUNCATE TABLE ${db}.t`);
    await session.rawQuery(`INSERT INTO ${db}.t VALUES ${ids.map(id => `(${id})`).join(',')}`);
  }
}

beforeAll(async () => {
  session = await MysqlSession.open(commonServer('t1'), { role: 'admin' });
  for (const db of DATABASES) {
    await session.rawQuery(`DROP DATABASE IF EXISTS ${db}`);
    await session.rawQuery(`CREATE DATABASE ${db}`);
    await session.rawQuery(`CREATE TABLE ${db}.t (id INT PRIMARY KEY)`);
  }
});

afterAll(async () => {
  for (const db of DATABASES) await session.rawQuery(`DROP DATABASE IF EXISTS ${db}`);
  await session.close();
});

test('rows that lie as the old route says are no finding; one that does not is named', async () => {
  await fill(id => id % 2);
  expect(await found(MODULUS)).toEqual([]);
  await session.rawQuery(`INSERT INTO ${DATABASES[1]}.t VALUES (1000)`);
  expect(await found(MODULUS)).toEqual(['c1: has rows that belong to c0 by `oldRoute`']);
});

test('servers in another order than the cluster has them are found by their rows', async () => {
  await fill(id => id % 2);
  expect(await found(MODULUS, [1, 0])).toHaveLength(2);
});

test('a row that would go back to another source than the one that has it is named', async () => {
  await fill(id => id % 2);
  const job = wayBack();
  const schema = await inspectTable(session, DATABASES[0] ?? '', 't');
  const stray = async () =>
    (await checkMisplaced(job, new Map([['t', schema]]), LOG)).map(f => f.what);
  expect(await stray()).toEqual([]);
  await session.rawQuery(`INSERT INTO ${DATABASES[1]}.t VALUES (1000)`);
  expect(await stray()).toEqual(['has rows that go back to c0 by `cutover.back`']);
});

test('copies of a table that is on all servers are compared', async () => {
  const copies = async (): Promise<string[]> => {
    const job = cluster(MODULUS, [0, 1], [{ name: 'c', route: { kind: 'all', from: 'c0' } }]);
    return (await checkBroadcasts(job, LOG)).map(f => `${f.level} ${f.code} ${f.what}`);
  };
  for (const db of DATABASES) {
    await session.rawQuery(`CREATE TABLE ${db}.c (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL)`);
  }
  await session.rawQuery(`INSERT INTO ${DATABASES[0]}.c VALUES (1,'a'),(2,'b')`);
  await session.rawQuery(`INSERT INTO ${DATABASES[1]}.c VALUES (2,'b'),(1,'a')`);
  expect(await copies()).toEqual([]);
  await session.rawQuery(`UPDATE ${DATABASES[1]}.c SET name='x' WHERE id=2`);
  expect(await copies()).toEqual([
    'warning copies-differ is another table than on c0, or was changed just now',
  ]);
});

test('where a server cannot tell, the first and the last rows are looked at', async () => {
  const { hash } = await import('node:crypto');
  await fill(id => {
    const digest = hash('sha256', `${id}`, 'buffer');
    return jumpBucket(digest.readUInt32BE(0), digest.readUInt32BE(4), 2);
  });
  expect(await found(JUMP)).toEqual([]);
  expect(await found(JUMP, [1, 0])).toHaveLength(2);
});
