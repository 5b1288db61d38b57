/** What records of sources' topics become in the ledgers of the targets, and what is read again. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import { basisOf, unproven } from '../../../shared/job/state/proof.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import type { StreamDoubt } from '../../../shared/job/state/stream-report.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { FixedRoute } from '../../../shared/route/fixed.ts';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import { ALL_TARGETS, NO_TARGET } from '../../../shared/route/route.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { changesOf } from '../../../test/support/checker/changes.ts';
import { readers, topicOf } from '../../../test/support/checker/small-topic.ts';
import { LogMaker } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { ChangeQueue } from './change-queue.ts';
import type { SavedLedger } from './ledger.ts';
import { type SavedTable, TableCompare, type TableCompareOptions } from './table-compare.ts';
import { TableWatch } from './table-watch.ts';
import { RecordReaders } from './topic-changes.ts';

const EMPTY: SavedLedger = {
  ...{ position: 0, reached: {}, sums: [], unknown: [], waits: [], told: [], base: null },
};
const FRESH: SavedTable = {
  ...{ read: { a: 0, b: 0 }, schemas: {}, ledgers: { t1: EMPTY, t2: EMPTY } },
  ...{ doubts: [], foreign: [], foreignCount: 0 },
};
const CHECKED: SavedTable = {
  ...FRESH,
  ledgers: { t1: { ...EMPTY, base: 'verify-1' }, t2: { ...EMPTY, base: 'verify-1' } },
};

const byShard = new ModulusRoute(SMALL_TABLE, 'shard', 2);

function compareOf(saved: SavedTable, o: Partial<TableCompareOptions> = {}): TableCompare {
  return new TableCompare(
    {
      ...{ table: 't', partition: 0, jobId: 'j', readers, isCounting: () => true },
      sources: new Map(['a', 'b'].map(name => [name, topicOf(name)])),
      targets: new Map(['t1', 't2'].map(name => [name, topicOf(name)])),
      routes: new Map(['a', 'b'].map(name => [name, byShard])),
      ...o,
    },
    saved,
  );
}

function pending(compare: TableCompare): number[] {
  return [...compare.ledgers.values()].map(l => l.pending.entries);
}

test('a record that a target has not passed is read again, also before the first mark of it', async () => {
  const log = new LogMaker(SMALL_TABLE, 'a.d.t', 0);
  log.append({ op: 'c', after: [1, 0, 1] }, { op: 'c', after: [2, 1, 1] });
  const compare = compareOf(CHECKED);
  await compare.takeSource('a', log.fetched());
  const saved = compare.save();
  expect(saved.read).toEqual({ a: 0, b: 0 });
  const next = compareOf(saved);
  await next.takeSource('a', log.fetched(saved.read.a));
  expect(pending(next)).toEqual([1, 1]);
  next.ledgers.get('t1')?.addStep({
    ...{ position: 1, marks: [{ source: 'a', next: 2 }], waits: [], lost: false },
  });
  next.ledgers.get('t1')?.advance(next.read, 1);
  expect(next.save().read.a).toBe(1);
});

test('rows go where the route of their own source says', async () => {
  const routes = new Map([
    ['a', new FixedRoute(ALL_TARGETS)],
    ['b', new FixedRoute(NO_TARGET)],
  ]);
  const compare = compareOf(CHECKED, { routes });
  const event = { op: 'c', after: [1, 0, 1] } as const;
  await compare.takeSource('b', new LogMaker(SMALL_TABLE, 'b.d.t', 0).append(event).fetched());
  expect(pending(compare)).toEqual([0, 0]);
  await compare.takeSource('a', new LogMaker(SMALL_TABLE, 'a.d.t', 0).append(event).fetched());
  expect(pending(compare)).toEqual([1, 1]);
});

test('targets are counted in the order of the job, whatever they are called', async () => {
  const names = ['10', '9'];
  const targets = new Map(names.map(name => [name, topicOf(name)]));
  const ledgers = Object.fromEntries(names.map(name => [name, EMPTY]));
  const compare = compareOf({ ...FRESH, ledgers }, { targets });
  const log = new LogMaker(SMALL_TABLE, 'a.d.t', 0);
  await compare.takeSource('a', log.append({ op: 'c', after: [1, 0, 1] }).fetched());
  expect(names.map(name => compare.ledgers.get(name)?.pending.entries)).toEqual([1, 0]);
});

test('a row of the job on a target that nobody can read makes it unknown, and accuses nobody', async () => {
  const from = new LogMaker(SMALL_TABLE, 'a.d.t', 0).append({ op: 'c', after: [1, 0, 1] });
  const to = new LogMaker(SMALL_TABLE, 't1.d.t', 0);
  to.origin = 'j';
  to.appendGarbage([1, 0, 1]).appendMark({ job: 'j', topic: 'a.d.t', next: 1 });
  const compare = compareOf(CHECKED);
  await compare.takeSource('a', from.fetched());
  await compare.takeTarget('t1', to.fetched());
  expect([compare.ledgers.get('t1')?.doubt, compare.doubts]).toEqual(['unknown', []]);
});

test('a value of a schema that is none of a table is read by nobody, and stops nothing', async () => {
  const missing = new ReshardError('registry', 'not there', { context: { id: 9 } });
  const away = new ReshardError('registry', 'no answer');
  const records = (valueSchemaId: number) =>
    new LogMaker(SMALL_TABLE, 'a.d.t', 0, { keySchemaId: 7, valueSchemaId })
      .append({ op: 'c', after: [1, 0, 1] })
      .fetched();
  const takes = async (id: number, answer: () => Promise<string>): Promise<TableCompare> => {
    const asked = new RecordReaders({ schemaById: answer });
    const compare = compareOf(CHECKED, { readers: asked });
    await compare.takeSource('a', records(id));
    return compare;
  };
  const refuse = (e: ReshardError) => () => Promise.reject(e);
  for (const answer of [refuse(missing), async () => '"string"', async () => 'message M {}']) {
    const compare = await takes(9, answer);
    // Each target has passed it when it says so: then the bucket is not known.
    expect([pending(compare), compare.ledgers.get('t1')?.base]).toEqual([[1, 1], 'verify-1']);
  }
  await expect(takes(9, refuse(away)), 'the registry is away').rejects.toThrow('no answer');
  const own = new ReshardError('registry', 'not there', { context: { id: 8 } });
  await expect(takes(8, refuse(own)), 'that of the plan').rejects.toThrow('not there');
});

test('a batch that was taken leaves none of its bytes behind', async () => {
  const log = new LogMaker(SMALL_TABLE, 'a.d.t', 0);
  log.append({ op: 'u', before: [1, 0, 1], after: [1, 1, 1] });
  const target = new LogMaker(SMALL_TABLE, 't1.d.t', 0);
  target.append({ op: 'u', before: [1, 0, 1], after: [1, 0, 2] });
  const compare = compareOf(CHECKED);
  const taken = async (): Promise<WeakRef<Buffer>[]> => {
    const batches = [log.fetched(), target.fetched()];
    await compare.takeSource('a', batches[0] as FetchedBatch);
    await compare.takeTarget('t1', batches[1] as FetchedBatch);
    return batches.map(b => new WeakRef(b.buf));
  };
  const left = await taken();
  setFlagsFromString('--expose-gc');
  await until(
    () => {
      runInNewContext('gc')();
      return left.every(ref => ref.deref() === undefined);
    },
    { timeoutMs: 10_000, what: 'the bytes to be let go' },
  );
});

test('what was compacted away before it was read is missed, and told', async () => {
  const changes = [
    { op: 'c', after: [1, 0, 1] },
    { op: 'u', before: [1, 0, 1], after: [1, 0, 2] },
  ] as const;
  const from = new LogMaker(SMALL_TABLE, 'a.d.t', 0).append(...changes);
  const to = new LogMaker(SMALL_TABLE, 't1.d.t', 0);
  to.origin = 'j';
  to.append(...changes).appendMark({ job: 'j', topic: 'a.d.t', next: 2 });
  for (const first of [0, 1]) {
    const compare = compareOf(CHECKED);
    await compare.takeSource('a', from.fetched(first));
    await compare.takeTarget('t1', to.fetched());
    expect(compare.doubts).toHaveLength(first);
  }
});

test('what is known is counted on while other tables are copied, what is not known is not', async () => {
  const log = new LogMaker(SMALL_TABLE, 'a.d.t', 0).append({ op: 'c', after: [1, 0, 1] });
  const isCounting = (): boolean => false;
  const known = compareOf(CHECKED, { isCounting });
  await known.takeSource('a', log.fetched());
  expect(pending(known)).toEqual([1, 0]);
  const unknown = compareOf(FRESH, { isCounting });
  await unknown.takeSource('a', log.fetched());
  expect(pending(unknown)).toEqual([0, 0]);
});

const AT = { tsMs: 10_000, gtid: 'g' };
const GOAL = { places: new Map(['a', 'b', 't1', 't2'].map(n => [n, AT])), ends: new Map() };
for (const name of GOAL.places.keys()) GOAL.ends.set(`${name}.d.t`, [0]);

function provenView(startedMs: number): JobView {
  const view = new JobView();
  const found = { check: 'verify-1', result: 'equal', startedMs, provenMs: startedMs } as const;
  const proof = { ...unproven('t'), ...found, basis: basisOf(view, 't') };
  view.apply(stateKey.proof('t'), { ...NO_RECORD, proof });
  return view;
}

test('a check from while nothing was counted is not rested on', () => {
  let phase = 'copying';
  let atMs = 1000;
  const isCounting = (): boolean => phase !== 'copying';
  const compare = compareOf(FRESH, { isCounting, now: () => atMs });
  const watch = new TableWatch(compare, provenView(5000));
  atMs = 8000;
  watch.look(GOAL, atMs);
  phase = 'following';
  watch.look(GOAL, atMs);
  expect(watch.said()).toMatchObject({ state: 'unknown', wantedMs: 8000 });
});

test('the first check behind a copy is rested on, however soon it begins', () => {
  let phase = 'copying';
  let atMs = 1000;
  const isCounting = (): boolean => phase !== 'copying';
  const compare = compareOf(FRESH, { isCounting, now: () => atMs });
  const watch = new TableWatch(compare, provenView(5001));
  atMs = 5000;
  watch.look(null, atMs);
  phase = 'following';
  atMs = 5900;
  watch.look(GOAL, atMs);
  expect(watch.said()).toMatchObject({ state: 'equal', wantedMs: null });
});

test('a check that began by a clock that is ahead does not take what moved during it for equal', () => {
  let atMs = 1000;
  const compare = compareOf(FRESH, { now: () => atMs });
  const view = provenView(9000);
  const watch = new TableWatch(compare, view, { nowMs: atMs });
  const verify = { id: 'verify-1', requestedMs: 9000, tables: [] };
  view.apply(stateKey.verify('verify-1'), { ...NO_RECORD, verify });
  atMs = 5000;
  watch.look(null, atMs);
  const changes = changesOf([{ bucket: 1, before: null, after: 1n }]);
  const step = { position: 1, marks: [], waits: [], lost: false };
  compare.ledgers.get('t1')?.addStep(step, changes);
  compare.ledgers.get('t1')?.advance(compare.read, 5500);
  watch.look(GOAL, 10_000);
  expect(watch.said()).toMatchObject({ state: 'unknown', unknown: 1 });
});

function doubtAt(atMs: number): StreamDoubt {
  const at = { sinceMs: 1, atMs, fromOffset: 0, toOffset: 1 };
  return { table: 't', target: 't1', partition: 0, bucket: 1, base: 'verify-1', rows: 1, ...at };
}

/** What `verify-1` has proven is in doubt. */
function doubtedView(): JobView {
  const view = provenView(5000);
  const known = view.proofs.get('t') ?? unproven('t');
  view.apply(stateKey.proof('t'), { ...NO_RECORD, proof: { ...known, doubts: 1 } });
  return view;
}

/** As a check of then has found it. */
function differs(view: JobView, check: string, startedMs: number): void {
  const found = { check, result: 'different', startedMs, provenMs: startedMs } as const;
  const proof = { ...unproven('t'), ...found, doubts: 2, basis: 'a' };
  view.apply(stateKey.proof('t'), { ...NO_RECORD, proof });
}

test('a difference that is gone again before anybody looks has a check follow all the same', () => {
  const watch = new TableWatch(compareOf({ ...CHECKED, doubts: [doubtAt(2)] }), doubtedView());
  watch.look(GOAL, 8000);
  expect(watch.said()).toMatchObject({ state: 'equal', wantedMs: 8000 });
});

test('logs that agree do not make a table equal that a check has found different', () => {
  const view = provenView(5000);
  const watch = new TableWatch(compareOf(CHECKED), view);
  watch.look(GOAL, 8000);
  expect(watch.said()).toMatchObject({ state: 'equal', equalMs: 10_000 });
  differs(view, 'verify-2', 9000);
  const later = new Map([...GOAL.places.keys()].map(n => [n, { tsMs: 20_000, gtid: 'h' }]));
  watch.look({ ...GOAL, places: later }, 8500);
  watch.look({ ...GOAL, places: later }, 9500);
  expect(watch.said()).toMatchObject({ state: 'unknown', equalMs: 10_000 });
});

test('a table that has changed since its check has another one follow, when all sources have', () => {
  const came = SMALL_TABLE.columns.slice(2).map(c => ({ ...c, name: 'came' }));
  const grown = { ...SMALL_TABLE, columns: [...SMALL_TABLE.columns, ...came] };
  const wantedOf = (view: JobView, o: Partial<TableCompareOptions> = {}): number | null => {
    const watch = new TableWatch(compareOf(FRESH, o), view);
    watch.look(GOAL, 8000);
    return watch.said().wantedMs;
  };
  expect(wantedOf(doubtedView())).toBe(8000);
  expect(wantedOf(provenView(9500)), 'what it may rest on is not behind it').toBe(null);
  const sources = new Map([
    ['a', topicOf('a', grown)],
    ['b', topicOf('b')],
  ]);
  expect(wantedOf(doubtedView(), { sources }), 'no check could compare them').toBe(null);
});

test('what comes to differ when a check is wanted already has one follow that begins later', () => {
  const some = { ...EMPTY, base: 'verify-1', unknown: [3] } as SavedLedger;
  const saved = { ...CHECKED, ledgers: { ...CHECKED.ledgers, t1: some } };
  const compare = compareOf(saved);
  const watch = new TableWatch(compare, provenView(5000));
  const wantedAt = (nowMs: number): number | null => {
    watch.look(GOAL, nowMs);
    return watch.said().wantedMs;
  };
  expect([wantedAt(8000), wantedAt(8500)]).toEqual([8000, 8000]);
  compare.doubts.push(doubtAt(8600));
  expect([wantedAt(9000), wantedAt(9500)], 'once').toEqual([9000, 9000]);
});

test('what a check has named and is gone again has another check follow, at longer intervals', () => {
  const view = doubtedView();
  const compare = compareOf({ ...CHECKED, doubts: [doubtAt(7000)] });
  let watch = new TableWatch(compare, view);
  // By the member that takes the slot over, too: what was asked for before is not again.
  const look = (nowMs: number): void => {
    watch = new TableWatch(compare, view, { saved: watch.save() });
    watch.look(GOAL, nowMs);
  };
  look(8000);
  expect(watch.said()).toMatchObject({ wantedMs: 8000 });
  differs(view, 'verify-2', 9000);
  look(20_000);
  expect(watch.said()).toMatchObject({ wantedMs: 20_000 });
  look(21_000);
  expect(watch.said()).toMatchObject({ wantedMs: 20_000 });
  differs(view, 'verify-3', 21_000);
  look(30_000);
  expect(watch.said()).toMatchObject({ wantedMs: 32_000 });
});

test('what has come to differ behind a check that names others has another one follow', () => {
  const view = doubtedView();
  const told = { ...EMPTY, base: 'verify-1', sums: [[1, '1', 1]], told: [1] } as SavedLedger;
  const saved = { ...CHECKED, ledgers: { t1: told, t2: CHECKED.ledgers.t2 ?? EMPTY } };
  const seen = new TableWatch(compareOf({ ...saved, doubts: [doubtAt(7000)] }), view);
  const newer = new TableWatch(compareOf({ ...saved, doubts: [doubtAt(9500)] }), view);
  for (const watch of [seen, newer]) watch.look(GOAL, 8000);
  differs(view, 'verify-2', 9000);
  for (const watch of [seen, newer]) watch.look(GOAL, 20_000);
  expect([seen.said().wantedMs, newer.said().wantedMs]).toEqual([8000, 20_000]);
});

test('all is compared up to the ends that a cutover names when both sides have come there', async () => {
  const log = new LogMaker(SMALL_TABLE, 'a.d.t', 0);
  log.append({ op: 'c', after: [1, 0, 1] });
  const compare = compareOf(CHECKED);
  const watch = new TableWatch(compare, new JobView());
  const topics = ['a.d.t', 'b.d.t', 't1.d.t', 't2.d.t'] as const;
  const compared = (...ends: [a: number, b: number, t1: number, t2: number]): boolean =>
    watch.hasCompared(new Map(topics.map((topic, i) => [topic, [ends[i] ?? 0]])));
  expect(compared(0, 0, 0, 0), 'topics of which nothing has come yet').toBe(true);
  expect(compared(1, 0, 0, 0), 'a source is not read').toBe(false);
  await compare.takeSource('a', log.fetched());
  expect(compared(1, 0, 0, 0), 'a target has not passed what the source has').toBe(false);
  const marks = [{ source: 'a', next: 1 }];
  const ledger = compare.ledgers.get('t1');
  ledger?.addStep({ position: 2, marks, waits: [], lost: false });
  compare.targetRead.set('t1', 2);
  expect(compared(1, 0, 2, 0), 'a target is not compared').toBe(false);
  ledger?.advance(compare.read, 9000);
  expect(compared(1, 0, 2, 0)).toBe(true);
  expect(compared(1, 1, 2, 0), 'the other source').toBe(false);
  expect(compared(1, 0, 2, 1), 'the other target').toBe(false);
  const ahead = [{ source: 'b', next: 5 }];
  compare.ledgers.get('t2')?.addStep({ position: 1, marks: ahead, waits: [], lost: false });
  compare.targetRead.set('t2', 1);
  expect(compared(1, 0, 2, 1), 'read, but for a source that is behind').toBe(false);
  expect(watch.said().state, 'the row is not on the target').toBe('differs');
});

test('what is kept of rows that both sides have does not grow with them', async () => {
  const keptOf = async (rows: number): Promise<number> => {
    const compare = compareOf(CHECKED);
    const ids = Array.from({ length: rows }, (_, i) => i);
    const log = new LogMaker(SMALL_TABLE, 'a.d.t', 0);
    log.append(...ids.map(i => ({ op: 'c', after: [i, 0, 1] }) as const));
    await compare.takeSource('a', log.fetched());
    const ledger = compare.ledgers.get('t1');
    for (const i of ids) {
      const change = compare.o.sources.get('a')?.read(log.fetched(i, i + 1), 0, true);
      const changes = new ChangeQueue();
      changes.add(i, change?.bucket ?? 0, null, change?.after?.fingerprint ?? null);
      const marks = [{ source: 'a', next: i + 1 }];
      ledger?.addStep({ position: i + 1, marks, waits: [], lost: false }, changes);
    }
    ledger?.advance(compare.read, 1);
    expect([ledger?.pending, ledger?.doubt]).toEqual([{ entries: 0, steps: 0 }, null]);
    return JSON.stringify(ledger?.save()).length;
  };
  expect(await keptOf(5000)).toBe(await keptOf(1000));
});
