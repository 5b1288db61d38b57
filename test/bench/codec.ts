/**
 * Cost of the row codec in microseconds a row, on the bench table: what the snapshot does with a
 * row (SELECT text to key and change record), the binlog service (row image to row bytes), the sink
 * (change record to SQL literals). Bytes only, no server: `node test/bench/codec.ts`.
 */
import { EnvelopeDecoder, EnvelopeEncoder } from '../../shared/codec/envelope.ts';
import { RowCodec } from '../../shared/row/row-codec.ts';
import { ByteWriter } from '../../shared/runtime/bytes.ts';
import type { TableSchema } from '../../shared/schema/table-schema.ts';
import type { Column, ColumnType } from '../../shared/type/column-type.ts';

const ROWS = 20_000;
const ROUNDS = 25;

function column(name: string, type: ColumnType, nullable = false): Column {
  return { name, type, nullable, autoIncrement: false, generated: 'no', invisible: false };
}

function varchar(length: number): ColumnType {
  const collation = 'utf8mb4_0900_ai_ci';
  return { kind: 'text', charset: 'utf8mb4', collation, length: length * 4, form: 'varchar' };
}

const schema: TableSchema = {
  db: 'app',
  table: 'o',
  columns: [
    column('id', { kind: 'integer', bits: 64, unsigned: true }),
    column('user_id', { kind: 'integer', bits: 64, unsigned: false }),
    column('status', varchar(20)),
    column('amount', { kind: 'decimal', precision: 12, scale: 2 }),
    column('note', varchar(200), true),
    column('created_at', { kind: 'datetime', fsp: 6 }),
    column('updated_at', { kind: 'timestamp', fsp: 3 }),
    column('payload', { kind: 'json' }, true),
  ],
  primaryKey: [0],
  uniqueKeys: [],
};

type Rows = { buf: Buffer; starts: number[] };

function textRow(out: ByteWriter, i: number): void {
  const values = [
    `${i + 1}`,
    `${(i * 7919) % 100003}`,
    'new',
    ((i % 100000) / 100).toFixed(2),
    `note ${i} lorem ipsum dolor sit amet`,
    '2026-01-02 03:04:05.123456',
    '2026-11-21 04:30:00.123',
    `{"a": ${i - (i % 1000)}, "b": [1, 2, 3], "c": "x"}`,
    // Of so many numbers the server has said that they are plain ones.
    '4',
  ];
  for (const v of values) {
    out.u8(v.length);
    out.ascii(v);
  }
}

/** The image that MySQL writes for the same row. */
function imageRow(out: ByteWriter, i: number): void {
  out.u8(0);
  const fixed = Buffer.alloc(16);
  fixed.writeBigUInt64LE(BigInt(i + 1), 0);
  fixed.writeBigInt64LE(BigInt((i * 7919) % 100003), 8);
  out.copy(fixed, 0, 16);
  out.u8(3);
  out.ascii('new');
  const cents = i % 100000;
  out.u8(0x80);
  out.u32be(Math.floor(cents / 100));
  out.u8(cents % 100);
  const note = `note ${i} lorem ipsum dolor sit amet`;
  out.u8(note.length & 255);
  out.u8(note.length >> 8);
  out.ascii(note);
  const packed = (2026 * 13 + 1) * 2 ** 22 + ((2 << 17) | (3 << 12) | (4 << 6) | 5) + 0x8000000000;
  for (const shift of [32, 24, 16, 8, 0]) out.u8(Math.floor(packed / 2 ** shift) & 255);
  out.copy(Buffer.from([0x01, 0xe2, 0x40]), 0, 3);
  out.u32be(1795235400);
  out.i16be(1230);
  const document = jsonImage(i - (i % 1000));
  out.copy(Buffer.from([document.length, 0, 0, 0]), 0, 4);
  out.copy(document, 0, document.length);
}

/** {"a": n, "b": [1, 2, 3], "c": "x"} in MySQL's binary form. */
function jsonImage(n: number): Buffer {
  const b = Buffer.alloc(53);
  b[0] = 0;
  const body = b.subarray(1);
  body.writeUInt16LE(3, 0);
  body.writeUInt16LE(52, 2);
  ['a', 'b', 'c'].forEach((k, i) => {
    body.writeUInt16LE(25 + i, 4 + i * 4);
    body.writeUInt16LE(1, 6 + i * 4);
    body.write(k, 25 + i);
  });
  body[16] = 0x07;
  body.writeUInt16LE(28, 17);
  body[19] = 0x02;
  body.writeUInt16LE(32, 20);
  body[22] = 0x0c;
  body.writeUInt16LE(50, 23);
  body.writeInt32LE(n, 28);
  body.writeUInt16LE(3, 32);
  body.writeUInt16LE(13, 34);
  [1, 2, 3].forEach((v, i) => {
    body[36 + i * 3] = 0x05;
    body.writeInt16LE(v, 37 + i * 3);
  });
  body[50] = 1;
  body.write('x', 51);
  return b;
}

function make(row: (out: ByteWriter, i: number) => void): Rows {
  const out = new ByteWriter();
  const starts: number[] = [];
  for (let i = 0; i < ROWS; i++) {
    starts.push(out.pos);
    row(out, i);
  }
  starts.push(out.pos);
  return { buf: out.take(), starts };
}

/** Median of the rounds, after the first five. */
function measure(name: string, pass: () => void): void {
  const rounds: number[] = [];
  for (let r = 0; r < ROUNDS; r++) {
    const from = process.cpuUsage();
    pass();
    const { user, system } = process.cpuUsage(from);
    rounds.push((user + system) / ROWS);
  }
  const sorted = rounds.slice(5).sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  console.log(`${name.padEnd(48)} ${median.toFixed(2)} us of CPU a row`);
}

const codec = new RowCodec(schema);
const encoder = new EnvelopeEncoder({ codec, prefix: 's1', keySchemaId: 1, valueSchemaId: 2 });
encoder.begin({
  tsMs: 1795235400123,
  snapshot: 'incremental',
  serverId: 1,
  gtid: null,
  file: '',
  pos: 0,
  thread: null,
});
const texts = make(textRow);
const imageRows = make(imageRow);
const row = new ByteWriter();
const out = new ByteWriter(8 * 1024 * 1024);
const slice = { buf: row.buf, start: 0, end: 0 };
const valueStarts: number[] = [];

measure('snapshot: text -> row, key, change record', () => {
  out.clear();
  valueStarts.length = 0;
  for (let i = 0; i < ROWS; i++) {
    row.clear();
    codec.fromText(texts.buf, texts.starts[i] ?? 0, texts.starts[i + 1] ?? 0, row);
    slice.buf = row.buf;
    slice.end = row.pos;
    encoder.key(out, row.buf, 0, row.pos);
    valueStarts.push(out.pos);
    encoder.value(out, 'r', null, slice, 0, 1, i, 1795235400123);
    valueStarts.push(out.pos);
  }
});
console.log(
  `  ${(texts.buf.length / ROWS).toFixed(0)} bytes of text, record of ${(out.pos / ROWS).toFixed(0)} bytes`,
);

const values = out.take();
const sql = new ByteWriter(8 * 1024 * 1024);

measure('snapshot: text -> row alone', () => {
  for (let i = 0; i < ROWS; i++) {
    row.clear();
    codec.fromText(texts.buf, texts.starts[i] ?? 0, texts.starts[i + 1] ?? 0, row);
  }
});

measure('binlog: row image -> row', () => {
  for (let i = 0; i < ROWS; i++) {
    row.clear();
    codec.fromBinlog(imageRows.buf, imageRows.starts[i] ?? 0, imageRows.buf.length, row);
  }
});

/** The two inputs must be the same rows, else the figures compare nothing. */
const check = new ByteWriter();
for (const i of [0, 1, 12345, ROWS - 1]) {
  row.clear();
  check.clear();
  codec.fromText(texts.buf, texts.starts[i] ?? 0, texts.starts[i + 1] ?? 0, row);
  codec.fromBinlog(imageRows.buf, imageRows.starts[i] ?? 0, imageRows.buf.length, check);
  if (!row.view().equals(check.view())) throw new Error(`row ${i} differs by its origin`);
}

const decoder = new EnvelopeDecoder(codec);
const offsets = new Int32Array(schema.columns.length);
measure('sink: change record -> offsets, SQL literals', () => {
  sql.clear();
  for (let i = 0; i < ROWS; i++) {
    decoder.decode(values, valueStarts[i * 2] ?? 0, valueStarts[i * 2 + 1] ?? 0);
    codec.offsets(values, decoder.afterStart, offsets);
    for (let c = 0; c < offsets.length; c++) {
      codec.toSql(values, offsets[c] ?? 0, c, sql);
      sql.u8(0x2c);
    }
  }
});
console.log(`  ${sql.view().subarray(0, 160).toString()}`);
