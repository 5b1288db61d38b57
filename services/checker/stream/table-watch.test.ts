/** One target whose log is away keeps no other one from resting on a newer check. */
import { expect, test } from 'vitest';
import { JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import { basisOf, unproven } from '../../../shared/job/state/proof.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import { FixedRoute } from '../../../shared/route/fixed.ts';
import { ALL_TARGETS } from '../../../shared/route/route.ts';
import { readers, topicOf } from '../../../test/support/checker/small-topic.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { ChangeQueue } from './change-queue.ts';
import type { SavedLedger } from './ledger.ts';
import type { Goal } from './stream-clock.ts';
import { TableCompare } from './table-compare.ts';
import { TableWatch } from './table-watch.ts';

const NAMES = ['a', 't1', 't2'];
/** Two buckets are not known. */
const PARTLY: SavedLedger = {
  ...{ position: 0, reached: {}, sums: [], unknown: [1, 2], waits: [], told: [] },
  base: 'verify-1',
};

const HOUR_MS = 3_600_000;

function compareOf(t2 = SMALL_TABLE): TableCompare {
  const targets = new Map([
    ['t1', topicOf('t1')],
    ['t2', topicOf('t2', t2)],
  ]);
  return new TableCompare(
    {
      ...{ table: 't', partition: 0, jobId: 'j', readers, isCounting: () => true, now: () => 1 },
      ...{ sources: new Map([['a', topicOf('a')]]), targets },
      routes: new Map([['a', new FixedRoute(ALL_TARGETS)]]),
    },
    {
      ...{ read: { a: 0 }, schemas: {}, ledgers: { t1: PARTLY, t2: PARTLY } },
      ...{ doubts: [], foreign: [], foreignCount: 0 },
    },
  );
}

/** Where all logs are then; the log of `t2` has records that nobody has read, and stands since. */
function goalAt(tsMs: number, t2: { end: number; tsMs: number }): Goal {
  const places = new Map(NAMES.map(name => [name, { tsMs, gtid: `g${tsMs}` }]));
  places.set('t2', { tsMs: t2.tsMs, gtid: 'old' });
  const ends = new Map(NAMES.map(name => [`${name}.d.t`, [name === 't2' ? t2.end : 0]]));
  return { places, ends };
}

function proves(view: JobView, check: string, startedMs: number): void {
  const found = { check, result: 'equal', startedMs, provenMs: startedMs } as const;
  const proof = { ...unproven('t'), ...found, basis: basisOf(view, 't') };
  view.apply(stateKey.proof('t'), { ...NO_RECORD, proof });
}

test('the other targets rest on a newer check, and none is asked for in vain', () => {
  const compare = compareOf();
  const view = new JobView();
  proves(view, 'verify-2', 5000);
  const watch = new TableWatch(compare, view, { nowMs: 1 });
  const away = { end: 7, tsMs: 2000 };
  for (const at of [10_000, 11_000, 12_000]) watch.look(goalAt(at, away), at);
  const bases = () => [...compare.ledgers.values()].map(l => [l.base, l.unknown]);
  expect(bases()).toEqual([
    ['verify-2', 0],
    ['verify-1', 2],
  ]);
  expect(watch.said(), 'not equal on all, and nothing to ask for').toMatchObject({
    ...{ state: 'unknown', equalMs: 0, unknown: 2, wantedMs: null },
  });
  // It comes back, and what it has missed is in front of the same check.
  compare.targetRead.set('t2', 7);
  watch.look(goalAt(13_000, { end: 7, tsMs: 13_000 }), 13_000);
  watch.look(goalAt(14_000, { end: 7, tsMs: 14_000 }), 14_000);
  watch.look(goalAt(15_000, { end: 7, tsMs: 15_000 }), 15_000);
  expect(bases().map(([base]) => base)).toEqual(['verify-2', 'verify-2']);
  expect(watch.said()).toMatchObject({ state: 'equal', wantedMs: null });
  expect(watch.said().equalMs).toBeGreaterThanOrEqual(13_000);
});

test('a check that both logs contradict is not contradicted by keys that it has found equal', () => {
  const compare = compareOf();
  const place = { table: 't', target: 't1', partition: 0, base: 'verify-1', rows: 1 };
  const told = { ...place, sinceMs: 1, atMs: 2, fromOffset: 3, toOffset: 4 };
  const buckets = (): (string | number)[][] =>
    compare.doubts.map(d => [d.target, d.bucket, d.base]);
  compare.doubts = [7, 9].map(bucket => ({ ...told, bucket }));
  compare.doubts.push({ ...told, target: 't2', bucket: 7 });
  const row = new ChangeQueue();
  row.add(0, 9, null, Uint32Array.of(1, 2, 3, 4));
  compare.ledgers.get('t1')?.addStep({ position: 1, marks: [], waits: [], lost: false }, row);
  compare.ledgers.get('t1')?.advance(compare.read, 6000);
  compare.rest('t1', 'verify-2', 5000);
  expect(buckets(), 'in their order').toEqual([
    ['t1', 9, 'verify-2'],
    ['t2', 7, 'verify-1'],
  ]);
  // What differs was told when there was no room for more: something has to speak against it.
  compare.doubts = [{ ...told, bucket: 7 }];
  compare.rest('t1', 'verify-3', 5000);
  expect(buckets()).toEqual([['t1', 7, 'verify-3']]);
});

test('as of when a table is equal is as of the oldest of its targets', () => {
  const view = new JobView();
  proves(view, 'verify-2', 5000);
  const watch = new TableWatch(compareOf(), view, { nowMs: 1 });
  watch.look(goalAt(10_000, { end: 0, tsMs: 9000 }), 10_000);
  expect(watch.said()).toMatchObject({ equalMs: 9000, gtids: { a: 'g10000' } });
  watch.look(goalAt(20_000, { end: 7, tsMs: 9000 }), 20_000);
  watch.look(goalAt(21_000, { end: 7, tsMs: 9000 }), 21_000);
  expect(watch.said(), 'one of them stands').toMatchObject({ state: 'equal', equalMs: 9000 });
});

test('what has made it doubtful since it was equal is not equal, until all of after that is', () => {
  const view = new JobView();
  proves(view, 'verify-2', 5000);
  const watch = new TableWatch(compareOf(), view, { nowMs: 1 });
  watch.look(goalAt(10_000, { end: 0, tsMs: 9000 }), 10_000);
  const known = view.proofs.get('t') ?? unproven('t');
  const proof = { ...known, doubts: 1, doubt: 'the log of t2 stands', doubtMs: 9500 };
  view.apply(stateKey.proof('t'), { ...NO_RECORD, proof });
  watch.look(goalAt(11_000, { end: 0, tsMs: 9000 }), 11_000);
  expect(watch.said(), 'its log stands').toMatchObject({ state: 'unknown', equalMs: 9000 });
  watch.look(goalAt(12_000, { end: 0, tsMs: 9501 }), 12_000);
  watch.look(goalAt(13_000, { end: 0, tsMs: 9502 }), 13_000);
  expect(watch.said().state, 'it goes on').toBe('equal');
});

test('a check that was doubted before anything rested on it is followed by another, once', () => {
  const view = new JobView();
  const watch = new TableWatch(compareOf(), view, { nowMs: 1 });
  proves(view, 'verify-2', 5000);
  watch.look(goalAt(4000, { end: 0, tsMs: 4000 }), 4000);
  const known = view.proofs.get('t') ?? unproven('t');
  const proof = { ...known, doubts: 1, doubt: '1 blocked key', doubtMs: 5100 };
  view.apply(stateKey.proof('t'), { ...NO_RECORD, proof });
  watch.look(goalAt(6000, { end: 0, tsMs: 6000 }), 6000);
  expect(watch.said()).toMatchObject({ state: 'unknown', wantedMs: 6000 });
  // Keys that stay as they are would have checks on end.
  watch.look(goalAt(7000, { end: 0, tsMs: 7000 }), 7000);
  expect(watch.said().wantedMs).toBe(6000);
  const doubtedAgain = (check: string, at: number): void => {
    proves(view, check, at);
    const found = { ...(view.proofs.get('t') ?? known), doubts: at, doubtMs: at + 100 };
    view.apply(stateKey.proof('t'), { ...NO_RECORD, proof: found });
  };
  doubtedAgain('verify-3', 8000);
  watch.look(goalAt(9000, { end: 0, tsMs: 9000 }), 9000);
  expect(watch.said().wantedMs).toBe(9000);
  doubtedAgain('verify-4', 9500);
  watch.look(goalAt(10_000, { end: 0, tsMs: 10_000 }), 10_000);
  expect(watch.said().wantedMs, 'later and later').toBe(12_000);
});

test.each([
  ['hours in which nobody worked at a check are not waited for', 1000, 2000],
  ['one that does not tell is waited for by its ends', 0, 2 * HOUR_MS],
])('%s', (_, workedMs, waitMs) => {
  const view = new JobView();
  const watch = new TableWatch(compareOf(), view, { nowMs: 1 });
  for (const [check, atMs] of [
    ['verify-2', 2 * HOUR_MS],
    ['verify-3', 3 * HOUR_MS],
    ['verify-4', 4 * HOUR_MS],
  ] as const) {
    proves(view, check, atMs - HOUR_MS);
    const known = view.proofs.get('t') ?? unproven('t');
    const doubt = { doubts: atMs, doubt: '1 blocked key', doubtMs: atMs + 100 };
    const proof = { ...known, provenMs: atMs, workedMs, ...doubt };
    view.apply(stateKey.proof('t'), { ...NO_RECORD, proof });
    watch.look(goalAt(atMs + 100, { end: 0, tsMs: atMs + 100 }), atMs + 100);
  }
  expect(watch.said().wantedMs).toBe(4 * HOUR_MS + 100 + waitMs);
});

test('a check that has failed is asked for again, later and later', () => {
  const view = new JobView();
  const watch = new TableWatch(compareOf(), view, { nowMs: 1 });
  const failed = (check: string, at: number): number | null => {
    const known = view.proofs.get('t') ?? unproven('t');
    const found = { check, result: 'failed', startedMs: at, doubts: known.doubts + 1 } as const;
    const proof = { ...known, ...found, basis: basisOf(view, 't'), doubtMs: at };
    view.apply(stateKey.proof('t'), { ...NO_RECORD, proof });
    watch.look(goalAt(at + 100, { end: 0, tsMs: at + 100 }), at + 100);
    return watch.said().wantedMs;
  };
  expect(failed('verify-2', 5000)).toBe(5100);
  expect(failed('verify-2', 6000), 'the same one').toBe(5100);
  expect(failed('verify-3', 7000)).toBe(7100 + 2000);
  expect(failed('verify-4', 9500)).toBe(9600 + 4000);
});

test('nothing rests on a check of before a column is gone that a target alone has still', () => {
  const left = SMALL_TABLE.columns.slice(2).map(c => ({ ...c, name: 'left' }));
  const view = new JobView();
  // It leaves out what the sources have no more, and is equal.
  proves(view, 'verify-2', 5000);
  const unlike = compareOf({ ...SMALL_TABLE, columns: [...SMALL_TABLE.columns, ...left] });
  const watch = new TableWatch(unlike, view, { nowMs: 1 });
  watch.look(goalAt(10_000, { end: 0, tsMs: 10_000 }), 10_000);
  const basesOf = ({ ledgers }: TableCompare) => [...ledgers.values()].map(l => l.base);
  // Nor is what a checker of before, which did not know of that, has rested on.
  expect(basesOf(unlike)).toEqual([null, null]);
  expect(watch.said()).toMatchObject({ state: 'unknown', equalMs: 0, wantedMs: null });
  const alike = compareOf();
  const next = new TableWatch(alike, view, { nowMs: 1, saved: watch.save() });
  next.look(goalAt(11_000, { end: 0, tsMs: 11_000 }), 11_000);
  expect(basesOf(alike)).toEqual(['verify-2', 'verify-2']);
});
