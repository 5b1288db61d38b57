/**
 * I5, I6 with two sources on one target: rows that move between them in any order of arrival, and
 * keys that both have. FC_SEED repeats a run.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../../../shared/runtime/log.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import type { Event, LogMaker, TextRow } from '../../../../test/support/sink/log-maker.ts';
import { TwoSources, type TwoSourcesOptions } from '../../../../test/support/sink/two-sources.ts';
import { overdue } from '../../metrics.ts';
import { MysqlDestination } from './mysql-destination.ts';

const RUNS = Number(process.env.OWNER_RUNS ?? 60);
const SEED = process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) };
const TARGETS = 2;
const DATABASES = ['sink_owner_0', 'sink_owner_1'];
const logger = createLogger({ name: 'test', level: process.env.TEST_LOG ?? 'silent' });

const endpoint = () => commonServer('t1');

/** A thing that happens: at a source, in its log, or on the way to a target. */
type Step =
  | { what: 'write'; source: 0 | 1; key: number; shard: number }
  | { what: 'delete'; source: 0 | 1; key: number }
  | { what: 'move'; from: 0 | 1; key: number; shard: number }
  | { what: 'read again'; source: 0 | 1; key: number; clear: boolean }
  | { what: 'garbage'; source: 0 | 1; key: number }
  | { what: 'arrive'; target: number; counts: [number, number] }
  | { what: 'retry'; target: number }
  | { what: 'restart' };

const source = fc.constantFrom<0 | 1>(0, 1);
const key = fc.integer({ min: 1, max: 3 });
const shard = fc.integer({ min: 0, max: 1 });
const target = fc.integer({ min: 0, max: TARGETS - 1 });
const some = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('write' as const), source, key, shard }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('delete' as const), source, key }) },
  {
    weight: 5,
    arbitrary: fc.record({ what: fc.constant('move' as const), from: source, key, shard }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('read again' as const),
      source,
      key,
      clear: fc.boolean(),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      what: fc.constant('arrive' as const),
      target,
      counts: fc.tuple(some, some),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('garbage' as const), source, key }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('retry' as const), target }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('restart' as const) }) },
);

/** What the sources hold, and the logs that tell of it. A row that moves keeps its unique value. */
class History {
  readonly #held = [new Map<string, TextRow>(), new Map<string, TextRow>()];
  /** Keys of which nobody can read the last event, by source. */
  readonly #unknown = [new Set<string>(), new Set<string>()];
  readonly #logs: readonly LogMaker[];
  #seq = 0;

  constructor(logs: readonly LogMaker[]) {
    this.#logs = logs;
  }

  get unknown(): string[] {
    return this.#unknown.flatMap(keys => [...keys]);
  }

  step(x: Exclude<Step, { what: 'arrive' | 'retry' | 'restart' }>): void {
    const id = `k${x.key}`;
    if (x.what === 'write') this.#put(x.source, id, x.shard);
    else if (x.what === 'delete') this.#drop(x.source, id);
    else if (x.what === 'garbage') {
      this.#logs[x.source]?.appendGarbage([id, 0, 0, null]);
      this.#unknown[x.source]?.add(id);
    } else if (x.what === 'read again') this.#readAgain(x.source, id, x.clear);
    else {
      this.#drop(x.from, id);
      this.#put(x.from === 0 ? 1 : 0, id, x.shard);
    }
  }

  /** Both sources on a target; keys that both have for it are apart. */
  merged(at: number): { rows: string[]; both: [string, string[]][] } {
    const rows: string[] = [];
    const both: [string, string[]][] = [];
    for (const id of new Set(this.#held.flatMap(h => [...h.keys()]))) {
      const here = this.#held.flatMap((h, s) => {
        const row = h.get(id);
        return row?.[1] === at && !this.#unknown[s]?.has(id) ? [row.join()] : [];
      });
      const [one] = here;
      if (here.length === 2) both.push([id, here]);
      else if (one !== undefined) rows.push(one);
    }
    return { rows: rows.sort(), both };
  }

  #put(s: 0 | 1, id: string, at: number): void {
    this.#seq += 1;
    const before = this.#held[s]?.get(id);
    const after: TextRow = [id, at, this.#seq, id.replace('k', 'u')];
    this.#held[s]?.set(id, after);
    this.#append(s, id, before ? { op: 'u', before, after } : { op: 'c', after });
  }

  #drop(s: 0 | 1, id: string): void {
    const before = this.#held[s]?.get(id);
    if (before === undefined) return;
    this.#held[s]?.delete(id);
    this.#append(s, id, { op: 'd', before });
  }

  /** A repair or a snapshot: the row as it is, a tombstone if there is none, or both. */
  #readAgain(s: 0 | 1, id: string, clear: boolean): void {
    const row = this.#held[s]?.get(id);
    this.#unknown[s]?.delete(id);
    if (clear || row === undefined) this.#logs[s]?.appendTombstone([id, 0, 0, null]);
    if (row !== undefined) this.#append(s, id, { op: 'r', after: row });
  }

  #append(s: 0 | 1, id: string, event: Event): void {
    this.#unknown[s]?.delete(id);
    this.#logs[s]?.append(event);
  }
}

describe('two sources and their keys', () => {
  const tables: AppliedTable[] = [];
  let jobs = 0;

  beforeAll(async () => {
    for (const database of DATABASES) {
      tables.push(
        await AppliedTable.create({
          endpoint: endpoint(),
          database,
          name: 'o',
          ddl: `CREATE TABLE o (id VARBINARY(20) PRIMARY KEY, shard INT NOT NULL, seq INT NOT NULL,
                uk VARCHAR(20) NULL, UNIQUE KEY (uk))`,
          shardColumn: 'shard',
        }),
      );
    }
  });
  afterAll(async () => {
    for (const t of tables) await t[Symbol.asyncDispose]();
  });

  /** Both sources, empty targets, a job of its own. */
  async function open(
    o: Partial<Omit<TwoSourcesOptions, 'schema' | 'targets'>> & { job?: string } = {},
  ): Promise<TwoSources> {
    const [first] = tables;
    if (first === undefined) throw new Error('no table');
    jobs += 1;
    const job = o.job ?? `owner${process.pid}-${jobs}`;
    if (o.job === undefined) for (const t of tables) await t.session.rawQuery('DELETE FROM o');
    const targets = DATABASES.map(
      (database, i) =>
        new MysqlDestination(
          i,
          { name: `t${i}`, kind: 'mysql', ...endpoint(), database },
          { job, jobId: `${job}#1`, identity: null },
          logger,
        ),
    );
    return TwoSources.open({ schema: first.table.schema, targets, shared: true, ...o });
  }

  async function rows(target: number): Promise<string[]> {
    return (await tables[target]?.rows()) ?? [];
  }

  /** Plays a history; returns what the sources have in the end. */
  async function play(two: TwoSources, steps: readonly Step[]): Promise<History> {
    const history = new History(two.logs);
    for (const x of steps) {
      if (x.what === 'arrive') await two.sides[x.target]?.take(two.logs, x.counts);
      else if (x.what === 'retry') await two.sides[x.target]?.retry();
      else if (x.what === 'restart') await two.restart();
      else history.step(x);
    }
    return history;
  }

  async function expectMerge(two: TwoSources, history: History): Promise<void> {
    for (const [at, side] of two.sides.entries()) {
      const { rows: expected, both } = history.merged(at);
      const found = await rows(at);
      const shared = new Set(both.map(([id]) => id));
      const idOf = (row: string): string => row.split(',')[0] ?? '';
      expect(found.filter(r => !shared.has(idOf(r)))).toEqual(expected);
      for (const [id, candidates] of both) {
        const there = found.filter(r => idOf(r) === id);
        expect(there).toHaveLength(1);
        expect(candidates).toContain(there[0]);
      }
      // A collision is known by name, a record that nobody can read too, and nothing else waits.
      const waiting = side.tasks.flatMap(t => [...t.parked.values(), ...t.blocked.values()]);
      const kinds = [...both.map(() => 'collision'), ...history.unknown.map(() => 'corrupt')];
      expect(waiting.map(w => w.why?.kind).sort()).toEqual(kinds.sort());
    }
  }

  const histories = fc.tuple(
    fc.array(step, { minLength: 5, maxLength: 40 }),
    fc.boolean(),
    fc.constantFrom(0, 60_000),
  );

  test('any history, in any order of arrival, ends as the merge of both or says collision', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async ([steps, compacted, parkDeadlineMs]) => {
        await using two = await open({ compacted, parkDeadlineMs });
        const history = await play(two, steps);
        await two.finish();
        await expectMerge(two, history);
      }),
      { numRuns: RUNS, ...SEED },
    );
  }, 120_000);

  const MOVE: Step[] = [
    { what: 'write', source: 0, key: 1, shard: 0 },
    { what: 'arrive', target: 0, counts: [1, 0] },
    { what: 'move', from: 0, key: 1, shard: 0 },
    // The insert at the new source is here before the delete at the old one.
    { what: 'arrive', target: 0, counts: [0, 1] },
  ];

  test.each([
    [true, ['k1,0,2,u1']],
    [false, []],
  ])('owners (%s): a row that moved to another source, its delete last', async (shared, left) => {
    await using two = await open({ shared });
    await play(two, MOVE);
    await two.finish();
    expect(await rows(0)).toEqual(left);
  });

  test.each([
    [true, ['k1,0,1,u1']],
    [false, []],
  ])(
    'owners (%s), compacted: the same key of two sources for two targets',
    async (shared, left) => {
      await using two = await open({ shared, compacted: true });
      const history = await play(two, [
        { what: 'write', source: 0, key: 1, shard: 0 },
        { what: 'arrive', target: 0, counts: [1, 0] },
        { what: 'write', source: 1, key: 1, shard: 1 },
      ]);
      await two.finish();
      expect(await rows(0)).toEqual(left);
      expect(await rows(1)).toEqual(['k1,1,2,u1']);
      if (shared) await expectMerge(two, history);
    },
  );

  test('a key that both sources keep is blocked with both named, and goes in when one lets go', async () => {
    await using two = await open({ parkDeadlineMs: 0 });
    const [a, b] = two.logs;
    a?.append({ op: 'c', after: ['k', 0, 1, null] });
    await two.sides[0]?.take(two.logs, [1, 0]);
    b?.append({ op: 'c', after: ['k', 0, 2, null] });
    await two.finish();
    expect(await rows(0)).toEqual(['k,0,1,']);
    const [side] = two.sides;
    const text = 'source a has a row of the same key as source b';
    expect([...(side?.tasks[1]?.blocked.values() ?? [])]).toMatchObject([
      { reason: 'collision', why: { kind: 'collision', text } },
    ]);
    expect(side?.letters.map(l => [l.reason, l.why.text])).toEqual([['collision', text]]);
    expect(side?.letters[0]?.value).toEqual(b?.fetched().value(0));
    a?.append({ op: 'd', before: ['k', 0, 1, null] });
    await two.finish();
    expect(await rows(0)).toEqual(['k,0,2,']);
    expect(side?.tasks[1]?.blocked.size).toBe(0);
  });

  test('a row that waits becomes a collision at its deadline, with the record as a dead letter', async () => {
    await using two = await open({ parkDeadlineMs: 300 });
    two.logs[0]?.append({ op: 'c', after: ['k', 0, 1, null] });
    await two.sides[0]?.take(two.logs, [1, 0]);
    two.logs[1]?.append({ op: 'c', after: ['k', 0, 2, null] });
    await two.finish();
    const [side] = two.sides;
    expect(side?.letters).toEqual([]);
    expect([...(side?.tasks[1]?.parked.values() ?? [])][0]?.why?.kind).toBe('collision');
    await new Promise(resolve => setTimeout(resolve, 301));
    await side?.retry();
    expect(side?.tasks[1]?.parked.size).toBe(0);
    const record = two.logs[1]?.fetched();
    expect(side?.letters.map(l => [l.key, l.value])).toEqual([[record?.key(0), record?.value(0)]]);
  });

  test('a row whose key was taken while it waited for a unique value says who has the key', async () => {
    await using two = await open({ parkDeadlineMs: 0 });
    const [a, b] = two.logs;
    a?.append({ op: 'c', after: ['k1', 0, 1, 'u'] }, { op: 'c', after: ['k2', 0, 2, 'u'] });
    await two.sides[0]?.take(two.logs, [2, 0]);
    b?.append({ op: 'c', after: ['k2', 0, 3, 'other'] });
    await two.finish();
    expect(await rows(0)).toEqual(['k1,0,1,u', 'k2,0,3,other']);
    const text = 'source b has a row of the same key as source a';
    const parked = () => two.sides[0]?.tasks[0];
    expect([...(parked()?.parked.values() ?? [])]).toMatchObject([
      { why: { kind: 'collision', text } },
    ]);
    await two.restart();
    const late = overdue(parked() ?? expect.fail('a task'), 0, Date.now());
    expect(late?.message).toBe(`rows wait for another source: ${text}`);
    // It goes in when both have let go.
    b?.append({ op: 'd', before: ['k2', 0, 3, 'other'] });
    await two.finish();
    expect([...(parked()?.parked.values() ?? [])].map(p => p.why)).toEqual([undefined]);
    a?.append({ op: 'd', before: ['k1', 0, 1, 'u'] });
    await two.finish();
    expect(await rows(0)).toEqual(['k2,0,2,u']);
  });

  test('an entry without its row keeps nobody out, and a tombstone takes a row that nobody owns', async () => {
    await using two = await open();
    two.logs[0]?.append({ op: 'c', after: ['k', 0, 1, null] });
    await two.finish();
    await tables[0]?.session.rawQuery('DELETE FROM o');
    two.logs[1]?.append({ op: 'c', after: ['k', 0, 2, null] });
    await two.finish();
    expect(await rows(0)).toEqual(['k,0,2,']);
    await tables[0]?.session.rawQuery("INSERT INTO o VALUES ('stray', 0, 9, NULL)");
    two.logs[0]?.appendTombstone(['stray', 0, 0, null]).appendTombstone(['k', 0, 0, null]);
    await two.finish();
    expect(await rows(0)).toEqual(['k,0,2,']);
  });

  test('a key that does not fit the target blocks itself, not its batch', async () => {
    await tables[0]?.session.rawQuery('ALTER TABLE o MODIFY id VARBINARY(3)');
    try {
      await using two = await open();
      for (const [i, id] of ['k1', 'long-key', 'k2'].entries()) {
        two.logs[0]?.append({ op: 'c', after: [id, 0, i, null] });
      }
      await two.finish();
      expect(await rows(0)).toEqual(['k1,0,0,', 'k2,0,2,']);
      const blocked = [...(two.sides[0]?.tasks[0]?.blocked.values() ?? [])];
      expect(blocked).toMatchObject([{ reason: 'refused', why: { errno: 1406 } }]);
    } finally {
      await tables[0]?.session.rawQuery('DELETE FROM o');
      await tables[0]?.session.rawQuery('ALTER TABLE o MODIFY id VARBINARY(20)');
    }
  });
});
