/** Columns that sources have dropped: what each word means, and who may lose what when. */
import { expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import type { DroppedColumn, DroppedWord } from '../../../shared/job/state/ddl-request.ts';
import { leftColumns, targetsOnly } from '../../../shared/job/state/dropped-column.ts';
import {
  JobView,
  type StateRecord,
  stateKey,
  type TablePlanRecord,
} from '../../../shared/job/state/job-view.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import { reworded } from '../command/ddl.ts';
import {
  olderShapes,
  refusePending,
  refuseWord,
  standingWord,
  whyNotAbsent,
  withoutDropped,
} from './dropped-column.ts';
import { comeAgain } from './growth.ts';
import { carryOutGrowth } from './take-up.ts';
import { TargetDrops } from './target-drop.ts';

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };
const log = createLogger({ name: 'test', level: 'silent' });

const column = (name: string, nullable = true): Column => ({
  ...{ name, nullable, type: { kind: 'integer', bits: 32, unsigned: false } },
  ...{ autoIncrement: false, generated: 'no', invisible: false },
});

const schema = (...names: string[]): TableSchema => ({
  ...{ db: 'd', table: 't', primaryKey: [0], uniqueKeys: [] },
  columns: names.map(name => column(name, name !== 'id' && name !== 'shard')),
});

const planOf = (
  source: string,
  now: TableSchema,
  dropped: DroppedColumn[] = [],
): TablePlanRecord => ({
  ...{ source, db: 'd', table: 't', topic: `${source}.d.t`, schemaJson: JSON.stringify(now) },
  ...{ generation: 1, keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0, ranges: [], dropped },
});

function viewOf(...plans: TablePlanRecord[]): JobView {
  const view = new JobView();
  for (const plan of plans) {
    view.apply(stateKey.plan(plan.source, 'd', 't'), { ...NONE, plan });
  }
  return view;
}

const jobOf = (o: { droppedColumns?: string; back?: object }): Job => {
  const { droppedColumns = 'stop', back } = o;
  const job = {
    ...{ job: 'shop', targets: [{ name: 't1', database: 'd' }], sources: [], tables: [] },
    ...{ options: { droppedColumns }, cutover: { back } },
    route: { kind: 'modulus', column: 'shard' },
  };
  return job as unknown as Job;
};

const off = (columnName: string, keep = false): DroppedColumn => ({ column: columnName, keep });

test('what the key or the route is made of is not dropped by a word', () => {
  const view = viewOf(planOf('s1', schema('id', 'shard', 'A', 'b')));
  const plan = view.needPlan('s1', 'd', 't');
  const dropped = (...names: string[]) => withoutDropped(jobOf({}), plan, names);
  expect(dropped('a', 'gone')).toMatchObject({ removed: ['A'], against: [] });
  expect(dropped('a').schema.columns.map(c => c.name)).toEqual(['id', 'shard', 'b']);
  for (const fixed of ['id', 'shard']) {
    expect(dropped('a', fixed)).toMatchObject({
      ...{ schema: plan.schema, removed: [], against: [expect.stringMatching(fixed)] },
    });
  }
});

test('nothing becomes of them without a word, and none that the way back cannot stand', () => {
  expect(standingWord(jobOf({}), false)).toBeNull();
  expect(standingWord(jobOf({ droppedColumns: 'keep' }), false)).toBe('keep');
  expect(standingWord(jobOf({}), true)).toBe('drop');
  expect(() => refuseWord(jobOf({}), ['a'], '')).toThrow(
    expect.objectContaining({ remedy: expect.stringMatching(/--drop. or .--keep/) }),
  );
  expect(() => refuseWord(jobOf({}), [], '')).not.toThrow();
  expect(() => refuseWord(jobOf({ back: {} }), ['a'], 'drop')).not.toThrow();
  expect(() => refuseWord(jobOf({ back: {} }), ['a'], 'keep')).toThrow(/the other way/);
});

test('all records of before lose them', () => {
  const view = viewOf({
    ...planOf('s1', schema('id', 'a', 'b')),
    older: [{ schemaJson: '{}', valueSchemaId: 1, gone: ['z'] }],
  });
  const gone = olderShapes(view.needPlan('s1', 'd', 't'), ['a']).map(o => o.gone);
  expect(gone).toEqual([['z', 'a'], ['a']]);
});

test('rows come without a column that gives them something by itself', () => {
  const there = {
    ...schema('id', 'a', 'u'),
    columns: [column('id', false), column('a', false), column('n'), column('u')],
    uniqueKeys: [{ name: 'u', columns: [3] }],
  };
  const why = (name: string, value: string | null, extra = '') =>
    whyNotAbsent(there, name, { name, type: 'date', value, extra });
  expect(why('a', null)).toEqual({ what: 'is NOT NULL without a default', isCured: true });
  expect(why('a', '2020-01-02')).toBeNull();
  expect(why('n', null)).toBeNull();
  expect(why('n', 'NULL')).toBeNull();
  expect(why('u', null)).toBeNull();
  expect(why('u', '2020-01-02')).toMatchObject({ isCured: false });
  expect(why('u', 'now()', 'DEFAULT_GENERATED')).toMatchObject({ isCured: false });
  expect(why('n', null, 'auto_increment')).toMatchObject({ isCured: false });
});

test('a column that a source has still is compared, and so is one that has come again', () => {
  const first = planOf('s1', schema('id'), [off('a'), off('b', true)]);
  const view = viewOf(first, planOf('s2', schema('id', 'a'), [off('b')]));
  expect(leftColumns(view)).toEqual([
    { table: 't', column: 'a', keep: false, holders: ['s2'] },
    { table: 't', column: 'b', keep: true, holders: [] },
  ]);
  expect(targetsOnly(view, 't')).toEqual(['b']);
  expect(targetsOnly(view, 'other')).toEqual([]);
});

test('one that comes again while the targets have it for another source is not taken up', () => {
  const view = viewOf(planOf('s1', schema('id'), [off('a'), off('b', true)]));
  const plan = view.needPlan('s1', 'd', 't');
  const again = (...others: string[]) => comeAgain(plan, ['a', 'b', 'c'], new Set(others));
  expect(again('a', 'c')).toEqual([expect.stringMatching(/^column a was dropped, .*old values/)]);
  // Nobody else has it: what is in it there is looked at.
  expect(again('c')).toEqual([]);
});

test('one that comes again waits until the targets have lost the one of before', () => {
  const plans = [
    planOf('s1', schema('id'), [off('a'), off('k', true)]),
    planOf('s2', schema('id')),
  ];
  const view = viewOf(...plans);
  expect(() => refusePending(view, 't', ['b', 'a'])).toThrow(
    expect.objectContaining({
      kind: 'target',
      message: 'the targets have still to lose the a of before',
    }),
  );
  // What is kept is looked at; so is what another source has, by which nothing is dropped.
  expect(() => refusePending(view, 't', ['b', 'k'])).not.toThrow();
  expect(() => refusePending(view, 'other', ['a'])).not.toThrow();
  view.apply(stateKey.plan('s2', 'd', 't'), { ...NONE, plan: planOf('s2', schema('id', 'a')) });
  expect(() => refusePending(view, 't', ['a'])).not.toThrow();
});

/** Drops of the targets: what was dropped, and the plans by then. */
function dropsOf(view: JobView, fail?: ReshardError) {
  const dropped: string[] = [];
  const put = async (key: string, record: Partial<StateRecord>): Promise<void> => {
    view.apply(key, { ...NONE, ...record });
  };
  const drops = new TargetDrops(
    { job: jobOf({}), view, ruling: view, writer: { put }, log },
    async (_, left) => {
      dropped.push(left.column);
      if (fail !== undefined) throw fail;
    },
  );
  const steps = async (...times: number[]): Promise<void> => {
    for (const ms of times) {
      await drops.step(ms);
      await new Promise(setImmediate);
    }
  };
  return { drops, dropped, steps };
}

test('the targets lose it once, behind the last source, and never one that is kept', async () => {
  const view = viewOf(
    planOf('s1', schema('id'), [off('a'), off('b', true)]),
    planOf('s2', schema('id', 'a')),
  );
  const { drops, dropped, steps } = dropsOf(view);
  await steps(0, 60_000, 120_000);
  expect(dropped).toEqual([]);
  expect(drops.waiting).toMatchObject([
    {
      stage: 'dropping columns',
      tables: ['t'],
      what: expect.stringMatching(/^a: s2 has it still/),
    },
  ]);
  view.apply(stateKey.plan('s2', 'd', 't'), {
    ...NONE,
    plan: planOf('s2', schema('id'), [off('a')]),
  });
  // Sinks hear of the plan first.
  await steps(121_000);
  expect(dropped).toEqual([]);
  await steps(124_000, 124_100, 130_000, 200_000);
  expect(dropped).toEqual(['a']);
  expect([...view.plans.values()].map(p => p.dropped)).toEqual([[off('b', true)], []]);
  expect(drops.waiting).toEqual([]);
});

test('another word is about the columns that it names, not those that were kept before', async () => {
  const view = viewOf(planOf('s1', schema('id'), [off('a', true), off('b'), off('c')]));
  const answers: unknown[] = [];
  const put = async (key: string, record: Partial<StateRecord>): Promise<void> => {
    if (record.applied) answers.push(record.applied.error);
    else view.apply(key, { ...NONE, ...record });
  };
  const held = Promise.withResolvers<void>();
  const drops = new TargetDrops(
    { job: jobOf({}), view, ruling: view, writer: { put }, log },
    () => held.promise,
  );
  const job: unknown = { ...jobOf({}), sources: [{ name: 's1', database: 'd' }], targets: [] };
  const say = (dropped: DroppedWord, ...columns: string[]): Promise<void> =>
    carryOutGrowth(
      {
        ...{ job: job as Job, view, ruling: view, log, drops, registry: {} as SchemaRegistry },
        ...{ writer: { put } as never, proofs: { doubt: async () => {} } },
        ...{ ends: async () => ({ ends: [] }), applied: async () => null },
        grown: { list: () => [] },
      },
      { id: 'g', requestedMs: 0, by: 'me', source: 's1', table: 't', dropped, columns },
    );
  await say('keep', 'b');
  await say('drop', 'b');
  expect(view.needPlan('s1', 'd', 't').dropped).toEqual([off('a', true), off('b'), off('c')]);
  await say('keep', 'gone');
  expect(answers).toEqual([null, null, expect.stringMatching(/t.gone cannot be kept: .* lost it/)]);
  await drops.step(0);
  await drops.step(5000);
  await say('keep', 'b');
  expect(answers[3]).toMatch(/t.b cannot be kept: the targets are losing it/);
  held.resolve();
  await new Promise(setImmediate);
  await drops.step(5001);
  await say('keep', 'b');
  expect(answers[4]).toMatch(/t.b cannot be kept: the targets have lost it/);
});

test('a word about what a log stands at says nothing of columns that were dropped before', () => {
  const view = viewOf(planOf('s1', schema('id'), [off('a', true), off('b')]));
  const of = (word: DroppedWord | '', ...taken: string[]) =>
    reworded({ view }, { sources: [], tables: ['t'], word, taken });
  expect(of('drop', 't')).toEqual([]);
  expect(of('')).toEqual([]);
  expect(of('drop')).toEqual([{ source: 's1', table: 't', dropped: 'drop', columns: ['a'] }]);
  expect(of('keep')).toEqual([{ source: 's1', table: 't', dropped: 'keep', columns: ['b'] }]);
});

test('what a target does not take is tried again after a pause, and told', async () => {
  const view = viewOf(planOf('s1', schema('id'), [off('a')]));
  const { drops, dropped, steps } = dropsOf(view, new ReshardError('schema-changed', 'no way'));
  await steps(0, 4000, 4001, 9000, 13_000);
  expect(dropped).toEqual(['a']);
  expect(drops.waiting).toMatchObject([{ error: expect.stringMatching(/no way/) }]);
  await steps(15_000, 15_001, 30_000);
  expect(dropped).toEqual(['a', 'a']);
});
