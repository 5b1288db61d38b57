/** What control reads from the reports of checks. */
import { describe, expect, test } from 'vitest';
import type { CheckResult, TableProgress } from '../../../shared/job/state/check-result.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { CheckReports, stuckOf, verdictsOf } from './verdicts.ts';

const ID = 'verify-1';
const PROGRESS: TableProgress = {
  ...{ table: 'orders', rows: 5, estimatedRows: 9, ranges: 1, rangesDifferent: 1 },
  ...{ pending: 0, differences: 2, done: false },
};

function report(state: string, detail: object, member = 'm1'): Report {
  const from = { service: 'checker', unit: ID, member, incarnation: `${member}/1`, tsMs: 7 };
  const bases = { orders: 's1=1;doubts=0' };
  const error = state === 'failed' ? 'schema-changed: orders was altered\n  remedy: again' : null;
  return { ...from, state, error, counters: {}, detail: JSON.stringify({ bases, ...detail }) };
}

function result(): Pick<CheckResult, 'tables'> {
  const counts = { rows: 5, targetRows: 5, ranges: 1, rangesDifferent: 0, rechecked: 0 };
  const found = { differences: [], unsettled: [], blocked: 0, truncated: false };
  return { tables: [{ table: 'orders', ...counts, ...found }] };
}

test('keys that cannot be applied are as new as the report, rows that are lost as their loss', () => {
  const tasks = [
    { topic: 's.d.t', stuck: 2, lost: { rows: 1, seenMs: 5 } },
    { topic: 's.d.u', stuck: 0 },
    { topic: 's.d.gone', stuck: 1 },
  ];
  const told: Report = {
    ...report('running', {}),
    detail: JSON.stringify({ tasks }),
    unit: 't1/0',
  };
  const names = new Map([
    ['s.d.t', 't'],
    ['s.d.u', 'u'],
  ]);
  expect(stuckOf(told, topic => names.get(topic))).toEqual([
    { table: 't', why: '2 keys cannot be applied on target t1', tsMs: 7 },
    { table: 't', why: '1 rows that waited in reshard_park of target t1 are gone', tsMs: 5 },
  ]);
});

describe('the verdict of a check', () => {
  test('that failed in its middle is read, though its detail is still that of its progress', () => {
    expect(verdictsOf(report('failed', { tables: [PROGRESS] }))).toMatchObject([
      {
        table: 'orders',
        check: ID,
        result: 'failed',
        reason: 'schema-changed: orders was altered',
        differences: 0,
      },
    ]);
  });

  test('over a part of a table proves nothing, but may find something', () => {
    const after = { id: '7' };
    const [table] = result().tables;
    const part = (found: object) => report('finished', { tables: [{ ...table, after, ...found }] });
    expect(verdictsOf(part({}))).toEqual([]);
    const more = verdictsOf(part({ differences: [{}], truncated: true }));
    expect(more).toMatchObject([{ result: 'different', differences: 1, truncated: true }]);
  });

  describe('with a scope', () => {
    const [table] = result().tables;
    const scope = { from: { id: '7' }, to: null, where: null };
    const stands = { bases: {}, scopeBases: { orders: 's1=1;doubts=0' } };
    const part = (state: string, found: object = {}) =>
      report(state, { ...stands, tables: [{ ...table, scope, ...found }] });

    test('is none of the table where it is equal, open, or came to nothing', () => {
      expect(verdictsOf(part('finished'))).toEqual([]);
      expect(verdictsOf(part('finished', { unsettled: [{}] }))).toEqual([]);
      expect(verdictsOf(part('finished', { blocked: 2 }))).toEqual([]);
      expect(verdictsOf(part('failed'))).toEqual([]);
    });

    test('is one of the table where it has found something, and there may be more', () => {
      const found = verdictsOf(part('finished', { differences: [{}] }));
      const more = { isPart: true, truncated: true };
      expect(found).toMatchObject([{ result: 'different', differences: 1, ...more }]);
    });
  });

  test('that has finished is what it has found', () => {
    expect(verdictsOf(report('finished', result()))).toMatchObject([{ result: 'equal', rows: 5 }]);
  });
});

describe('the reports of a check', () => {
  test('once it has ended, a member that still runs it does not take the verdict away', () => {
    const checks = new CheckReports(() => new Set());
    checks.note(ID, report('checking', { tables: [PROGRESS] }, 'm1'));
    checks.note(ID, report('finished', result(), 'm1'));
    checks.note(ID, report('checking', { tables: [PROGRESS] }, 'm2'));
    expect(checks.of(ID)).toMatchObject({ state: 'finished', member: 'm1' });
    expect(checks.take()).toHaveLength(1);
    checks.note(ID, report('finished', result(), 'm1'));
    expect(checks.take()).toEqual([]);
  });

  test('the verdict of a second member is read as well', () => {
    const checks = new CheckReports(() => new Set());
    checks.note(ID, report('finished', result(), 'm1'));
    checks.note(ID, report('failed', { tables: [PROGRESS] }, 'm2'));
    expect(checks.take().map(v => v.result)).toEqual(['equal', 'failed']);
  });
});
