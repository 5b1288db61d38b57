/** `reshard route` on a real server: rows are counted where the route itself puts them. */
import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { jumpBucket } from '../../../shared/route/jump.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { explainRoutes } from './explain-route.ts';

const DATABASE = `explain_${process.pid}`;
const ROWS = 90;
const log = createLogger({ name: 'test', level: 'silent' });

test('rows of a route that the server cannot compute are counted at their targets', async () => {
  const s1 = commonServer('s1');
  const job = parseJob(
    JSON.stringify({
      job: 'explained',
      kafka: { brokers: ['127.0.0.1:1'] },
      registry: { url: 'http://127.0.0.1:1' },
      sources: [{ name: 's', ...s1, database: DATABASE }],
      targets: ['a', 'b', 'c'].map(name => ({ name, ...s1, database: `${DATABASE}_${name}` })),
      tables: [{ name: 't' }],
      route: { kind: 'jump', columns: 'id' },
    }),
    {},
  );
  await using session = await MysqlSession.open(s1, { role: 'admin' });
  await session.rawQuery(`CREATE DATABASE ${DATABASE}`);
  try {
    await session.rawQuery(`CREATE TABLE ${DATABASE}.t (id INT PRIMARY KEY)`);
    const ids = Array.from({ length: ROWS }, (_, i) => i);
    await session.rawQuery(`INSERT INTO ${DATABASE}.t VALUES ${ids.map(i => `(${i})`).join(',')}`);
    const places = ids.map(i => {
      const key = hash('sha256', `${i}`, 'buffer');
      return jumpBucket(key.readUInt32BE(0), key.readUInt32BE(4), 3);
    });
    const targets = ['a', 'b', 'c'].map((target, t) => {
      return { target, rows: places.filter(p => p === t).length };
    });
    const all = await explainRoutes(job, { log, sampleRows: 1000 });
    expect(all).toMatchObject([{ table: 't', rows: ROWS, isSample: false, nowhere: 0, targets }]);
    const one = await explainRoutes(job, { log, sampleRows: 1000, where: 'id=7' });
    expect(one[0]?.targets.map(t => t.rows)).toEqual([0, 1, 2].map(t => +(places[7] === t)));
    const code = "return row.id === '7' ? null : 'b';";
    const route = { kind: 'function' as const, columns: ['id'], code };
    const byFunction = await explainRoutes({ ...job, route }, { log, sampleRows: 1000 });
    const shown = { nowhere: 0, unrouted: 1, staying: null };
    expect(byFunction).toMatchObject([
      { ...shown, route: expect.stringMatching(/^function of id, SHA-256 [0-9a-f]{64}$/) },
    ]);
    expect(byFunction[0]?.targets.map(t => t.rows)).toEqual([0, ROWS - 1, 0]);
    const sample = await explainRoutes(job, { log, sampleRows: 20 });
    expect(sample).toMatchObject([{ rows: 20, isSample: true }]);
  } finally {
    await session.rawQuery(`DROP DATABASE ${DATABASE}`);
  }
});
