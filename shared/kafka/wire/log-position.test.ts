import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import { parseHistory } from './log-position.ts';
import { CONTROL, RecordBatchBuilder, TRANSACTIONAL } from './record-batch.ts';
import { decodeRecordSet } from './record-set.ts';
import { wholeRecord } from './record-slices.ts';

const TOPIC_ID = Buffer.alloc(16, 3).toString('base64url');

/** A batch as a leader of that epoch has stored it. */
function stored(base: number, epoch: number, count: number, isControl = false): Buffer {
  const builder = new RecordBatchBuilder(512);
  const v = Buffer.from('v');
  for (let i = 0; i < count; i++) builder.append(wholeRecord(null, v, 1000));
  const producer = { id: 70 + epoch, epoch: 1, sequence: base };
  const buf = Buffer.from(builder.finish({ ...producer, transactional: isControl }));
  buf.writeBigInt64BE(BigInt(base), 0);
  buf.writeInt32BE(epoch, 12);
  if (isControl) buf.writeInt16BE(CONTROL | TRANSACTIONAL, 21);
  buf.writeUInt32BE(crc32c(buf, 21, buf.length), 17);
  return buf;
}

function decoded(wanted: number, ...batches: Buffer[]): FetchedBatch[] {
  const buf = Buffer.concat(batches);
  const place = { topic: 't', partition: 0, start: 0, end: buf.length, aborted: [] };
  const { fetchedBatches } = decodeRecordSet({ ...place, buf, wanted });
  for (const fetched of fetchedBatches) fetched.topicId = TOPIC_ID;
  return fetchedBatches;
}

test('a position has the history of the batch of its record, the end that of the last batch', () => {
  const [fetched] = decoded(1, stored(0, 5, 3), stored(3, 6, 2), stored(5, 7, 1, true));
  const positions = [0, 1, 2, 3].map(i => fetched?.positionAfter(i));
  const seen = positions.map(p => [p?.offset, parseHistory(p?.history ?? '')]);
  const five = { topicId: TOPIC_ID, leaderEpoch: 5, batch: '75.1.0' };
  const six = { topicId: TOPIC_ID, leaderEpoch: 6, batch: '76.1.3' };
  expect(seen).toEqual([
    [2, five],
    [3, five],
    [4, six],
    [5, six],
  ]);
  // Behind the mark of a transaction, which nobody is shown: an epoch that began with it.
  const end = fetched?.end;
  expect(end?.offset).toBe(6);
  expect(parseHistory(end?.history ?? '')).toMatchObject({ leaderEpoch: 7, batch: '77.1.5' });
});

test('in front of a record behind a gap only the topic is known', () => {
  const [fetched] = decoded(0, stored(0, 5, 2), stored(2, 5, 1, true), stored(3, 6, 2));
  const before = [1, 2, 3].map(i => fetched?.positionBefore(i));
  expect(before.map(p => p?.offset)).toEqual([1, 3, 4]);
  expect(before.map(p => parseHistory(p?.history ?? '').batch)).toEqual(['75.1.0', '', '76.1.3']);
  expect(before.map(p => parseHistory(p?.history ?? '').leaderEpoch)).toEqual([5, -1, 6]);
});

test('marks alone move the position, with their own history', () => {
  const [fetched, ...more] = decoded(5, stored(5, 7, 1, true), stored(6, 8, 1, true));
  expect(more).toEqual([]);
  expect(fetched?.count).toBe(0);
  expect(fetched?.end).toMatchObject({ offset: 7 });
  expect(parseHistory(fetched?.end.history ?? '').leaderEpoch).toBe(8);
});
