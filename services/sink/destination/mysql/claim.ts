/**
 * Taking partition tasks over: look at their tables, make their offset rows ours, read where they
 * stand and what is parked. From the commit of the claim on, every transaction of an earlier owner
 * fails.
 */
import { ofTopic } from '../../../../shared/kafka/wire/log-position.ts';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { asReshardError, ReshardError } from '../../../../shared/runtime/error.ts';
import {
  advanced,
  nothingWaits,
  type PartitionTask,
  type TaskPosition,
} from '../../intake/partition-task.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import type { Claims } from '../port.ts';
import type { MysqlDestination } from './mysql-destination.ts';
import { isOfData } from './refusal.ts';
import type { MysqlTable } from './table-statement.ts';

/**
 * `tables` gets what is found of the partition tasks' tables; partition tasks whose table does not
 * fit are `unfit`.
 */
export async function claimTasks(
  session: MysqlSession,
  target: MysqlDestination,
  due: readonly PartitionTask[],
  tables: Map<SinkTable, MysqlTable>,
): Promise<Claims> {
  const tasks: PartitionTask[] = [];
  const unfit: Claims['unfit'] = [];
  for (const task of due) {
    const { table } = task;
    // What halted the partition task may have been cured by changing the table.
    if (task.state === 'halted') tables.delete(table);
    try {
      if (!tables.has(table)) tables.set(table, await target.inspect(session, table));
      tasks.push(task);
    } catch (e) {
      if (!isOfData(e)) throw e;
      unfit.push({ task, error: asReshardError(e) });
    }
  }
  await session.rawQuery('ROLLBACK');
  if (tasks.length === 0) return { claims: [], unfit };
  const positions = await target.offsets.claim(session, tasks);
  const restarted = await restart(session, target, tasks, positions);
  const parked = await target.parks.load(session, tasks);
  const deadLetters = await target.deadLetters.count(session, tasks);
  await session.rawQuery('ROLLBACK');
  const claims = tasks.map((task, i) => {
    const position = restarted.get(task) ?? positions[i];
    if (position === undefined) throw new ReshardError('bug', `${task.name} was not claimed`);
    const waiting = parked.get(task) ?? nothingWaits();
    return { task, position, waiting: { ...waiting, deadLetters: deadLetters.get(task) ?? 0 } };
  });
  return { claims, unfit };
}

/** Moves partition tasks that wait for a recopy to where it begins; commits. */
async function restart(
  session: MysqlSession,
  target: MysqlDestination,
  tasks: readonly PartitionTask[],
  positions: readonly TaskPosition[],
): Promise<Map<PartitionTask, TaskPosition>> {
  const restarted = new Map<PartitionTask, TaskPosition>();
  for (const [i, task] of tasks.entries()) {
    const position = positions[i];
    if (task.error === null || position === undefined) continue;
    task.position = position;
    const next = task.restart;
    if (next === null) continue;
    // Versions go up in one log only: in one that was made anew, or has lost its end, they may
    // begin below those of before, and rows of the recopy would pass for delivered twice.
    const { topicId = '' } = task.table.copy;
    const history = topicId === '' ? null : ofTopic(topicId);
    const advance = { task, next, epoch: 0, ordinal: -1, history };
    await target.offsets.compareAndSet(session, [advance]);
    await target.parks.clear(session, task);
    await session.rawQuery('COMMIT');
    task.restarted(advanced(advance));
    restarted.set(task, task.position);
  }
  return restarted;
}
