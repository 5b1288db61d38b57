/** Where a claim leaves a partition task that waited for a recopy; no server is asked. */
import { describe, expect, test } from 'vitest';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { ReshardError } from '../../../../shared/runtime/error.ts';
import { type Advance, nothingWaits, PartitionTask } from '../../intake/partition-task.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
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

function halted(copy: { generation: number; from: number[] }): PartitionTask {
  const table = { topic: 's.d.t', name: 't', copy: { generation: 1, from: [] } };
  const task = new PartitionTask(table as unknown as SinkTable, 0, 0);
  task.claimed(KEPT, nothingWaits(), 0);
  task.halt(new ReshardError('history-lost', 'made anew'), 0, true);
  table.copy = copy as typeof table.copy;
  return task;
}

describe('a partition task that waits for a recopy', () => {
  test('begins where the recopy does, and at no version: the log may be another one', async () => {
    const { written, target } = destination();
    const task = halted({ generation: 2, from: [5] });
    const { claims } = await claimTasks(session, target, [task], new Map());
    expect(written).toEqual([{ task, next: 5, epoch: 0, ordinal: -1 }]);
    expect(claims[0]?.position).toEqual({ next: 5, epoch: 0, ordinal: -1, revision: 4 });
  });

  test('stays where it is, versions too, while there is none', async () => {
    const { written, target } = destination();
    const task = halted({ generation: 1, from: [5] });
    const { claims } = await claimTasks(session, target, [task], new Map());
    expect(written).toEqual([]);
    expect(claims[0]?.position).toEqual(KEPT);
  });
});
