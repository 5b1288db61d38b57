/**
 * I6 for tables with unique keys besides the primary key: every order in which partitions can be
 * applied ends as the source. Each scenario holds an order in which REPLACE deletes a final row or
 * ON DUPLICATE KEY UPDATE rewrites another key's row; the last test proves that they do.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { servers } from '../../../../test/support/dev.ts';
import { AppliedTable, type PlayedLog } from '../../../../test/support/sink/applied-table.ts';
import type { Event, TextRow } from '../../../../test/support/sink/log-maker.ts';

/** Source statements on (id, uk): the row of the key becomes this, or is deleted. */
type Step = readonly [id: number, uk: string | null] | readonly [id: number];

interface Scenario {
  name: string;
  steps: readonly Step[];
}

const SCENARIOS: Scenario[] = [
  {
    name: 'a swap by way of NULL',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [1, null],
      [2, 'a'],
      [1, 'b'],
    ],
  },
  {
    name: 'a swap by way of a third value',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [1, 'x'],
      [2, 'a'],
      [1, 'b'],
    ],
  },
  {
    name: 'a cycle of three',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [1, null],
      [3, 'a'],
      [2, 'c'],
      [1, 'b'],
    ],
  },
  {
    name: 'a chain that moves up',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [3, 'd'],
      [2, 'c'],
      [1, 'b'],
    ],
  },
  {
    name: 'a value that moves to another key',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [1, 'c'],
      [2, 'a'],
    ],
  },
  { name: 'a value deleted and inserted with another key', steps: [[1, 'a'], [1], [2, 'a']] },
  { name: 'a value that comes back', steps: [[1, 'a'], [1], [2, 'a'], [2], [1, 'a']] },
  {
    name: 'a value that wanders over three keys',
    steps: [[1, 'a'], [1], [2, 'a'], [2, 'b'], [3, 'a'], [3], [1, 'a']],
  },
];

/** The events of each key, in order: a key is a partition of its own. */
function eventsOf(steps: readonly Step[]): { events: Event[][]; final: string[] } {
  const ids = [...new Set(steps.map(([id]) => id))];
  const rows = new Map<number, TextRow>();
  const events: Event[][] = ids.map(() => []);
  steps.forEach(([id, uk], i) => {
    const before = rows.get(id);
    const of = events[ids.indexOf(id)];
    if (uk === undefined) {
      if (before) of?.push({ op: 'd', before });
      rows.delete(id);
      return;
    }
    const after: TextRow = [id, uk, 0, i];
    of?.push(before ? { op: 'u', before, after } : { op: 'c', after });
    rows.set(id, after);
  });
  return { events, final: [...rows.values()].map(r => r.join()).sort() };
}

/** All sequences in which partitions with so many events each can be applied. */
function interleavings(counts: readonly number[]): number[][] {
  if (counts.every(n => n === 0)) return [[]];
  return counts.flatMap((n, p) => {
    if (n === 0) return [];
    const rest = counts.map((m, q) => (q === p ? m - 1 : m));
    return interleavings(rest).map(tail => [p, ...tail]);
  });
}

/** At most `max` of them, spread evenly. */
function sample<T>(list: readonly T[], max: number): T[] {
  const every = Math.max(1, Math.ceil(list.length / max));
  return list.filter((_, i) => i % every === 0);
}

const RUNS_MAX = Number(process.env.SINK_INTERLEAVINGS ?? 60);

/** The server treats NULL in each of them in another way, so the guard must hold in each. */
const KEYS = ['INT', 'BIGINT AUTO_INCREMENT', 'VARBINARY(20)'] as const;

describe.each(KEYS)('unique keys under every order of partitions, key %s', keyType => {
  let db: AppliedTable;

  beforeAll(async () => {
    const { t1 } = servers().mysql;
    if (t1 === undefined) throw new Error('no target server');
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
