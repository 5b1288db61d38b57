/**
 * The sink as it runs: real topics, real targets, members that are processes and get killed.
 * Enforces I4.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import { servers } from '../../test/support/dev.ts';
import type { Event } from '../../test/support/sink/log-maker.ts';
import { SinkJob } from '../../test/support/sink/sink-job.ts';

const TABLES = {
  wide: 'CREATE TABLE wide (id INT PRIMARY KEY, shard INT NOT NULL, v LONGTEXT NOT NULL)',
  plain: `CREATE TABLE plain (id INT PRIMARY KEY, shard INT NOT NULL, v VARCHAR(50) NOT NULL)`,
  keyed: `CREATE TABLE keyed (id INT PRIMARY KEY, shard INT NOT NULL, uk VARCHAR(20) NULL,
          UNIQUE KEY (uk))`,
};

/** A source's changes at random, and what it holds at the end. */
class Story {
  readonly #plain = new Map<number, [number, number, string]>();
  readonly #keyed = new Map<number, [number, number, string | null]>();
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  next(count: number): { plain: Event[]; keyed: Event[] } {
    const plain: Event[] = [];
    const keyed: Event[] = [];
    for (let i = 0; i < count; i++) {
      const id = this.#random(200);
      change(this.#plain, id, this.#random(5) === 0 ? null : [id, this.#random(9), `v${i}`], plain);
      this.#swap(keyed);
    }
    return { plain, keyed };
  }

  /** Rows of a table by target. */
  rows(table: 'plain' | 'keyed', targets: number): string[][] {
    const all = [...(table === 'plain' ? this.#plain : this.#keyed).values()];
    return Array.from({ length: targets }, (_, t) =>
      all
        .filter(r => r[1] % targets === t)
        .map(r => r.join())
        .sort(),
    );
  }

  /** Few unique values wander over few keys: collisions all the time. */
  #swap(keyed: Event[]): void {
    const id = this.#random(12);
    const uk = `u${this.#random(8)}`;
    const holder = [...this.#keyed.values()].find(r => r[2] === uk);
    if (holder !== undefined && holder[0] !== id) {
      change(this.#keyed, holder[0], [holder[0], holder[1], null], keyed);
    }
    change(this.#keyed, id, this.#random(6) === 0 ? null : [id, this.#random(4), uk], keyed);
  }

  #random(below: number): number {
    this.#seed = (Math.imul(this.#seed, 1103515245) + 12345) >>> 0;
    return (this.#seed >>> 8) % below;
  }
}

function change<T extends [number, number, string | null]>(
  rows: Map<number, T>,
  id: number,
  after: T | null,
  events: Event[],
): void {
  const before = rows.get(id);
  if (after === null) {
    if (before === undefined) return;
    rows.delete(id);
    events.push({ op: 'd', before });
    return;
  }
  rows.set(id, after);
  events.push(before ? { op: 'u', before, after } : { op: 'c', after });
}

describe('the sink with real topics and targets', { timeout: 180_000 }, () => {
  let job: SinkJob;
  let story: Story;

  beforeEach(async () => {
    const name = `sink_live_${process.pid}_${Date.now() % 100_000}`;
    job = await SinkJob.create({ servers: servers(), targets: ['t1', 't2'], name, tables: TABLES });
    story = new Story(Date.now() % 1000);
  });
  afterEach(() => job[Symbol.asyncDispose]());

  async function publish(count: number): Promise<void> {
    const { plain, keyed } = story.next(count);
    await job.publish('plain', plain);
    await job.publish('keyed', keyed);
  }

  async function expectEqual(): Promise<void> {
    await job.waitDrained();
    expect(await job.rows('plain')).toEqual(story.rows('plain', 2));
    expect(await job.rows('keyed')).toEqual(story.rows('keyed', 2));
  }

  test('what is in the log before and after the start arrives, and SIGTERM ends with 0', async () => {
    await publish(300);
    const member = job.start();
    for (let i = 0; i < 30; i++) await publish(20);
    await expectEqual();
    member.kill('SIGTERM');
    expect(await once(member, 'exit')).toEqual([0, null]);
  });

  test('a topic made again while the sink was stopped: nothing of it is applied', async () => {
    await publish(300);
    const member = job.start();
    await expectEqual();
    member.kill('SIGTERM');
    expect(await once(member, 'exit')).toEqual([0, null]);
    await job.remakeTopic('plain');
    // As long as the one before: its offsets are there, with other records at them.
    const others: Event[] = Array.from({ length: 900 }, (_, i) => {
      return { op: 'c', after: [10_000 + i, i, 'other'] };
    });
    await job.publish('plain', others);
    job.start();
    const { error } = await job.waitReport(
      'the halt',
      r => r.error?.includes('made again') === true,
    );
    expect(error).toContain('history-lost');
    expect(error).toContain(job.topicOf('plain'));
    expect(await job.rows('plain')).toEqual(story.rows('plain', 2));
  });

  test.each([
    [FAILPOINTS.sinkBeforeCommit, 9],
    [FAILPOINTS.sinkAfterCommit, 9],
    [FAILPOINTS.sinkMidPark, 1],
  ])('killed at %s, started again, it ends equal', async (failpoint, nth) => {
    const member = job.start({ failpoint: `${failpoint}:${nth}` });
    const gone = once(member, 'exit');
    let dead = false;
    void gone.then(() => {
      dead = true;
    });
    await until(
      async () => {
        await publish(10);
        return dead;
      },
      { timeoutMs: 60_000, everyMs: 1, what: `the member to die at ${failpoint}` },
    );
    expect(await gone).toEqual([null, 'SIGKILL']);
    await publish(50);
    job.start();
    await publish(50);
    await expectEqual();
  });

  test('killed while it gives slots up to another member, it ends equal', async () => {
    const first = job.start({ failpoint: `${FAILPOINTS.sinkMidRebalance}:1` });
    const gone = once(first, 'exit');
    await publish(100);
    await job.waitDrained();
    job.start();
    for (let i = 0; i < 30; i++) await publish(10);
    expect(await gone).toEqual([null, 'SIGKILL']);
    await expectEqual();
  });

  test('a row of many megabytes passes', async () => {
    const v = 'long'.repeat(3_000_000);
    await job.publish('wide', [
      { op: 'c', after: [1, 1, v] },
      { op: 'c', after: [2, 1, 'short'] },
    ]);
    job.start();
    await job.waitDrained(30_000);
    const [row] =
      (await job.sessions[1]?.query<{ n: string; h: string }>(
        'SELECT LENGTH(v) AS n, SHA2(v, 256) AS h FROM wide WHERE id = 1',
      )) ?? [];
    expect(Number(row?.n)).toBe(v.length);
    expect(row?.h).toBe(createHash('sha256').update(v).digest('hex'));
  });

  test('two members share the slots; one is killed, the other takes over', async () => {
    const first = job.start();
    await publish(100);
    await job.waitDrained();
    job.start();
    for (let i = 0; i < 40; i++) await publish(10);
    first.kill('SIGKILL');
    for (let i = 0; i < 40; i++) await publish(10);
    await expectEqual();
  });

  test('a member stopped past its lease wakes up and changes nothing', async () => {
    const first = job.start();
    await publish(100);
    await job.waitDrained();
    first.kill('SIGSTOP');
    job.start();
    for (let i = 0; i < 20; i++) await publish(10);
    await expectEqual();
    first.kill('SIGCONT');
    for (let i = 0; i < 20; i++) await publish(10);
    await expectEqual();
  });
});
