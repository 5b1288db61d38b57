import { expect, test } from 'vitest';
import type { CheckResult, Difference } from '../../../shared/job/state/check-result.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import type { RowValues, ShownDifference } from '../repair/row-values.ts';
import { renderCheck } from './verify-text.ts';

function reportOf(over: Partial<CheckResult>, ...differences: Difference[]): Report {
  const table = { table: 'orders', rows: 5, targetRows: 5, ranges: 1, rangesDifferent: 1 };
  const result: CheckResult = {
    verifyId: 'verify-1',
    equal: false,
    tables: [{ ...table, rechecked: 0, differences, unsettled: [], blocked: 0, truncated: false }],
    rows: 5,
    differences: differences.length,
    unsettled: 0,
    blocked: 0,
    startedMs: 0,
    tookMs: 10,
    rowsPerSecond: 500,
    sourceGtids: {},
    ...over,
  };
  const detail = JSON.stringify(result);
  const from = { service: 'checker', unit: 'verify-1', member: 'm', incarnation: '', tsMs: 0 };
  return { ...from, state: 'finished', error: null, counters: {}, detail };
}

test('a key of two sources is named with both, and with what to do', () => {
  const text = renderCheck(
    reportOf(
      {},
      {
        table: 'orders',
        kind: 'duplicate',
        key: { order_id: '7' },
        sources: ['s1', 's2'],
        expected: 't1',
        targets: ['t1'],
      },
    ),
  );
  expect(text).toContain('duplicate: orders order_id=7');
  expect(text).toContain('in sources s1 and s2');
  expect(text).toContain('give the rows different keys on the sources');
});

test('a row that differs is told with the columns that do, as many as a line holds', () => {
  const row: Difference = {
    ...{ table: 'orders', kind: 'different', key: { order_id: '7' }, sources: ['s1'] },
    ...{ expected: 't1', targets: ['t1'], columns: ['status', 'total'] },
  };
  const many = Array.from({ length: 12 }, (_, i) => `c${i}`);
  const text = renderCheck(reportOf({}, row, { ...row, columns: many }));
  expect(text).toContain('order_id=7 (on t1, expected on t1, in status, total)');
  expect(text).toContain('in c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and more)');
});

test('blocked keys are no verdict, although the tables look equal', () => {
  const text = renderCheck(reportOf({ blocked: 3 }));
  expect(text).toContain('NO VERDICT: 3 keys are blocked on the targets');
  expect(text).not.toContain('EQUAL:');
});

test('a verdict says what was compared, as of which position and when, and nothing of the rest', () => {
  const equal = { equal: true, sourceGtids: { s1: 'a:1-9' }, startedMs: 0, tookMs: 1500 };
  const last = renderCheck(reportOf(equal)).split('\n').at(-1);
  expect(last).toBe(
    'EQUAL: sources and targets hold the same 5 rows of orders; compared: orders in full ' +
      '(1 ranges, 5 rows), as of s1 a:1-9 or later, from 1970-01-01T00:00:00.000Z to ' +
      '1970-01-01T00:00:01.500Z (2 s, 500 rows/s)',
  );
});

test('a verdict says where the targets were read, and how much the servers say that there is', () => {
  const [table] = JSON.parse(reportOf({}).detail).tables;
  const tables = [{ ...table, sourceBytes: 1_234_567, targetBytes: 16_384 }];
  const targetGtids = { t1: 'b:1-3', t2: '' };
  const [first, last] = renderCheck(reportOf({ equal: true, tables, targetGtids })).split('\n');
  expect(first).toBe('orders: 5 rows (about 1.2 MB) in 1 ranges, no differences');
  expect(last).toContain('as of t1 b:1-3, t2 no position or later');
});

test('a part of a table is told as such, and never as equal', () => {
  const [table] = JSON.parse(reportOf({}).detail).tables;
  const text = renderCheck(reportOf({ tables: [{ ...table, after: { id: '4' } }] }));
  expect(text).toContain('NO VERDICT: a part of orders was compared');
  expect(text).toContain('compared: orders behind id=4 (');
  expect(text).not.toMatch(/in full|EQUAL/);
});

test('a scope that is equal is told as such, and never as the table', () => {
  const [table] = JSON.parse(reportOf({}).detail).tables;
  const scope = { from: { id: '4' }, to: null, where: 'total > 5' };
  const equal = { tables: [{ ...table, scope }], equalInScope: true };
  const text = renderCheck(reportOf(equal));
  expect(text).toContain(
    'EQUAL IN THE SCOPE ALONE: the same 5 rows; the rest of orders was not compared',
  );
  expect(text).toContain('compared: orders from id=4 to the last key, where total > 5 (');
  expect(text).not.toMatch(/in full|EQUAL:/);
  const none = { ...equal, rows: 0, tables: [{ ...table, scope, rows: 0, targetRows: 0 }] };
  expect(renderCheck(reportOf(none))).toContain('ALONE: no row of either side is in it');
  const open = { tables: [{ ...table, scope }], equalInScope: false, unsettled: 1 };
  expect(renderCheck(reportOf(open))).toContain('NO VERDICT: 1 keys changed at each probe');
});

test('values are told for each column, of both sides, and as little of a long one as was read', () => {
  const row: ShownDifference = {
    ...{ table: 'orders', kind: 'different', key: { order_id: '7' }, sources: ['s1'] },
    ...{ expected: 't1', targets: ['t1'], columns: ['status', 'note'] },
  };
  const value = { bytes: 4, isCut: false };
  const long = { text: "'aaa'", bytes: 5000, isCut: true, hash: 'ab12' };
  const values: RowValues[] = [
    {
      ...{ source: 's1', target: 't1', more: 2 },
      columns: [
        {
          column: 'status',
          source: { ...value, text: "'paid'" },
          target: { ...value, text: null },
        },
        { column: 'note', source: long, target: null },
      ],
    },
  ];
  const masked = renderCheck(reportOf({}, row));
  expect(masked).not.toContain('paid');
  const [table] = JSON.parse(reportOf({}).detail).tables;
  const tables = [{ ...table, differences: [{ ...row, values }] }];
  const text = renderCheck(reportOf({ tables, differences: 1 }));
  expect(text).toContain("    status: 'paid' on s1; NULL on t1\n");
  expect(text).toContain("    note: 'aaa'... (5,000 bytes, sha256 ab12) on s1; no row\n");
  expect(text).toContain('    and 2 more columns\n');
});

test('a table that was given up may have more differences than were counted', () => {
  const [table] = JSON.parse(reportOf({}).detail).tables;
  const tables = [{ ...table, truncated: true }];
  expect(renderCheck(reportOf({ tables, differences: 1000 }))).toContain('1,000 keys or more of');
});

test('a verdict over several checkers says what was compared before the last of them', () => {
  const kept = [{ table: 'orders', rows: 3, upTo: { order_id: '3' } }];
  const resumed = { times: 1, atMs: 0, kept, anew: [{ table: 'items', why: 'it was altered' }] };
  const text = renderCheck(reportOf({ equal: true, resumed }));
  expect(text).toContain(
    'taken up once, at 1970-01-01T00:00:00.000Z: ' +
      'compared before: orders up to order_id=3 (3 rows); items begins anew: it was altered\n',
  );
  expect(renderCheck(reportOf({ equal: true, resumed: null }))).not.toContain('anew');
  const none = { times: 0, atMs: 0, kept: [], anew: resumed.anew };
  expect(renderCheck(reportOf({ resumed: none }))).toContain('begun anew at 1970-01-01T');
});
