/**
 * I6 for unique keys of any form, on either flavor: of the first characters of a column, alone or
 * with whole columns, or of an expression (MySQL). Which rows collide is the server's business
 * alone, so nothing of ours computes it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Servers, startServers } from '../../../../test/support/servers/servers.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import {
  eventsOf,
  interleavings,
  SCENARIOS,
  sample,
} from '../../../../test/support/sink/unique-scenario.ts';

const ORDERS_MAX = 3;

interface Form {
  name: string;
  flavor: 'mysql' | 'mariadb';
  key: string;
}

/** Values that are the same under each of the keys, and no others. */
function spelt(uk: string, step: number): string {
  return `${(step % 2 === 0 ? uk : uk.toUpperCase()).repeat(4)} of step ${step}`;
}

const FORMS: Form[] = [
  { name: 'mysql: part of a column', flavor: 'mysql', key: 'uk(4)' },
  { name: 'mysql: an expression', flavor: 'mysql', key: '(LEFT(LOWER(uk), 4)), shard' },
  { name: 'mariadb: part of a column, a whole one', flavor: 'mariadb', key: 'shard, uk(4)' },
];

let own: Servers;

beforeAll(async () => {
  own = await startServers({
    mysql: [
      { name: 'mysql', serverId: 441, flavor: 'mysql' },
      { name: 'mariadb', serverId: 442, flavor: 'mariadb' },
    ],
  });
});
afterAll(() => own[Symbol.asyncDispose]());

describe.each(FORMS)('$name', ({ flavor, key }) => {
  let db: AppliedTable;

  beforeAll(async () => {
    db = await AppliedTable.create({
      endpoint: own.mysql(flavor).endpoint,
      database: 'sink_form',
      name: 'u',
      ddl: `CREATE TABLE u (id INT PRIMARY KEY,
            uk VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL,
            shard INT NOT NULL, seq INT NOT NULL, UNIQUE KEY by_uk (${key}))`,
      shardColumn: 'shard',
    });
  });
  afterAll(() => db[Symbol.asyncDispose]());

  test('swaps, chains and parked rows end as the source in every order of partitions', {
    timeout: 60_000,
  }, async () => {
    let parked = 0;
    for (const { name, steps } of SCENARIOS) {
      const { events, final } = eventsOf(steps, spelt);
      const orders = sample(interleavings(events.map(e => e.length)), ORDERS_MAX);
      for (const order of orders) {
        const { log, job } = await db.fresh(events.length);
        for (const [p, list] of events.entries()) log.append(p, ...list);
        await using member = db.member(log, job, { workers: 2 });
        for (const partition of order) {
          await member.reached(partition, log.release(partition, 1));
          parked += member.tasks.reduce((n, t) => n + t.parked.size, 0);
        }
        await member.unparked();
        expect(await db.rows(), `${name}, order ${order.join()}`).toEqual(final);
      }
    }
    expect(parked, 'rows that had to wait').toBeGreaterThan(0);
  });

  test('many rows at once, some of which collide, are told apart by the server', async () => {
    // Each row of the first partition has the value of one of the second, which has it no more.
    const { log, job } = await db.fresh(2);
    const rows = Array.from({ length: 200 }, (_, i) => i);
    const word = (i: number): string => spelt(`${String(i).padStart(4, 'x')}`, 2 * i);
    for (const i of rows) log.append(0, { op: 'c', after: [i, word(i), 0, i] });
    for (const i of rows) {
      const before = [i, word(i), 0, i];
      if (i % 3 === 0) log.append(0, { op: 'd', before });
      else log.append(0, { op: 'u', before, after: [i, null, 0, i] });
      log.append(1, { op: 'c', after: [1000 + i, word(i), 0, i] });
    }
    await using member = db.member(log, job, { workers: 2 });
    await member.reached(0, log.release(0, rows.length));
    await member.reached(1, log.release(1));
    expect(member.task(1).parked.size).toBe(rows.length);
    await member.reached(0, log.release(0));
    await member.unparked();
    const kept = rows.filter(i => i % 3 !== 0).map(i => [i, null, 0, i].join());
    const moved = rows.map(i => [1000 + i, word(i), 0, i].join());
    expect(await db.rows()).toEqual([...kept, ...moved].sort());
  });
});
