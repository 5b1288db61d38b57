/** What keeps added columns from being taken up, and what is said then. */
import { expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import type { OlderSchema, TablePlan } from '../../../shared/job/state/job-view.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { allColumns, type TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import { type GrowthLook, refuse, widerColumns } from './growth.ts';
import type { GrownTable } from './halted-shape.ts';
import { columnsOfLater, shapeAtHalt, typesOfHere } from './halted-shape.ts';
import { registerGrown } from './take-up.ts';

const none = { constants: [], addedAs: [], widened: [], removed: [] };
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
  ...{ constants: new Map(), later: [], widened: [], removed: [] },
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
  const halt = { source: 's1', table: 't', added: '', ...none, sinceMs: 0 };
  const seen = (at: GrownTable | null) =>
    typesOfHere(planned, present, { halt: at }).columns.map(c =>
      'length' in c.type ? c.type.length : 0,
    );
  expect(seen({ ...halt, widened: declared(20) })).toEqual([9, 20, 10]);
  // Nobody knows of a statement: what is shown is what the table is.
  expect(seen(null)).toEqual([9, 20, 30]);
});

test('a column that comes at a statement is taken up beside one that goes at a later one', () => {
  const named = (name: string, generated: Column['generated'] = 'no'): Column => ({
    ...{ name, nullable: true, type: { kind: 'date' }, autoIncrement: false, invisible: false },
    generated,
  });
  const names = (t: TableSchema) => allColumns(t).map(c => c.name);
  const columns = (...list: string[]) => list.map(name => named(name));
  const virtual = (at: number) => [{ column: named('v', 'virtual'), at, expression: 'x' }];
  const unique = (at: number) => [{ name: 'u', columns: [at] }];
  const before = { ...now, columns: columns('a', 'id', 'b', 'c'), primaryKey: [1] };
  const planned = { ...plan, schema: { ...before, virtual: virtual(3) } };
  // By now `a` and `b` are gone, and `d` is there.
  const present = {
    ...{ ...now, columns: columns('id', 'd', 'c'), primaryKey: [0] },
    ...{ virtual: virtual(2), uniqueKeys: unique(2) },
  };
  const facts = columns('id', 'd', 'c').map(({ name }) => {
    return { name, type: 'date', value: null, extra: '' };
  });
  const halt = { source: 's1', table: 't', added: 'd', ...none, sinceMs: 0 };
  const { here, later } = shapeAtHalt(planned, present, facts, { halt, only: true });
  expect([names(here), later]).toEqual([['a', 'id', 'b', 'd', 'v', 'c'], []]);
  expect([here.primaryKey, here.uniqueKeys]).toEqual([[1], unique(4)]);
  // What it was made by this statement is known from that alone.
  const wide = { ...halt, added: '', widened: [{ name: 'a', type: 'date NULL' }] };
  const strict = { ...before, columns: before.columns.map(c => ({ ...c, nullable: false })) };
  const made = shapeAtHalt({ ...plan, schema: strict }, present, facts, { halt: wide, only: true });
  expect(made.here.columns.map(c => [c.name, c.nullable]).slice(0, 3)).toEqual([
    ...[
      ['a', true],
      ['id', false],
      ['b', false],
    ],
  ]);
  expect(made.facts.slice(3)).toEqual([{ name: 'a', type: 'date', value: null, extra: '' }]);
  expect(made.gone).toEqual(['a', 'b']);
  // One that this very statement drops, and that is there again, comes later.
  const again = { ...halt, added: '', removed: ['c'] };
  const bare = { ...plan, schema: { ...before, columns: columns('a', 'id', 'b') } };
  const seen = shapeAtHalt(bare, present, facts, { halt: again, only: false });
  expect([names(seen.here), seen.later]).toEqual([['a', 'id', 'b', 'd', 'v'], ['c']]);
});

test('a column that was made wider after it was added is taken up as it was added', () => {
  const text = (length: number) =>
    ({ kind: 'text', form: 'varchar', length, charset: 'utf8mb4', collation: 'x' }) as const;
  const plain = { autoIncrement: false, generated: 'no', invisible: false } as const;
  const present: TableSchema = {
    ...now,
    columns: [
      { ...plain, name: 'N', nullable: true, type: { kind: 'integer', bits: 64, unsigned: false } },
      { ...plain, name: 's', nullable: true, type: text(160) },
      { ...plain, name: 'other', nullable: true, type: { kind: 'date' } },
    ],
  };
  const types = ['bigint', 'varchar(40)', 'date'];
  const facts = present.columns.map(({ name }, i) => {
    return { name, type: types[i] ?? '', value: null, extra: '' };
  });
  const addedAs = [
    { name: 'n', type: 'int', nullable: false },
    { name: 's', type: 'varchar(9)', nullable: true },
    // More was done to it: it is left to the operator.
    { name: 'other', type: 'int', nullable: true },
  ];
  const halt = { source: 's1', table: 't', added: 'n, s, other', ...none, addedAs, sinceMs: 0 };
  const { here, facts: then } = shapeAtHalt(plan, present, facts, { halt, only: true });
  const [n, s, other] = here.columns;
  expect(n).toMatchObject({ nullable: false, type: { kind: 'integer', bits: 32 } });
  expect(s).toMatchObject({ nullable: true, type: text(36) });
  expect(other).toBe(present.columns[2]);
  expect(then.map(f => f.type)).toEqual(['int', 'varchar(9)', 'date']);
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
  await expect(
    registerGrown(registry(false), 's1.d.t-value', {}, [version(1, ['a'])]),
  ).rejects.toMatchObject({
    kind: 'schema-changed',
    cause: refused,
  });
  for (const other of [true, null]) {
    await expect(
      registerGrown(registry(other), 's1.d.t-value', {}, [version(1, ['a'])]),
    ).rejects.toBe(refused);
  }
});

/** A version of the table's values. */
const version = (valueSchemaId: number, names: string[], gone: string[] = []): OlderSchema => ({
  ...{ valueSchemaId, gone },
  schemaJson: JSON.stringify({ ...now, columns: names.map(name => ({ name })) }),
});

test('a version that has the id of the one before is none', async () => {
  const registry = { register: async () => 5, isCompatible: async () => true };
  const registered = (...before: OlderSchema[]) =>
    registerGrown(registry, 's1.d.t-value', {}, before);
  expect(await registered(version(4, ['a']))).toEqual({
    ...{ valueSchemaId: 5, older: [version(4, ['a'])] },
  });
  await expect(registered(version(5, ['a']))).rejects.toMatchObject({ kind: 'schema-changed' });
});

test('a schema that is again what it was is one, unless a column of it is another one now', async () => {
  const registry = { register: async () => 5, isCompatible: async () => true };
  const registered = (...before: OlderSchema[]) =>
    registerGrown(registry, 's1.d.t-value', {}, before);
  // A column came and was dropped.
  const came = version(6, ['a', 'c'], ['c']);
  expect(await registered(version(5, ['a'], ['c']), came)).toEqual({
    ...{ valueSchemaId: 5, older: [came] },
  });
  // It was dropped and came again: rows of both times have one id.
  const before = [version(5, ['a', 'c'], ['c']), version(6, ['a'])];
  await expect(registered(...before)).rejects.toMatchObject({
    message: expect.stringMatching(/tells no versions of s1.d.t-value apart/),
  });
});
