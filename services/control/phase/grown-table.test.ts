/** A source that has halted at columns that its table does not show. */
import { expect, test } from 'vitest';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { refuseAbsent, refuseExtra } from './grown-table.ts';
import type { GrownTable } from './halted-shape.ts';

const none = { constants: [], addedAs: [], widened: [], removed: [] };
const grown: GrownTable = { source: 's1', table: 't', added: 'a, b', ...none, sinceMs: 1000 };
const planned = (...names: string[]): TableSchema => ({
  ...{ db: 'd', table: 't', primaryKey: [], uniqueKeys: [] },
  columns: names.map(name => ({
    ...{ name, nullable: true, generated: 'no', autoIncrement: false, invisible: false },
    type: { kind: 'date' },
  })),
});

test('the server may show late what its binlog has told: it is looked at again', () => {
  expect(() => refuseAbsent(grown, planned('id', 'a'), 2000)).toThrow(
    expect.objectContaining({ kind: 'source', message: 't of s1 does not have b yet' }),
  );
});

test('columns that are gone again are left to the operator, with the way out', () => {
  expect(() => refuseAbsent(grown, planned('id'), 1000 + 3_600_000)).toThrow(
    expect.objectContaining({
      kind: 'schema-changed',
      message: 't of s1 does not have a, b any more',
      remedy: '`reshard recopy <job file> --source s1 --tables t`',
    }),
  );
});

test('a column that is not longer yet, or any more, is one of them; what was taken up is not', () => {
  const widened = [{ name: 'a', type: 'varchar(20)' }];
  const longer: GrownTable = { ...grown, added: '', widened };
  expect(() => refuseAbsent(longer, planned('id', 'A'), 2000)).toThrow(
    't of s1 does not have a as varchar(20) yet',
  );
  const { columns, ...rest } = planned('id', 'A');
  const taken = columns.map(c => ({ ...c, ...(c.name === 'A' && { widened: 'varchar(20)' }) }));
  expect(() => refuseAbsent(longer, { ...rest, columns: taken }, 2000)).not.toThrow();
});

test('of columns that the plan has by now nothing is asked', () => {
  expect(() => refuseAbsent(grown, planned('id', 'A', 'b'), 2000)).not.toThrow();
});

test('a column that only a target has may come from another source: it is waited for', () => {
  const extra = { target: 't1', column: 'c', what: 'c is on the target only', sql: 'DROP c' };
  const targets = [{ ...extra, isAddition: false, isExtra: true }];
  expect(() => refuseExtra(grown, targets, 2000)).toThrow(
    expect.objectContaining({ kind: 'target', message: expect.stringMatching(/no plan yet$/) }),
  );
  // From then on it is refused as all that a target has otherwise.
  expect(() => refuseExtra(grown, targets, 62_000)).not.toThrow();
  expect(() => refuseExtra(grown, [{ ...extra, isAddition: false }], 2000)).not.toThrow();
});
