/** What keeps added columns from being taken up, and what is said then. */
import { expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import {
  columnsOfLater,
  type GrownTable,
  type GrowthLook,
  refuse,
  registerGrown,
  typesOfHere,
  widerColumns,
} from './growth.ts';

const none = { constants: [], widened: [] };
const now: TableSchema = { db: 'd', table: 't', columns: [], primaryKey: [], uniqueKeys: [] };
const plan: TablePlan = {
  ...{ generation: 1, source: 's1', db: 'd', table: 't', topic: 's1.d.t', schemaJson: '{}' },
  ...{ keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0, ranges: [], schema: now },
};
const look = (o: Partial<GrowthLook>): GrowthLook => ({
  ...{
    plan,
    now,
    printed: { statement: '', collation: { flavor: 'mysql', name: '' } },
    added: ['c'],
    against: [],
    unfit: [],
    targets: [],
  },
  ...{ constants: new Map(), later: [], widened: [] },
  ...o,
});

test('columns that every target has are taken up', () => {
  expect(() => refuse(look({}))).not.toThrow();
});

test('columns are taken up at their own statements; the operator may do so with empty ones', () => {
  const columns = ['here', 'empty', 'filled', 'must'].map(
    (name): Column => ({
      ...{ name, nullable: name !== 'must', type: { kind: 'date' } },
      ...{ autoIncrement: false, generated: 'no', invisible: false },
    }),
  );
  const facts = columns.map(({ name }) => ({
    ...{ name, type: 'date', extra: '' },
    value: name === 'filled' ? '2020-01-02' : null,
  }));
  const halt = { source: 's1', table: 't', added: 'x, Here', ...none, sinceMs: 0 };
  const later = (only: boolean) => columnsOfLater(plan, { ...now, columns }, facts, { halt, only });
  expect([later(true), later(false)]).toEqual([
    ['empty', 'filled', 'must'],
    ['filled', 'must'],
  ]);
});

test('a column is wider by the statement that says so, and until then what was planned', () => {
  const named = (name: string, length: number): Column => ({
    ...{ name, nullable: true, type: { kind: 'binary', form: 'varbinary', length } },
    ...{ autoIncrement: false, generated: 'no', invisible: false },
  });
  const table = (k: number, a: number, b: number): TableSchema => ({
    ...{ ...now, primaryKey: [0], columns: [named('k', k), named('A', a), named('b', b)] },
  });
  const planned = { ...plan, schema: table(5, 10, 10) };
  const present = table(9, 20, 30);
  const facts = present.columns.map(c => ({
    ...{ name: c.name, value: null, extra: '' },
    type: `varbinary(${'length' in c.type ? c.type.length : ''})`,
  }));
  const declared = (n: number) =>
    ['k', 'a'].map(name => ({ name, type: `varbinary(${name === 'k' ? 9 : n})` }));
  const routed = { kind: 'target', target: 't1' };
  const job = { targets: [{ name: 't1' }], route: routed, tables: [{ name: 't' }] };
  const wider = (n: number) =>
    widerColumns(job as unknown as Job, planned, present, facts, declared(n));
  expect([...wider(20)]).toEqual([['A', 'varbinary(20)']]);
  expect([...wider(21)]).toEqual([]);
  const halt = { source: 's1', table: 't', added: '', constants: [], sinceMs: 0 };
  const seen = (at: GrownTable | null) =>
    typesOfHere(planned, present, { halt: at }).columns.map(c =>
      'length' in c.type ? c.type.length : 0,
    );
  expect(seen({ ...halt, widened: declared(20) })).toEqual([9, 20, 10]);
  // Nobody knows of a statement: what is shown is what the table is.
  expect(seen(null)).toEqual([9, 20, 30]);
});

test('a target without them is altered first, by what is printed', () => {
  const targets = [
    {
      target: 't1',
      column: 'c',
      what: 'c is not on the target',
      sql: 'ALTER TABLE d.t ADD COLUMN c int;',
      isAddition: true,
    },
    { target: 't2', column: 'c', what: 'c is not on the target', sql: null, isAddition: true },
  ];
  expect(() => refuse(look({ targets }))).toThrow(
    expect.objectContaining({
      kind: 'schema-changed',
      remedy:
        'alter the targets first: t1: ALTER TABLE d.t ADD COLUMN c int; t2: c is not on the target',
    }),
  );
});

test('a table that has done more than grow is not taken up', () => {
  expect(() => refuse(look({ against: ['column v is gone'] }))).toThrow(
    /has not only grown: column v is gone/,
  );
});

test('a schema that the registry refuses is refused; a registry that is away is asked again', async () => {
  const refused = new ReshardError('registry', 'HTTP 409');
  const registry = (isCompatible: boolean | null) => ({
    register: () => Promise.reject(refused),
    isCompatible: async () => isCompatible,
  });
  await expect(registerGrown(registry(false), 's1.d.t-value', {}, 1)).rejects.toMatchObject({
    kind: 'schema-changed',
    cause: refused,
  });
  for (const other of [true, null]) {
    await expect(registerGrown(registry(other), 's1.d.t-value', {}, 1)).rejects.toBe(refused);
  }
});

test('a version that has the id of the one before is none', async () => {
  const registry = { register: async () => 5, isCompatible: async () => true };
  expect(await registerGrown(registry, 's1.d.t-value', {}, 4)).toBe(5);
  await expect(registerGrown(registry, 's1.d.t-value', {}, 5)).rejects.toMatchObject({
    kind: 'schema-changed',
  });
});
