/** Enforces I2. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GtidSet, parseGtid } from '../../../shared/change/gtid.ts';
import { StreamPosition } from '../../../shared/change/position.ts';
import { sourcePosition } from '../../../shared/change/source-position.ts';
import type { ProgressRecord } from '../../../shared/job/state/progress-view.ts';
import { type RecordSlices, wholeRecord } from '../../../shared/kafka/wire/record-slices.ts';
import type { ReshardError } from '../../../shared/runtime/error.ts';
import { OrderedWriter } from './ordered-writer.ts';

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const gtid = (n: number) => parseGtid(`${UUID}:${n}`);
const BATCH = 1000;

/** A log that commits when the test says so, and keeps what each commit held. */
class FakeLog {
  pendingBytes = 0;
  pendingRecords = 0;
  batches: { topic: string; value: string }[][] = [[]];
  #commits: PromiseWithResolvers<{ offsets: [] }>[] = [];

  append(topic: string, _partition: number, { value }: RecordSlices): void {
    this.pendingBytes += value.length;
    this.pendingRecords += 1;
    this.batches.at(-1)?.push({ topic, value: value.toString() });
  }

  commit(): Promise<{ offsets: [] }> {
    this.pendingBytes = 0;
    this.pendingRecords = 0;
    this.batches.push([]);
    const done = Promise.withResolvers<{ offsets: [] }>();
    this.#commits.push(done);
    return done.promise;
  }

  get underWay(): number {
    return this.#commits.length;
  }

  async answer(e?: Error): Promise<void> {
    const done = this.#commits.shift();
    if (e) done?.reject(e);
    else done?.resolve({ offsets: [] });
    await vi.advanceTimersByTimeAsync(0);
  }

  /** Resume points by commit. */
  resumes(): ProgressRecord['resume'][] {
    return this.batches
      .slice(0, -1)
      .map(batch => JSON.parse(batch.find(r => r.topic === 'p')?.value ?? 'null')?.resume);
  }
}

let log: FakeLog;
let position: StreamPosition;
let writer: OrderedWriter;
let failed: ReshardError | undefined;
let rooms: number;
let everyMs = 0;

function open(partial: string | null = null, partialRows = 0): void {
  log = new FakeLog();
  failed = undefined;
  rooms = 0;
  position = new StreamPosition(GtidSet.parse(`${UUID}:1-9`), partial, partialRows);
  writer = new OrderedWriter({
    writer: log,
    codec: { encode: r => Buffer.from(JSON.stringify(r)), decode: b => JSON.parse(b.toString()) },
    progressTopic: 'p',
    jobId: 'j#1',
    position,
    epoch: 3,
    ordinal: 100,
    chunksOffset: 7,
    recopy: null,
    sourcePosition: () =>
      sourcePosition({ file: 'f', pos: 4, tsMs: 5, serverUuid: UUID, fileS: 0 }),
    notes: () => ({ prepared: null, trust: null }),
    lingerMs: 5,
    everyMs: () => everyMs,
    batchBytes: BATCH,
    onRoom: () => {
      rooms += 1;
    },
    onCommitted: () => {},
    onFail: e => {
      failed = e;
    },
  });
}

function row(bytes = 10): void {
  const value = Buffer.alloc(bytes, 0x20);
  writer.append('t', 0, wholeRecord(value.subarray(0, 1), value, 0));
  writer.nextOrdinal();
  position.countRow();
}

function transaction(n: number, rows = 1, bytes = 10): void {
  position.begin(gtid(n));
  for (let i = 0; i < rows; i++) {
    row(bytes);
    writer.moved();
  }
  position.commit();
  writer.moved();
}

beforeEach(() => {
  vi.useFakeTimers();
  open();
});
afterEach(() => {
  writer.close();
  vi.useRealTimers();
});

describe('when a batch is committed', () => {
  test('after the linger, with its resume point, when the log was idle', async () => {
    transaction(10);
    expect(log.underWay).toBe(0);
    await vi.advanceTimersByTimeAsync(6);
    expect(log.underWay).toBe(1);
    const [first] = log.resumes();
    expect(first).toMatchObject({ epoch: 3, ordinal: 101, gtid: `${UUID}:1-10`, chunksOffset: 7 });
  });

  test('what comes meanwhile goes with the next one, as soon as the first is done', async () => {
    transaction(10);
    await vi.advanceTimersByTimeAsync(6);
    transaction(11);
    transaction(12);
    await vi.advanceTimersByTimeAsync(50);
    expect(log.underWay).toBe(1);
    await log.answer();
    expect(log.underWay).toBe(1);
    expect(log.resumes().at(-1)).toMatchObject({ gtid: `${UUID}:1-12`, ordinal: 103 });
  });

  test('not before its time where nobody waits for it, unless it is full', async () => {
    everyMs = 250;
    transaction(10);
    await vi.advanceTimersByTimeAsync(260);
    await log.answer();
    transaction(11);
    await vi.advanceTimersByTimeAsync(240);
    expect(log.resumes()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(20);
    expect(log.resumes()).toHaveLength(2);
    await log.answer();
    transaction(12, BATCH / 10);
    expect(log.resumes()).toHaveLength(3);
    everyMs = 0;
  });

  test('at once when it is full', () => {
    transaction(10, 4, 300);
    expect(log.underWay).toBe(1);
    expect(writer.isFull).toBe(false);
    transaction(11, 4, 300);
    expect(writer.isFull).toBe(true);
  });

  test('nothing more is taken in while a huge row is under way', async () => {
    transaction(10, 1, 8 * BATCH);
    expect(log.underWay).toBe(1);
    expect(writer.isFull).toBe(true);
    const before = rooms;
    await log.answer();
    expect(rooms).toBeGreaterThan(before);
    expect(writer.isFull).toBe(false);
  });

  test('never between the rows of a small transaction', async () => {
    position.begin(gtid(10));
    row();
    writer.moved();
    await vi.advanceTimersByTimeAsync(100);
    expect(log.underWay).toBe(0);
  });

  test('a transaction larger than a batch is cut, and says where', () => {
    position.begin(gtid(10));
    for (let i = 0; i < 4; i++) {
      row(300);
      writer.moved();
    }
    expect(log.resumes()).toMatchObject([
      { gtid: `${UUID}:1-9`, partialGtid: `${UUID}:10`, partialRows: 4 },
    ]);
  });

  test('an idle source is told from a dead writer once a second', async () => {
    await vi.advanceTimersByTimeAsync(1300);
    expect(log.underWay).toBe(1);
    await log.answer();
    await vi.advanceTimersByTimeAsync(1300);
    expect(log.underWay).toBe(1);
    expect(log.resumes().length).toBe(2);
  });
});

describe('failures', () => {
  test('a rejected commit ends the writer: no further batch, nothing is counted as done', async () => {
    transaction(10);
    await vi.advanceTimersByTimeAsync(6);
    transaction(11);
    await log.answer(new Error('fenced'));
    expect(failed?.message).toBe('fenced');
    await vi.advanceTimersByTimeAsync(5000);
    expect(log.underWay).toBe(0);
    expect(writer.counts.commits).toBe(0);
  });

  test('two transactions in part are refused, not mixed up', () => {
    open(`${UUID}:20`, 5);
    position.begin(gtid(10));
    const push = (): void => {
      for (let i = 0; i < 40 * 4; i++) {
        row(300);
        writer.moved();
      }
    };
    expect(push).toThrow(/two transactions of the source are in the log in part/);
    expect(log.underWay).toBe(0);
  });
});

test('flush commits what is whole and waits for it', async () => {
  transaction(10);
  const flushed = writer.flush();
  expect(log.underWay).toBe(1);
  transaction(11);
  await log.answer();
  expect(log.underWay).toBe(1);
  await log.answer();
  expect(await flushed).toBe(true);
  expect(log.resumes().at(-1)).toMatchObject({ gtid: `${UUID}:1-11` });
  expect(rooms).toBeGreaterThan(1);
});

test('flush says when the log has not taken what is whole', async () => {
  transaction(10);
  const flushed = writer.flush();
  await log.answer(new Error('the broker is away'));
  expect(await flushed).toBe(false);
});
