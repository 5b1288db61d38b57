/**
 * Fingerprints of rows of all types, by the bytes that the log carries and the schema that the
 * registry has: the same for a row whatever topic, order of columns and width it comes in, and
 * another for every other row.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { envelopeSchema } from '../../../shared/codec/avro-schema.ts';
import { EnvelopeEncoder } from '../../../shared/codec/envelope.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import { ByteWriter } from '../../../shared/runtime/bytes.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { numberOf } from '../../../test/support/checker/changes.ts';
import {
  column,
  families,
  integers,
  type Sample,
} from '../../../test/support/codec/avro-samples.ts';
import { WORDS } from './change-queue.ts';
import { type ReadRow, RecordReader } from './fingerprint.ts';

const GTID = '3e11fa47-71ca-11e1-9e33-c80aa9429562:7';

type Row = (Sample | null)[];

const ALL: TableSchema = {
  db: 'shop',
  table: 'all types',
  columns: [
    column('id', { kind: 'integer', bits: 32, unsigned: false }),
    column('große Spalte', { kind: 'integer', bits: 32, unsigned: false }, true),
    ...families.map((f, i) => column(`c${i}`, f.type, i % 2 === 0)),
  ],
  primaryKey: [0],
  uniqueKeys: [],
};

const rows: fc.Arbitrary<Row> = fc.tuple(
  integers(32, false),
  fc.option(integers(32, false), { freq: 4 }),
  ...families.map((f, i) => (i % 2 === 0 ? fc.option(f.samples, { freq: 4 }) : f.samples)),
);

function printOf(reader: RecordReader, row: ReadRow | null): bigint {
  const to = new Uint32Array(WORDS);
  if (row !== null) reader.fingerprint(row, to);
  return numberOf(to);
}

/** A table's records of one topic. */
class Topic {
  readonly reader: RecordReader;
  readonly #codec: RowCodec;
  readonly #prefix: string;

  constructor(schema: TableSchema, prefix: string) {
    this.#codec = new RowCodec(schema);
    this.#prefix = prefix;
    this.reader = new RecordReader(JSON.stringify(envelopeSchema(prefix, schema)));
  }

  #row(row: Row): Buffer {
    const packet = new ByteWriter();
    for (const [i, sample] of row.entries()) {
      if (sample === null) packet.u8(0xfb);
      else {
        const { length } = sample.text;
        packet.u8(0xfd);
        for (const shift of [0, 8, 16]) packet.u8((length >> shift) & 0xff);
        packet.copy(sample.text, 0, length);
      }
      if (this.#codec.schema.columns[i]?.type.kind === 'json') packet.u8(0xfb);
    }
    const out = new ByteWriter();
    this.#codec.fromText(packet.buf, 0, packet.pos, out);
    return out.take();
  }

  record(before: Row | null, after: Row | null): Buffer {
    const ids = { keySchemaId: 1, valueSchemaId: 2 };
    const envelope = new EnvelopeEncoder({ codec: this.#codec, prefix: this.#prefix, ...ids });
    const at = { file: 'b.1', pos: 4, thread: 7n, serverId: 1, snapshot: 'false' } as const;
    envelope.begin({ ...at, tsMs: 1_700_000_000_000, gtid: GTID });
    const slice = (row: Row | null) => {
      if (row === null) return null;
      const buf = this.#row(row);
      return { buf, start: 0, end: buf.length };
    };
    const out = new ByteWriter();
    const op = before === null ? 'c' : after === null ? 'd' : 'u';
    envelope.value(out, op, slice(before), slice(after), 0, 1, 1, 1_700_000_000_000);
    return out.take();
  }

  fingerprintOf(row: Row): bigint {
    const buf = this.record(null, row);
    return printOf(this.reader, this.reader.read(buf, 0, buf.length).after);
  }
}

const source = new Topic(ALL, 's1');

function sameRow(a: Row, b: Row): boolean {
  return a.every((x, i) => {
    const y = b[i] ?? null;
    return x === null || y === null ? x === y : x.text.equals(y.text);
  });
}

describe('fingerprints', () => {
  test('a record is read to its last byte, with what came before and after', () => {
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        const buf = source.record(a, b);
        const read = source.reader.read(buf, 0, buf.length);
        expect([read.op, source.reader.gtid(buf, 0)]).toEqual(['u', GTID]);
        const again = source.reader.read(buf, 0, buf.length);
        const prints = [again.before, again.after].map(row => printOf(source.reader, row));
        expect(prints).toEqual([source.fingerprintOf(a), source.fingerprintOf(b)]);
        const cut = buf.subarray(0, buf.length - 1);
        expect(() => source.reader.read(cut, 0, cut.length)).toThrow(/does not decode/);
      }),
      { numRuns: 60 },
    );
  });

  test('on a topic of another name, with the columns in another order, it is the same', () => {
    const order = ALL.columns.map((_, i) => i).reverse();
    const turned = {
      ...ALL,
      columns: order.flatMap(i => ALL.columns[i] ?? []),
      primaryKey: [order.length - 1],
    };
    const target = new Topic(turned, 't1');
    fc.assert(
      fc.property(rows, row => {
        const other = target.fingerprintOf(order.map(i => row[i] ?? null));
        expect(other).toBe(source.fingerprintOf(row));
      }),
      { numRuns: 60 },
    );
  });

  test('of a table that grew it is the same as long as the new column is NULL', () => {
    const wide = ALL.columns.map((c, i) =>
      i === 1 ? column(c.name, { kind: 'integer', bits: 64, unsigned: false }, true) : c,
    );
    const added = column('came later', { kind: 'integer', bits: 32, unsigned: false }, true);
    const grown = new Topic({ ...ALL, columns: [...wide, added] }, 's1');
    fc.assert(
      fc.property(rows, row => {
        expect(grown.fingerprintOf([...row, null])).toBe(source.fingerprintOf(row));
        expect(grown.fingerprintOf([...row, row[0] ?? null])).not.toBe(source.fingerprintOf(row));
      }),
      { numRuns: 60 },
    );
  });

  test('it is the SHA-256 of names, kinds and values, so that older sums go on to count', () => {
    const id = column('Id', { kind: 'integer', bits: 32, unsigned: false });
    const none = column('none', { kind: 'integer', bits: 64, unsigned: false }, true);
    const topic = new Topic({ ...ALL, columns: [id, none], primaryKey: [0] }, 's1');
    const hashed = Buffer.from([0, 0, 0, 2, ...Buffer.from('idi'), 0, 0, 0, 1, 14]);
    const digest = createHash('sha256').update(hashed).digest('hex').slice(0, 32);
    const row: Row = [{ text: Buffer.from('7'), avro: 7 }, null];
    expect(topic.fingerprintOf(row)).toBe(BigInt(`0x${digest}`));
  });

  test('another row has another one, whichever column it differs in', () => {
    fc.assert(
      fc.property(rows, rows, fc.integer({ min: 0, max: ALL.columns.length - 1 }), (a, b, at) => {
        const mixed = a.map((x, i) => (i === at ? (b[i] ?? null) : x));
        const isSame = source.fingerprintOf(a) === source.fingerprintOf(mixed);
        expect(isSame).toBe(sameRow(a, mixed));
      }),
      { numRuns: 400 },
    );
  });

  test('values of two columns in each other’s place are another row', () => {
    const text = {
      kind: 'text',
      form: 'varchar',
      length: 80,
      charset: 'utf8mb4',
      collation: '',
    } as const;
    const columns = [...ALL.columns.slice(0, 1), column('a', text, true), column('b', text, true)];
    const two = new Topic({ ...ALL, columns }, 's1');
    const id: Sample = { text: Buffer.from('1'), avro: 1 };
    const of = (a: string | null, b: string | null): bigint =>
      two.fingerprintOf([
        id,
        ...[a, b].map(t => (t === null ? null : { text: Buffer.from(t), avro: t })),
      ]);
    const all = [
      of('x', ''),
      of('', 'x'),
      of('x', null),
      of(null, 'x'),
      of(null, null),
      of('', ''),
    ];
    all.push(of('x', 'y'), of('xy', ''), of('', 'xy'));
    expect(new Set(all).size).toBe(all.length);
  });
});
