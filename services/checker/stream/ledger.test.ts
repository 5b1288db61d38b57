/**
 * The comparison against a model: rows on two sources' partitions and on targets, sinks that apply
 * batches, park rows and come again, readers that are ahead and behind, checks and restarts.
 * Without damage nothing is ever told to differ; with damage it is, and equal is only said of what
 * is.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Change, changesOf, rowOf } from '../../../test/support/checker/changes.ts';
import { Ledger, type Mismatch, type SavedLedger, type TargetStep } from './ledger.ts';

const BUCKETS = 4;
const SOURCES = ['a', 'b'] as const;
const NOTHING: SavedLedger = {
  ...{ position: 0, reached: {}, sums: [], unknown: [], waits: [], told: [], base: null },
};

type Source = (typeof SOURCES)[number];
type Event = { key: number; value: number | null; isRepair: boolean };

/** A print of a row that no two rows share: sums of a few never meet by chance. */
function print(source: string, key: number, value: number): bigint {
  const seed = BigInt(source.charCodeAt(0) * 1_000_003 + key * 10_007 + value + 17);
  return (seed * 0x9e3779b97f4a7c15f39cc0605cedc835n) % (1n << 128n);
}

/** The world: what is true, and what the ledger was told of it. */
class World {
  ledger: Ledger;
  now = 1000;
  readonly found: Mismatch[] = [];
  readonly logs: Record<Source, Event[]> = { a: [], b: [] };
  readonly read = new Map<string, number>([
    ['a', 0],
    ['b', 0],
  ]);
  /** What the source says, what the target has, and what waits there, by source and key. */
  readonly truth = new Map<string, number>();
  readonly target = new Map<string, number>();
  readonly waiting = new Map<string, number | null>();
  readonly applied: Record<Source, number> = { a: 0, b: 0 };
  /** Keys that were damaged by somebody else. */
  readonly damaged = new Set<string>();
  #position = 0;

  constructor(saved: SavedLedger = NOTHING) {
    this.ledger = new Ledger(saved, BUCKETS, this.now);
  }

  write(source: Source, event: Event): void {
    this.logs[source].push(event);
    this.now += 1;
  }

  /** The checker reads on in a source's topic. */
  readOn(source: Source, records: number): void {
    const log = this.logs[source];
    let at = this.read.get(source) ?? 0;
    for (const end = Math.min(log.length, at + records); at < end; at++) {
      const { key, value, isRepair } = log[at] as Event;
      const change = changeOf(source, key, this.#valueBefore(source, at, key), value);
      if (isRepair) this.ledger.addUnknown(source, at, change.bucket);
      else this.ledger.addSource(source, at, change.bucket, rowOf(change));
    }
    this.read.set(source, at);
    this.advance();
  }

  #valueBefore(source: Source, end: number, key: number): number | null {
    return this.logs[source].slice(0, end).findLast(e => e.key === key)?.value ?? null;
  }

  /** The sink applies records in a transaction; those of `skip` are lost by its mistake. */
  apply(source: Source, records: number, parks: number, skip = -1): void {
    const from = this.applied[source];
    const to = Math.min(this.logs[source].length, from + records);
    const newest = new Map<number, number | null>();
    for (let i = from; i < to; i++) {
      const { key, value } = this.logs[source][i] as Event;
      if (i === skip) this.damaged.add(`${source}${key}`);
      else newest.set(key, value);
    }
    const changes: Change[] = [];
    const waits: { bucket: number; waits: boolean }[] = [];
    for (const [key, value] of newest) {
      const name = `${source}${key}`;
      const bucket = key % BUCKETS;
      if (this.waiting.delete(name)) waits.push({ bucket, waits: false });
      const isParked = value !== null && key % 7 < parks;
      if (isParked) {
        this.waiting.set(name, value);
        waits.push({ bucket, waits: true });
      }
      changes.push(...this.#put(source, key, isParked ? null : value));
      this.damaged.delete(name);
    }
    this.applied[source] = to;
    this.#step([{ source, next: to }], changes, waits);
  }

  /** What waits is put back. */
  unpark(source: Source): void {
    const changes: Change[] = [];
    const waits: { bucket: number; waits: boolean }[] = [];
    for (const [name, value] of [...this.waiting]) {
      if (!name.startsWith(source)) continue;
      const key = Number(name.slice(1));
      this.waiting.delete(name);
      waits.push({ bucket: key % BUCKETS, waits: false });
      changes.push(...this.#put(source, key, value));
    }
    this.#step([{ source, next: this.applied[source] }], changes, waits);
  }

  /** Somebody else writes to the target. */
  damage(source: Source, key: number, value: number | null): void {
    if (this.waiting.has(`${source}${key}`)) return;
    const changes = this.#put(source, key, value);
    if (changes.length === 0) return;
    this.damaged.add(`${source}${key}`);
    this.#step([], changes, []);
  }

  /** Source, target and everything between stand still, and a check compares every row. */
  check(): boolean {
    for (const source of SOURCES) {
      this.apply(source, Infinity, 0);
      this.unpark(source);
      this.readOn(source, Infinity);
    }
    const startedMs = this.now + 1;
    this.now += 2;
    const isEqual = this.differing().length === 0;
    if (isEqual) this.ledger.rest('check', startedMs);
    return isEqual;
  }

  restart(): void {
    const saved: SavedLedger = JSON.parse(JSON.stringify(this.ledger.save()));
    this.ledger = new Ledger(saved, BUCKETS, this.now);
    for (const source of SOURCES) {
      const was = this.read.get(source) ?? 0;
      this.read.set(source, Math.min(was, saved.reached[source] ?? 0));
    }
    // Steps that were not taken are read once more.
    for (const { changes, ...step } of this.#steps.filter(s => s.position > saved.position)) {
      this.ledger.addStep(step, changesOf(changes));
    }
    this.advance();
  }

  advance(): void {
    this.found.push(...this.ledger.advance(this.read, this.now));
  }

  /** Keys that differ at the place that the target has come to, other than by waiting. */
  differing(): string[] {
    const names = new Set([...this.target.keys()]);
    const want = new Map<string, number>();
    for (const source of SOURCES) {
      for (const { key, value } of this.logs[source].slice(0, this.applied[source])) {
        names.add(`${source}${key}`);
        if (value === null) want.delete(`${source}${key}`);
        else want.set(`${source}${key}`, value);
      }
    }
    return [...names].filter(n => !this.waiting.has(n) && want.get(n) !== this.target.get(n));
  }

  readonly #steps: (TargetStep & { changes: Change[] })[] = [];

  #step(
    marks: { source: string; next: number }[],
    changes: Change[],
    waits: { bucket: number; waits: boolean }[],
  ): void {
    this.now += 1;
    this.#position += 1;
    const step = { position: this.#position, marks, waits, lost: false };
    this.#steps.push({ ...step, changes });
    this.ledger.addStep(step, changesOf(changes));
    this.advance();
  }

  #put(source: Source, key: number, value: number | null): Change[] {
    const name = `${source}${key}`;
    const before = this.target.get(name) ?? null;
    if (before === value) return [];
    if (value === null) this.target.delete(name);
    else this.target.set(name, value);
    return [changeOf(source, key, before, value)];
  }
}

function changeOf(
  source: Source,
  key: number,
  before: number | null,
  after: number | null,
): Change {
  const printOf = (value: number | null): bigint | null =>
    value === null ? null : print(source, key, value);
  return { bucket: key % BUCKETS, before: printOf(before), after: printOf(after) };
}

const source = fc.constantFrom(...SOURCES);
const key = fc.integer({ min: 0, max: 12 });
const value = fc.option(fc.integer({ min: 0, max: 3 }), { nil: null });
const some = fc.integer({ min: 0, max: 6 });
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), source, key, value }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), source, n: some }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('apply' as const), source, n: some, parks: some }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unpark' as const), source }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repair' as const), source, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('check' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

function play(world: World, a: Action): void {
  if (a.do === 'write') world.write(a.source, { ...a, isRepair: false });
  else if (a.do === 'read') world.readOn(a.source, a.n);
  else if (a.do === 'apply') world.apply(a.source, a.n, a.parks);
  else if (a.do === 'unpark') world.unpark(a.source);
  else if (a.do === 'check') world.check();
  else if (a.do === 'restart') world.restart();
  else {
    const known = world.logs[a.source].findLast(e => e.key === a.key)?.value ?? null;
    world.write(a.source, { key: a.key, value: known, isRepair: true });
  }
}

/** All that is written is applied and read, and nothing waits. */
function settle(world: World): void {
  for (const s of SOURCES) {
    world.apply(s, Infinity, 0);
    world.unpark(s);
    world.readOn(s, Infinity);
  }
}

describe('sums of both sides', () => {
  test('without damage nothing is told to differ, and a check makes all of it known', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), actions => {
        const world = new World();
        for (const a of actions) play(world, a);
        expect(world.found).toEqual([]);
        settle(world);
        expect(world.check()).toBe(true);
        expect(world.ledger.doubt).toBe(null);
        expect(world.ledger.save().sums).toEqual([]);
        for (const a of actions) play(world, a);
        expect(world.found).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  test('what somebody else writes is told in its bucket, and equal is not said while it is there', () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 40 }),
        source,
        key,
        value,
        fc.array(action, { maxLength: 20 }),
        (before, s, k, v, after) => {
          const world = new World();
          for (const a of before) play(world, a);
          settle(world);
          world.check();
          world.damage(s, k, v);
          const isDamaged = world.damaged.size > 0;
          const told = world.found.map(m => m.bucket);
          expect(told).toEqual(isDamaged ? [k % BUCKETS] : []);
          for (const a of after) {
            if (a.do !== 'check' && a.do !== 'repair') play(world, a);
            const isSaidEqual = world.ledger.doubt === null;
            const isMet = world.ledger.pending.steps === 0;
            if (isSaidEqual && isMet) expect(world.differing()).toEqual([]);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test('a record that the sink loses is told when the target says that it has passed it', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), source, key, (actions, s, k) => {
        const world = new World();
        for (const a of actions) play(world, a);
        settle(world);
        world.check();
        const was = world.logs[s].findLast(e => e.key === k)?.value ?? null;
        world.write(s, { key: k, value: was === null ? 1 : null, isRepair: false });
        const lost = world.logs[s].length - 1;
        world.apply(s, 1, 0, lost);
        expect(world.found).toEqual([]);
        world.readOn(s, 1);
        expect(world.found).toEqual([{ bucket: k % BUCKETS, rows: was === null ? 1 : -1 }]);
        world.restart();
        expect(world.ledger.doubt).toBe('differs');
        expect(world.found).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });

  test('a check that began before a sum moved makes the others known, and not that one', () => {
    const world = new World();
    const startedMs = world.now + 5;
    world.now = startedMs + 1;
    world.damage('a', 1, 3);
    world.ledger.rest('check', startedMs);
    expect([world.ledger.doubt, world.ledger.unknown]).toEqual(['unknown', 1]);
    world.damage('a', 2, 3);
    expect(world.found).toEqual([{ bucket: 2, rows: -1 }]);
    expect(world.ledger.doubt).toBe('differs');
  });

  test('a record that does not say what the row was makes its bucket unknown, until a check', () => {
    const world = new World();
    world.write('a', { key: 1, value: 3, isRepair: false });
    expect(world.check()).toBe(true);
    world.write('a', { key: 1, value: 3, isRepair: true });
    world.apply('a', 1, 0);
    world.readOn('a', 1);
    expect([world.ledger.doubt, world.ledger.unknown]).toEqual(['unknown', 1]);
    expect(world.check()).toBe(true);
    expect(world.ledger.doubt).toBe(null);
  });

  test('keys of which nobody tells that they wait no more are not waited for for ever', () => {
    const world = new World();
    expect(world.check()).toBe(true);
    const step = { marks: [], changes: 0 };
    world.ledger.addStep({
      ...step,
      position: 1,
      waits: [{ bucket: 1, waits: true }],
      lost: false,
    });
    world.advance();
    expect(world.ledger.doubt).toBe('waits');
    world.ledger.addStep({ ...step, position: 2, waits: [], lost: true });
    world.advance();
    expect(world.ledger.doubt).toBe('unknown');
    expect(world.check()).toBe(true);
    expect(world.ledger.doubt).toBe(null);
  });

  test('a check that began before the sums were kept makes nothing known', () => {
    const world = new World();
    expect(world.ledger.doubt).toBe('unknown');
    world.ledger.rest('check', world.now);
    expect(world.ledger.doubt).toBe('unknown');
    world.damage('a', 1, 3);
    expect(world.found).toEqual([]);
  });
});
