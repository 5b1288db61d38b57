/** Enforces I5. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { type Event, LogMaker, SCHEMA_IDS } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { Batch } from './batch.ts';
import { CLEAR, DELETE, UPSERT } from './fold.ts';
import { advanced, nothingWaits, PartitionTask } from './partition-task.ts';
import { RoutedBatch } from './routed-batch.ts';
import { SinkTable } from './sink-table.ts';

const TARGETS = 3;

function tableOf(schema: TableSchema, compacted = false): SinkTable {
  return new SinkTable(
    { topic: 's.d.t', source: 's', schema, ...SCHEMA_IDS },
    { route: new ModulusRoute(schema, 'shard', TARGETS), compacted },
  );
}

function routedOf(table: SinkTable, log: LogMaker, from: number, to: number): RoutedBatch {
  return new RoutedBatch(table, log.fetched(from, to), from, () => {});
}

/** What a target would hold if every event were applied by itself, in order. */
type Rows = Map<number, string>;

function runTask(task: PartitionTask, rows: Rows, limits = { rows: 4, bytes: 1 << 20 }): void {
  const batch = new Batch(limits);
  while (task.queue.length > 0) {
    batch.collect([task]);
    for (const fold of batch.folds()) applyFold(fold.table, batch, rows);
    for (const step of batch.steps) task.committed(advanced(step), 0);
    batch.clear();
  }
}

function applyFold(table: SinkTable, batch: Batch, rows: Rows): void {
  for (const fold of batch.folds()) {
    if (fold.table !== table) continue;
    for (let i = 0; i < fold.count; i++) {
      const [id] = table.keyCodec.toJs(fold.buf(i), fold.keyStart(i));
      if (fold.kind(i) !== UPSERT) rows.delete(Number(id));
    }
    for (let i = 0; i < fold.count; i++) {
      if (fold.kind(i) !== UPSERT) continue;
      const row = table.codec.toJs(fold.buf(i), fold.rowStart(i));
      rows.set(Number(row[0]), row.join());
    }
  }
}

interface Write {
  key: number;
  shard: number;
  value: number;
  isDelete: boolean;
  asSnapshot: boolean;
}

/** A source's history as the log shows it, and the naive result of it for each target. */
function historyOf(writes: readonly Write[]): { events: Event[]; naive: Rows[] } {
  const source = new Map<number, [number, number, number]>();
  const naive: Rows[] = Array.from({ length: TARGETS }, () => new Map());
  const events: Event[] = [];
  const at = (shard: number): Rows => naive[((shard % TARGETS) + TARGETS) % TARGETS] as Rows;
  for (const w of writes) {
    const before = source.get(w.key);
    const after: [number, number, number] = [w.key, w.shard, w.value];
    if (w.isDelete) {
      if (before === undefined) continue;
      source.delete(w.key);
      events.push({ op: 'd', before });
      at(before[1]).delete(w.key);
      continue;
    }
    source.set(w.key, after);
    if (before !== undefined) at(before[1]).delete(w.key);
    at(w.shard).set(w.key, after.join());
    events.push(before ? { op: 'u', before, after } : { op: w.asSnapshot ? 'r' : 'c', after });
  }
  return { events, naive };
}

const write: fc.Arbitrary<Write> = fc.record({
  key: fc.integer({ min: 0, max: 5 }),
  shard: fc.integer({ min: -2, max: 3 }),
  value: fc.nat(99),
  isDelete: fc.boolean(),
  asSnapshot: fc.boolean(),
});

describe('folding a batch', () => {
  const table = tableOf(SMALL_TABLE);

  test('gives every target what row by row would, whatever the batches and fetched batches', () => {
    fc.assert(
      fc.property(
        fc.array(write, { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 20 }),
        (writes, fetchedSizes, batchRows) => {
          const { events, naive } = historyOf(writes);
          const log = new LogMaker(SMALL_TABLE, table.topic, 0).append(...events);
          naive.forEach((expected, target) => {
            const task = new PartitionTask(table, 0, target);
            task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
            const rows: Rows = new Map();
            let from = 0;
            for (let i = 0; from < log.end; i++) {
              const to = Math.min(log.end, from + (fetchedSizes[i % fetchedSizes.length] ?? 1));
              expect(task.offer(routedOf(table, log, from, to))).toBe(true);
              from = to;
              if (i % 2 === 0) runTask(task, rows, { rows: batchRows, bytes: 1 << 20 });
            }
            runTask(task, rows, { rows: batchRows, bytes: 1 << 20 });
            expect(task.position.next).toBe(log.end);
            expect([...rows].sort()).toEqual([...expected].sort());
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('tells keys of several events from those of one', () => {
    const row = (id: number, v: number): [number, number, number] => [id, 0, v];
    const events: Event[] = [
      { op: 'c', after: row(1, 1) },
      { op: 'd', before: row(2, 1) },
      { op: 'c', after: row(2, 2) },
      { op: 'u', before: row(2, 2), after: row(2, 3) },
      { op: 'd', before: row(3, 1) },
      { op: 'u', before: row(4, 1), after: row(4, 2) },
      { op: 'u', before: row(4, 2), after: row(4, 1) },
    ];
    const log = new LogMaker(SMALL_TABLE, table.topic, 0).append(...events);
    const task = new PartitionTask(table, 0, 0);
    task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
    expect(task.offer(routedOf(table, log, 0, log.end))).toBe(true);
    const batch = new Batch({ rows: 100, bytes: 1 << 20 });
    batch.collect([task]);
    const [fold] = batch.folds();
    const found = Array.from({ length: fold?.count ?? 0 }, (_, i) => {
      return [fold?.kind(i), fold?.isFolded(i)];
    });
    expect(found).toEqual([
      [UPSERT, false],
      [UPSERT, true],
      [DELETE, false],
      [UPSERT, true],
    ]);
  });

  test.each<[string, Event[]]>([
    ['an update that moved the row', [{ op: 'u', before: [1, 1, 5], after: [1, 1, 6] }]],
    ['a delete before the row came again', [{ op: 'c', after: [1, 1, 6] }]],
    ['a delete before a snapshot row', [{ op: 'r', after: [1, 1, 6] }]],
  ])('a compacted topic that has lost %s leaves no row behind', (_, left) => {
    const compacted = tableOf(SMALL_TABLE, true);
    const events: Event[] = [{ op: 'c', after: [1, 0, 4] }, ...left];
    const log = new LogMaker(SMALL_TABLE, compacted.topic, 0).append(...events);
    const held = Array.from({ length: TARGETS }, (_, target) => {
      const task = new PartitionTask(compacted, 0, target);
      task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
      const rows: Rows = new Map();
      for (let at = 0; at < log.end; at++) {
        expect(task.offer(routedOf(compacted, log, at, at + 1))).toBe(true);
        runTask(task, rows);
      }
      return [...rows.values()];
    });
    expect(held).toEqual([[], ['1,1,6'], []]);
  });

  test('a delivered suffix that comes again has no effect', () => {
    const { events } = historyOf([
      { key: 1, shard: 0, value: 1, isDelete: false, asSnapshot: false },
      { key: 1, shard: 0, value: 2, isDelete: false, asSnapshot: false },
      { key: 2, shard: 0, value: 3, isDelete: false, asSnapshot: true },
    ]);
    const log = new LogMaker(SMALL_TABLE, table.topic, 0);
    const stamped = events.map((e, i) => ({ ...e, epoch: 1, ordinal: 10 + i }));
    log.append(...stamped, ...stamped.slice(1), {
      ...stamped[0],
      op: 'd',
      before: [1, 0, 2],
      epoch: 2,
      ordinal: 13,
    });
    const task = new PartitionTask(table, 0, 0);
    task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
    task.offer(routedOf(table, log, 0, log.end));
    const batch = new Batch({ rows: 100, bytes: 1 << 20 });
    batch.collect([task]);
    expect(batch.steps[0]).toMatchObject({ skipped: 2, rows: 4, epoch: 2, ordinal: 13, next: 6 });
  });

  test('a step carries the history of the log in front of where it ends', () => {
    const log = new LogMaker(SMALL_TABLE, table.topic, 0);
    for (let i = 0; i < 10; i++) log.append({ op: 'c', after: [i, 0, i] });
    const fetched = log.fetched(0, log.end);
    fetched.topicId = Buffer.alloc(16, 1).toString('base64url');
    fetched.sources.push({ first: 0, leaderEpoch: 4, batch: '1.0.0' });
    fetched.sources.push({ first: 6, leaderEpoch: 5, batch: '1.0.6' });
    const steps = [4, 8, 100].map(rows => {
      const task = new PartitionTask(table, 0, 0);
      task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
      task.offer(new RoutedBatch(table, fetched, 0, () => {}));
      const batch = new Batch({ rows, bytes: 1 << 20 });
      batch.collect([task]);
      return batch.steps[0];
    });
    expect(steps.map(step => step?.next)).toEqual([4, 8, 10]);
    const histories = ['4/1.0.0', '5/1.0.6', '5/1.0.6'].map(h => `${fetched.topicId}/${h}`);
    expect(steps.map(step => step?.history)).toEqual(histories);
  });

  test('an insert and a delete in one batch still delete the key', () => {
    const log = new LogMaker(SMALL_TABLE, table.topic, 0);
    log.append({ op: 'c', after: [1, 0, 1] }, { op: 'd', before: [1, 0, 1] });
    const task = new PartitionTask(table, 0, 0);
    task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
    task.offer(routedOf(table, log, 0, log.end));
    const batch = new Batch({ rows: 100, bytes: 1 << 20 });
    batch.collect([task]);
    const [fold] = batch.folds();
    expect([fold?.count, fold?.countOf(DELETE)]).toEqual([1, 1]);
  });

  test('a tombstone deletes its key on every target', () => {
    const log = new LogMaker(SMALL_TABLE, table.topic, 0).appendTombstone([1, 1, 1]);
    for (let target = 0; target < TARGETS; target++) {
      const task = new PartitionTask(table, 0, target);
      task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
      task.offer(routedOf(table, log, 0, log.end));
      const batch = new Batch({ rows: 100, bytes: 1 << 20 });
      batch.collect([task]);
      expect(batch.folds()[0]?.countOf(CLEAR)).toBe(1);
    }
  });

  test('the index grows past its first size and is empty after clear', () => {
    const log = new LogMaker(SMALL_TABLE, table.topic, 0);
    for (let i = 0; i < 5000; i++) log.append({ op: 'c', after: [i, 0, i] });
    for (let i = 0; i < 5000; i += 2) log.append({ op: 'd', before: [i, 0, i] });
    const batch = new Batch({ rows: 1 << 20, bytes: 1 << 30 });
    for (let round = 0; round < 3; round++) {
      const task = new PartitionTask(table, 0, 0);
      task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
      task.offer(routedOf(table, log, 0, log.end));
      batch.collect([task]);
      const [fold] = batch.folds();
      expect([fold?.count, fold?.countOf(DELETE)]).toEqual([5000, 2500]);
      batch.clear();
    }
  });
});

describe('a partition task', () => {
  const table = tableOf(SMALL_TABLE);
  const log = new LogMaker(SMALL_TABLE, table.topic, 0);
  for (let i = 0; i < 10; i++) log.append({ op: 'c', after: [i, 0, i] });

  function taskAt(next: number): PartitionTask {
    const task = new PartitionTask(table, 0, 0);
    task.claimed({ next, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
    return task;
  }

  test('refuses a routed batch that leaves a gap', () => {
    expect(taskAt(3).offer(routedOf(table, log, 4, 8))).toBe(false);
    expect(taskAt(3).offer(routedOf(table, log, 3, 8))).toBe(true);
  });

  test('takes of an overlapping routed batch only what is new', () => {
    const task = taskAt(3);
    expect(task.offer(routedOf(table, log, 0, 8))).toBe(true);
    const batch = new Batch({ rows: 100, bytes: 1 << 20 });
    batch.collect([task]);
    expect(batch.steps[0]).toMatchObject({ rows: 5, next: 8 });
  });

  test('goes on behind a batch that ended inside a routed batch', () => {
    const task = taskAt(0);
    task.offer(routedOf(table, log, 0, 10));
    const rows: Rows = new Map();
    runTask(task, rows, { rows: 3, bytes: 1 << 20 });
    expect(rows.size).toBe(10);
    expect(task.position.next).toBe(10);
  });

  test('a record without a readable key ends the routed batch in front of it', () => {
    const bad = new LogMaker(SMALL_TABLE, table.topic, 0);
    bad.append({ op: 'c', after: [1, 0, 1] }).appendBadKey([2, 0, 2]);
    bad.append({ op: 'c', after: [3, 0, 3] });
    const routed = routedOf(table, bad, 0, 3);
    expect([routed.count, routed.position]).toEqual([1, 1]);
    expect(routed.error?.kind).toBe('corrupt');
    expect(routed.error?.context).toMatchObject({ partition: 0, offset: 1, table: 't' });
    const task = taskAt(0);
    expect(task.offer(routed)).toBe(true);
    const batch = new Batch({ rows: 100, bytes: 1 << 20 });
    batch.collect([task]);
    expect(batch.steps[0]).toMatchObject({ rows: 1, next: 1, error: routed.error });
  });

  test('a key of another schema version stops the partition task there', () => {
    const other = new LogMaker(SMALL_TABLE, table.topic, 0, { keySchemaId: 9, valueSchemaId: 8 });
    other.append({ op: 'c', after: [1, 0, 1] });
    expect(routedOf(table, other, 0, 1).error?.kind).toBe('schema-changed');
  });
});
