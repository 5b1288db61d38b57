/** When a check starts by itself, by what is recorded. */
import { expect, test } from 'vitest';
import { plannedCheck, SCHEDULE } from './check-schedule.ts';
import { JobView, stateKey } from './job-view.ts';
import { type ProofResult, unproven } from './proof.ts';
import { NO_RECORD } from './record-writer.ts';

const HOUR = 3_600_000;
const TABLES = ['a', 'b'];
const FIRST = { checkWhenInSync: true, checkEveryHours: 0 };
const DAILY = { checkWhenInSync: true, checkEveryHours: 24 };

function viewOf(): JobView {
  const view = new JobView();
  const job = { phase: 'following' as const, sinceMs: 5, startedMs: 5, paused: [] };
  view.apply(stateKey.job, { ...NO_RECORD, job });
  return view;
}

/** By a check that took an hour. */
function proven(view: JobView, table: string, provenMs: number, result: ProofResult): void {
  const times = { startedMs: provenMs - HOUR, provenMs };
  const proof = { ...unproven(table), ...times, result, check: 'verify-1' };
  view.apply(stateKey.proof(table), { ...NO_RECORD, proof });
}

function asked(view: JobView, id: string, requestedMs: number, by: string): void {
  const verify = { id, requestedMs, tables: TABLES, by };
  view.apply(stateKey.verify(id), { ...NO_RECORD, verify });
}

test('tables that no check has compared are compared at once, those that join a job too', () => {
  const view = viewOf();
  expect(plannedCheck(view, TABLES, FIRST)).toEqual({ tables: TABLES, atMs: 0 });
  proven(view, 'a', 100, 'different');
  expect(plannedCheck(view, TABLES, FIRST)).toEqual({ tables: ['b'], atMs: 0 });
  proven(view, 'b', 100, 'failed');
  expect(plannedCheck(view, TABLES, FIRST)).toBeNull();
});

test('a first check whose verdict came to nothing is asked for again, but not at once', () => {
  const view = viewOf();
  asked(view, 'verify-1', 1000, SCHEDULE);
  expect(plannedCheck(view, TABLES, FIRST)).toEqual({ tables: TABLES, atMs: 61_000 });
});

test('turned off, none starts but those of the schedule', () => {
  const view = viewOf();
  expect(plannedCheck(view, TABLES, { checkWhenInSync: false, checkEveryHours: 0 })).toBeNull();
  const scheduled = plannedCheck(view, TABLES, { checkWhenInSync: false, checkEveryHours: 1 });
  expect(scheduled).toEqual({ tables: TABLES, atMs: 5 + HOUR });
});

test('all are compared again after the beginning of the oldest proof, whoever asked for that', () => {
  const view = viewOf();
  proven(view, 'a', 3 * HOUR, 'equal');
  proven(view, 'b', 4 * HOUR, 'equal');
  asked(view, 'verify-1', HOUR, 'ann');
  expect(plannedCheck(view, TABLES, DAILY)).toEqual({ tables: TABLES, atMs: 26 * HOUR });
});

test('one that has failed is not asked for again before its time', () => {
  const view = viewOf();
  proven(view, 'a', 2 * HOUR, 'equal');
  proven(view, 'b', 2 * HOUR, 'failed');
  asked(view, 'verify-9', 26 * HOUR, SCHEDULE);
  expect(plannedCheck(view, TABLES, DAILY)?.atMs).toBe(50 * HOUR);
});
