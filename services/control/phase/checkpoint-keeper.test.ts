/** What control keeps of how far checks are, and for how long. */
import { beforeEach, expect, test } from 'vitest';
import type { Checkpoint } from '../../../shared/job/state/checkpoint.ts';
import { JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { CheckpointKeeper } from './checkpoint-keeper.ts';
import { CheckReports } from './verdicts.ts';

let view: JobView;
let reports: CheckReports;
let keeper: CheckpointKeeper;
let written: string[];

beforeEach(() => {
  view = new JobView();
  reports = new CheckReports(() => new Set());
  written = [];
  const verify = { id: 'verify-1', requestedMs: 1, tables: [] };
  view.apply(stateKey.verify('verify-1'), { ...NO_RECORD, verify });
  keeper = new CheckpointKeeper({
    view,
    writer: {
      put: async (key, record) => {
        written.push(key);
        view.apply(key, { ...NO_RECORD, ...record });
      },
      remove: async key => {
        written.push(`-${key}`);
        view.apply(key, null);
      },
    },
    verdicts: {
      check: id => reports.of(id),
      isUnderWay: id => ['waiting', 'checking'].includes(reports.of(id)?.state ?? ''),
    },
  });
});

function checkpoint(savedMs: number): Checkpoint {
  const counts = { rows: 5, targetRows: 5, ranges: 1, rangesDifferent: 0, rechecked: 0 };
  const none = { suspects: [], filled: null, estimatedRows: 9, basis: '', shape: '' };
  const tables = [{ table: 'a', upTo: ['5'], key: { id: '5' }, ...counts, ...none }];
  const fixed = { sourceGtids: {}, targetGtids: {}, servers: {}, resumes: 0 };
  return { id: 'verify-1', startedMs: 1, workedMs: 5, savedMs, ...fixed, tables };
}

function told(member: string, state: string, detail: Record<string, unknown>): void {
  const from = { service: 'checker', unit: 'verify-1', member, incarnation: member, tsMs: 1 };
  const report: Report = { ...from, state, error: null, counters: {}, detail: '' };
  reports.note('verify-1', { ...report, detail: JSON.stringify(detail) });
}

test('what a checker tells is kept, once, and outlives the report of the next one', async () => {
  await keeper.step();
  told('m1', 'checking', { checkpoint: checkpoint(10) });
  for (let i = 0; i < 3; i++) await keeper.step();
  told('m1', 'checking', { checkpoint: checkpoint(10) });
  await keeper.step();
  expect(written).toEqual(['checkpoint/verify-1']);
  told('m2', 'waiting', {});
  await keeper.step();
  expect(view.checkpoints.get('verify-1')?.savedMs).toBe(10);
  // Its clock is behind that of the first.
  told('m2', 'checking', { checkpoint: checkpoint(7) });
  await keeper.step();
  expect(view.checkpoints.get('verify-1')?.savedMs).toBe(7);
  told('m2', 'checking', { checkpoint: { ...checkpoint(9), tables: [] } });
  await keeper.step();
  expect(view.checkpoints.get('verify-1')?.savedMs).toBe(7);
});

test('it is gone with the verdict, whoever still works at the check', async () => {
  told('m1', 'checking', { checkpoint: checkpoint(10) });
  await keeper.step();
  told('m2', 'failed', { checkpoint: null });
  await keeper.step();
  told('m1', 'checking', { checkpoint: checkpoint(12) });
  await keeper.step();
  expect(view.checkpoints.size).toBe(0);
  expect(written.at(-1)).toBe('-checkpoint/verify-1');
});

test('it is gone with the request', async () => {
  told('m1', 'checking', { checkpoint: checkpoint(10) });
  await keeper.step();
  view.apply(stateKey.verify('verify-1'), null);
  await keeper.step();
  expect(view.checkpoints.size).toBe(0);
});
