import { createRequire } from 'node:module';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';
import { HEADER_BYTES, nextSequence, RecordBatchBuilder, writeLong } from './record-batch.ts';
import { decodeRecordSet } from './record-set.ts';
import { wholeRecord } from './record-slices.ts';

// The oracle: the client library's own encoder and decoder.
const require = createRequire(import.meta.url);
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0');
const Record = require('kafkajs/src/protocol/recordBatch/record/v0');
const decodeTheirs = require('kafkajs/src/protocol/recordBatch/v0/decoder');
const Decoder = require('kafkajs/src/protocol/decoder');

interface Row {
  key: Buffer | null;
  value: Buffer | null;
  time: number;
  header?: { name: string; value: Buffer };
}

const bytes = fc.uint8Array({ maxLength: 300 }).map(b => Buffer.from(b));
const row = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  time: fc.integer({ min: 0, max: 100_000_000 }).map(t => 1_700_000_000_000 + t),
});
// The library keeps headers in a plain object, where `toString` is not a name like others.
const headerName = fc.string({ unit: 'binary', maxLength: 70 }).map(s => `h${s}`);
const header = fc.record({ name: headerName, value: bytes });
const headedRow = fc
  .tuple(row, fc.option(header))
  .map(([r, h]): Row => (h === null ? r : { ...r, header: h }));
const rows = fc.array(headedRow, { minLength: 1, maxLength: 50 });
const producer = fc.record({
  id: fc.integer({ min: 0, max: 2 ** 40 }),
  epoch: fc.integer({ min: 0, max: 0x7fff }),
  sequence: fc.integer({ min: 0, max: 0x7fffffff }),
  transactional: fc.boolean(),
});
const NONE = Buffer.alloc(0);

function build(list: readonly Row[], by = plain()): Buffer {
  const builder = new RecordBatchBuilder(16);
  for (const { key, value, time, header: h } of list) {
    const headed = h && {
      name: Buffer.from(h.name),
      // In the midst of other bytes.
      buf: Buffer.concat([NONE, h.value, Buffer.alloc(3, 'x')]),
      start: 0,
      end: h.value.length,
    };
    builder.append(wholeRecord(key, value, time, headed));
  }
  return Buffer.from(builder.finish(by));
}

function plain(over: object = {}) {
  return { id: 7, epoch: 0, sequence: 0, transactional: false, ...over };
}

function at(offset: number, batch: Buffer): Buffer {
  writeLong(batch, offset, 0);
  return batch;
}

function read(buf: Buffer, over: object = {}) {
  const set = { topic: 't', partition: 0, buf, start: 0, end: buf.length, wanted: 0, aborted: [] };
  return decodeRecordSet({ ...set, ...over });
}

function values(decoded: ReturnType<typeof read>): string[] {
  return decoded.fetchedBatches.flatMap(s =>
    Array.from({ length: s.count }, (_, i) => `${s.offset(i)}:${s.value(i)}`),
  );
}

function texts(...list: string[]): Row[] {
  return list.map(v => ({ key: Buffer.alloc(4), value: Buffer.from(v), time: 1000 }));
}

/** Marker as a broker writes it: control attribute, key (version, type). */
function marker(producerId: number, type: 0 | 1): Buffer {
  const key = Buffer.from([0, 0, 0, type]);
  const batch = build([{ key, value: Buffer.alloc(6), time: 1000 }], plain({ id: producerId }));
  batch.writeInt16BE(0x30, 21);
  return resealed(batch);
}

function resealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, 21), 17);
  return batch;
}

function compressed(list: readonly Row[], codec: number, pack: (b: Buffer) => Buffer): Buffer {
  const batch = build(list);
  const out = Buffer.concat([batch.subarray(0, HEADER_BYTES), pack(batch.subarray(HEADER_BYTES))]);
  out.writeInt32BE(out.length - 12, 8);
  out.writeInt16BE(codec, 21);
  return resealed(out);
}

describe('record batch', () => {
  test('is read by the library as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(rows, producer, async (list, by) => {
        const theirs = await decodeTheirs(new Decoder(build(list, by)));
        expect(theirs.producerId).toBe(String(by.id));
        expect(theirs.producerEpoch).toBe(by.epoch);
        expect(theirs.firstSequence).toBe(by.sequence);
        expect(theirs.inTransaction).toBe(by.transactional);
        expect(theirs.maxTimestamp).toBe(String(Math.max(...list.map(r => r.time))));
        expect(theirs.records.length).toBe(list.length);
        for (const [i, r] of list.entries()) {
          expect(theirs.records[i].key).toEqual(r.key);
          expect(theirs.records[i].value).toEqual(r.value);
          expect(theirs.records[i].timestamp).toBe(String(r.time));
          expect(theirs.records[i].offset).toBe(String(i));
          expect(theirs.records[i].headers).toEqual(
            r.header ? { [r.header.name]: r.header.value } : {},
          );
        }
      }),
    );
  });

  test('reads what the library wrote, headers skipped', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.nat({ max: 2 ** 40 }), async (list, base) => {
        const firstTimestamp = 1_700_000_000_000;
        const encoded = await RecordBatch({
          firstOffset: base,
          firstTimestamp,
          maxTimestamp: firstTimestamp,
          lastOffsetDelta: list.length - 1,
          records: list.map((r, i) =>
            Record({
              key: r.key,
              value: r.value,
              offsetDelta: i,
              timestampDelta: r.time - firstTimestamp,
              headers: { h: 'x', g: ['1', '2'] },
            }),
          ),
        });
        const decoded = read(encoded.buffer);
        expect(decoded.next).toBe(base + list.length);
        const [fetched] = decoded.fetchedBatches;
        expect(fetched?.count).toBe(list.length);
        expect(fetched?.position).toBe(base + list.length);
        for (const [i, r] of list.entries()) {
          expect(fetched?.key(i)).toEqual(r.key);
          expect(fetched?.value(i)).toEqual(r.value);
          expect(fetched?.ts(i)).toBe(r.time);
          expect(fetched?.offset(i)).toBe(base + i);
        }
      }),
    );
  });

  test('gzip and zstd are read, others are an error that names them', () => {
    const list = texts('a', 'b');
    expect(values(read(compressed(list, 1, gzipSync)))).toEqual(['0:a', '1:b']);
    expect(values(read(compressed(list, 4, zstdCompressSync)))).toEqual(['0:a', '1:b']);
    expect(() => read(compressed(list, 3, b => b))).toThrow(/lz4/);
    expect(() => read(compressed(list, 2, b => b))).toThrow(/snappy/);
  });

  test('plain and compressed batches in one response keep their order', () => {
    const buf = Buffer.concat([
      at(0, build(texts('a'))),
      at(1, compressed(texts('b'), 1, gzipSync)),
      at(2, build(texts('c'))),
    ]);
    const decoded = read(buf);
    expect(values(decoded)).toEqual(['0:a', '1:b', '2:c']);
    expect(decoded.fetchedBatches.map(s => s.position)).toEqual([1, 2, 3]);
  });

  test('a batch that begins before the wanted offset is cut, a partial one is left', () => {
    const buf = Buffer.concat([at(10, build(texts('a', 'b', 'c'))), at(13, build(texts('d')))]);
    expect(values(read(buf, { wanted: 12 }))).toEqual(['12:c', '13:d']);
    const partial = buf.subarray(0, buf.length - 1);
    const decoded = read(partial, { wanted: 12, end: partial.length });
    expect(values(decoded)).toEqual(['12:c']);
    expect(decoded.next).toBe(13);
  });

  test('a flipped bit is an error', () => {
    const buf = build(texts('hello'));
    buf.writeUInt8(buf.readUInt8(buf.length - 3) ^ 1, buf.length - 3);
    expect(() => read(buf)).toThrow(/checksum/);
  });

  test('sequence numbers go round at 2^31', () => {
    expect(nextSequence(0x7fffffff, 1)).toBe(0);
    expect(nextSequence(0x7ffffffe, 5)).toBe(3);
    expect(nextSequence(0, 5)).toBe(5);
  });
});

describe('read committed', () => {
  const by = (id: number) => plain({ id, transactional: true });

  test('drops overlapping aborted transactions, keeps others, ignores marker-like user keys', () => {
    const buf = Buffer.concat([
      at(0, build(texts('a1'), by(1))),
      at(1, build(texts('b1'), by(2))),
      at(2, build(texts('c1'), by(3))),
      at(3, build(texts('a2'), by(1))),
      at(4, marker(1, 0)),
      at(5, build(texts('b2'), by(2))),
      at(6, marker(2, 0)),
      at(7, marker(3, 1)),
      at(8, build(texts('plain'), plain())),
      at(9, build(texts('a3'), by(1))),
      at(10, marker(1, 1)),
    ]);
    const aborted = [
      { producerId: 1, firstOffset: 0 },
      { producerId: 2, firstOffset: 1 },
    ];
    const decoded = read(buf, { aborted });
    expect(values(decoded)).toEqual(['2:c1', '8:plain', '9:a3']);
    expect(decoded.next).toBe(11);
  });

  test('a fetch that begins inside two overlapping aborted transactions lets nothing through', () => {
    const buf = Buffer.concat([
      at(5, build(texts('b2'), by(2))),
      at(6, build(texts('a2'), by(1))),
      at(7, marker(1, 0)),
      at(8, build(texts('b3'), by(2))),
      at(9, marker(2, 0)),
      at(10, build(texts('b4'), by(2))),
    ]);
    const aborted = [
      { producerId: 1, firstOffset: 0 },
      { producerId: 2, firstOffset: 1 },
    ];
    expect(values(read(buf, { aborted, wanted: 5 }))).toEqual(['10:b4']);
  });

  test('only control records: an empty fetched batch tells the position', () => {
    const decoded = read(at(41, marker(1, 1)), { wanted: 41 });
    expect(decoded.fetchedBatches.map(s => [s.count, s.position])).toEqual([[0, 42]]);
  });

  test('uncommitted reads aborted data and still no markers', () => {
    const buf = Buffer.concat([at(0, build(texts('a'), by(1))), at(1, marker(1, 0))]);
    const decoded = read(buf, { aborted: null });
    expect(values(decoded)).toEqual(['0:a']);
    expect(decoded.next).toBe(2);
  });
});
