/** The picture says of a key no more than checks have said. */
import { expect, test } from 'vitest';
import type { CheckResult, TableResult } from '../../../shared/job/state/check-result.ts';
import { differencePicture, seenKeys } from './difference-picture.ts';

function check(startedMs: number, ids: string[], of: Partial<TableResult> = {}): CheckResult {
  const differences = ids.map(id => ({
    ...{ table: 'orders', kind: 'missing' as const, key: { id }, sources: ['s1'] },
    ...{ expected: 't1', targets: [] },
  }));
  const table: TableResult = {
    ...{ table: 'orders', rows: 9, targetRows: 9, ranges: 1, rangesDifferent: 1, rechecked: 1 },
    ...{ differences, unsettled: [], blocked: 0, truncated: false, ...of },
  };
  return {
    ...{ verifyId: `verify-${startedMs}`, equal: false, tables: [table], rows: 9 },
    ...{ differences: ids.length, unsettled: 0, blocked: 0, startedMs, tookMs: 10 },
    ...{ rowsPerSecond: 1, sourceGtids: {} },
  };
}

const scope = { from: { id: '5' }, to: null, where: null };
const shown = (checks: CheckResult[]) =>
  seenKeys('orders', checks).map(k => [k.key.id, k.firstMs, k.lastMs, k.goneMs]);

test('a key is there from the first check that found it until one of all finds it no more', () => {
  expect(shown([check(0, ['10', '9']), check(100, ['9']), check(200, [])])).toEqual([
    ['9', 10, 110, 210],
    ['10', 10, 10, 110],
  ]);
});

test.each<[string, Partial<TableResult>]>([
  ['with a scope', { scope }],
  ['of a part', { after: { id: '5' } }],
  ['that gave the table up', { truncated: true }],
  ['that could not settle keys', { unsettled: [{ table: 'orders', key: { id: '9' } }] }],
])('a check %s does not say that a key is gone', (_, of) => {
  expect(shown([check(0, ['9']), check(100, [], of)])).toEqual([['9', 10, 10, null]]);
});

test('a key that comes back is not gone', () => {
  expect(shown([check(0, ['9']), check(100, []), check(200, ['9'])])).toEqual([
    ['9', 10, 210, null],
  ]);
});

test('there is none of a table that never differed, and few lines of one with many keys', () => {
  expect(differencePicture('orders', [check(0, [])], [])).toBeNull();
  const many = Array.from({ length: 900 }, (_, i) => `${i}`);
  const html = differencePicture('orders', [check(0, many)], []) ?? '';
  expect(html.match(/<circle/g)).toHaveLength(300);
  expect(html).toContain('600 more keys are not drawn');
});
