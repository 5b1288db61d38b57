/** T3: a change of the primary key is a delete and a create that name each other in a header. */
import { beforeEach, expect, test } from 'vitest';
import { EnvelopeDecoder } from '../../../shared/codec/envelope.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { SeenColumn } from '../../../shared/type/seen-column.ts';
import { CapturedTable, type RecordSink } from './captured-table.ts';

const schema: TableSchema = {
  db: 'd',
  table: 't',
  columns: ['id', 'n'].map(name => ({
    name,
    type: { kind: 'integer', bits: 32, unsigned: false },
    nullable: false,
    autoIncrement: false,
    generated: 'no',
    invisible: false,
  })),
  primaryKey: [0],
  uniqueKeys: [],
};

const decoder = new EnvelopeDecoder(new RowCodec(schema));
let sent: { key: string; op: string; header: string }[];
let limit: number;

beforeEach(() => {
  sent = [];
  limit = 1 << 20;
});

function update(before: [number, number], after: [number, number]): void {
  const table = new CapturedTable({
    schema,
    generation: 1,
    prefix: 's',
    topic: 's.d.t',
    partitions: 1,
    keyClasses: [],
    keySchemaId: 7,
    valueSchemaId: 8,
    maxMessageBytes: limit,
    skipped: null,
  });
  let ordinal = 0;
  const sink: RecordSink = {
    epoch: 1,
    nextOrdinal: () => {
      ordinal += 1;
      return ordinal;
    },
    append: (
      _topic,
      _partition,
      { key, keyStart, keyEnd, value, valueStart, valueEnd, headers },
    ) => {
      decoder.decode(value, valueStart, valueEnd);
      const header = headers && 'name' in headers ? headers : undefined;
      const name = header ? String(header.name) : '';
      const bytes = header?.buf.toString('hex', header.start, header.end) ?? '';
      const framed = key.toString('hex', keyStart, keyEnd);
      sent.push({ key: framed, op: decoder.op, header: `${name} ${bytes}` });
    },
  };
  const image = (values: number[]): Buffer => {
    const buf = Buffer.alloc(1 + 4 * values.length);
    for (const [i, v] of values.entries()) buf.writeInt32LE(v, 1 + 4 * i);
    return buf;
  };
  const event = Buffer.concat([image(before), image(after)]);
  table.beginRows({
    tsMs: 1,
    snapshot: 'false',
    serverId: 1,
    gtid: null,
    file: 'b.1',
    pos: 4,
    thread: null,
  });
  const gtid = { source: '3e11fa47-71ca-11e1-9e33-c80aa9429562', number: 1, server: 0 };
  const o = { sink, gtid, row: 0, publish: true, nowMs: 1000, shape: null };
  expect(table.change('u', event, 0, event.length, o)).toBe(event.length);
  table.endRows();
}

test('another key: the delete has the new key in a header, the create the old one', () => {
  update([1, 5], [2, 5]);
  expect(sent).toEqual([
    { key: '000000000702', op: 'd', header: '__debezium.newkey 000000000704' },
    { key: '000000000704', op: 'c', header: '__debezium.oldkey 000000000702' },
  ]);
});

test('the same key: one update without a header', () => {
  update([1, 5], [1, 6]);
  expect(sent).toEqual([{ key: '000000000702', op: 'u', header: ' ' }]);
});

test('a change above the limit is refused whole, with the limit that would do', () => {
  limit = 100;
  expect(() => update([1, 5], [2, 5])).toThrow(
    expect.objectContaining({
      kind: 'too-large',
      context: expect.objectContaining({ table: 't', limit: 100 }),
      remedy: expect.stringMatching(/options\.maxMessageBytes: \d+`/),
    }),
  );
  expect(sent).toEqual([]);
});

test('images of before the table grew are rows with NULL in what came', () => {
  const [id, n] = schema.columns;
  if (!id || !n) throw new Error('two columns');
  const grown: TableSchema = {
    ...schema,
    columns: [id, { ...n, name: 'came', nullable: true }, n],
  };
  const table = new CapturedTable({
    schema: grown,
    generation: 1,
    prefix: 's',
    topic: 's.d.t',
    partitions: 1,
    keyClasses: [],
    keySchemaId: 7,
    valueSchemaId: 9,
    maxMessageBytes: limit,
    skipped: null,
    older: [schema],
  });
  const seen = (name: string): SeenColumn => ({
    name,
    code: 3,
    metadata: {},
    unsigned: false,
    charset: null,
    values: [],
  });
  const shape = table.shapeOf({ columns: [seen('id'), seen('n')], primaryKey: [0] });
  expect([...table.added]).toEqual(['came']);
  const codec = new RowCodec(grown);
  const reader = new EnvelopeDecoder(codec);
  const rows: unknown[] = [];
  const sink: RecordSink = {
    epoch: 1,
    nextOrdinal: () => 1,
    append: (_topic, _partition, { value, valueStart, valueEnd }) => {
      reader.decode(value, valueStart, valueEnd);
      rows.push(codec.toJs(value, reader.beforeStart), codec.toJs(value, reader.afterStart));
    },
  };
  const facts = { tsMs: 1, serverId: 1, gtid: null, file: 'b.1', pos: 4, thread: null };
  table.beginRows({ ...facts, snapshot: 'false' });
  const gtid = { source: '3e11fa47-71ca-11e1-9e33-c80aa9429562', number: 1, server: 0 };
  const o = { sink, gtid, row: 0, publish: true, nowMs: 1000, shape };
  const update = Buffer.from([0, 1, 0, 0, 0, 5, 0, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
  expect(table.change('u', update, 0, update.length, o)).toBe(update.length);
  expect(rows).toEqual([
    [1, null, 5],
    [1, null, 6],
  ]);
});

test('another spelling of a key is a delete and a create, in one partition', () => {
  const type = {
    kind: 'text',
    charset: 'utf8mb4',
    collation: 'utf8mb4_0900_ai_ci',
    length: 160,
    form: 'varchar',
  } as const;
  const columns = schema.columns.map((c, i) => (i === 0 ? { ...c, type } : c));
  const table = new CapturedTable({
    schema: { ...schema, columns },
    ...{ generation: 1, prefix: 's', topic: 's.d.t', keySchemaId: 7, valueSchemaId: 8 },
    ...{ partitions: 64, keyClasses: ['letters-1/uca1400'], maxMessageBytes: limit, skipped: null },
    older: [],
  });
  const appended: string[] = [];
  const sink: RecordSink = {
    epoch: 1,
    nextOrdinal: () => appended.length + 1,
    append: (_topic, partition, { key, keyStart, keyEnd }) => {
      appended.push(`${partition} ${key.toString('utf8', keyStart + 6, keyEnd)}`);
    },
  };
  const image = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    return Buffer.concat([Buffer.from([0, bytes.length]), bytes, Buffer.alloc(4)]);
  };
  const gtid = { source: '3e11fa47-71ca-11e1-9e33-c80aa9429562', number: 1, server: 0 };
  const info = { tsMs: 1, serverId: 1, gtid: null, file: 'b.1', pos: 4, thread: null };
  const partitions = new Set<string>();
  for (let i = 0; i < 20; i++) {
    appended.length = 0;
    const event = Buffer.concat([image(`key ${i}`), image(`KÉY ${i}`)]);
    table.beginRows({ ...info, snapshot: 'false' });
    table.change('u', event, 0, event.length, {
      ...{ sink, gtid, row: 0, publish: true, nowMs: 1, shape: null },
    });
    const [partition = ''] = appended[0]?.split(' ') ?? [];
    expect(appended).toEqual([`${partition} key ${i}`, `${partition} KÉY ${i}`]);
    partitions.add(partition);
  }
  expect(partitions.size).toBeGreaterThan(5);
});
