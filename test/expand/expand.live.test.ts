/**
 * I6, I9: a cluster of two servers gets a third, under writes: the rows that move are read, copied
 * and followed, and no others; the check compares those alone.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SERVICES, ShopJob } from '../pipeline/shop-job.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { Application, expectMoved, prepareCluster, SHARDED } from './cluster.ts';

const MINUTES = 60_000;

let mysql: Servers;

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
}, 2 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

test(
  'what moves is on the new server, equal, and the check names what is not',
  async () => {
    await using job = await prepareCluster({ mysql });
    const route = await callReshard('route', job.jobFile, '--json');
    expect(route.code, route.err).toBe(0);
    const spreads: { table: string; rows: number; staying: number; targets: { rows: number }[] }[] =
      JSON.parse(route.out).tables;
    for (const { name, was, is } of SHARDED) {
      const spread = spreads.find(s => s.table === name);
      const moving = Array.from({ length: spread?.rows ?? 0 }, (_, i) => i);
      expect(spread?.targets[0]?.rows).toBe(moving.filter(i => was(i) !== is(i)).length);
      expect(spread?.staying).toBe(moving.filter(i => was(i) === is(i)).length);
    }
    await using app = await Application.start(job);
    job.start(...SERVICES);
    await job.until('some rows', s => s.tables.some(t => t.done > 0), 2 * MINUTES);
    await job.end('sink', 'SIGKILL');
    job.start('sink');
    await job.copied();
    await app.stop();
    expect([...app.refused]).toEqual([]);
    await job.drained();
    const proof = await job.verify();
    expect(proof.code, proof.out).toBe(0);
    await expectMoved(job);
    const target = await job.sql(0);
    await target.run('DELETE FROM notes ORDER BY id LIMIT 1');
    await target.run("INSERT INTO events VALUES (1,'stays on c1',0)");
    await target.close();
    const damaged = await job.verify();
    expect(damaged.code, damaged.out).toBe(4);
    const told: { table: string; differences: { kind: string }[] }[] = JSON.parse(
      damaged.out,
    ).tables;
    expect(told.flatMap(t => t.differences.map(d => `${t.table} ${d.kind}`))).toEqual([
      'notes missing',
      'events extra',
    ]);
    const repaired = await callReshard('repair', job.jobFile, '--yes', '--timeout', '120');
    expect(repaired.code, repaired.err).toBe(0);
    await expectMoved(job);
  },
  5 * MINUTES,
);
