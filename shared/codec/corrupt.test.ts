/**
 * Bytes that are not what they should be are errors. A wrong row must never come out of them, nor
 * an endless loop, nor a read beyond the record into its neighbour.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RowCodec } from '../row/row-codec.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column, ColumnType } from '../type/column-type.ts';
import { JsonCorrupt, writeJson } from '../type/json-binary.ts';
import { jsonDouble, mysqlDouble } from '../type/json-text.ts';
import { avroName, fieldNames, keySchema } from './avro-schema.ts';
import { EnvelopeDecoder, EnvelopeEncoder, patchSequence } from './envelope.ts';

function column(name: string, type: ColumnType, nullable = false): Column {
  return { name, type, nullable, autoIncrement: false, generated: 'no', invisible: false };
}

const SCHEMA: TableSchema = {
  db: 'd',
  table: 't',
  columns: [
    column('id', { kind: 'integer', bits: 64, unsigned: true }),
    column('amount', { kind: 'decimal', precision: 12, scale: 2 }),
    column('doc', { kind: 'json' }, true),
    column('state', { kind: 'enum', values: ['a', 'b'] }),
  ],
  primaryKey: [0],
  uniqueKeys: [],
};
const codec = new RowCodec(SCHEMA);

function packet(...values: (string | null)[]): Buffer {
  return Buffer.concat(
    values.map(v =>
      v === null ? Buffer.from([0xfb]) : Buffer.from([v.length, ...Buffer.from(v)]),
    ),
  );
}

function encoded(bytes: Buffer): Buffer {
  const out = new ByteWriter();
  codec.fromText(bytes, 0, bytes.length, out);
  return out.take();
}

function record(): { value: Buffer; fromEnd: number } {
  const out = new ByteWriter();
  const encoder = new EnvelopeEncoder({ codec, prefix: 's1', keySchemaId: 1, valueSchemaId: 2 });
  encoder.begin({
    tsMs: 1795235400123,
    snapshot: 'false',
    serverId: 1,
    gtid: 'a:1',
    file: 'f',
    pos: 4,
    thread: 5n,
  });
  const row = encoded(packet('7', '1.50', '{"a": 1}', null, '2'));
  const slice = { buf: row, start: 0, end: row.length };
  encoder.value(out, 'u', slice, slice, 3, 1, 2, 1795235400123);
  return { value: out.take(), fromEnd: encoder.sequenceFromEnd };
}

describe('bytes that are not what they should be', () => {
  test('a packet with too many or too few columns, or NULL in NOT NULL', () => {
    expect(() => encoded(packet('7', '1.50', null, null))).toThrow();
    expect(() => encoded(packet('7', '1.50', null, null, '1', '1'))).toThrow(/other columns/);
    expect(() => encoded(packet('7', null, null, null, '1'))).toThrow(/NOT NULL/);
    expect(() => encoded(packet('7', '1.50', null, null, '3'))).toThrow(
      /past the declared members/,
    );
  });

  test('a change record cut anywhere does not decode', () => {
    const decoder = new EnvelopeDecoder(codec);
    const { value } = record();
    // Followed by other bytes, as records are in a fetched batch.
    const fetched = Buffer.concat([value, value, value]);
    decoder.decode(fetched, value.length, value.length * 2);
    expect(decoder.ordinal).toBe(2);
    for (let end = 0; end < value.length; end++) {
      expect(() => decoder.decode(fetched, 0, end), `cut at ${end}`).toThrow(ReshardError);
      expect(() => decoder.decode(value.subarray(0, end), 0, end), `end ${end}`).toThrow();
    }
    expect(() => decoder.decode(fetched, 0, value.length + 1)).toThrow(ReshardError);
  });

  test('a damaged record decodes within its bounds, or not at all', () => {
    const decoder = new EnvelopeDecoder(codec);
    const { value } = record();
    const spot = fc.nat({ max: value.length - 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(spot, fc.nat({ max: 255 })), { minLength: 1 }), damage => {
        const bytes = Buffer.from(value);
        for (const [i, b] of damage) bytes[i] = b;
        try {
          decoder.decode(bytes, 0, bytes.length);
        } catch {
          return;
        }
        expect(decoder.afterEnd).toBeLessThanOrEqual(bytes.length);
        expect(decoder.beforeEnd).toBeLessThanOrEqual(decoder.afterStart);
      }),
      { numRuns: 2000 },
    );
  });

  test('a version is stamped only where one is, and only if it fits', () => {
    const { value, fromEnd } = record();
    const before = Buffer.from(value);
    expect(() => patchSequence(value, value.length, fromEnd - 1, 1, 2)).toThrow(ReshardError);
    expect(() => patchSequence(value, value.length, 10_000, 1, 2)).toThrow(ReshardError);
    expect(() => patchSequence(value, value.length, fromEnd, 1e10, 2)).toThrow(/does not fit/);
    expect(() => patchSequence(value, value.length, fromEnd, -1, 2)).toThrow(/does not fit/);
    patchSequence(value, value.length, fromEnd, 1, 2);
    expect(value.equals(before)).toBe(true);
    expect(() => patchSequence(value, value.length, fromEnd, 1, 2n ** 53n)).toThrow(/not fit/);
  });

  test('a binary JSON document with any byte changed is printed or refused, never endless', () => {
    const document = Buffer.from(
      '000200200012000100130001000c14000216006162017802000a000507000580ff',
      'hex',
    );
    const out = new ByteWriter();
    writeJson(document, 0, document.length, out);
    expect(out.view().toString()).toBe('{"a": "x", "b": [7, -128]}');
    fc.assert(
      fc.property(fc.nat({ max: document.length - 1 }), fc.nat({ max: 255 }), (i, b) => {
        const bytes = Buffer.from(document);
        bytes[i] = b;
        out.clear();
        try {
          writeJson(bytes, 0, bytes.length, out);
        } catch (e) {
          expect(e).toBeInstanceOf(Error);
        }
        expect(out.pos).toBeLessThan(100_000);
      }),
    );
    expect(() => writeJson(Buffer.from([0x0d, 0]), 0, 2, out)).toThrow(JsonCorrupt);
    expect(() => writeJson(Buffer.from([0x0c, 5, 0x61]), 0, 3, out)).toThrow(JsonCorrupt);
  });
});

describe('names and numbers', () => {
  test('Avro names keep what is legal', () => {
    expect(['order id', 'größe', '1st', 'ok_9', '日'].map(avroName)).toEqual([
      'order_id',
      'gr__e',
      '_1st',
      'ok_9',
      '_',
    ]);
  });

  test('columns that would be one field are two, and who has a legal name keeps it', () => {
    expect(fieldNames(['客户', '订单', 'id'])).toEqual(['_u5ba2_u6237', '_u8ba2_u5355', 'id']);
    expect(fieldNames(['a b', 'a-b', 'a_b', 'x y'])).toEqual([
      'a_u0020b',
      'a_u002db',
      'a_b',
      'x_y',
    ]);
    expect(fieldNames(['a b', 'a-b', 'a_u0020b'])).toEqual(['a_u0020b_', 'a_u002db', 'a_u0020b']);
    expect(fieldNames(['1 a', '1-a'])).toEqual(['_1_u0020a', '_1_u002da']);
    const columns = ['客户', '订单'].map(name => column(name, { kind: 'date' }));
    expect(keySchema('s1', { ...SCHEMA, columns, primaryKey: [1] })).toMatchObject({
      fields: [{ name: '_u8ba2_u5355', 'reshard.column': '订单' }],
    });
  });

  test.each([
    [0, '0', '0.0'],
    [-0, '-0', '-0.0'],
    [1, '1', '1.0'],
    [1e15, '1e15', '1e15'],
    [123456789012345, '123456789012345', '123456789012345.0'],
    [1e-15, '0.000000000000001', '0.000000000000001'],
    [1.5e-16, '1.5e-16', '1.5e-16'],
    [-1.7976931348623157e308, '-1.7976931348623157e308', '-1.7976931348623157e308'],
  ])('%d prints as MySQL prints it', (v, plain, json) => {
    expect(mysqlDouble(v)).toBe(plain);
    expect(jsonDouble(v)).toBe(json);
    expect(Object.is(Number(plain), v)).toBe(true);
  });
});
