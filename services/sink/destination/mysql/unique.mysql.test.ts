/**
 * I6 for tables with unique keys besides the primary key: every order in which partitions can be
 * applied ends as the source. Each scenario holds an order in which REPLACE deletes a final row or
 * ON DUPLICATE KEY UPDATE rewrites another key's row; the last test proves that they do.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable, type PlayedLog } from '../../../../test/support/sink/applied-table.ts';
import type { Event } from '../../../../test/support/sink/log-maker.ts';
import {
  eventsOf,
  interleavings,
  SCENARIOS,
  sample,
} from '../../../../test/support/sink/unique-scenario.ts';

const RUNS_MAX = Number(process.env.SINK_INTERLEAVINGS ?? 60);

/** The server treats NULL in each of them in another way, so the guard must hold in each. */
const KEYS = ['INT', 'BIGINT AUTO_INCREMENT', 'VARBINARY(20)'] as const;

describe.each(KEYS)('unique keys under every order of partitions, key %s', keyType => {
  let db: AppliedTable;

  beforeAll(async () => {
    const t1 = commonServer('t1');
    db = await AppliedTable.create({
      endpoint: t1,
      database: 'sink_unique',
      name: 'u',
      ddl: `CREATE TABLE u (id ${keyType} PRIMARY KEY, uk VARCHAR(20) NULL, shard INT NOT NULL,
            seq INT NOT NULL, UNIQUE KEY by_uk (uk))`,
      shardColumn: 'shard',
    });
  });
  afterAll(() => db[Symbol.asyncDispose]());

  async function play(log: PlayedLog, job: string, order: readonly number[], workers: number) {
    await using member = db.member(log, job, { workers });
    for (const partition of order) {
      const next = log.release(partition, 1);
      await member.reached(partition, next);
    }
    await member.unparked();
  }

  test.each(SCENARIOS)('$name', { timeout: 60_000 }, async ({ steps }) => {
    const { events, final } = eventsOf(steps);
    const orders = sample(interleavings(events.map(e => e.length)), RUNS_MAX);
    for (const order of orders) {
      const { log, job } = await db.fresh(events.length);
      for (const [p, list] of events.entries()) log.append(p, ...list);
      await play(log, job, order, 2);
      expect(await db.rows(), `order ${order.join()}`).toEqual(final);
    }
  });

  test.each(SCENARIOS)(
    '$name, whole partitions at once',
    { timeout: 60_000 },
    async ({ steps }) => {
      const { events, final } = eventsOf(steps);
      for (const order of interleavings(events.map(() => 1))) {
        const { log, job } = await db.fresh(events.length);
        for (const [p, list] of events.entries()) log.append(p, ...list);
        await using member = db.member(log, job);
        for (const partition of order) await member.reached(partition, log.release(partition));
        await member.unparked();
        expect(await db.rows(), `order ${order.join()}`).toEqual(final);
      }
    },
  );

  test('REPLACE and a blind ON DUPLICATE KEY UPDATE lose rows in each scenario', async () => {
    for (const { name, steps } of SCENARIOS) {
      const { events, final } = eventsOf(steps);
      const lost = { replace: 0, update: 0 };
      for (const order of sample(interleavings(events.map(e => e.length)), RUNS_MAX)) {
        for (const way of ['replace', 'update'] as const) {
          if (!(await endsRight(way, events, order, final))) lost[way] += 1;
        }
      }
      expect(lost.replace, `${name}: orders that REPLACE gets wrong`).toBeGreaterThan(0);
      expect(lost.update, `${name}: orders that a blind update gets wrong`).toBeGreaterThan(0);
    }
  }, 60_000);

  async function endsRight(
    way: 'replace' | 'update',
    events: Event[][],
    order: readonly number[],
    final: string[],
  ): Promise<boolean> {
    await db.session.rawQuery('DELETE FROM u');
    const next = events.map(() => 0);
    for (const p of order) {
      const event = events[p]?.[next[p] ?? 0];
      next[p] = (next[p] ?? 0) + 1;
      const { after, before } = event ?? {};
      const values = [...(after ?? [])];
      const blind = 'ON DUPLICATE KEY UPDATE id=VALUES(id),uk=VALUES(uk),seq=VALUES(seq)';
      try {
        if (after === undefined)
          await db.session.run('DELETE FROM u WHERE id = ?', [Number(before?.[0])]);
        else if (way === 'replace') await db.session.run('REPLACE INTO u VALUES (?)', [values]);
        else await db.session.run(`INSERT INTO u VALUES (?) ${blind}`, [values]);
      } catch {
        // A blind statement that is refused has lost its event as well.
      }
    }
    return (await db.rows()).join(';') === final.join(';');
  }
});
