/** Columns that sources rename: what rows of before are, and who calls what how. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import {
  JobView,
  type StateRecord,
  stateKey,
  type TablePlanRecord,
} from '../../../shared/job/state/job-view.ts';
import { type OlderSchema, olderTable } from '../../../shared/job/state/older-schema.ts';
import {
  namesThere,
  openRenames,
  type RenamedColumn,
} from '../../../shared/job/state/renamed-column.ts';
import { RowProjection } from '../../../shared/row/row-projection.ts';
import { ByteWriter } from '../../../shared/runtime/bytes.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { type ColumnRename, withRenames } from '../../../shared/schema/column-rename.ts';
import { withoutColumns } from '../../../shared/schema/table-growth.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import { olderShapes } from './dropped-column.ts';
import {
  namesOfBefore,
  olderNames,
  refuseApart,
  refuseRenaming,
  renamedWith,
  underNewNames,
} from './renamed-column.ts';
import { statements, TargetRenames } from './target-rename.ts';

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };
const log = createLogger({ name: 'test', level: 'silent' });

const column = (name: string, generated: Column['generated'] = 'no'): Column => ({
  ...{ name, nullable: name !== 'id', type: { kind: 'integer', bits: 32, unsigned: false } },
  ...{ autoIncrement: false, generated, invisible: false },
});

const schema = (...names: string[]): TableSchema => ({
  ...{ db: 'd', table: 't', primaryKey: [0], uniqueKeys: [] },
  columns: names.map(name => column(name)),
});

const planOf = (
  source: string,
  now: TableSchema,
  renamed: RenamedColumn[] = [],
  older: OlderSchema[] = [],
): TablePlanRecord => ({
  ...{ source, db: 'd', table: 't', topic: `${source}.d.t`, schemaJson: JSON.stringify(now) },
  ...{ generation: 1, keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0, ranges: [] },
  ...{ renamed, older },
});

const put = (view: JobView, plan: TablePlanRecord): void =>
  view.apply(stateKey.plan(plan.source, 'd', 't'), { ...NONE, plan });

function viewOf(...plans: TablePlanRecord[]): JobView {
  const view = new JobView();
  for (const plan of plans) put(view, plan);
  return view;
}

const jobOf = (streamingCheck = false): Job => {
  const job = {
    ...{ job: 'shop', targets: [{ name: 't1', database: 'd' }], sources: [], tables: [] },
    ...{ options: { streamingCheck }, cutover: {}, route: { kind: 'modulus', column: 'shard' } },
  };
  return job as unknown as Job;
};

const was = (name: string, ...before: string[]): RenamedColumn => ({ column: name, was: before });

/** A binlog row image of 32-bit integers that are not NULL. */
function image(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc((values.length + 7) >> 3);
  const numbers = values.map(v => {
    const number = Buffer.alloc(4);
    number.writeInt32LE(v);
    return number;
  });
  return Buffer.concat([bytes, ...numbers]);
}

/** A table through its life: what it has, by the columns' own numbers, and what was planned. */
interface Life {
  /** Number of each column that is there, in order. */
  ids: number[];
  now: TableSchema;
  older: OlderSchema[];
  /** For each of them, the numbers of its columns. */
  had: number[][];
  next: number;
}

type Change = { kind: 'add' } | { kind: 'drop' | 'rename' | 'back'; at: number };

/** Takes a change up as control does; a name is never another column's again. */
function change(life: Life, what: Change): Life {
  const { now, ids, older, next } = life;
  const plan = { schemaJson: JSON.stringify(now), valueSchemaId: next, older } as never;
  const had = [...life.had, ids];
  if (what.kind === 'add') {
    const columns = [...now.columns, column(`c${next}`)];
    const grown = { ...now, columns };
    return { ids: [...ids, next], now: grown, older: olderShapes(plan, []), had, next: next + 1 };
  }
  const at = 1 + (what.at % Math.max(1, ids.length - 1));
  const name = now.columns[at]?.name;
  if (name === undefined || ids.length < 2) return life;
  if (what.kind === 'drop') {
    const left = withoutColumns(now, [name], now);
    const kept = ids.filter((_, i) => i !== at);
    return { ids: kept, now: left, older: olderShapes(plan, [name]), had, next: next + 1 };
  }
  const to = what.kind === 'back' ? `c${ids[at]}` : `c${ids[at]}_${next}`;
  if (to === name) return life;
  const renames: ColumnRename[] = [{ from: name, to }];
  const were = olderNames(olderShapes(plan, []), renames);
  return { ids, now: withRenames(now, renames), older: were, had, next: next + 1 };
}

test('rows of each time are rows of the last one, each value in its own column', () => {
  const at = fc.nat({ max: 5 });
  const any: fc.Arbitrary<Change> = fc.oneof(
    fc.constant({ kind: 'add' } as const),
    fc.record({ kind: fc.constantFrom('drop', 'rename', 'rename', 'back'), at }),
  );
  const start: Life = {
    ids: [0, 1, 2],
    now: schema('id', 'c1', 'c2'),
    older: [],
    had: [],
    next: 3,
  };
  const run = fc.property(fc.array(any, { maxLength: 12 }), changes => {
    const life = changes.reduce(change, start);
    for (const [i, older] of life.older.entries()) {
      const had = life.had[i] ?? [];
      const rows = new RowProjection(olderTable(older), life.now, older.gone);
      const bytes = image(had.map(id => id + 100));
      const old = new ByteWriter();
      rows.older.fromBinlog(bytes, 0, bytes.length, old);
      const out = new ByteWriter();
      rows.project(old.buf, 0, out);
      const wanted = life.ids.map(id => (had.includes(id) ? id + 100 : null));
      expect(new RowProjection(life.now, life.now).older.toJs(out.buf, 0)).toEqual(wanted);
    }
  });
  fc.assert(run);
});

test('a name that another column has, or had, at any source is not taken up', () => {
  const before: OlderSchema = {
    ...{ schemaJson: JSON.stringify(schema('id', 'shard', 'a', 'x', 'old')), valueSchemaId: 1 },
    ...{ gone: ['old'], renamed: [{ from: 'x', to: 'y' }] },
  };
  const own = planOf('s1', schema('id', 'shard', 'a', 'y'), [was('y', 'x')], [before]);
  const view = viewOf(own, planOf('s2', schema('id', 'shard', 'a', 'x', 'theirs')));
  const plan = view.needPlan('s1', 'd', 't');
  const against = (from: string, to: string) =>
    underNewNames(jobOf(), view, plan, [{ from, to }]).against;
  expect(against('a', 'b')).toEqual([]);
  for (const to of ['y', 'x', 'old', 'theirs', 'X']) {
    expect(against('a', to)).toEqual([expect.stringMatching(/name of another column than a/)]);
  }
  // Its own one of before.
  expect(against('y', 'x')).toEqual([]);
  expect(namesOfBefore(view, plan, ['b', 'X'])).toEqual([
    'column X has the name that y had before',
  ]);
});

test('one source after the other gives it the same name', () => {
  const view = viewOf(
    planOf('s1', schema('id', 'shard', 'b'), [was('b', 'a')]),
    planOf('s2', schema('id', 'shard', 'a')),
  );
  const second = view.needPlan('s2', 'd', 't');
  const look = underNewNames(jobOf(), view, second, [{ from: 'a', to: 'b' }]);
  expect([look.against, look.schema.columns.map(c => c.name)]).toEqual([[], ['id', 'shard', 'b']]);
});

test('so it is where rows come back from, which have the name already', () => {
  const before = { schemaJson: JSON.stringify(schema('id', 'shard', 'a')), valueSchemaId: 1 };
  const older = [{ ...before, renamed: [{ from: 'a', to: 'b' }] }];
  const view = viewOf(
    planOf('t1', schema('id', 'shard', 'b'), [], older),
    planOf('t2', schema('id', 'shard', 'a')),
  );
  const second = view.needPlan('t2', 'd', 't');
  expect(underNewNames(jobOf(), view, second, [{ from: 'a', to: 'b' }]).against).toEqual([]);
  // And back again, while the other one has not begun.
  put(view, planOf('t1', schema('id', 'shard', 'b'), [was('b', 'a')], older));
  const first = view.needPlan('t1', 'd', 't');
  expect(underNewNames(jobOf(), view, first, [{ from: 'b', to: 'a' }]).against).toEqual([]);
});

test('what the key or the route is made of, or the server computes, keeps its name', () => {
  const table = schema('id', 'shard', 'a');
  const now = { ...table, columns: [...table.columns, column('g', 'stored')] };
  const view = viewOf(planOf('s1', now));
  const plan = view.needPlan('s1', 'd', 't');
  const against = (from: string, job = jobOf()) =>
    underNewNames(job, view, plan, [{ from, to: 'b' }]);
  for (const from of ['id', 'shard']) {
    expect(against(from).against).toEqual([expect.stringMatching(/row key, or decides/)]);
  }
  expect(against('g').against).toEqual(['column g is generated']);
  expect(against('a', jobOf(true))).toMatchObject({
    ...{ renames: [], schema: plan.schema },
    against: [expect.stringMatching(/streamingCheck/)],
  });
});

test('a consumer of the new schema finds the column by what it was called', () => {
  const view = viewOf(planOf('s1', schema('id', 'shard', 'ä', 'b')));
  const to = (from: string, name: string): Column | undefined => {
    const plan = view.needPlan('s1', 'd', 't');
    const look = underNewNames(jobOf(), view, plan, [{ from, to: name }]);
    put(view, planOf('s1', look.schema));
    return look.schema.columns.find(c => c.name === name);
  };
  expect(to('ä', 'c')?.formerly).toEqual(['_']);
  expect(to('c', 'd')?.formerly).toEqual(['_', 'c']);
  expect(to('d', 'c')?.formerly).toEqual(['_', 'd']);
});

test('so have the unique keys that are made of parts of it', () => {
  const key = { name: 'u', columns: [1], parts: ['a(5)', 'k'] };
  const table = { ...schema('id', 'a', 'k'), uniqueKeys: [key] };
  expect(withRenames(table, [{ from: 'a', to: 'b' }]).uniqueKeys).toEqual([
    { ...key, parts: ['b(5)', 'k'] },
  ]);
});

test('a target has one of its names, and is written to by that', () => {
  const renamed = [was('c', 'a', 'b'), was('y', 'x')];
  const there = (...names: string[]) => {
    const found = namesThere(renamed, names);
    return [Object.fromEntries(found.names), found.unclear];
  };
  expect(there('id', 'a', 'y')).toEqual([{ c: 'a' }, []]);
  expect(there('b', 'x')).toEqual([{ c: 'b', y: 'x' }, []]);
  expect(there('c', 'a', 'y')).toEqual([{}, ['c and a are both there']]);
  expect(there('id')).toEqual([{}, []]);
});

test('the targets may have it by any of its names, until they have the last one', () => {
  const first = renamedWith([], [{ from: 'a', to: 'b' }]);
  expect(first).toEqual([was('b', 'a')]);
  expect(renamedWith(first, [{ from: 'b', to: 'c' }])).toEqual([was('c', 'a', 'b')]);
  expect(renamedWith(first, [{ from: 'b', to: 'a' }])).toEqual([was('a', 'b')]);
  expect(renamedWith(first, [{ from: 'x', to: 'y' }])).toEqual([was('b', 'a'), was('y', 'x')]);
});

test('sources that call it otherwise are told of, and the targets wait for them', () => {
  const view = viewOf(
    planOf('s1', schema('id', 'c', 'k'), [was('c', 'a', 'b')]),
    planOf('s2', schema('id', 'a', 'k')),
  );
  expect(openRenames(view)).toMatchObject([{ table: 't', to: null }]);
  put(view, planOf('s2', schema('id', 'b', 'k'), [was('b', 'a')]));
  const [open] = openRenames(view);
  expect(open?.names.sort()).toEqual(['a', 'b', 'c']);
  expect(open?.at).toEqual([
    { source: 's1', column: 'c' },
    { source: 's2', column: 'b' },
  ]);
  put(view, planOf('s2', schema('id', 'c', 'k'), [was('c', 'a', 'b')]));
  expect(openRenames(view)).toMatchObject([{ to: 'c' }]);
});

test('what is done to a column by its name waits until the targets have that', () => {
  const view = viewOf(planOf('s1', schema('id', 'b', 'k'), [was('b', 'a')]));
  for (const name of ['a', 'b']) {
    expect(() => refuseRenaming(view, 't', ['k', name])).toThrow(
      expect.objectContaining({
        kind: 'target',
        message: expect.stringMatching(/still to rename/),
      }),
    );
  }
  expect(() => refuseRenaming(view, 't', ['k'])).not.toThrow();
  expect(() => refuseRenaming(view, 'other', ['a'])).not.toThrow();
});

test('a source that lacks the column is waited for: it would get another one', () => {
  const view = viewOf(planOf('s1', schema('id', 'a')), planOf('s2', schema('id')));
  const plan = view.needPlan('s1', 'd', 't');
  const apart = (): void => refuseApart(view, plan, [{ from: 'a', to: 'b' }]);
  expect(apart).toThrow(expect.objectContaining({ kind: 'target' }));
  for (const name of ['a', 'b']) {
    put(view, planOf('s2', schema('id', name)));
    expect(apart).not.toThrow();
  }
});

test('the targets rename it once, behind the last source', async () => {
  const view = viewOf(
    planOf('s1', schema('id', 'b', 'y'), [was('b', 'a'), was('y', 'x')]),
    planOf('s2', schema('id', 'a', 'x')),
  );
  const done: string[] = [];
  const writer = {
    put: async (key: string, record: Partial<StateRecord>) =>
      view.apply(key, { ...NONE, ...record }),
  };
  const renames = new TargetRenames(
    { job: jobOf(), view, ruling: view, writer, log },
    async (_, { to }) => void done.push(String(to)),
  );
  const steps = async (...times: number[]): Promise<void> => {
    for (const ms of times) {
      await renames.step(ms);
      await new Promise(setImmediate);
    }
  };
  await steps(0, 60_000);
  expect(done).toEqual([]);
  expect(renames.waiting).toMatchObject([
    {
      ...{ stage: 'renaming columns', tables: ['t'], error: null },
      what: expect.stringMatching(/^b at s1, a at s2: the same `RENAME COLUMN`/),
    },
    { stage: 'renaming columns' },
  ]);
  put(view, planOf('s2', schema('id', 'b', 'x'), [was('b', 'a')]));
  // Sinks hear of the plan first.
  await steps(61_000);
  expect(done).toEqual([]);
  await steps(65_000, 65_100, 200_000);
  expect(done).toEqual(['b']);
  expect([...view.plans.values()].map(p => p.renamed)).toEqual([[was('y', 'x')], []]);
});

test('a target that has the column twice, or not at all, is left as it is', () => {
  const rename = { table: 't', names: ['a', 'b', 'c'], at: [], to: 'c' };
  const of = (...there: string[]) => statements({ name: 't1', database: 'd' }, rename, there);
  expect(of('id', 'b')).toEqual(['ALTER TABLE `d`.`t` RENAME COLUMN `b` TO `c`;']);
  expect(of('id', 'c')).toEqual([]);
  expect(() => of('a', 'c')).toThrow(/has a and c/);
  expect(() => of('id')).toThrow(/has none of a, b, c/);
});
