/** What of the waiting partition tasks goes into one transaction. */
import { expect, test } from 'vitest';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import { LogMaker, SCHEMA_IDS } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { Batch } from './batch.ts';
import { nothingWaits, PartitionTask } from './partition-task.ts';
import { RoutedBatch } from './routed-batch.ts';
import { SinkTable } from './sink-table.ts';

const LIMITS = { rows: 40, bytes: 1 << 20 };

function tableOf(topic: string): SinkTable {
  const route = new ModulusRoute(SMALL_TABLE, 'shard', 1);
  return new SinkTable(
    { topic, source: 's', schema: SMALL_TABLE, ...SCHEMA_IDS },
    { route, compacted: false },
  );
}

/** A partition task with that many rows in its queue, in fetched batches of `each`. */
function waiting(table: SinkTable, partition: number, rows: number, each = rows): PartitionTask {
  const log = new LogMaker(SMALL_TABLE, table.topic, partition);
  for (let i = 0; i < rows; i++) log.append({ op: 'c', after: [i, 0, i] });
  const task = new PartitionTask(table, partition, 0);
  task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
  for (let from = 0; from < log.end; from += each) {
    const to = Math.min(from + each, log.end);
    task.offer(new RoutedBatch(table, log.fetched(from, to), from, () => {}));
  }
  return task;
}

function taken(batch: Batch, tasks: PartitionTask[]): number[] {
  batch.collect(tasks);
  return tasks.map(t => batch.steps.find(s => s.task === t)?.rows ?? 0);
}

test('the partitions of a table share a batch', () => {
  const table = tableOf('s.d.t');
  const tasks = [0, 1, 2, 3].map(p => waiting(table, p, 100, 7));
  expect(taken(new Batch(LIMITS), tasks)).toEqual([10, 10, 10, 10]);
});

test('what a partition does not need of its share is for the others, whatever their order', () => {
  const table = tableOf('s.d.t');
  const make = (): PartitionTask[] => [100, 5, 100].map((n, p) => waiting(table, p, n));
  const [big, small, other] = taken(new Batch(LIMITS), make());
  expect([big, small, other]).toEqual([14, 5, 21]);
  expect(taken(new Batch(LIMITS), make().reverse())[1]).toBe(5);
});

test('a partition whose turn it is takes part, however much others have less', () => {
  const table = tableOf('s.d.t');
  const tasks = [waiting(table, 0, 100), waiting(table, 1, 3)];
  const full = { rows: 40, bytes: 1 };
  expect(taken(new Batch(full), tasks)).toEqual([1, 0]);
  expect(taken(new Batch(full), tasks.reverse())).toEqual([1, 0]);
});

test('one table fills a batch before another is in it, and another takes what it leaves', () => {
  const [a, b] = [tableOf('s.d.a'), tableOf('s.d.b')];
  const tasks = [waiting(a, 0, 100), waiting(b, 0, 100), waiting(a, 1, 100)];
  expect(taken(new Batch(LIMITS), tasks)).toEqual([20, 0, 20]);
  const less = [waiting(a, 0, 8), waiting(b, 0, 100), waiting(a, 1, 8)];
  expect(taken(new Batch(LIMITS), less)).toEqual([8, 24, 8]);
});

test('a batch that is full of bytes takes no record of a further partition', () => {
  const table = tableOf('s.d.t');
  const tasks = [0, 1, 2].map(p => waiting(table, p, 100));
  const rows = taken(new Batch({ rows: 40, bytes: 1 }), tasks);
  expect(rows.toSorted()).toEqual([0, 0, 1]);
});

test('more partitions than rows in a batch: each that is in it takes one', () => {
  const table = tableOf('s.d.t');
  const tasks = Array.from({ length: 10 }, (_, p) => waiting(table, p, 3));
  const rows = taken(new Batch({ rows: 4, bytes: 1 << 20 }), tasks);
  expect(rows.toSorted().slice(-5)).toEqual([0, 1, 1, 1, 1]);
});

test('a partition that looks for a refused record is alone in its batch', () => {
  const table = tableOf('s.d.t');
  const tasks = [0, 1].map(p => waiting(table, p, 100));
  const [first, second] = tasks;
  if (first === undefined || second === undefined) throw new Error('two are made');
  first.limit = 6;
  expect(taken(new Batch(LIMITS), tasks)).toEqual([6, 0]);
  // Its turn comes; until then it is left out of what the others do.
  expect(taken(new Batch(LIMITS), [second, first])).toEqual([40, 0]);
});
