import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReshardError } from '../runtime/error.ts';
import { ReadPlace } from './read-place.ts';
import type { FetchedPartition } from './wire/fetch.ts';
import { historyText, parseHistory } from './wire/log-position.ts';
import { RecordBatchBuilder } from './wire/record-batch.ts';
import { wholeRecord } from './wire/record-slices.ts';

const OURS = randomBytes(16).toString('base64url');
const THEIRS = randomBytes(16).toString('base64url');
const AT_20 = {
  offset: 20,
  history: historyText({ topicId: OURS, leaderEpoch: 5, batch: '' }),
};
const WITH_BATCH = {
  offset: 20,
  history: historyText({ topicId: OURS, leaderEpoch: 5, batch: '7.1.40' }),
};

function lossOf(work: () => unknown): unknown {
  try {
    work();
  } catch (e) {
    if (e instanceof ReshardError && e.kind === 'history-lost') return e.context.loss;
    throw e;
  }
  return null;
}

interface Stored {
  epoch: number;
  base: number;
  id?: number;
  sequence?: number;
}

/** A batch of one record as a leader of that epoch has stored it. */
function stored({ epoch, base, id = 7, sequence = 40 }: Stored): [Buffer, FetchedPartition] {
  const builder = new RecordBatchBuilder(512);
  const v = Buffer.from('v');
  builder.append(wholeRecord(null, v, 1000));
  const buf = Buffer.from(builder.finish({ id, epoch: 1, sequence, transactional: true }));
  buf.writeBigInt64BE(BigInt(base), 0);
  buf.writeInt32BE(epoch, 12);
  return [buf, { ...EMPTY, end: buf.length }];
}

const EMPTY: FetchedPartition = {
  topicId: OURS,
  partition: 0,
  code: 0,
  aborted: [],
  divergence: null,
  start: 0,
  end: 0,
};

test('our epoch ends in the log before our offset: the log was cut', () => {
  const place = new ReadPlace('t', 0, AT_20);
  expect(lossOf(() => place.noteDivergence({ epoch: 5, endOffset: 19 }))).toBe('truncated');
});

test('an epoch that was compacted away is no loss: the next batch tells', () => {
  const place = new ReadPlace('t', 0, AT_20);
  expect(place.wanted(OURS, 7).lastEpoch).toBe(5);
  expect(lossOf(() => place.noteDivergence({ epoch: 4, endOffset: 30 }))).toBe(null);
  expect(place.wanted(OURS, 7).lastEpoch).toBe(-1);
  expect(lossOf(() => place.check(...stored({ epoch: 7, base: 30 })))).toBe(null);
  place.advance(31, { first: 0, leaderEpoch: 7, batch: '7.1.41' });
  expect(place.wanted(OURS, 7)).toMatchObject({ offset: 31, lastEpoch: 7 });
  const other = new ReadPlace('t', 0, AT_20);
  other.noteDivergence({ epoch: 4, endOffset: 30 });
  expect(lossOf(() => other.check(...stored({ epoch: 4, base: 20 })))).toBe('truncated');
});

test('another id is a loss only when it stays, and one that was never read is taken', () => {
  const place = new ReadPlace('t', 0, AT_20, 0);
  expect(place.isOf(OURS)).toBe(true);
  expect(place.isOf(THEIRS)).toBe(false);
  place.forgetDoubts();
  expect(place.isOf(THEIRS)).toBe(false);
  expect(lossOf(() => spinUntilLater(() => place.isOf(THEIRS)))).toBe('re-created');
  const fresh = new ReadPlace('t', 0, { offset: 0 }, 0);
  expect([fresh.isOf('one'), fresh.isOf('other')]).toEqual([true, true]);
  fresh.answered('other');
  expect(fresh.isOf('one')).toBe(false);
});

test('a topic that is not there is waited for, unless it was read', () => {
  const fresh = new ReadPlace('t', 0, { offset: 0 }, 0);
  expect(lossOf(() => spinUntilLater(() => fresh.noteExists(false)))).toBe(null);
  const place = new ReadPlace('t', 0, AT_20, 0);
  expect(lossOf(() => place.noteExists(false))).toBe(null);
  place.noteExists(true);
  expect(lossOf(() => place.noteExists(false))).toBe(null);
  expect(lossOf(() => spinUntilLater(() => place.noteExists(false)))).toBe('deleted');
});

test('the batch that was read last must be there still, unless it was compacted away', () => {
  const answers: [Stored, string | null][] = [
    [{ epoch: 5, base: 19 }, null],
    // Compacted away: the next one comes.
    [{ epoch: 5, base: 25, id: 8 }, null],
    // Under the same epoch: by another producer, and by the same with another sequence number.
    [{ epoch: 5, base: 19, id: 8 }, 'truncated'],
    [{ epoch: 5, base: 19, sequence: 41 }, 'truncated'],
  ];
  for (const [batch, loss] of answers) {
    const place = new ReadPlace('t', 0, WITH_BATCH);
    expect(place.wanted(OURS, 5)).toMatchObject({ offset: 19, at: 20 });
    expect(lossOf(() => place.check(...stored(batch)))).toBe(loss);
    if (loss === null) expect(place.wanted(OURS, 5)).toMatchObject({ offset: 20, at: 20 });
  }
});

test('the proof is made again whenever the leader was away', () => {
  const place = new ReadPlace('t', 0, { offset: 0 });
  expect(place.wanted(OURS, 5).offset).toBe(0);
  place.pause();
  expect(place.wanted(OURS, 5).offset).toBe(0);
  place.advance(20, { first: 0, leaderEpoch: 5, batch: '7.1.40' });
  expect(place.wanted(OURS, 5).offset).toBe(20);
  place.pause();
  expect(place.wanted(OURS, 5).offset).toBe(19);
});

test('an answer without records proves nothing: the offset itself is asked for in turn', () => {
  const place = new ReadPlace('t', 0, WITH_BATCH, 0);
  const empty = (): boolean => place.check(Buffer.alloc(0), EMPTY);
  expect([empty(), place.wanted(OURS, 5).offset]).toEqual([false, 20]);
  // Records at the offset are not taken before the batch in front of it was seen.
  expect(place.check(...stored({ epoch: 5, base: 20 }))).toBe(false);
  expect(place.wanted(OURS, 5).offset).toBe(19);
  expect([empty(), place.wanted(OURS, 5).offset]).toEqual([false, 20]);
  place.noteBeyond({ earliest: 0, latest: 19 });
  place.pause();
  expect(place.wanted(OURS, 5).offset).toBe(20);
  const again = (): void => place.noteBeyond({ earliest: 0, latest: 19 });
  expect(lossOf(() => spinUntilLater(again))).toBe('truncated');
});

test('a batch that was trimmed up to the offset is no loss', () => {
  const place = new ReadPlace('t', 0, WITH_BATCH, 0);
  place.noteBeyond({ earliest: 20, latest: 30 });
  expect(place.wanted(OURS, 5).offset).toBe(20);
  expect(place.check(...stored({ epoch: 5, base: 20 }))).toBe(true);
});

test('the history of a position comes back from its text', () => {
  const number = fc.integer({ min: -1, max: 2 ** 31 - 1 });
  const history = fc.record({
    topicId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    leaderEpoch: number,
    batch: fc.option(fc.tuple(fc.maxSafeInteger(), number, number), { nil: null }),
  });
  fc.assert(
    fc.property(history, ({ topicId, leaderEpoch, batch }) => {
      const id = Buffer.from(topicId).toString('base64url');
      const given = { topicId: id, leaderEpoch, batch: batch?.join('.') ?? '' };
      const text = historyText(given);
      expect(text.length).toBeLessThan(80);
      expect(parseHistory(text)).toEqual(given);
    }),
  );
  expect(() => parseHistory('nothing')).toThrow(/cannot be read/);
});

/** Again, a moment later by the clock that is asked. */
function spinUntilLater(work: () => unknown): unknown {
  const now = performance.now();
  while (performance.now() <= now);
  return work();
}
