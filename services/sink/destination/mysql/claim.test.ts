/** Where a claim leaves a partition task that waited for a recopy; no server is asked. */
import { describe, expect, test } from 'vitest';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { type ErrorContext, ReshardError } from '../../../../shared/runtime/error.ts';
import { type Advance, nothingWaits, PartitionTask } from '../../intake/partition-task.ts';
import type { SinkTable, TableCopy } from '../../intake/sink-table.ts';
import { claimTasks } from './claim.ts';
import type { MysqlDestination } from './mysql-destination.ts';

const KEPT = { next: 40, epoch: 7, ordinal: 900, revision: 3 };

/** A destination that keeps one offset row, and notes what is written to it. */
function destination() {
  const written: Advance[] = [];
  const fake = {
    inspect: async () => ({}),
    offsets: {
      claim: async () => [KEPT],
      compareAndSet: async (_: MysqlSession, advances: readonly Advance[]) => {
        written.push(...advances);
      },
    },
    parks: { load: async () => new Map(), clear: async () => {} },
    deadLetters: { count: async () => new Map() },
  };
  return { written, target: fake as unknown as MysqlDestination };
}

const session = { rawQuery: async () => ({}) } as unknown as MysqlSession;

const [BEFORE, NOW] = ['AAAAAAAAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBBBBBBBB'];

function halted(copy: TableCopy, known = 1, context: ErrorContext = {}): PartitionTask {
  const table = { topic: 's.d.t', name: 't', copy: { generation: known, from: [] } };
  const task = new PartitionTask(table as unknown as SinkTable, 0, 0);
  task.claimed(KEPT, nothingWaits(), 0);
  task.halt(new ReshardError('history-lost', 'made anew', { context }), 0, true);
  table.copy = copy as typeof table.copy;
  return task;
}

describe('a partition task that waits for a recopy', () => {
  test('begins where the recopy does, and at no version: the log may be another one', async () => {
    const { written, target } = destination();
    const task = halted({ generation: 2, from: [5] });
    const { claims } = await claimTasks(session, target, [task], new Map());
    expect(written).toEqual([{ task, next: 5, epoch: 0, ordinal: -1, history: null }]);
    expect(claims[0]?.position).toMatchObject({ next: 5, epoch: 0, ordinal: -1, revision: 4 });
  });

  test('stays where it is, versions too, while there is none', async () => {
    const { written, target } = destination();
    const task = halted({ generation: 1, from: [5] });
    const { claims } = await claimTasks(session, target, [task], new Map());
    expect(written).toEqual([]);
    expect(claims[0]?.position).toEqual(KEPT);
  });

  // No sink ran when the log was lost: by the time that one notices, it knows of the recopy.
  const copy = { generation: 2, from: [5], topicId: NOW };
  const recreated = { loss: 're-created', id: NOW, topicId: BEFORE };

  test('that was ordered before it halted begins there, if it is of the topic that is there', async () => {
    const { written, target } = destination();
    const task = halted(copy, 2, recreated);
    await claimTasks(session, target, [task], new Map());
    const history = `${NOW}/-1/`;
    expect(written).toEqual([{ task, next: 5, epoch: 0, ordinal: -1, history }]);
  });

  test.each([
    ['the topic was made again after the recopy', { ...recreated, id: 'CCCCCCCCCCCCCCCCCCCCCC' }],
    ['its own position is of the topic of the recopy', { ...recreated, topicId: NOW }],
    ['the log has lost its end, whenever that was', { ...recreated, loss: 'truncated' }],
  ])('stays where it is if %s', async (_, context) => {
    const { written, target } = destination();
    await claimTasks(session, target, [halted(copy, 2, context)], new Map());
    expect(written).toEqual([]);
  });
});
