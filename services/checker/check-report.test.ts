/** The result of a check fits into a record, and no table of it hides another one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CheckResult, Difference, TableResult } from '../../shared/job/state/check-result.ts';
import { forReport } from './check-report.ts';

const difference = (table: string, id: number, length = 1): Difference => ({
  table,
  kind: 'missing',
  key: { id: `${id}`.padEnd(length, 'x') },
  sources: ['s1'],
  expected: 't1',
  targets: [],
});

function table(name: string, differences: number, unsettled = 0, length = 1): TableResult {
  const counts = { rows: 9, targetRows: 9, ranges: 1, rangesDifferent: 1, rechecked: 1 };
  return {
    table: name,
    ...counts,
    differences: Array.from({ length: differences }, (_, i) => difference(name, i, length)),
    unsettled: Array.from({ length: unsettled }, (_, i) => ({ table: name, key: { id: `${i}` } })),
    blocked: 0,
    truncated: false,
  };
}

function result(tables: TableResult[]): CheckResult {
  const counts = { rows: 1, differences: 1, unsettled: 0, blocked: 0, startedMs: 1, tookMs: 1 };
  return {
    verifyId: 'verify-1',
    equal: false,
    tables,
    ...counts,
    rowsPerSecond: 1,
    sourceGtids: {},
  };
}

const listed = ({ tables }: CheckResult): number[] =>
  tables.map(t => t.differences.length + t.unsettled.length);

test('a table with very many differences leaves the others theirs', () => {
  const told = forReport(result([table('a', 5000), table('b', 3), table('c', 2, 1)]));
  expect(listed(told).slice(1)).toEqual([3, 3]);
  expect(told.tables.map(t => t.truncated)).toEqual([true, false, false]);
  expect(told.tables[0]?.differences.length).toBeGreaterThan(900);
});

/** Whatever is in it: bounded as a whole, nothing hidden of a table that asks for its share. */
test('however many tables there are, each that differs is listed, within the bounds', () => {
  const tables = fc.array(fc.record({ n: fc.nat(1500), u: fc.nat(20), length: fc.nat(4000) }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(tables, list => {
      const all = list.map(({ n, u, length }, i) => table(`t${i}`, n, u, length));
      const told = forReport(result(all));
      const counts = listed(told);
      expect(counts.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(1000);
      expect(Buffer.byteLength(JSON.stringify(told))).toBeLessThan(900_000);
      for (const [i, { n, u }] of list.entries()) {
        if (n + u > 0) expect(counts[i]).toBeGreaterThan(0);
        expect(told.tables[i]?.truncated).toBe(counts[i] !== n + u);
      }
    }),
    { numRuns: 50 },
  );
});
