/** I12 on a target: rows of ours are gone on from only by the job and the target that they name. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import { PartitionTask } from '../../intake/partition-task.ts';
import { OffsetTable } from './offset.ts';

const DATABASE = 'sink_row_owner';
const OURS = { job: 'j', jobId: 'j#1', target: 't1' };

let db: AppliedTable;
let task: PartitionTask;

beforeAll(async () => {
  const endpoint = commonServer('t1');
  db = await AppliedTable.create({
    endpoint,
    database: DATABASE,
    name: 'w',
    ddl: 'CREATE TABLE w (id INT PRIMARY KEY, shard INT NOT NULL, v VARCHAR(100) NOT NULL)',
    shardColumn: 'shard',
  });
  task = new PartitionTask(db.table, 0, 0);
  const table = new OffsetTable(DATABASE, OURS);
  await table.create(db.session);
  await table.claim(db.session, [task]);
});

afterAll(() => db[Symbol.asyncDispose]());

async function revision(): Promise<number> {
  const sql = 'SELECT revision FROM reshard_offset WHERE job = ?';
  const [row] = await db.session.query<{ revision: string }>(sql, [OURS.job]);
  return Number(row?.revision);
}

test('the owner of an offset row claims it again, and fences itself of before', async () => {
  const before = await revision();
  const [position] = await new OffsetTable(DATABASE, OURS).claim(db.session, [task]);
  expect(position).toMatchObject({ next: 0, revision: before + 1 });
});

test.each([
  [
    'an earlier job of the same name',
    { jobId: 'j#0' },
    'foreign-job',
    /belongs to the job j \(j#1\)/,
  ],
  ['another target of the job', { target: 't2' }, 'job-changed', /t2 is the one that was t1/],
])('%s neither claims it nor fences its owner', async (_, over, kind, message) => {
  const before = await revision();
  const other = new OffsetTable(DATABASE, { ...OURS, ...over });
  await expect(other.claim(db.session, [task])).rejects.toMatchObject({
    kind,
    message: expect.stringMatching(message),
  });
  expect(await revision()).toBe(before);
});

test('a table of a version before ids gets the columns; its rows are refused', async () => {
  await db.session.rawQuery('ALTER TABLE reshard_offset DROP COLUMN job_id, DROP COLUMN target');
  const table = new OffsetTable(DATABASE, OURS);
  await expect(db.session.rawQuery(table.probe)).rejects.toThrow();
  await table.upgrade(db.session);
  await table.upgrade(db.session);
  await db.session.rawQuery(table.probe);
  await expect(table.claim(db.session, [task])).rejects.toMatchObject({
    kind: 'foreign-job',
    message: expect.stringContaining('before jobs had ids'),
  });
});
