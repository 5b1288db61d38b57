import { beforeEach, describe, expect, test } from 'vitest';
import { GtidSet, parseGtid } from '../../../shared/change/gtid.ts';
import type { ChunkRecord } from '../../../shared/codec/chunk-record.ts';
import { beginPart, endPart } from '../../../shared/codec/chunk-rows.ts';
import { EnvelopeEncoder } from '../../../shared/codec/envelope.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { RangeProgress } from '../../../shared/job/state/progress-view.ts';
import { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import type { RecordSlices } from '../../../shared/kafka/wire/record-slices.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import { ByteWriter } from '../../../shared/runtime/bytes.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { CapturedTable, type CapturedTableOptions } from '../capture/captured-table.ts';
import { ChunkIntake } from './chunk-intake.ts';
import type { OrderedWriter } from './ordered-writer.ts';

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const int = { kind: 'integer', bits: 32, unsigned: false } as const;
const column = (name: string) => ({
  name,
  type: int,
  nullable: false,
  autoIncrement: false,
  generated: 'no' as const,
  invisible: false,
});
const schema: TableSchema = {
  db: 'd',
  table: 't',
  columns: [column('id'), column('n')],
  primaryKey: [0],
  uniqueKeys: [],
};
const codec = new RowCodec(schema);
const envelope = new EnvelopeEncoder({ codec, prefix: 's', keySchemaId: 1, valueSchemaId: 2 });

/** Row, key and value of an integer pair, as a snapshot worker packs them. */
function packed(ids: number[]): { rows: Buffer; sequenceFromEnd: number } {
  const out = new ByteWriter();
  envelope.begin({
    tsMs: 1,
    snapshot: 'incremental',
    serverId: 0,
    gtid: null,
    file: '',
    pos: 0,
    thread: null,
  });
  for (const id of ids) {
    const row = new ByteWriter();
    row.varint(id);
    row.varint(7);
    const key = beginPart(out);
    envelope.key(out, row.buf, 0, row.pos);
    endPart(out, key);
    const value = beginPart(out);
    envelope.value(out, 'r', null, { buf: row.buf, start: 0, end: row.pos }, 0, 0, 0, 1);
    endPart(out, value);
  }
  return { rows: out.take(), sequenceFromEnd: envelope.sequenceFromEnd };
}

function keyOf(id: number): Buffer {
  const key = new ByteWriter();
  key.varint(id);
  return key.take();
}

const options: CapturedTableOptions = {
  ...{ schema, generation: 1, prefix: 's', topic: 's.d.t', partitions: 4, keyClasses: [] },
  ...{ keySchemaId: 1, valueSchemaId: 2, maxMessageBytes: 1 << 20, skipped: null },
};

let table: CapturedTable;
let intake: ChunkIntake;
let foreign: string[] = [];
let ranges: Map<string, RangeProgress>;
let published: GtidSet;
let plan: Pick<TablePlan, 'generation' | 'ranges'>;
let written: { ids: number[]; chunksOffset: number; full: boolean; busy: boolean };
let offset: number;
let held: number;

const chunks = new Map<string, ChunkRecord>();

function deliver(...list: Partial<ChunkRecord>[]): void {
  const fetched = new FetchedBatch('s.chunks', 0, Buffer.alloc(4096), list.length);
  list.forEach((c, i) => {
    const name = `chunk ${offset}`.padEnd(c.rowCount === 99 ? 400 : 100);
    const { rows, sequenceFromEnd } = packed([1, 2, 3]);
    chunks.set(name, {
      job: 'j',
      jobId: 'j#1',
      source: 's',
      db: 'd',
      table: 't',
      generation: 1,
      range: 0,
      seq: 0,
      after: null,
      upTo: keyOf(3),
      last: false,
      visible: published.toString(),
      fingerprint: table.fingerprint,
      sequenceFromEnd,
      rows,
      ...c,
      rowCount: 3,
    });
    const at = i * 400;
    fetched.buf.write(name, at);
    fetched.valueStart[i] = at;
    fetched.valueEnd[i] = at + name.length;
    fetched.offsets[i] = offset;
    offset += 1;
  });
  fetched.count = list.length;
  fetched.position = offset;
  held += 1;
  intake.onFetched(fetched);
}

beforeEach(() => {
  published = GtidSet.parse(`${UUID}:1-10`);
  table = new CapturedTable(options);
  table.startMerge(1 << 20, () => published.clone());
  ranges = new Map();
  plan = { generation: 1, ranges: [{ id: 0, after: null, upTo: null }] };
  written = { ids: [], chunksOffset: 0, full: false, busy: false };
  offset = 50;
  held = 0;
  let ordinal = 0;
  const writer = {
    epoch: 2,
    chunksOffset: 50,
    get isFull() {
      return written.full;
    },
    nextOrdinal: () => {
      ordinal += 1;
      return ordinal;
    },
    append: (_topic: string, _partition: number, { key, keyStart }: RecordSlices) => {
      written.ids.push((key[keyStart + 5] ?? 0) >> 1);
    },
    setRange: () => {},
    moved: () => {},
  };
  foreign = [];
  intake = new ChunkIntake({
    jobId: 'j#1',
    onForeign: theirs => foreign.push(theirs),
    flavor: 'mysql',
    codec: {
      encode: () => Buffer.alloc(0),
      decode: b => chunks.get(b.toString()) as ChunkRecord,
    },
    writer: writer as unknown as OrderedWriter,
    batchBytes: 400,
    table: () => table,
    plan: () => plan as TablePlan,
    ranges,
    isBinlogBusy: () => written.busy,
    release: () => {
      held -= 1;
      written.chunksOffset = writer.chunksOffset;
    },
    repairs: { take: () => 'passed over' },
    onRangeComplete: () => {},
  });
});

const range = (): RangeProgress | undefined => ranges.get('d.t/0');

describe('a chunk', () => {
  test('that continues what is durable is appended, with its progress and offset', () => {
    deliver({});
    expect(written.ids).toEqual([1, 2, 3]);
    expect(range()).toMatchObject({
      nextSeq: 1,
      rows: 3,
      dropped: 0,
      complete: false,
      reason: null,
    });
    expect(range()?.after).toEqual(keyOf(3));
    expect(written.chunksOffset).toBe(51);
    deliver({ seq: 1, after: keyOf(3), upTo: null, last: true });
    expect(range()).toMatchObject({ nextSeq: 2, rows: 6, complete: true });
    expect(held).toBe(0);
  });

  test('whose rows the binlog has overtaken loses exactly those', () => {
    const before = published.toString();
    const gtid = parseGtid(`${UUID}:11`);
    published.add(gtid);
    const key = keyOf(2);
    table.merge?.note(key, 0, key.length, gtid);
    deliver({ visible: before });
    expect(written.ids).toEqual([1, 3]);
    expect(range()).toMatchObject({ rows: 3, dropped: 1 });
  });

  test('read before the memory began is rejected, and its successors wait for the second reading', () => {
    deliver({ visible: `${UUID}:1-9` }, { seq: 1, after: keyOf(3) });
    expect(written.ids).toEqual([]);
    expect(range()).toMatchObject({ nextSeq: 1, rejected: 1, after: null, complete: false });
    expect(range()?.reason).toMatch(/older than the memory/);
    deliver({ seq: 1 });
    expect(written.ids).toEqual([1, 2, 3]);
    expect(range()).toMatchObject({ nextSeq: 2, reason: null });
  });

  test('read under another schema is rejected', () => {
    deliver({ fingerprint: 'other' });
    expect(range()).toMatchObject({ nextSeq: 1, rejected: 1, reason: 'reject: schema' });
  });

  test('of rows whose column was dropped, and another one has its name, is rejected', () => {
    const schemaJson = JSON.stringify(schema);
    const grown = (gone: string[]): void => {
      const past = [{ schemaJson, valueSchemaId: 2, gone }];
      table = new CapturedTable({ ...options, valueSchemaId: 3, past });
      table.startMerge(1 << 20, () => published.clone());
    };
    grown(['n']);
    deliver({});
    expect([written.ids, range()?.reason]).toEqual([[], 'reject: schema']);
    grown(['other']);
    deliver({ seq: 1 });
    expect(written.ids).toEqual([1, 2, 3]);
  });

  /** One that would be the next of its range. */
  const next = { seq: 1, after: keyOf(3) };

  test.each<[string, Partial<ChunkRecord>]>([
    ['of another job', { ...next, job: 'other', jobId: 'other#1' }],
    ['of an earlier job of the same name', { ...next, jobId: 'j#0' }],
    ['of a version before jobs had ids', { ...next, jobId: '' }],
    ['of an older generation', { ...next, generation: 0 }],
    ['of a range that is not planned', { ...next, range: 9 }],
    ['that comes again', { seq: 0, after: null }],
    ['that leaves a gap', { seq: 1, after: keyOf(9) }],
    ['that is ahead', { seq: 2, after: keyOf(3) }],
  ])('%s is passed over', (_, chunk) => {
    deliver({});
    written.ids = [];
    deliver(chunk);
    expect(written.ids).toEqual([]);
    expect(intake.counts.passedOver).toBe(1);
    expect(range()?.nextSeq).toBe(1);
  });

  test('of a generation that we have not heard of waits for its plan', () => {
    deliver({ generation: 2 });
    expect(intake.isWaiting).toBe(true);
    plan = { ...plan, generation: 2 };
    intake.pump();
    expect(intake.isWaiting).toBe(false);
  });
});

describe('room', () => {
  test('none while the open batch is full', () => {
    written.full = true;
    deliver({});
    expect(written.ids).toEqual([]);
    written.full = false;
    intake.onRoom();
    expect(written.ids).toEqual([1, 2, 3]);
  });

  test('half a batch while the binlog is busy, a whole one when it is idle', () => {
    const list = Array.from({ length: 6 }, (_, seq) => ({
      seq,
      after: seq === 0 ? null : keyOf(3),
    }));
    written.busy = true;
    deliver(...list);
    expect(intake.counts.accepted).toBe(2);
    intake.onRoom();
    expect(intake.counts.accepted).toBe(4);
    written.busy = false;
    intake.onRoom();
    expect(intake.counts.accepted).toBe(6);
  });
});
