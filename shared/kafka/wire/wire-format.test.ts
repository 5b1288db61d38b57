import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFetch, encodeFetch } from './fetch.ts';
import { WireReader, WireWriter } from './wire-format.ts';

function reader(write: (w: WireWriter) => void): WireReader {
  const w = new WireWriter();
  write(w);
  return new WireReader(w.take());
}

test('compact lengths, strings and arrays come back as they were', () => {
  const values = fc.record({
    n: fc.nat({ max: 2 ** 31 - 1 }),
    text: fc.option(fc.string({ maxLength: 300, unit: 'grapheme' })),
    list: fc.array(fc.nat(), { maxLength: 200 }),
  });
  fc.assert(
    fc.property(values, ({ n, text, list }) => {
      const r = reader(w => {
        w.uvarint(n)
          .compactString(text)
          .compactArray(list, x => w.uvarint(x));
        w.noTags().i32(7);
      });
      expect(r.uvarint()).toBe(n);
      expect(r.compactNullableString()).toBe(text);
      expect(r.compactArray(() => r.uvarint())).toEqual(list);
      r.tags();
      expect(r.i32()).toBe(7);
    }),
  );
});

test('the bytes are those of the protocol', () => {
  const w = new WireWriter();
  w.uvarint(300).compactString('ab').compactString(null).compactString('');
  w.compactArray([], () => {}).noTags();
  expect(w.take().toString('hex')).toBe('ac020361620001' + '0100');
});

test('tagged fields that are not known are passed over, the known one is read', () => {
  const r = reader(w => {
    w.uvarint(3);
    w.uvarint(1).uvarint(2).i16(9);
    w.uvarint(4).uvarint(8).i32(5).i32(6);
    w.uvarint(200).uvarint(0);
    w.i8(42);
  });
  const seen: number[][] = [];
  r.tags(tag => {
    // Half of the field is left unread.
    if (tag === 4) seen.push([tag, r.i32()]);
  });
  expect(seen).toEqual([[4, 5]]);
  expect(r.i8()).toBe(42);
});

test('a topic id is sixteen bytes, in the form that Kafka prints', () => {
  for (let i = 0; i < 100; i++) {
    const id = randomBytes(16).toString('base64url');
    expect(reader(w => w.uuid(id)).uuid()).toBe(id);
  }
  expect(() => new WireWriter().uuid('short')).toThrow(/not the id/);
});

test('a length without an end, and an answer that is cut, are refused', () => {
  expect(() => new WireReader(Buffer.alloc(10, 0xff)).uvarint()).toThrow(/above 32 bits/);
  expect(() => new WireReader(Buffer.from([5, 65])).compactString()).toThrow(/shorter/);
});

test('a fetch names id, epochs and offset of each partition', () => {
  const topicId = Buffer.alloc(16, 7).toString('base64url');
  const from = { topicId, partition: 3, offset: 900, currentEpoch: 12, lastEpoch: 11 };
  const limits = { committed: true, maxWaitMs: 1, minBytes: 2, maxBytes: 3, maxPartitionBytes: 4 };
  const [bytes] = encodeFetch([from], limits);
  const r = new WireReader(Buffer.from(bytes ?? []));
  expect([r.i32(), r.i32(), r.i32(), r.i32(), r.i8()]).toEqual([-1, 1, 2, 3, 1]);
  expect([r.i32(), r.i32()]).toEqual([0, -1]);
  const topics = r.compactArray(() => {
    const id = r.uuid();
    const partitions = r.compactArray(() => {
      const seen = [r.i32(), r.i32(), r.i64(), r.i32(), r.i64(), r.i32()];
      r.tags();
      return seen;
    });
    r.tags();
    return { id, partitions };
  });
  expect(topics).toEqual([{ id: topicId, partitions: [[3, 12, 900, 11, -1, 4]] }]);
  expect([r.compactArray(() => 0), r.compactString()]).toEqual([[], '']);
  r.tags();
  expect(r.pos).toBe(r.buf.length);
});

test('a diverging epoch is read from its tagged field, records stay where they are', () => {
  const topicId = Buffer.alloc(16, 9).toString('base64url');
  const r = reader(w => {
    w.i32(0).i16(0).i32(0).uvarint(2).uuid(topicId).uvarint(3);
    // With records, an aborted transaction and a field that is not known.
    w.i32(0).i16(0).i64(1).i64(2).i64(3).uvarint(2).i64(77).i64(5).noTags().i32(-1);
    w.uvarint(4).i8(1).i8(2).i8(3);
    w.uvarint(1).uvarint(1).uvarint(2).i16(0);
    // Diverging, without records.
    w.i32(1).i16(0).i64(1).i64(2).i64(3).uvarint(0).i32(-1).uvarint(1);
    w.uvarint(1).uvarint(0).uvarint(13).i32(4).i64(10).noTags();
    w.noTags().noTags();
  });
  const { partitions } = decodeFetch(r);
  expect(r.pos).toBe(r.buf.length);
  expect(partitions).toMatchObject([
    { topicId, partition: 0, aborted: [{ producerId: 77, firstOffset: 5 }], divergence: null },
    { topicId, partition: 1, aborted: [], divergence: { epoch: 4, endOffset: 10 } },
  ]);
  const [first] = partitions;
  expect(r.buf.subarray(first?.start, first?.end)).toEqual(Buffer.from([1, 2, 3]));
});
