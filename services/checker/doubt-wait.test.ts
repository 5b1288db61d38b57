/** The next check stands on what the verdict before it has changed. */
import { expect, test } from 'vitest';
import { JobView, stateKey } from '../../shared/job/state/job-view.ts';
import { basisOf, doubted, unproven } from '../../shared/job/state/proof.ts';
import { unequalTables, untilDoubted } from './doubt-wait.ts';

const NONE = { job: null, start: null, plan: null, verify: null };

test('a checker goes on when control has counted the doubt of every table', async () => {
  const view = new JobView();
  const tables = ['orders', 'items'];
  const before = Object.fromEntries(tables.map(t => [t, basisOf(view, t)]));
  let isOver = false;
  const waiting = untilDoubted(view, before, new AbortController().signal).then(() => {
    isOver = true;
  });
  const doubt = (table: string): void => {
    const proof = doubted(unproven(table), 'verify-1 failed', 1);
    view.apply(stateKey.proof(table), { ...NONE, proof });
  };
  doubt('orders');
  await new Promise(resolve => setTimeout(resolve, 150));
  expect(isOver).toBe(false);
  doubt('items');
  await waiting;
  expect(view.proofs.size).toBe(2);
});

test('tables that are equal are not waited for', () => {
  const equal = {
    ...{ table: 'orders', rows: 1, targetRows: 1, ranges: 1, rangesDifferent: 0, rechecked: 0 },
    ...{ differences: [], unsettled: [], blocked: 0, truncated: false },
  };
  const tables = [equal, { ...equal, table: 'items', blocked: 1 }];
  expect(unequalTables({ tables })).toEqual(['items']);
  // What a scope could not settle takes nothing back.
  const scope = { from: null, to: null, where: 'id > 1' };
  const open = { unsettled: [{ table: 'orders', key: {} }], blocked: 1 };
  expect(unequalTables({ tables: [{ ...equal, scope, ...open }] })).toEqual([]);
});
