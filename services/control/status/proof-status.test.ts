/** I13: what is being checked or repaired is in the status, with what it waits for. */

import { expect, test } from 'vitest';
import { resumptionText } from '../../../shared/job/state/checkpoint.ts';
import { JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import { unproven } from '../../../shared/job/state/proof.ts';
import type { RepairRun } from '../../../shared/job/state/repair-run.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { checkStatus, proofStatus, repairStatus } from './proof-status.ts';

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };
const WAIT = { what: 'target t1 to apply t[0] up to offset 9 (it is at 3)', sinceMs: 5 };

function report(service: string, unit: string, state: string, detail: object): Report {
  const from = { service, unit, member: 'm', incarnation: 'i', tsMs: 0 };
  return { ...from, state, error: null, counters: { rows: 7 }, detail: JSON.stringify(detail) };
}

test('a check is shown from its request to its verdict, with what it waits for', () => {
  const view = new JobView();
  for (const id of ['verify-1', 'verify-2', 'verify-3', 'verify-4']) {
    const verify = { id, requestedMs: Number(id.slice(-1)), tables: [] };
    view.apply(stateKey.verify(id), { ...NONE, verify });
  }
  const reports = new Map([
    ['checker/verify-1', report('checker', 'verify-1', 'finished', {})],
    ['checker/verify-2', report('checker', 'verify-2', 'failed', {})],
    ['checker/verify-3', report('checker', 'verify-3', 'checking', { waiting: [WAIT] })],
  ]);
  expect(checkStatus(view, reports)).toMatchObject([
    { check: 'verify-3', state: 'checking', rows: 7, waiting: [WAIT] },
    { check: 'verify-4', state: 'asked', waiting: [] },
  ]);
});

test('a check that is gone on with is shown with what was compared before, and what is kept', () => {
  const view = new JobView();
  const id = 'verify-1';
  view.apply(stateKey.verify(id), { ...NONE, verify: { id, requestedMs: 1, tables: [] } });
  const counts = { rows: 5, targetRows: 5, ranges: 1, rangesDifferent: 0, rechecked: 0 };
  const none = { suspects: [], filled: null, estimatedRows: 9, basis: '', shape: '' };
  const tables = ['a', 'b'].map(table => ({
    table,
    upTo: ['5'],
    key: { id: '5' },
    ...counts,
    ...none,
  }));
  const of = { sourceGtids: {}, targetGtids: {}, servers: {}, resumes: 0 };
  const checkpoint = { id, startedMs: 1, workedMs: 5, savedMs: 7, ...of, tables };
  view.apply(stateKey.checkpoint(id), { ...NONE, checkpoint });
  const kept = [{ table: 'a', rows: 5, upTo: { id: '5' } }];
  const anew = [{ table: 'b', why: 'it was altered' }];
  const resumed = { times: 1, atMs: 9, kept, anew };
  const reports = new Map([[`checker/${id}`, report('checker', id, 'checking', { resumed })]]);
  const [shown] = checkStatus(view, reports);
  expect(shown).toMatchObject({ check: id, rows: 7, keptRows: 10, resumed });
  expect(resumptionText(resumed)).toBe(
    'compared before: a up to id=5 (5 rows); b begins anew: it was altered',
  );
});

test('a repair is shown until its end, with what control says that it waits for', () => {
  const view = new JobView();
  const counts = { pass: 0, round: 1, keys: 1, rows: 0, deleted: 1, newer: 0 };
  const times = { startedMs: 1, stageMs: 2 };
  const open: RepairRun = {
    id: 'repair-1',
    stage: 'repairing',
    tables: ['orders'],
    ...counts,
    check: null,
    ...times,
    error: null,
  };
  const done: RepairRun = { ...open, id: 'repair-0', stage: 'done' };
  for (const run of [open, done]) view.apply(stateKey.run(run.id), { ...NONE, run });
  const repairs = [{ id: 'repair-1', ...WAIT }];
  const reports = new Map([['control/job', report('control', 'job', 'running', { repairs })]]);
  const shown = { id: 'repair-1', stage: 'repairing', tables: ['orders'], pass: 0, round: 1 };
  expect(repairStatus(view, reports)).toEqual([{ ...shown, waiting: WAIT, error: null }]);
  expect(repairStatus(view, new Map())).toEqual([{ ...shown, waiting: null, error: null }]);
  const stopped = [{ id: 'repair-1', ...WAIT, error: 'config: no such key' }];
  const told = new Map([
    ['control/job', report('control', 'job', 'running', { repairs: stopped })],
  ]);
  expect(repairStatus(view, told)).toMatchObject([{ ...shown, error: 'config: no such key' }]);
});

test('columns that are being added to targets are shown, with what they wait for', () => {
  const growth = { id: 'growth-s1-orders-a', stage: 'adding columns', tables: ['orders'] };
  const repairs = [{ ...growth, ...WAIT, error: null }];
  const reports = new Map([['control/job', report('control', 'job', 'running', { repairs })]]);
  const shown = { ...growth, pass: 0, round: 0, waiting: WAIT, error: null };
  expect(repairStatus(new JobView(), reports)).toEqual([shown]);
});

test('a request that waits for its source is shown with that', () => {
  const view = new JobView();
  const asked = { requestedMs: 1, source: 's1', tables: ['orders'], jump: false, skip: false };
  const recopy = { id: 'recopy-1', ...asked };
  view.apply(stateKey.recopy(recopy.id), { ...NONE, recopy });
  const repairs = [{ id: 'recopy-1', ...WAIT }];
  const reports = new Map([['control/job', report('control', 'job', 'running', { repairs })]]);
  const shown = { id: 'recopy-1', stage: 'planning', tables: ['orders'], waiting: WAIT };
  expect(repairStatus(view, reports)).toMatchObject([shown]);
  const recopied = { id: recopy.id, plannedMs: 2, error: null };
  view.apply(stateKey.recopied(recopy.id), { ...NONE, recopied });
  expect(repairStatus(view, reports)).toEqual([]);
});

test('a repair that failed in the middle is shown until its tables are proven', () => {
  const view = new JobView();
  const counts = { pass: 1, round: 0, keys: 1, rows: 0, deleted: 1, newer: 0 };
  const times = { startedMs: 1, stageMs: 5, error: 'config: no such key' };
  const at = { id: 'repair-1', stage: 'failed' as const, tables: ['orders'] };
  const run: RepairRun = { ...at, ...counts, check: 'verify-1', ...times };
  view.apply(stateKey.run(run.id), { ...NONE, run });
  expect(repairStatus(view, new Map())).toMatchObject([{ ...at, error: 'config: no such key' }]);
  const proof = { ...unproven('orders'), result: 'equal' as const, provenMs: 6 };
  view.apply(stateKey.proof('orders'), { ...NONE, proof });
  expect(repairStatus(view, new Map())).toEqual([]);
});

test('a table that no check has compared is shown as unproven', () => {
  expect(proofStatus(new JobView(), ['orders'])).toMatchObject([
    { table: 'orders', isProven: false, check: null, why: 'no check has compared it' },
  ]);
});
