/** What takes a proof back without a check. */
import { expect, test } from 'vitest';
import type { CutoverRun } from '../../../shared/job/state/cutover.ts';
import { JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import { basisOf, standings, unproven } from '../../../shared/job/state/proof.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import type { StreamDoubt } from '../../../shared/job/state/stream-report.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { ProofKeeper } from './proof-keeper.ts';
import { StreamReports } from './stream-reports.ts';

const DOUBT: StreamDoubt = {
  ...{ table: 'a', target: 't1', partition: 0, bucket: 7, base: 'verify-1', rows: 1 },
  ...{ sinceMs: 1, atMs: 2, fromOffset: 3, toOffset: 4 },
};

function keeperOf(view: JobView): ProofKeeper {
  const put = async (key: string, record: Partial<StateRecord>): Promise<void> =>
    view.apply(key, { ...NO_RECORD, ...record });
  return new ProofKeeper({ view, log: createLogger({ name: 'test', level: 'silent' }), put });
}

async function proven(check: string): Promise<JobView> {
  const view = new JobView();
  const verdict = { ...unproven('a'), check, result: 'equal', basis: basisOf(view, 'a') } as const;
  await keeperOf(view).judge([verdict]);
  expect(standings(view, ['a'])[0]?.isProven).toBe(true);
  return view;
}

test('a proof is taken back by the sums that contradict it, once', async () => {
  const view = await proven('verify-1');
  await keeperOf(view).streamed([DOUBT, { ...DOUBT, bucket: 8 }]);
  await keeperOf(view).streamed([DOUBT]);
  const [standing] = standings(view, ['a']);
  expect(standing?.isProven).toBe(false);
  expect(standing?.why).toMatch(/target t1 has 1 rows less than the sources between .*bucket 7/);
  expect(standing?.proof?.doubts).toBe(1);
});

test('a doubt of an older check says nothing of what a newer one has found', async () => {
  const view = await proven('verify-2');
  await keeperOf(view).streamed([DOUBT]);
  expect(standings(view, ['a'])[0]?.isProven).toBe(true);
});

test('from the journal of a cutover on the targets are the application’s: nothing is taken back', async () => {
  const view = await proven('verify-1');
  const cutoverRun = { stage: 'opening' } as CutoverRun;
  view.apply(stateKey.cutoverRun, { ...NO_RECORD, cutoverRun });
  await keeperOf(view).streamed([DOUBT]);
  expect(standings(view, ['a'])[0]?.isProven).toBe(true);
});

test('a statement of a target that was passed over takes all proofs back, once', async () => {
  const view = await proven('verify-1');
  const wayBack = new JobView();
  const skip = { id: 'skip-1', requestedMs: 1, by: 'ann', source: 't1', gtid: 'u:7' };
  wayBack.apply(stateKey.skip(skip.id), { ...NO_RECORD, skip });
  const keeper = keeperOf(view);
  await keeper.passedOver(wayBack, ['a']);
  expect(standings(view, ['a'])[0]?.isProven).toBe(true);
  const applied = { id: skip.id, doneMs: Date.now() - 1, error: null };
  wayBack.apply(stateKey.applied(skip.id), { ...NO_RECORD, applied });
  await keeper.passedOver(wayBack, ['a']);
  expect(standings(view, ['a'])[0]?.why).toMatch(/statement at t1 was passed over .* of ann/);
  // Neither this control nor the next one says it again behind the check that follows.
  const known = view.proofs.get('a') ?? unproven('a');
  const verdict = { check: 'verify-2', result: 'equal', basis: basisOf(view, 'a') } as const;
  await keeper.judge([{ ...known, ...verdict }]);
  for (const again of [keeper, keeperOf(view)]) await again.passedOver(wayBack, ['a']);
  expect(standings(view, ['a'])[0]?.isProven).toBe(true);
});

test('what the slots want is of those that are due, and of the streaming check alone', () => {
  const reports = new StreamReports();
  const said = (key: string, table: string, wantedMs: number | null, nowMs: number): void => {
    const detail = JSON.stringify({ tables: [{ table, wantedMs }], doubts: [DOUBT] });
    const from = { service: 'checker', unit: '', member: 'm', incarnation: 'i', tsMs: 1 };
    const report = { ...from, state: 'running', error: null, counters: {}, detail };
    reports.note(key, report, nowMs);
  };
  said('checker/stream/0', 'a', 5, 1);
  said('checker/stream/1', 'b', 9, 1);
  said('checker/stream/2', 'c', null, 1);
  said('checker/verify-1', 'd', 1, 1);
  expect(reports.wanted(4)).toEqual([]);
  expect(reports.wanted(6)).toEqual([{ table: 'a', sinceMs: 5 }]);
  said('checker/stream/0', 'a', 5, 8);
  const b = { table: 'b', sinceMs: 9 };
  expect(reports.wanted(10)).toEqual([{ table: 'a', sinceMs: 5 }, b]);
  said('checker/stream/3', 'a', 7, 1);
  expect(reports.wanted(10), 'the latest of all slots').toEqual([{ table: 'a', sinceMs: 7 }, b]);
  expect(reports.doubts()).toHaveLength(4);
});

test('what is wanted is wanted for as long as its checker says, by the clock of control', () => {
  const said = (wantedMs: number, tsMs: number, nowMs: number, by = reports): void => {
    const detail = JSON.stringify({ tables: [{ table: 'a', wantedMs }] });
    const from = { service: 'checker', unit: '', member: 'm', incarnation: 'i', tsMs };
    const report = { ...from, state: 'running', error: null, counters: {}, detail };
    by.note('checker/stream/0', report, nowMs);
  };
  const reports = new StreamReports();
  said(1000, 1000, 70_000);
  expect(reports.wanted(70_000)).toEqual([{ table: 'a', sinceMs: 70_000 }]);
  said(1000, 11_000, 80_000);
  expect(reports.wanted(80_000)).toEqual([{ table: 'a', sinceMs: 70_000 }]);
  const next = new StreamReports();
  said(1000, 11_000, 80_000, next);
  expect(next.wanted(80_000), 'by the next control').toEqual([{ table: 'a', sinceMs: 70_000 }]);
  said(14_000, 11_000, 90_000);
  expect(reports.wanted(92_000)).toEqual([]);
  expect(reports.wanted(93_000)).toEqual([{ table: 'a', sinceMs: 93_000 }]);
});

test('an answer to the question of a cutover names it; what was said before does not count', () => {
  const reports = new StreamReports();
  const said = (slot: number, compared?: string): void => {
    const detail = JSON.stringify({ tables: [{ table: 'a', state: 'equal' }], compared });
    const from = { service: 'checker', unit: '', member: 'm', incarnation: 'i', tsMs: 1 };
    const report = { ...from, state: 'running', error: null, counters: {}, detail };
    reports.note(`checker/stream/${slot}`, report, 1);
  };
  said(0);
  said(1, 'comparison-1');
  said(2, 'comparison-2');
  expect([...reports.answers('comparison-2').keys()]).toEqual([2]);
  said(0, 'comparison-2');
  expect([...reports.answers('comparison-2').keys()]).toEqual([0, 2]);
});
