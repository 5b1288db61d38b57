/** A scope that cannot be is refused before anybody is asked for a check. */
import { describe, expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import type { JobLink } from './job-handle.ts';
import { type ScopeText, wantedOf } from './verify.ts';

const column = (name: string): Column => ({
  ...{ name, type: { kind: 'integer', bits: 32, unsigned: false }, nullable: false },
  ...{ autoIncrement: false, generated: 'no', invisible: false },
});

const schema: TableSchema = {
  ...{ db: 'shop', table: 'items', columns: [column('order'), column('line')] },
  ...{ primaryKey: [0, 1], uniqueKeys: [] },
};

function wanted(o: ScopeText, tables = ['items']): ReturnType<typeof wantedOf> {
  const job = { tables: [{ name: 'orders' }, { name: 'items' }] } as Job;
  const plan = { table: 'items', schema } as TablePlan;
  const link: Pick<JobLink, 'job'> & { view: unknown } = {
    job,
    view: { plans: new Map([['', plan]]) },
  };
  return wantedOf(link as JobLink, tables, o);
}

describe('what a check is asked for', () => {
  test('is all of its tables if nothing else is said', () => {
    expect(wanted({}, [])).toEqual({ tables: [], scope: null });
  });

  test('is a range of one table, or rows that meet a condition', () => {
    const scope = { from: { order: '7', line: '2' }, to: null, where: '`line` > 1' };
    expect(wanted({ from: '7,2', where: '`line` > 1' })).toEqual({ tables: ['items'], scope });
  });

  test('may begin and end with one key', () => {
    expect(wanted({ from: '9,1', to: '9,1' }).scope).toMatchObject({ to: { line: '1' } });
    expect(wanted({ from: '9,1', to: '10,0' }).scope).toMatchObject({ to: { order: '10' } });
  });

  test.each<[string, ScopeText, string[], RegExp]>([
    ['of several tables', { where: 'id = 1' }, ['orders', 'items'], /are of one table/],
    ['of all tables', { where: 'id = 1' }, [], /are of one table/],
    ['of a table that is not copied yet', { from: '1' }, ['orders'], /orders is not copied yet/],
    ['with a part of a key', { from: '7' }, ['items'], /--from 7 is no key of items/],
    ['with a value of another type', { to: '7,x' }, ['items'], /line: /],
    [
      'from behind its end',
      { from: '10,0', to: '9,1' },
      ['items'],
      /--from order=10, line=0 is behind --to order=9, line=1/,
    ],
    ['behind by the second column', { from: '9,2', to: '9,1' }, ['items'], /is behind/],
    ['with a condition that is none', { where: 'RAND() < 1' }, ['items'], /RAND/],
    ['with an empty condition', { where: '' }, ['items'], /is empty/],
  ])('is refused %s', (_, o, tables, why) => {
    expect(() => wanted(o, tables)).toThrow(why);
  });
});
