/** Blocked keys without servers: what is read, folded, kept and told. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModulusRoute } from '../../../../shared/route/modulus.ts';
import { type ErrorKind, ReshardError } from '../../../../shared/runtime/error.ts';
import { LogMaker, SCHEMA_IDS, type TextRow } from '../../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../../test/support/sink/small-table.ts';
import type { DeadLetter } from '../../dead-letter/dead-letter.ts';
import { deadLetterHeaders } from '../../dead-letter/dead-letter-record.ts';
import { Batch } from '../../intake/batch.ts';
import { UNREADABLE, UPSERT } from '../../intake/fold.ts';
import { advanced, nothingWaits, PartitionTask } from '../../intake/partition-task.ts';
import { RoutedBatch } from '../../intake/routed-batch.ts';
import { SinkTable } from '../../intake/sink-table.ts';
import { type ParkedRow, type ParkReason, WaitingChange } from '../waiting.ts';
import { pieces } from './park.ts';
import { readAgain } from './read-again.ts';
import { isOfRow, refusalOf } from './refusal.ts';
import { FoldedRows } from './row-lists.ts';

const TARGETS = 3;

function tableOf(ids = SCHEMA_IDS): SinkTable {
  return new SinkTable(
    { topic: 's.d.t', source: 's', schema: SMALL_TABLE, ...ids },
    { route: new ModulusRoute(SMALL_TABLE, 'shard', TARGETS) },
  );
}

function taskOf(target: number, table = tableOf()): PartitionTask {
  const task = new PartitionTask(table, 0, target);
  task.claimed({ next: 0, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
  return task;
}

/** A target in memory: rows by key, and the partition task's park as the worker keeps it. */
class Memory {
  readonly task: PartitionTask;
  readonly rows = new Map<string, string>();
  readonly #batch: Batch;

  constructor(target: number, batchRows: number) {
    this.task = taskOf(target);
    this.#batch = new Batch({ rows: batchRows, bytes: 1 << 20 });
  }

  run(): void {
    const batch = this.#batch;
    while (this.task.queue.length > 0) {
      batch.collect([this.task]);
      const change = new WaitingChange(1000);
      for (const fold of batch.folds()) {
        for (let i = 0; i < fold.count; i++) {
          const key = fold.keyText(i);
          this.rows.delete(key);
          if (this.task.waitsSince(key) !== undefined) change.unpark(this.task, [key]);
          if (fold.kind(i) !== UPSERT) continue;
          const row = fold.table.codec.toJs(fold.buf(i), fold.rowStart(i));
          this.rows.set(key, row.join());
        }
        const bad = new FoldedRows(fold, UNREADABLE);
        for (let i = 0; i < bad.count; i++) {
          const why = bad.unreadable(i);
          change.block(
            bad.parked(i, 0, 'unreadable', why),
            bad.deadLetter(i, 0, 'unreadable', why),
          );
        }
      }
      change.committed();
      for (const step of batch.steps) this.task.committed(advanced(step), 0);
      batch.clear();
    }
  }
}

const write = fc.record({
  key: fc.integer({ min: 0, max: 4 }),
  shard: fc.integer({ min: 0, max: 2 }),
  isDelete: fc.boolean(),
  isGarbage: fc.boolean(),
});

describe('records that cannot be read', () => {
  test('block their keys on every target until a newer event tells where the row is', () => {
    fc.assert(
      fc.property(
        fc.array(write, { maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 12 }),
        (writes, fetchedSize, batchRows) => {
          const log = new LogMaker(SMALL_TABLE, 's.d.t', 0);
          const source = new Map<number, TextRow>();
          const unknown = new Set<number>();
          writes.forEach(({ key, shard, isDelete, isGarbage }, i) => {
            const before = source.get(key);
            const after: TextRow = [key, shard, i];
            if (isDelete && before === undefined) return;
            if (isGarbage) log.appendGarbage(after);
            else if (isDelete) log.append({ op: 'd', before: before ?? after });
            else log.append(before ? { op: 'u', before, after } : { op: 'c', after });
            if (isDelete) source.delete(key);
            else source.set(key, after);
            if (isGarbage) unknown.add(key);
            else unknown.delete(key);
          });
          for (let target = 0; target < TARGETS; target++) {
            const memory = new Memory(target, batchRows);
            for (let from = 0; from < log.end; from += fetchedSize) {
              const to = Math.min(log.end, from + fetchedSize);
              const fetched = log.fetched(from, to);
              memory.task.offer(new RoutedBatch(memory.task.table, fetched, from, () => {}));
              if (from % 2 === 0) memory.run();
            }
            memory.run();
            const expected = [...source]
              .filter(([key, row]) => row[1] === target && !unknown.has(key))
              .map(([, row]) => row.join());
            expect([...memory.rows.values()].sort()).toEqual(expected.sort());
            expect(memory.task.blocked.size).toBe(unknown.size);
            expect(memory.task.position.next).toBe(log.end);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test('are not lost when the same batch brings an older event of their key', () => {
    const log = new LogMaker(SMALL_TABLE, 's.d.t', 0).append({ op: 'c', after: [1, 0, 1] });
    log.appendGarbage([1, 0, 2]).append({ op: 'c', after: [2, 0, 3] });
    const memory = new Memory(0, 100);
    memory.task.offer(new RoutedBatch(memory.task.table, log.fetched(), 0, () => {}));
    memory.run();
    expect([...memory.rows.values()]).toEqual(['2,0,3']);
    expect([...memory.task.blocked.values()]).toMatchObject([{ reason: 'unreadable', offset: 1 }]);
    expect(memory.task.deadLetters).toBe(1);
  });

  test('are read again by whoever understands them, and go where they belong', () => {
    const log = new LogMaker(SMALL_TABLE, 's.d.t', 0, { keySchemaId: 7, valueSchemaId: 9 });
    const { value } = log.encode({ op: 'c', after: [1, 1, 5] });
    const key = Buffer.from([2]).toString('latin1');
    const park = (task: PartitionTask, reason: ParkReason = 'unreadable'): ParkedRow => ({
      task,
      key,
      offset: 4,
      sinceMs: 0,
      reason,
      why: { kind: 'schema-changed', errno: null, text: '' },
      value,
    });
    const nothing = { rows: [], deletes: [], outdated: [] };
    expect(readAgain([park(taskOf(1)), park(taskOf(1), 'refused')])).toEqual(nothing);
    // A row that only waits does so in vain if nobody can read it any more.
    for (const reason of ['unique', 'owned'] as const) {
      const waiting = park(taskOf(1), reason);
      expect(readAgain([waiting])).toEqual({ ...nothing, outdated: [waiting] });
    }
    const newer = tableOf({ keySchemaId: 7, valueSchemaId: 9 });
    const here = readAgain([park(taskOf(1, newer))]);
    expect(here.rows.map(r => newer.codec.toJs(r.row, 0))).toEqual([[1, 1, 5]]);
    const elsewhere = readAgain([park(taskOf(0, newer))]);
    expect(elsewhere).toEqual({ rows: [], deletes: [key], outdated: [] });
  });
});

describe('a refusal', () => {
  const error = (errno: number, message: string, kind: ErrorKind = 'target-data'): ReshardError =>
    new ReshardError(kind, message, { context: { errno } });

  test.each([
    [1406, "Data too long for column 'v' at row 3", 'column v'],
    [1366, "Incorrect string value: 'SECRET' for column 'v' at row 1", 'column v'],
    [1366, "Incorrect integer value: 'SECRET' for column `db`.`t`.`n` at row 1", 'column n'],
    [1292, "Incorrect date value: 'SECRET' for column 'x' at row 1' for column 'd' at row 2", ' d'],
    [1048, "Column 'v' cannot be null", 'column v'],
    [3819, "Check constraint 'chk' is violated.", 'constraint chk'],
    [4025, 'CONSTRAINT `chk` failed for `db`.`t`', 'constraint chk'],
    [1526, 'Table has no partition for value SECRET', 'partition'],
    [1644, 'SECRET is not allowed here', 'trigger'],
    [1062, "Duplicate entry 'SECRET' for key 't.uk'", 'unique'],
    [6136, "Value of type 'string, SECRET' cannot be converted to 'vector' type.", 'vector'],
    [1064, "You have an error near 'SECRET' at line 1", 'understand'],
    [9999, "What is 'SECRET'?", '9999'],
  ])('errno %i tells no value: %s', (errno, message, told) => {
    const { text } = refusalOf(error(errno, message));
    expect(text).not.toContain('SECRET');
    expect(text).toContain(told);
  });

  test('never tells a value, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 3 }), secret => {
        const value = `S${secret}S`;
        const message = `Incorrect string value: '${value}' for column 'v' at row 1`;
        const { text } = refusalOf(error(1366, message));
        expect(text).toBe(
          'a value does not fit the type or the character set of its column: column v',
        );
      }),
    );
  });

  test('is about a row, or about more than that', () => {
    expect(isOfRow(error(1406, ''))).toBe(true);
    expect(isOfRow(error(1064, '', 'bug'))).toBe(true);
    expect(isOfRow(new ReshardError('corrupt', ''))).toBe(true);
    // A disk that is full, a lost table, a row that is too large: not the fault of one row.
    for (const kind of ['target', 'unreachable', 'schema-changed', 'too-large', 'bug'] as const) {
      expect(isOfRow(error(4711, '', kind))).toBe(false);
    }
    expect(isOfRow(new Error('no row'))).toBe(false);
  });
});

describe('what waits', () => {
  const why = { kind: 'target-data', errno: 1406, text: 'too long' } as const;

  function row(task: PartitionTask, key: string, offset = 0): ParkedRow {
    const reason = 'refused';
    return { task, key, offset, sinceMs: 5, reason, why, value: Buffer.alloc(1) };
  }

  function deadLetter(task: PartitionTask, offset = 0): DeadLetter {
    const key = Buffer.from('key');
    return { task, offset, key, value: null, reason: 'refused', why, sinceMs: 5 };
  }

  function block(task: PartitionTask, keys: string[], max: number): WaitingChange {
    const change = new WaitingChange(max);
    for (const key of keys) change.block(row(task, key), deadLetter(task));
    return change;
  }

  test('is bounded: too many blocked keys are an error of their partition task', () => {
    const task = taskOf(0);
    block(task, ['a', 'b'], 3).committed();
    expect(() => block(task, ['c', 'd'], 3)).toThrow(/more than 3 keys/);
    const change = new WaitingChange(3);
    change.unpark(task, ['a', 'x']);
    change.block(row(task, 'a'), deadLetter(task));
    change.block(row(task, 'c'), deadLetter(task));
    expect(() => change.block(row(task, 'd'), deadLetter(task))).toThrow(/more than 3 keys/);
  });

  test('changes the partition task with the commit, not before', () => {
    const task = taskOf(0);
    const first = block(task, ['a', 'b'], 10);
    expect([task.blocked.size, task.deadLetters]).toEqual([0, 0]);
    first.committed();
    expect([[...task.blocked.keys()], task.deadLetters]).toEqual([['a', 'b'], 2]);
    const second = new WaitingChange(10);
    second.unpark(task, ['a', 'b']);
    second.park({ ...row(task, 'b'), reason: 'unique', why: null });
    second.committed();
    expect([task.blocked.size, [...task.parked.keys()]]).toEqual([0, ['b']]);
  });

  test('waits for one thing at a time', () => {
    const task = taskOf(0);
    block(task, ['a'], 10).committed();
    const change = new WaitingChange(10);
    change.park({ ...row(task, 'a'), reason: 'unique', why: null });
    change.committed();
    expect([[...task.blocked.keys()], [...task.parked.keys()]]).toEqual([[], ['a']]);
  });

  test('goes into statements of a bounded size; what fits in none is an error', () => {
    const values = ['a'.repeat(3_000_000), 'b'.repeat(3_000_000), 'c', 'd'];
    const sizes = [...pieces(values, 10_000_000)].map(p => p.length);
    expect(sizes).toEqual([3_000_000, 3_000_004]);
    expect(() => [...pieces(values, 3_000_000)]).toThrow(/larger than the target can park/);
  });

  test('is told to the readers of dead letters as Connect does', () => {
    const task = taskOf(1);
    const headers = deadLetterHeaders(deadLetter(task, 42), {
      job: 'shop',
      jobId: 'j#1',
      targets: ['t1', 't2'],
    });
    expect(Object.fromEntries(headers)).toEqual({
      '__connect.errors.topic': 's.d.t',
      '__connect.errors.partition': '0',
      '__connect.errors.offset': '42',
      '__connect.errors.connector.name': 'shop',
      '__connect.errors.task.id': '1',
      '__connect.errors.stage': 'TASK_PUT',
      '__connect.errors.class.name': 'reshard.sink',
      '__connect.errors.exception.class.name': 'reshard.target-data',
      '__connect.errors.exception.message': 'too long',
      'reshard.job': 'j#1',
      'reshard.target': 't2',
      'reshard.table': 't',
      'reshard.errno': '1406',
    });
  });
});
