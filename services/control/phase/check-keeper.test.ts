/** Checks that start by themselves: when, how many, and what becomes of them. */
import { beforeEach, expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import { SCHEDULE, scheduled } from '../../../shared/job/state/check-schedule.ts';
import type { CutoverRun } from '../../../shared/job/state/cutover.ts';
import { JobView, type Phase, stateKey } from '../../../shared/job/state/job-view.ts';
import { basisOf, type ProofResult, unproven } from '../../../shared/job/state/proof.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import { UNTHROTTLED } from '../../../shared/job/state/throttle.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import type { Backlog } from '../status/backlog.ts';
import { CheckKeeper } from './check-keeper.ts';
import type { WantedCheck } from './stream-reports.ts';

const HOUR = 3_600_000;

let view: JobView;
let now: number;
let backlogs: Backlog[];
let reports: Map<string, Report>;
let keeper: CheckKeeper;
let wanted: WantedCheck[];

beforeEach(() => {
  view = new JobView();
  now = 1000;
  backlogs = [{ target: 't1', records: 0, why: null }];
  reports = new Map();
  wanted = [];
  keeper = keeperOf(1);
  phase('following');
});

function keeperOf(checkEveryHours: number): CheckKeeper {
  const options = { checkWhenInSync: true, checkEveryHours };
  return new CheckKeeper({
    job: { tables: [{ name: 'a' }], options } as Job,
    view,
    log: createLogger({ name: 'test', level: 'silent' }),
    writer: {
      put: async (key, record) => view.apply(key, { ...NO_RECORD, ...record }),
      remove: async key => view.apply(key, null),
    },
    checkReport: id => reports.get(id),
    backlogs: async () => backlogs,
    wanted: () => wanted,
    now: () => now,
  });
}

function phase(is: Phase): void {
  const job = { phase: is, sinceMs: 0, startedMs: 0, paused: [] };
  view.apply('job', { ...NO_RECORD, job });
}

function ended(id: string, result: ProofResult): void {
  const from = { service: 'checker', unit: id, member: 'm', incarnation: 'i', tsMs: now };
  reports.set(id, { ...from, state: 'finished', error: null, counters: {}, detail: '{}' });
  const times = { startedMs: now, provenMs: now };
  const proof = { ...unproven('a'), ...times, result, check: id, basis: basisOf(view, 'a') };
  view.apply(stateKey.proof('a'), { ...NO_RECORD, proof });
}

function askedBy(by: string, id: string): void {
  const verify = { id, requestedMs: now, tables: ['a'], by };
  view.apply(stateKey.verify(id), { ...NO_RECORD, verify });
}

/** Some turns of control, with the measurement between them. */
async function turns(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await keeper.step();
    await new Promise(resolve => setImmediate(resolve));
  }
}

/** Until what is wanted by several partitions is gathered. */
async function wantedTurns(): Promise<void> {
  await turns();
  now += 2000;
  await turns();
}

test('the first one is asked for when the copy is through and the targets are in step', async () => {
  phase('copying');
  await turns();
  phase('following');
  backlogs = [{ target: 't1', records: 1_000_000, why: null }];
  await turns();
  expect(view.verifies.size).toBe(0);
  keeper = keeperOf(0);
  backlogs = [{ target: 't1', records: null, why: 'away' }];
  await turns();
  expect(view.verifies.size).toBe(0);
  keeper = keeperOf(0);
  backlogs = [{ target: 't1', records: 20, why: null }];
  await turns();
  expect([...view.verifies.values()]).toMatchObject([{ by: SCHEDULE, tables: ['a'] }]);
});

test('one that has no verdict is not followed by another one, however late it is', async () => {
  await turns();
  askedBy('ann', 'verify-9');
  ended('verify-9', 'different');
  now += 100 * HOUR;
  keeper = keeperOf(1);
  await turns();
  expect(scheduled(view)).toHaveLength(1);
});

test('while somebody else checks or a repair runs, none is asked for', async () => {
  askedBy('ann', 'verify-1');
  await turns();
  expect(view.verifies.size).toBe(1);
  ended('verify-1', 'different');
  const stage = 'repairing' as const;
  const counts = { pass: 0, round: 0, keys: 1, rows: 0, deleted: 0, newer: 0 };
  const times = { startedMs: now, stageMs: now };
  const run = {
    id: 'repair-1',
    stage,
    tables: ['a'],
    ...counts,
    check: null,
    ...times,
    error: null,
  };
  view.apply(stateKey.run(run.id), { ...NO_RECORD, run });
  now += 2 * HOUR;
  await turns();
  expect(view.verifies.size).toBe(1);
  view.apply(stateKey.run(run.id), { ...NO_RECORD, run: { ...run, stage: 'done' } });
  await turns();
  expect(scheduled(view)).toHaveLength(1);
});

test('none begins at an hour at which the throttle would hold it', async () => {
  const window = { name: 'window', value: 22_000_600, sinceMs: 1, by: 'ann' };
  view.apply(stateKey.throttle, {
    ...NO_RECORD,
    throttle: { ...UNTHROTTLED, limits: [window] },
  });
  now = 12 * HOUR;
  await turns();
  expect(view.verifies.size).toBe(0);
  now = 22 * HOUR;
  await turns();
  expect(view.verifies.size).toBe(1);
});

test('the next one follows after its hours, and old ones leave the state', async () => {
  for (let day = 0; day < 8; day++) {
    keeper = keeperOf(1);
    await turns();
    const newest = scheduled(view).at(-1);
    expect(newest?.requestedMs).toBe(now);
    ended(newest?.id ?? '', 'equal');
    now += HOUR - 1;
    await turns();
    expect(scheduled(view).at(-1)).toBe(newest);
    now += 1;
  }
  await turns();
  expect(scheduled(view).length).toBeLessThan(6);
});

test('one that another check has made needless meanwhile is withdrawn', async () => {
  await turns();
  const [own] = scheduled(view);
  askedBy('ann', 'verify-9');
  now += 5;
  ended('verify-9', 'different');
  await turns();
  expect(scheduled(view)).toEqual([own]);
  ended('verify-9', 'equal');
  await turns();
  expect(scheduled(view)).toEqual([]);
});

test('behind a cutover none is asked for, and one that waits is withdrawn', async () => {
  await turns();
  expect(scheduled(view)).toHaveLength(1);
  const run = (stage: CutoverRun['stage']): void => {
    const cutoverRun = { id: 'cutover-1', stage } as CutoverRun;
    view.apply(stateKey.cutoverRun, { ...NO_RECORD, cutoverRun });
  };
  run('freezing');
  keeper = keeperOf(1);
  await turns();
  expect(scheduled(view)).toEqual([]);
  now += 2 * HOUR;
  await turns();
  expect(scheduled(view)).toEqual([]);
  run('undone');
  await turns();
  expect(scheduled(view)).toHaveLength(1);
});

test('what the streaming check wants to know more of is compared at once, and once', async () => {
  await turns();
  const [first] = view.verifies.keys();
  ended(first ?? '', 'equal');
  now += 10_000;
  wanted = [{ table: 'a', sinceMs: now }];
  keeper = keeperOf(1);
  await wantedTurns();
  expect(view.verifies.size).toBe(2);
  const last = [...view.verifies.keys()].sort().at(-1);
  ended(last ?? '', 'different');
  now += 10_000;
  keeper = keeperOf(1);
  await wantedTurns();
  expect([...view.verifies.keys()].sort().at(-1)).toBe(last);
  // A check of another table is not the one that was wanted of this one.
  wanted = wanted.flatMap(w => [w, { ...w, table: 'b' }]);
  keeper = keeperOf(1);
  await wantedTurns();
  const newest = [...view.verifies.values()].sort((x, y) => (x.id < y.id ? -1 : 1)).at(-1);
  expect(newest?.tables).toEqual(['b']);
});

test('what several partitions want at a time is one check, and so it is for the next control', async () => {
  await turns();
  ended([...view.verifies.keys()][0] ?? '', 'equal');
  now += 10_000;
  keeper = keeperOf(1);
  wanted = [{ table: 'a', sinceMs: now }];
  await turns();
  now += 1000;
  wanted = [
    { table: 'a', sinceMs: now },
    { table: 'b', sinceMs: now },
  ];
  await turns();
  expect(view.verifies.size).toBe(1);
  now += 1000;
  await turns();
  const [, asked] = [...view.verifies.values()];
  expect(asked?.tables).toEqual(['a', 'b']);
  ended(asked?.id ?? '', 'different');
  now += 10_000;
  wanted = [{ table: 'a', sinceMs: now - 11_000 }];
  keeper = keeperOf(1);
  await wantedTurns();
  expect(view.verifies.size).toBe(2);
});

test('a check that has come to nothing, as its table came into doubt meanwhile, is none', async () => {
  await turns();
  ended([...view.verifies.keys()][0] ?? '', 'equal');
  now += 10_000;
  keeper = keeperOf(1);
  wanted = [{ table: 'a', sinceMs: now }];
  await wantedTurns();
  const [, second] = [...view.verifies.values()];
  const report = { ...reports.values().next().value, unit: second?.id } as Report;
  reports.set(second?.id ?? '', report);
  keeper = keeperOf(1);
  await wantedTurns();
  expect(view.verifies.size).toBe(3);
});
