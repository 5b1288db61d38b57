/** What is built of plans and of what was durable, and what of it is told and kept. */
import { expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { JobView, stateKey, type TablePlanRecord } from '../../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import type { StreamDoubt } from '../../../shared/job/state/stream-report.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { type SlotOptions, SlotTables } from './slot-tables.ts';
import type { StoredTable } from './stream-store.ts';
import { RecordReaders } from './topic-changes.ts';

const TABLES = ['orders', 'items'];
const server = (name: string) => ({ name, user: 'u', database: 'd' });
const JOB = parseJob(
  JSON.stringify({
    ...{ job: 'shop', kafka: { brokers: ['b:1'] }, registry: { url: 'http://r' } },
    ...{ sources: [server('s1')], targets: [server('t1')] },
    tables: TABLES.map(name => ({ name })),
    route: { kind: 'target', target: 't1' },
    ...{ options: { streamingCheck: true }, cutover: { back: {} } },
  }),
  {},
);
const CHECKED = {
  ...{ position: 0, reached: {}, sums: [], unknown: [], waits: [], told: [], base: 'verify-1' },
};

interface Planned {
  generation: number;
  valueSchemaId: number;
  primaryKey: number[];
  keyClasses: string[];
}

function plan(
  view: JobView,
  source: string,
  table: string,
  { primaryKey = [0], ...of }: Partial<Planned> = {},
): void {
  const place = { source, db: 'd', table, topic: `${source}.d.${table}` };
  const schemaJson = JSON.stringify({ ...SMALL_TABLE, table, primaryKey });
  const ids = { keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0, ranges: [] };
  const record: TablePlanRecord = { generation: 1, ...place, schemaJson, ...ids, ...of };
  view.apply(stateKey.plan(source, 'd', table), { ...NO_RECORD, plan: record });
}

function options(): SlotOptions {
  const [view, backView] = [new JobView(), new JobView()];
  for (const table of TABLES) {
    plan(view, 's1', table);
    plan(backView, 't1', table);
  }
  const readers = new RecordReaders({ schemaById: async () => '' });
  return { job: JOB, view, backView, kafka: { offsets: async () => [] }, readers, slot: 0 };
}

/** As a checker has left it that knew the first schemas. */
function storedOf(doubts: readonly StreamDoubt[] = []): Map<string, StoredTable> {
  const stored = TABLES.map((table): [string, StoredTable] => {
    const schemas = { [`s1.d.${table}`]: [2], [`t1.d.${table}`]: [2] };
    const saved = { read: { s1: 0 }, schemas, ledgers: { t1: CHECKED }, foreign: [] };
    const own = doubts.filter(d => d.table === table);
    return [table, { basis: 's1=1', saved: { ...saved, doubts: own, foreignCount: 0 } }];
  });
  return new Map(stored);
}

const bases = (slot: SlotTables) => slot.said.map(t => t.base);

test('a table that has columns which nobody has written to yet is not known any more', async () => {
  for (const side of ['view', 'backView'] as const) {
    const o = options();
    expect(bases(await SlotTables.build(o, storedOf()))).toEqual(['verify-1', 'verify-1']);
    plan(o[side], side === 'view' ? 's1' : 't1', 'items', { valueSchemaId: 3 });
    const grown = await SlotTables.build(o, storedOf());
    expect(bases(grown), side).toEqual(['verify-1', null]);
    const again = await SlotTables.build(o, grown.changed());
    again.watches[1]?.compare.rest('t1', 'verify-2', Date.now() + 5000);
    const later = await SlotTables.build(o, again.changed());
    expect(bases(later), 'it is forgotten once').toEqual(['verify-1', 'verify-2']);
    // What came is dropped: the registry gives the schema of before its number again.
    plan(o[side], side === 'view' ? 's1' : 't1', 'items', { valueSchemaId: 2 });
    expect(bases(await SlotTables.build(o, later.changed()))).toEqual(['verify-1', null]);
  }
});

test('what is known of a copy is not kept as if it were of the next one', async () => {
  const o = options();
  const slot = await SlotTables.build(o, storedOf());
  plan(o.view, 's1', 'items', { generation: 2 });
  expect(slot.isCurrent()).toBe(false);
  const next = await SlotTables.build(o, slot.changed());
  expect(bases(next)).toEqual(['verify-1', null]);
});

test('logs that tell rows apart by other keys are refused, and not compared', async () => {
  const o = options();
  plan(o.backView, 't1', 'items', { primaryKey: [2] });
  await expect(SlotTables.build(o, storedOf())).rejects.toThrow(
    'rows of items are told apart by (id) at s1, by (v) at t1',
  );
  plan(o.backView, 't1', 'items', { keyClasses: ['trim'] });
  await expect(SlotTables.build(o, storedOf())).rejects.toThrow(/in other partitions at t1/);
});

test('many differences of one table do not hide those of another', async () => {
  const doubt = (table: string, bucket: number): StreamDoubt => {
    const at = { sinceMs: 1, atMs: 2, fromOffset: 0, toOffset: 1 };
    return { table, target: 't1', partition: 0, bucket, base: 'verify-1', rows: 1, ...at };
  };
  const told = async (orders: number, items: number): Promise<number[]> => {
    const many = (table: string, length: number): StreamDoubt[] =>
      Array.from({ length }, (_, i) => doubt(table, i));
    const stored = storedOf([...many('orders', orders), ...many('items', items)]);
    const { doubts } = await SlotTables.build(options(), stored);
    return ['orders', 'items'].map(t => doubts.filter(d => d.table === t).length);
  };
  expect(await told(100, 100)).toEqual([20, 20]);
  expect(await told(100, 3), 'what one leaves the other has').toEqual([37, 3]);
  expect(await told(3, 100)).toEqual([3, 37]);
});

test('what a target has where it begins to be read is in front of where sources do', async () => {
  let end = 100;
  // All that is written to the sources is on the targets, and read, before the next look.
  const offsets = async () => [{ partition: 0, earliest: 0, latest: end++ }];
  const slot = await SlotTables.build({ ...options(), kafka: { offsets } }, new Map());
  for (const { compare } of slot.watches) {
    const position = compare.ledgers.get('t1')?.position ?? 0;
    expect(position).toBeGreaterThanOrEqual(100);
    expect(compare.read.get('s1')).toBeGreaterThan(position);
  }
});
