/** Another word about a dropped column, where a target has lost it and another has not. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job, JobTarget } from '../../../shared/job/job.ts';
import { JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { dropScratch, openScratch } from '../../../test/support/scratch-database.ts';
import { reword } from './reword.ts';

const DB = `reworded_${process.pid}`;
const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };
let session: MysqlSession;

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
});

afterAll(() => dropScratch(session, DB));

test('what a target has lost is not kept, and what all have is', async () => {
  await session.rawQuery('CREATE TABLE t (id INT PRIMARY KEY, here INT)');
  const target = { ...commonServer('s1'), name: 't1', database: DB } as JobTarget;
  const job: unknown = { job: 'shop', targets: [target], cutover: {} };
  const view = new JobView();
  const dropped = ['here', 'lost'].map(column => ({ column, keep: false }));
  const plan = {
    ...{ source: 's1', db: 'd', table: 't', topic: 's1.d.t', schemaJson: '{}', generation: 1 },
    ...{ keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0, ranges: [], dropped },
  };
  view.apply(stateKey.plan('s1', 'd', 't'), { ...NONE, plan });
  const put = async (key: string, record: Partial<StateRecord>): Promise<void> =>
    view.apply(key, { ...NONE, ...record });
  const keep = (...columns: string[]): Promise<unknown> =>
    reword(
      {
        ...{ job: job as Job, view, writer: { put }, drops: { isUnderWay: () => false } },
        log: createLogger({ name: 'test', level: 'silent' }),
      },
      { id: 'g', requestedMs: 0, by: 'me', source: 's1', table: 't', dropped: 'keep' },
      columns,
    );
  await expect(keep('here', 'lost')).rejects.toThrow('t.lost cannot be kept: t1 has lost it');
  expect(view.needPlan('s1', 'd', 't').dropped).toEqual(dropped);
  await keep('here');
  expect(view.needPlan('s1', 'd', 't').dropped).toMatchObject([{ keep: true }, { keep: false }]);
});
