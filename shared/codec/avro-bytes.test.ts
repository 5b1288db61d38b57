/**
 * Our transcoders write Avro without an Avro library. Here the library is the judge: for random
 * values of every type, our bytes are those that avsc writes for the same value, and avsc reads
 * them back. The same for the envelope with everything in it.
 */
import avsc from 'avsc';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  column,
  decimals,
  families,
  integers,
  pad,
  type Sample,
  utf8,
} from '../../test/support/codec/avro-samples.ts';
import { RowCodec } from '../row/row-codec.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { envelopeSchema, keySchema } from './avro-schema.ts';
import { EnvelopeDecoder, EnvelopeEncoder, patchSequence } from './envelope.ts';

/** A long that is exact: bigint on both ways. */
const bigLong = avsc.types.LongType.__with({
  fromBuffer: (b: Buffer) => b.readBigInt64LE(),
  toBuffer: (n: bigint) => {
    const b = Buffer.alloc(8);
    b.writeBigInt64LE(BigInt(n));
    return b;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (n: unknown) => typeof n === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

function avroType(schema: object): avsc.Type {
  return avsc.Type.forSchema(schema as avsc.Schema, {
    typeHook: s => (s === 'long' || isLong(s) ? bigLong : undefined),
  });
}

function isLong(s: unknown): boolean {
  return typeof s === 'object' && s !== null && 'type' in s && s.type === 'long';
}

function packet(values: (Buffer | null)[]): Buffer {
  const out = new ByteWriter();
  for (const v of values) {
    if (v === null) out.u8(0xfb);
    else {
      if (v.length < 0xfb) out.u8(v.length);
      else if (v.length < 0x10000) {
        out.u8(0xfc);
        out.u8(v.length & 0xff);
        out.u8(v.length >> 8);
      } else {
        out.u8(0xfd);
        out.u8(v.length & 0xff);
        out.u8((v.length >> 8) & 0xff);
        out.u8(v.length >> 16);
      }
      out.copy(v, 0, v.length);
    }
  }
  return out.take();
}

const ALL: TableSchema = {
  db: 'shop',
  table: 'all types',
  columns: [
    column('id', { kind: 'integer', bits: 64, unsigned: true }),
    column('grüße no', { kind: 'decimal', precision: 12, scale: 2 }),
    ...families.map((f, i) => column(`c${i}`, f.type, i % 2 === 0)),
  ],
  primaryKey: [1, 0],
  uniqueKeys: [],
};

/** One sample for every column of ALL; nullable ones are NULL at times. */
const rows: fc.Arbitrary<(Sample | null)[]> = fc.tuple(
  integers(64, true),
  decimals(12, 2),
  ...families.map((f, i) => (i % 2 === 0 ? fc.option(f.samples, { freq: 4 }) : f.samples)),
);

const codec = new RowCodec(ALL);
const envelopeType = avroType(envelopeSchema('shop-1', ALL));
const keyType = avroType(keySchema('shop-1', ALL));
const FIELDS = ALL.columns.map((c, i) => (i === 1 ? 'gr__e_no' : c.name));

function encodeRow(row: (Sample | null)[]): Buffer {
  const out = new ByteWriter();
  const cells = row.map((s, i) => {
    // Behind a document: its values are of no other kinds.
    return ALL.columns[i]?.type.kind === 'json' ? [s?.text ?? null, null] : [s?.text ?? null];
  });
  const bytes = packet(cells.flat());
  codec.fromText(bytes, 0, bytes.length, out);
  return out.take();
}

function asRecord(row: (Sample | null)[]): Record<string, unknown> {
  return Object.fromEntries(row.map((s, i) => [FIELDS[i], s?.avro ?? null]));
}

describe('Avro bytes', () => {
  test.each(families)('$name: ours are those of avsc', ({ type, samples }) => {
    const table: TableSchema = {
      db: 'd',
      table: 't',
      columns: [column('id', { kind: 'integer', bits: 32, unsigned: false }), column('v', type)],
      primaryKey: [0],
      uniqueKeys: [],
    };
    const one = new RowCodec(table);
    const value = one.codecs[1];
    const reference = avroType({
      type: 'record',
      name: 'R',
      fields: [{ name: 'v', type: value?.avro }],
    });
    const out = new ByteWriter(16);
    fc.assert(
      fc.property(samples, s => {
        out.clear();
        value?.fromText(s.text, 0, s.text.length, out);
        const ours = out.take();
        expect(ours.toString('hex')).toBe(reference.toBuffer({ v: s.avro }).toString('hex'));
        expect(value?.skip(ours, 0)).toBe(ours.length);
        expect(reference.toBuffer(reference.fromBuffer(ours)).equals(ours)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('a change record is the one that avsc writes, and decodes to its parts', () => {
    const header = new ByteWriter();
    const out = new ByteWriter(64);
    const encoder = new EnvelopeEncoder({
      codec,
      prefix: 'shop-1',
      keySchemaId: 7,
      valueSchemaId: 0x01020304,
    });
    const decoder = new EnvelopeDecoder(codec);
    const infos = fc.record({
      tsMs: fc.integer({ min: 0, max: 4e12 }),
      snapshot: fc.constantFrom('false' as const, 'incremental' as const),
      serverId: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      gtid: fc.option(fc.string()),
      file: fc.string(),
      pos: fc.integer({ min: 0, max: 2 ** 40 }),
      thread: fc.option(fc.bigInt(0n, 2n ** 62n)),
    });
    const versions = fc.tuple(
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.oneof(fc.integer({ min: 0, max: 3e9 }), fc.maxSafeInteger().map(Math.abs)),
    );
    fc.assert(
      fc.property(
        fc.option(rows),
        fc.option(rows),
        infos,
        fc.constantFrom('c' as const, 'u' as const, 'd' as const, 'r' as const),
        fc.integer({ min: 0, max: 1e6 }),
        versions,
        versions,
        fc.integer({ min: 0, max: 4e12 }),
        (before, after, info, op, row, version, patched, nowMs) => {
          const slices = [before, after].map(r => {
            if (r === null) return null;
            const bytes = Buffer.concat([Buffer.from('xx'), encodeRow(r), Buffer.from('yy')]);
            return { buf: bytes, start: 2, end: bytes.length - 2 };
          });
          out.clear();
          out.ascii('before it');
          const start = out.pos;
          encoder.begin(info);
          encoder.value(
            out,
            op,
            slices[0] ?? null,
            slices[1] ?? null,
            row,
            version[0],
            version[1],
            nowMs,
          );
          const value = out.take().subarray(start);
          expect(value.readUInt32BE(1)).toBe(0x01020304);
          expect(value[0]).toBe(0);
          const record = (v: [number, number]) => ({
            before: before && asRecord(before),
            after: after && asRecord(after),
            source: {
              version: '1',
              connector: 'mysql',
              name: 'shop-1',
              ts_ms: BigInt(info.tsMs),
              snapshot: info.snapshot,
              db: 'shop',
              sequence: `["${pad(v[0], 10)}","${pad(v[1], 20)}"]`,
              ts_us: BigInt(info.tsMs) * 1000n,
              ts_ns: BigInt(info.tsMs) * 1000000n,
              table: 'all types',
              server_id: BigInt(info.serverId),
              gtid: info.gtid === null ? null : utf8(info.gtid),
              file: utf8(info.file),
              pos: BigInt(info.pos),
              row,
              thread: info.thread,
              query: null,
            },
            transaction: null,
            op,
            ts_ms: BigInt(nowMs),
            ts_us: BigInt(nowMs) * 1000n,
            ts_ns: BigInt(nowMs) * 1000000n,
          });
          const reference = envelopeType.toBuffer(record(version));
          expect(value.subarray(5).toString('hex')).toBe(reference.toString('hex'));

          patchSequence(value, value.length, encoder.sequenceFromEnd, patched[0], patched[1]);
          const again = envelopeType.toBuffer(record(patched));
          expect(value.subarray(5).equals(again)).toBe(true);

          decoder.decode(value, 0, value.length);
          expect(decoder).toMatchObject({
            schemaId: 0x01020304,
            op,
            hasBefore: before !== null,
            hasAfter: after !== null,
            epoch: patched[0],
            ordinal: patched[1],
            tsMs: info.tsMs,
            recordMs: nowMs,
          });
          const gtid = value.subarray(decoder.gtidStart, decoder.gtidEnd).toString();
          expect(gtid).toBe(utf8(info.gtid ?? ''));
          if (before) {
            const bytes = value.subarray(decoder.beforeStart, decoder.beforeEnd);
            expect(bytes.equals(encodeRow(before))).toBe(true);
          }
          if (after) {
            const bytes = value.subarray(decoder.afterStart, decoder.afterEnd);
            expect(bytes.equals(encodeRow(after))).toBe(true);
            header.clear();
            encoder.key(header, value, decoder.afterStart, decoder.afterEnd);
            const key = header.take();
            expect(key.readUInt32BE(1)).toBe(7);
            const fields = { gr__e_no: after[1]?.avro, id: after[0]?.avro };
            expect(key.subarray(5).equals(keyType.toBuffer(fields))).toBe(true);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test('key bytes are injective: the key schema reads back what went in', () => {
    const out = new ByteWriter();
    fc.assert(
      fc.property(rows, row => {
        const bytes = encodeRow(row);
        out.clear();
        codec.key(bytes, 0, bytes.length, out);
        const read: unknown = keyType.fromBuffer(out.take());
        expect(read).toEqual({ gr__e_no: row[1]?.avro, id: row[0]?.avro });
      }),
      { numRuns: 200 },
    );
  });

  test('offsets and skip agree on the shape of a row', () => {
    const offsets = new Int32Array(ALL.columns.length);
    fc.assert(
      fc.property(rows, row => {
        const bytes = encodeRow(row);
        expect(codec.offsets(bytes, 0, offsets)).toBe(bytes.length);
        expect(codec.skip(bytes, 0)).toBe(bytes.length);
        row.forEach((s, i) => {
          expect(codec.isNull(bytes, offsets[i] ?? -1, i)).toBe(s === null);
        });
      }),
      { numRuns: 100 },
    );
  });
});
