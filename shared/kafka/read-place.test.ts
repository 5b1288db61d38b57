import { expect, test } from 'vitest';
import { ReshardError } from '../runtime/error.ts';
import { ReadPlace } from './read-place.ts';
import type { FetchedPartition } from './wire/fetch.ts';
import { RecordBatchBuilder } from './wire/record-batch.ts';

const AT_20 = { offset: 20, leaderEpoch: 5, topicId: 'ours' };

function lossOf(work: () => unknown): unknown {
  try {
    work();
  } catch (e) {
    if (e instanceof ReshardError && e.kind === 'history-lost') return e.context.loss;
    throw e;
  }
  return null;
}

/** A batch as a leader of that epoch has stored it. */
function batchOf(epoch: number): [Buffer, FetchedPartition] {
  const builder = new RecordBatchBuilder(512);
  const v = Buffer.from('v');
  builder.append(v, -1, -1, v, 0, 1, 1000);
  const buf = Buffer.from(
    builder.finish({ id: -1, epoch: -1, sequence: -1, transactional: false }),
  );
  buf.writeInt32BE(epoch, 12);
  const at = { start: 0, end: buf.length };
  return [buf, { topicId: 'ours', partition: 0, code: 0, aborted: [], divergence: null, ...at }];
}

test('our epoch ends in the log before our offset: the log was cut', () => {
  const place = new ReadPlace('t', 0, AT_20);
  expect(lossOf(() => place.noteDivergence({ epoch: 5, endOffset: 19 }))).toBe('truncated');
});

test('an epoch that was compacted away is no loss: the next batch tells', () => {
  const place = new ReadPlace('t', 0, AT_20);
  expect(place.wanted('ours', 7).lastEpoch).toBe(5);
  expect(lossOf(() => place.noteDivergence({ epoch: 4, endOffset: 30 }))).toBe(null);
  expect(place.wanted('ours', 7).lastEpoch).toBe(-1);
  expect(lossOf(() => place.checkEpoch(...batchOf(7)))).toBe(null);
  place.advance(31, 7);
  expect(place.wanted('ours', 7)).toMatchObject({ offset: 31, lastEpoch: 7 });
  const other = new ReadPlace('t', 0, AT_20);
  other.noteDivergence({ epoch: 4, endOffset: 30 });
  expect(lossOf(() => other.checkEpoch(...batchOf(4)))).toBe('truncated');
});

test('another id is a loss only when it stays, and one that was never read is taken', () => {
  const place = new ReadPlace('t', 0, AT_20, 0);
  expect(place.isOf('ours')).toBe(true);
  expect(place.isOf('theirs')).toBe(false);
  place.forgetDoubts();
  expect(place.isOf('theirs')).toBe(false);
  expect(lossOf(() => spinUntilLater(() => place.isOf('theirs')))).toBe('re-created');
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

/** Again, a moment later by the clock that is asked. */
function spinUntilLater(work: () => unknown): unknown {
  const now = performance.now();
  while (performance.now() <= now);
  return work();
}
