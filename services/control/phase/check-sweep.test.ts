/** Reports of checks that nobody goes by are cleared away, and no others. */
import { expect, test } from 'vitest';
import { CheckSweep } from './check-sweep.ts';

const verify = { id: 'verify-1', requestedMs: 1, tables: [] };

test('the report of a check goes when its request is gone and nobody tells of it any more', () => {
  const sweep = new CheckSweep();
  for (const id of ['verify-1', 'verify-2']) sweep.note(`checker/${id}`, { tsMs: 1000 });
  sweep.note('checker/verify-3', { tsMs: 50_000 });
  sweep.note('checker/member@m1', { tsMs: 1 });
  const view = { verifies: new Map([['verify-1', verify]]) };
  expect(sweep.gone(view, 50_000)).toEqual([]);
  expect(sweep.gone(view, 62_000)).toEqual(['checker/verify-2']);
  sweep.note('checker/verify-2', null);
  expect(sweep.gone(view, 62_000)).toEqual([]);
});
