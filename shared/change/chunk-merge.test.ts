/**
 * Enforces T1 and I3's ground: the exhaustive model of one key, and the proof that it can fail.
 * Enforces I1.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkMerge } from './chunk-merge.ts';
import { type Gtid, GtidSet } from './gtid.ts';

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const KEY = Buffer.from('key');
const GTIDS: Gtid[] = [1, 2, 3, 4].map(number => ({ source: UUID, number, server: 0 }));

/** What a transaction does to the key. */
type Change = 'write' | 'delete' | 'other';
/** Value of the key: the position that wrote it, 0 for the row before all, null for none. */
type Value = number | null;
type Rule = 'kept' | 'append all' | 'accept all' | 'no floor after a crash';

function setOf(positions: Iterable<number>): GtidSet {
  const set = new GtidSet('mysql');
  for (const n of positions) set.addInterval(UUID, n, n);
  return set;
}

const bySet = new WeakMap<Set<number>, GtidSet>();
/** The same, made once for each set: the model asks for few sets very often. */
function cachedSet(positions: Set<number>): GtidSet {
  let set = bySet.get(positions);
  if (set === undefined) {
    set = setOf(positions);
    bySet.set(positions, set);
  }
  return set;
}

/** All positions up to the index. */
const PREFIXES = [0, 1, 2, 3, 4].map(n => new Set(upTo(n)));
const prefix = (n: number): Set<number> => PREFIXES[n] ?? new Set(upTo(n));

function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

function* histories(): Generator<{ first: Value; changes: Change[] }> {
  for (const first of [0, null]) {
    const queue: Change[][] = [[]];
    for (let changes = queue.shift(); changes; changes = queue.shift()) {
      yield { first, changes };
      if (changes.length === 4) continue;
      const exists = valueAt(first, changes, new Set(upTo(changes.length))) !== null;
      queue.push([...changes, 'write'], [...changes, 'other']);
      if (exists) queue.push([...changes, 'delete']);
    }
  }
}

function valueAt(first: Value, changes: Change[], seen: Set<number>): Value {
  let value = first;
  changes.forEach((change, i) => {
    if (!seen.has(i + 1) || change === 'other') return;
    value = change === 'write' ? i + 1 : null;
  });
  return value;
}

/** Every set of committed transactions: those of the key in order, the others as they like. */
function* commitSets(changes: Change[]): Generator<Set<number>> {
  for (let bits = 0; bits < 1 << changes.length; bits++) {
    const set = new Set(upTo(changes.length).filter(n => bits & (1 << (n - 1))));
    const ofKey = upTo(changes.length).filter(n => changes[n - 1] !== 'other');
    const missing = ofKey.findIndex(n => !set.has(n));
    if (missing < 0 || ofKey.slice(missing).every(n => !set.has(n))) yield set;
  }
}

interface Run {
  first: Value;
  changes: Change[];
  /** R, and the transactions that the SELECT really saw. */
  visible: Set<number>;
  seen: Set<number>;
  /** Events in the log when the chunk is taken. */
  takenAfter: number;
  /** The memory began, or was emptied, after this many events. */
  floor: number;
  /** The writer dies after this many events (the chunk counts by its place), or never. */
  crashAfter: number | null;
  /** Events before the crash that come again; 0 with transactions, more without. */
  again: number;
}

/** The log as a plain overwriting consumer folds it: its last record of the key. */
function lastOfLog(run: Run, rule: Rule): { last: Value | 'nothing'; accepted: boolean } {
  const { first, changes, takenAfter } = run;
  let last: Value | 'nothing' = 'nothing';
  let accepted = false;
  let inLog = 0;
  const open = (published: number): ChunkMerge => {
    const floor = rule === 'no floor after a crash' && published > run.floor ? 0 : published;
    return new ChunkMerge({
      fingerprint: 'f',
      limitBytes: 1 << 16,
      published: () => cachedSet(prefix(floor)),
    });
  };
  let merge = open(0);
  const publish = (n: number): void => {
    const change = changes[n - 1];
    if (n === run.floor + 1 && n > 1) merge = open(run.floor);
    if (change !== 'other') {
      last = change === 'write' ? n : null;
      merge.note(KEY, 0, KEY.length, GTIDS[n - 1] as Gtid);
    }
    inLog = n;
  };
  const chunk = (visible: Set<number>, seen: Set<number>): void => {
    const verdict = merge.takeChunk(cachedSet(visible), 'f');
    if (verdict !== 'accept' && rule !== 'accept all') return;
    accepted = true;
    const value = valueAt(first, changes, seen);
    if (value === null) return;
    const may = verdict !== 'accept' || merge.mayAppend(KEY, 0, KEY.length);
    if (may || rule === 'append all') last = value;
  };
  const crash = (): void => {
    inLog = Math.max(0, inLog - run.again);
    merge = open(inLog);
  };
  let events = 0;
  let crashed = false;
  let taken = false;
  for (;;) {
    if (!crashed && run.crashAfter !== null && events >= run.crashAfter) {
      crashed = true;
      crash();
    }
    if (!taken && events >= takenAfter) {
      taken = true;
      chunk(run.visible, run.seen);
      continue;
    }
    if (inLog === changes.length) break;
    publish(inLog + 1);
    events += 1;
  }
  // A rejected chunk is read again, by now with all that is committed.
  if (!accepted) chunk(prefix(changes.length), prefix(changes.length));
  return { last, accepted };
}

function* runs(): Generator<Run> {
  for (const { first, changes } of histories()) {
    const n = changes.length;
    const sets = [...commitSets(changes)];
    for (const visible of sets) {
      for (const seen of sets) {
        if (![...visible].every(x => seen.has(x))) continue;
        for (let takenAfter = 0; takenAfter <= n; takenAfter++) {
          for (let floor = 0; floor <= takenAfter; floor++) {
            const base = { first, changes, visible, seen, takenAfter, floor };
            yield { ...base, crashAfter: null, again: 0 };
            for (let crashAfter = 0; crashAfter <= n; crashAfter++) {
              for (let again = 0; again <= crashAfter; again++)
                yield { ...base, crashAfter, again };
            }
          }
        }
      }
    }
  }
}

function wrongRuns(rule: Rule, stopAfter: number): { total: number; wrong: Run[] } {
  let total = 0;
  const wrong: Run[] = [];
  for (const run of runs()) {
    total += 1;
    const end = valueAt(run.first, run.changes, prefix(run.changes.length));
    const { last, accepted } = lastOfLog(run, rule);
    // A consumer that has nothing of the key has no row, as an empty target has not.
    const consumer = last === 'nothing' ? null : last;
    if (!accepted || consumer !== end) wrong.push(run);
    if (wrong.length >= stopAfter) break;
  }
  return { total, wrong };
}

describe('one key, all histories to four positions', () => {
  test('a plain overwriting consumer ends equal, from the start and after compaction', () => {
    // Compaction keeps at least the last record of a key, which is all that the model looks at.
    const { total, wrong } = wrongRuns('kept', 3);
    expect(wrong).toEqual([]);
    expect(total).toBeGreaterThan(100_000);
  }, 60_000);

  test.each<Rule>(['append all', 'accept all', 'no floor after a crash'])(
    'the model sees it when the rule is broken: %s',
    rule => {
      expect(wrongRuns(rule, 1).wrong.length).toBeGreaterThan(0);
    },
  );
});

describe('the memory', () => {
  const published = { now: new GtidSet('mysql') };
  const make = (limitBytes: number): ChunkMerge => {
    published.now = new GtidSet('mysql');
    return new ChunkMerge({ fingerprint: 'f', limitBytes, published: () => published.now.clone() });
  };

  test('another schema rejects the chunk', () => {
    const merge = make(1 << 20);
    expect(merge.takeChunk(setOf([1]), 'g')).toBe('reject: schema');
    expect(merge.mayAppend(KEY, 0, 3)).toBe(false);
    expect(merge.takeChunk(setOf([1]), 'f')).toBe('accept');
    expect(merge.mayAppend(KEY, 0, 3)).toBe(true);
  });

  test('a full memory moves its floor up and stays within its bytes', () => {
    const limit = 256 * 1024;
    const merge = make(limit);
    const key = Buffer.alloc(8);
    for (let n = 1; n <= 20_000; n++) {
      const gtid = { source: UUID, number: n, server: 0 };
      published.now.add(gtid);
      key.writeDoubleBE(n);
      merge.note(key, 0, 8, gtid);
      expect(merge.bytes).toBeLessThan(limit * 1.1);
    }
    const floor = merge.floor.last(UUID);
    expect(floor).toBeGreaterThan(10_000);
    expect(floor).toBeLessThan(20_000);
    expect(merge.takeChunk(setOf(upTo(floor - 1)), 'f')).toMatch(/^reject/);
    expect(merge.takeChunk(setOf(upTo(floor)), 'f')).toBe('accept');
    for (let n = floor + 1; n <= 20_000; n++) {
      key.writeDoubleBE(n);
      expect(merge.mayAppend(key, 0, 8)).toBe(false);
    }
  });

  test('a key larger than the memory forgets everything, loudly to chunks', () => {
    const merge = make(32 * 1024);
    const gtid = { source: UUID, number: 1, server: 0 };
    published.now.add(gtid);
    merge.note(Buffer.alloc(100_000), 0, 100_000, gtid);
    expect(merge.takeChunk(setOf([]), 'f')).toMatch(/^reject/);
    expect(merge.takeChunk(setOf([1]), 'f')).toBe('accept');
  });
});

test('property: many keys, small memories, chunks at any time', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ key: fc.nat(40), visible: fc.constant(-1) }) },
    { weight: 1, arbitrary: fc.record({ key: fc.nat(40), visible: fc.nat(30) }) },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.integer({ min: 12, max: 16 }),
      (steps, bits) => {
        const published = new GtidSet('mysql');
        const merge = new ChunkMerge({
          fingerprint: 'f',
          limitBytes: 1 << bits,
          published: () => published.clone(),
        });
        const last = new Map<number, number>();
        let n = 0;
        for (const { key, visible } of steps) {
          const bytes = Buffer.from([key, 1, 2, 3, 4, 5]);
          if (visible < 0) {
            n += 1;
            const gtid = { source: UUID, number: n, server: 0 };
            published.add(gtid);
            merge.note(bytes, 0, bytes.length, gtid);
            last.set(key, n);
            continue;
          }
          const seen = Math.max(0, n - visible);
          if (merge.takeChunk(setOf(upTo(seen)), 'f') !== 'accept') continue;
          for (let k = 0; k <= 40; k++) {
            const may = merge.mayAppend(Buffer.from([k, 1, 2, 3, 4, 5]), 0, 6);
            expect(may).toBe((last.get(k) ?? 0) <= seen);
          }
        }
      },
    ),
  );
});
