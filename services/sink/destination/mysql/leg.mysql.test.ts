/** I4 with a way back: a sink whose leg has ended changes nothing, whatever it knows. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Leg } from '../../../../shared/job/state/cutover.ts';
import { knowsLegs, shutLegsBefore } from '../../../../shared/mysql/target-state.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import { PartitionTask } from '../../intake/partition-task.ts';
import { OffsetTable } from './offset.ts';

const OURS = { job: 'legs', jobId: 'legs#1', target: 't1' };
const DATABASE = 'sink_legs';

let db: AppliedTable;
let task: PartitionTask;

const leg = (number: number, begins: Leg['begins'] = {}): Leg => {
  return { number, carries: number % 2 === 1 ? 'over' : 'back', isOpen: true, begins };
};
const sinkOf = (l?: Leg): OffsetTable => new OffsetTable(DATABASE, OURS, l);

beforeAll(async () => {
  db = await AppliedTable.create({
    endpoint: commonServer('t1'),
    database: DATABASE,
    name: 'w',
    ddl: 'CREATE TABLE w (id INT PRIMARY KEY, shard INT NOT NULL, v VARCHAR(100) NOT NULL)',
    shardColumn: 'shard',
  });
  task = new PartitionTask(db.table, 0, 0);
  await sinkOf().create(db.session);
});

afterAll(() => db[Symbol.asyncDispose]());

async function row(): Promise<string> {
  const sql = 'SELECT CONCAT_WS(" ", next_offset, revision, leg) AS r FROM reshard_offset';
  const [found] = await db.session.query<{ r: string }>(`${sql} WHERE job = ?`, [OURS.job]);
  return found?.r ?? '';
}

test('a leg begins where the journal says, and the one before is fenced by its first claim', async () => {
  const [first] = await sinkOf().claim(db.session, [task]);
  if (first === undefined) throw new Error('no claim');
  task.position = first;
  await sinkOf().compareAndSet(db.session, [{ task, next: 4, epoch: 1, ordinal: 9 }]);
  await db.session.rawQuery('COMMIT');
  task.position = { ...first, next: 4, epoch: 1, ordinal: 9, revision: first.revision + 1 };
  const third = sinkOf(leg(3, { [task.topic]: [70] }));
  expect(await third.claim(db.session, [task])).toMatchObject([
    { next: 70, epoch: 0, ordinal: -1 },
  ]);
  const late = sinkOf().compareAndSet(db.session, [{ task, next: 5, epoch: 1, ordinal: 10 }]);
  await expect(late).rejects.toMatchObject({ kind: 'fenced' });
  await db.session.rawQuery('ROLLBACK');
  const before = await row();
  await expect(sinkOf().claim(db.session, [task])).rejects.toMatchObject({ kind: 'fenced' });
  await db.session.rawQuery('COMMIT');
  expect(await row(), 'a claim of before changes nothing').toBe(before);
  expect(await third.claim(db.session, [task]), 'goes on').toMatchObject([{ next: 70 }]);
});

test('who is shut out stays so, also from partitions where nobody has been', async () => {
  const o = { ...OURS, leg: 4, topics: [task.topic] };
  await shutLegsBefore(db.session, DATABASE, o, 3);
  await db.session.rawQuery('COMMIT');
  for (const part of [0, 1, 2]) {
    const late = new PartitionTask(db.table, part, 0);
    const claim = sinkOf(leg(3)).claim(db.session, [late]);
    await expect(claim, `partition ${part}`).rejects.toMatchObject({ kind: 'fenced' });
    await db.session.rawQuery('ROLLBACK');
  }
  const fifth = sinkOf(leg(5, { [task.topic]: [80, 81, 82] }));
  expect(await fifth.claim(db.session, [task])).toMatchObject([{ next: 80 }]);
  expect(await knowsLegs(db.session, DATABASE)).toBe(true);
});
