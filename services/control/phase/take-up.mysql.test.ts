/** What is said of columns that a source has halted at, and that its table does not have. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job, JobSource } from '../../../shared/job/job.ts';
import { JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../../test/support/scratch-database.ts';
import { CONTROL, carryOutGrowth } from './take-up.ts';

const DB = `taken_${process.pid}`;
const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };
const log = createLogger({ name: 'test', level: 'silent' });
let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
});

afterAll(() => dropScratch(session, DB));

test('columns that are gone again are not answered as done: the source would stand for good', async () => {
  await session.rawQuery('CREATE TABLE t (id INT PRIMARY KEY)');
  const schemaJson = JSON.stringify(await inspectTable(session, DB, 't'));
  const source = { ...commonServer('s1'), name: 's1', database: DB } as JobSource;
  const view = new JobView();
  const plan = {
    ...{ source: 's1', db: DB, table: 't', topic: 's1.d.t', schemaJson, generation: 1 },
    ...{ keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0, ranges: [] },
  };
  view.apply(stateKey.plan('s1', DB, 't'), { ...NONE, plan });
  const answers: unknown[] = [];
  const put = async (_: string, record: Partial<StateRecord>): Promise<void> => {
    answers.push(record.applied?.error);
  };
  const none = { constants: [], addedAs: [], widened: [], removed: [] };
  const halt = { source: 's1', table: 't', added: 'gift', ...none };
  const job: unknown = { job: 'shop', sources: [source], targets: [], tables: [{ name: 't' }] };
  const take = (requestedMs: number): Promise<void> =>
    carryOutGrowth(
      {
        ...{ job: job as Job, view, ruling: view, log, registry: {} as SchemaRegistry },
        ...{ writer: { put } as never, proofs: { doubt: async () => {} } },
        ...{ ends: async () => ({ ends: [] }), applied: async () => null },
        drops: { isUnderWay: () => false },
        grown: { list: () => [{ ...halt, sinceMs: 0 }] },
      },
      { id: 'g', requestedMs, by: CONTROL, source: 's1', table: 't' },
    );
  // A server may show a statement later than its binlog.
  await take(Date.now());
  expect(answers).toEqual([]);
  await take(Date.now() - 60_000);
  expect(answers).toEqual([expect.stringMatching(/t of s1 does not have gift any more/)]);
});
