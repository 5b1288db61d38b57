/**
 * The intake with readers made by hand: who gets what, and what one slow target does to others.
 * Enforces I8.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LogReader, ReaderOptions } from '../../../shared/kafka/reader.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import type { LogPosition } from '../../../shared/kafka/wire/log-position.ts';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import { sleep, until } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { LogMaker, SCHEMA_IDS } from '../../../test/support/sink/log-maker.ts';
import { Intake } from './intake.ts';
import { nothingWaits, PartitionTask } from './partition-task.ts';
import { SinkTable } from './sink-table.ts';

const INT = { kind: 'integer', bits: 32, unsigned: false } as const;
const PLAIN = { nullable: false, autoIncrement: false, generated: 'no', invisible: false } as const;
const SCHEMA: TableSchema = {
  db: 'd',
  table: 't',
  columns: [
    { name: 'id', type: INT, ...PLAIN },
    { name: 'shard', type: INT, ...PLAIN },
  ],
  primaryKey: [0],
  uniqueKeys: [],
};
const RECORDS_PER_SLAB = 10;
const TOPIC_ID = Buffer.alloc(16, 1).toString('base64url');

/** Reads a log made by hand, as far as its bound allows; `pump` is one round of fetches. */
class HandReader {
  readonly places = new Map<string, { partition: number; offset: number }>();
  readonly from: LogPosition[] = [];
  heldBytes = 0;
  closed = false;
  readonly #o: ReaderOptions;
  readonly #logs: LogMaker[];

  constructor(o: ReaderOptions, logs: LogMaker[]) {
    this.#o = o;
    this.#logs = logs;
  }

  add(topic: string, partition: number, from: LogPosition): void {
    this.from.push(from);
    this.places.set(`${topic}/${partition}`, { partition, offset: from.offset });
  }

  remove(topic: string, partition: number): void {
    this.places.delete(`${topic}/${partition}`);
  }

  release(fetched: FetchedBatch): void {
    this.heldBytes -= fetched.bytes;
  }

  close(): void {
    this.closed = true;
    this.places.clear();
  }

  fail(error: ReshardError): void {
    this.close();
    this.#o.onError(error);
  }

  pump(): void {
    for (const place of [...this.places.values()]) {
      const log = this.#logs[place.partition];
      if (log === undefined || this.heldBytes >= (this.#o.maxBufferedBytes ?? 0)) continue;
      const to = Math.min(log.end, place.offset + RECORDS_PER_SLAB);
      if (to === place.offset) continue;
      const fetched = log.fetched(place.offset, to);
      fetched.topicId = TOPIC_ID;
      fetched.sources.push({ first: 0, leaderEpoch: 4, batch: `1.0.${place.offset}` });
      place.offset = to;
      this.heldBytes += fetched.bytes;
      this.#o.onFetched(fetched);
    }
  }
}

describe('the intake', () => {
  const table = new SinkTable(
    { topic: 's.d.t', source: 's', schema: SCHEMA, ...SCHEMA_IDS },
    { route: new ModulusRoute(SCHEMA, 'shard', 2) },
  );
  let readers: HandReader[];
  let logs: LogMaker[];
  let intake: Intake;
  let lost: PartitionTask[];

  beforeEach(() => {
    vi.useFakeTimers();
    readers = [];
    lost = [];
    logs = [0, 1].map(p => new LogMaker(SCHEMA, table.topic, p));
    for (const [p, log] of logs.entries()) {
      for (let i = 0; i < 500; i++) log.append({ op: 'c', after: [i * 2 + p, i % 2] });
    }
    intake = new Intake({
      openReader: async o => {
        const reader = new HandReader(o, logs);
        readers.push(reader);
        return reader as unknown as LogReader;
      },
      bufferBytes: 30_000,
      log: createLogger({ name: 'test', level: 'silent' }),
      onQueued: () => {},
      onLost: (task, error) => {
        lost.push(task);
        intake.detach(task);
        task.halt(error, 0, true);
      },
    });
  });
  afterEach(() => {
    intake.close();
    vi.useRealTimers();
  });

  function claim(target: number, partition: number, next: number): PartitionTask {
    const task = new PartitionTask(table, partition, target);
    task.claimed({ next, epoch: 0, ordinal: -1, revision: 1 }, nothingWaits(), 0);
    intake.attach(task);
    return task;
  }

  /** Everything queued is committed, as a fast target does. */
  function commit(task: PartitionTask): void {
    task.committed({ ...task.position, next: task.enqueued }, 0);
  }

  async function rounds(count: number, fast: PartitionTask[]): Promise<void> {
    for (let i = 0; i < count; i++) {
      if (vi.isFakeTimers()) await vi.advanceTimersByTimeAsync(50);
      else await sleep(10);
      for (const reader of readers) reader.pump();
      for (const task of fast) commit(task);
    }
  }

  test('targets that are equally far share one reader', async () => {
    const tasks = [claim(0, 0, 0), claim(1, 0, 0), claim(0, 1, 0), claim(1, 1, 0)];
    await rounds(60, tasks);
    expect(tasks.map(l => l.position.next)).toEqual([500, 500, 500, 500]);
    expect(readers.length).toBe(1);
    expect(readers[0]?.heldBytes).toBe(0);
  });

  test('a target further back reads apart until it has caught up, then returns', async () => {
    const ahead = claim(0, 0, 300);
    await rounds(3, [ahead]);
    const behind = claim(1, 0, 0);
    expect(intake.apart).toBe(1);
    await rounds(80, [ahead, behind]);
    expect([ahead.position.next, behind.position.next]).toEqual([500, 500]);
    expect([intake.apart, readers.length]).toEqual([0, 2]);
    expect(readers[1]?.closed).toBe(true);
    for (let i = 0; i < 5; i++) logs[0]?.append({ op: 'c', after: [9000 + i, 0] });
    await rounds(3, [ahead, behind]);
    expect([ahead.position.next, behind.position.next]).toEqual([505, 505]);
  });

  test('a target that does not commit holds up nobody else, and no memory without bound', async () => {
    const fast = [claim(0, 0, 0), claim(0, 1, 0)];
    const slow = [claim(1, 0, 0), claim(1, 1, 0)];
    await rounds(200, fast);
    expect(fast.map(l => l.position.next)).toEqual([500, 500]);
    expect(intake.apart).toBe(2);
    for (const reader of readers) expect(reader.heldBytes).toBeLessThan(40_000);
    await rounds(200, [...fast, ...slow]);
    expect(slow.map(l => l.position.next)).toEqual([500, 500]);
    expect(intake.apart).toBe(0);
  });

  test('a reader that fails is replaced and goes on where the partition tasks are', async () => {
    vi.useRealTimers();
    const task = claim(0, 0, 0);
    await rounds(5, [task]);
    readers[0]?.fail(new ReshardError('broker', 'gone'));
    expect(intake.error?.message).toBe('gone');
    await rounds(80, [task]);
    expect(task.position.next).toBe(500);
    expect(intake.error).toBeNull();
    expect(readers.length).toBe(2);
    // In the same history of the log: with the batch that was read last.
    const [again] = readers[1]?.from ?? [];
    expect(again?.offset).toBeGreaterThan(0);
    expect(again?.history).toBe(`${TOPIC_ID}/4/1.0.${(again?.offset ?? 0) - RECORDS_PER_SLAB}`);
  });

  test('a partition task goes on in the log that its target is of', async () => {
    vi.useRealTimers();
    const history = `${TOPIC_ID}/4/1.0.30`;
    const task = new PartitionTask(table, 0, 0);
    const position = { next: 40, epoch: 0, ordinal: -1, revision: 1, history };
    task.claimed(position, nothingWaits(), 0);
    intake.attach(task);
    await rounds(2, []);
    expect(readers[0]?.from).toEqual([{ offset: 40, history }]);
  });

  test('lost history stops its own partition tasks only', async () => {
    vi.useRealTimers();
    const tasks = [claim(0, 0, 0), claim(1, 0, 0), claim(0, 1, 0)];
    await rounds(2, tasks);
    const context = { topic: table.topic, partition: 0 };
    readers[0]?.fail(new ReshardError('history-lost', 'trimmed', { context }));
    await rounds(
      80,
      tasks.filter(l => l.partition === 1),
    );
    expect(lost.map(l => l.partition)).toEqual([0, 0]);
    expect(tasks.map(l => l.state)).toEqual(['halted', 'halted', 'running']);
    expect(tasks[2]?.position.next).toBe(500);
  });

  test('a topic that was made again is lost for all partitions that were read of the old one', async () => {
    vi.useRealTimers();
    const tasks = [claim(0, 0, 0), claim(1, 0, 0), claim(0, 1, 0)];
    await rounds(2, tasks);
    const other = Buffer.alloc(16, 2).toString('base64url');
    const place = { topic: table.topic, partition: 0, wanted: 10 };
    const remade = (topicId: string) => ({ ...place, loss: 're-created', topicId, id: other });
    readers[0]?.fail(new ReshardError('history-lost', 'again', { context: remade(TOPIC_ID) }));
    expect(lost.map(l => l.partition)).toEqual([0, 0, 1]);
    expect(tasks[2]?.error?.context).toMatchObject({
      partition: 1,
      wanted: 20,
      loss: 're-created',
    });
    // One that reads the new topic goes on.
    lost = [];
    const history = `${other}/-1/`;
    const next = new PartitionTask(table, 1, 0);
    const position = { next: 0, epoch: 0, ordinal: -1, revision: 1, history };
    next.claimed(position, nothingWaits(), 0);
    intake.attach(next);
    claim(1, 0, 0);
    await until(() => readers.length === 2, { timeoutMs: 5000, what: 'the next reader' });
    readers[1]?.fail(new ReshardError('history-lost', 'again', { context: remade(TOPIC_ID) }));
    expect(lost.map(l => l.partition)).toEqual([0]);
  });

  test('nothing behind a record without a readable key is handed out', async () => {
    const bad = new LogMaker(SCHEMA, table.topic, 0);
    for (let i = 0; i < 15; i++) bad.append({ op: 'c', after: [i, 0] });
    bad.appendBadKey([15, 0]);
    for (let i = 16; i < 40; i++) bad.append({ op: 'c', after: [i, 0] });
    logs[0] = bad;
    const task = claim(0, 0, 0);
    await rounds(20, []);
    expect(task.enqueued).toBe(15);
    expect(task.queue.at(-1)?.routed.error?.kind).toBe('corrupt');
    expect(readers[0]?.places.size).toBe(0);
  });

  test('records of a schema that is not planned yet are read once more, for some seconds', async () => {
    const later = { ...SCHEMA_IDS, valueSchemaId: 99 };
    logs[0] = new LogMaker(SCHEMA, table.topic, 0, later).append({ op: 'c', after: [1, 0] });
    const task = claim(0, 0, 0);
    await rounds(4, []);
    expect(readers[0]?.places.size).toBe(0);
    await rounds(40, []);
    expect([task.enqueued, readers[0]?.from.length]).toEqual([0, expect.any(Number)]);
    expect(readers[0]?.from.length).toBeGreaterThan(3);
    // Nobody has planned it: its key is blocked, what is behind it flows.
    await rounds(120, []);
    expect(task.enqueued).toBe(1);
    expect(task.queue[0]?.routed.unreadable.size).toBe(1);
  });
});
