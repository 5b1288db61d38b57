/**
 * Records of a table topic made by hand, with the real codec: tests say what happened to which row,
 * and get fetched batches as a reader would deliver them.
 */
import { EnvelopeEncoder, type Operation } from '../../../shared/codec/envelope.ts';
import { type Mark, markHeader, ORIGIN_HEADER } from '../../../shared/codec/mark.ts';
import { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import { ByteWriter } from '../../../shared/runtime/bytes.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';

/** Column values as MySQL's text protocol prints them. */
export type TextRow = readonly (string | number | null)[];

export interface Event {
  op: Operation;
  before?: TextRow;
  after?: TextRow;
  /** Writer epoch and ordinal; by default the next ones. */
  epoch?: number;
  ordinal?: number;
}

export const SCHEMA_IDS = { keySchemaId: 7, valueSchemaId: 8 };

interface Made {
  key: Buffer;
  value: Buffer | null;
  offset: number;
  header: Header | null;
}

interface Header {
  name: Buffer;
  value: Buffer;
}

export class LogMaker {
  readonly topic: string;
  readonly partition: number;
  /** Id of the job that the rows are told to be of; null: of nobody's. */
  origin: string | null = null;
  readonly #codec: RowCodec;
  readonly #encoder: EnvelopeEncoder;
  readonly #records: Made[] = [];
  #ordinal = 0;

  constructor(schema: TableSchema, topic: string, partition: number, ids = SCHEMA_IDS) {
    this.topic = topic;
    this.partition = partition;
    this.#codec = new RowCodec(schema);
    this.#encoder = new EnvelopeEncoder({ codec: this.#codec, prefix: 'test', ...ids });
  }

  /** Offset behind the last record. */
  get end(): number {
    return (this.#records.at(-1)?.offset ?? -1) + 1;
  }

  append(...events: Event[]): this {
    for (const event of events) {
      const header = this.#originHeader();
      this.#records.push({ ...this.encode(event), offset: this.end, header });
    }
    return this;
  }

  #originHeader(): Header | null {
    const { origin } = this;
    return origin === null ? null : { name: ORIGIN_HEADER, value: Buffer.from(origin) };
  }

  /** Of a transaction of which all rows lie in front of it; by default no key waits. */
  appendMark(of: Pick<Mark, 'job' | 'topic' | 'next'> & Partial<Mark>): this {
    const place = { partition: this.partition, gtid: '', tsMs: 1_700_000_000_000 };
    const { name, buf } = markHeader({ ...place, waits: [], more: false, left: 0, ...of });
    const header = { name, value: buf };
    this.#records.push({ key: Buffer.alloc(5), value: null, offset: this.end, header });
    return this;
  }

  /** What compaction leaves of a delete. */
  appendTombstone(row: TextRow): this {
    const { key } = this.encode({ op: 'd', before: row });
    this.#records.push({ key, value: null, offset: this.end, header: null });
    return this;
  }

  /** A value that nobody can read, of the key of a row. */
  appendGarbage(row: TextRow): this {
    const { key } = this.encode({ op: 'c', after: row });
    const value = Buffer.from('garbage');
    this.#records.push({ key, value, offset: this.end, header: this.#originHeader() });
    return this;
  }

  /** A key that nobody can read: one byte longer than a key is. */
  appendBadKey(row: TextRow): this {
    const { key, value } = this.encode({ op: 'c', after: row });
    const record = {
      key: Buffer.concat([key, Buffer.alloc(1)]),
      value,
      offset: this.end,
      header: null,
    };
    this.#records.push({ ...record, value: Buffer.from('garbage') });
    return this;
  }

  encode(event: Event): { key: Buffer; value: Buffer } {
    this.#ordinal = event.ordinal ?? this.#ordinal + 1;
    const before = event.before ? this.#slice(event.before) : null;
    const after = event.after ? this.#slice(event.after) : null;
    const row = after ?? before;
    if (row === null) throw new Error('an event needs a row');
    this.#encoder.begin({
      tsMs: 1_700_000_000_000,
      snapshot: event.op === 'r' ? 'incremental' : 'false',
      serverId: 1,
      gtid: null,
      file: '',
      pos: 0,
      thread: null,
    });
    const key = new ByteWriter(64);
    this.#encoder.key(key, row.buf, row.start, row.end);
    const value = new ByteWriter(512);
    const { epoch = 1 } = event;
    this.#encoder.value(value, event.op, before, after, 0, epoch, this.#ordinal, 1_700_000_000_000);
    return { key: key.take(), value: value.take() };
  }

  /**
   * Records of offsets [from, to) as one fetched batch; the position behind them may be further on.
   */
  fetched(from = 0, to = this.end, position = to): FetchedBatch {
    const records = this.#records.filter(r => r.offset >= from && r.offset < to);
    const parts: Buffer[] = [];
    let pos = 0;
    const places = records.map(({ key, value, header }) => {
      const keyStart = pos;
      parts.push(key);
      pos += key.length;
      const valueStart = pos;
      // Where there is no value its length stands there all the same.
      const behind = Buffer.concat([Buffer.from(value === null ? [1] : []), headersOf(header)]);
      parts.push(value ?? Buffer.alloc(0), behind);
      const valueEnd = pos + (value?.length ?? 0);
      pos = valueEnd + behind.length;
      return { keyStart, valueStart, valueEnd, isNull: value === null };
    });
    const fetched = new FetchedBatch(
      this.topic,
      this.partition,
      Buffer.concat(parts),
      records.length,
    );
    fetched.count = records.length;
    fetched.position = position;
    fetched.bytes = pos;
    records.forEach((record, i) => {
      const place = places[i];
      if (place === undefined) return;
      fetched.offsets[i] = record.offset;
      fetched.keyStart[i] = place.keyStart;
      fetched.keyEnd[i] = place.valueStart;
      fetched.valueStart[i] = place.isNull ? -1 : place.valueStart;
      fetched.valueEnd[i] = place.isNull ? -1 : place.valueEnd;
    });
    return fetched;
  }

  #slice(values: TextRow): { buf: Buffer; start: number; end: number } {
    const cells = values.map((v, i) => {
      // A document has no values of other kinds here, which a cell behind it says.
      const kinds = Buffer.from(this.#codec.schema.columns[i]?.type.kind === 'json' ? [0xfb] : []);
      if (v === null) return Buffer.concat([Buffer.from([0xfb]), kinds]);
      const text = Buffer.from(String(v));
      const head = text.length < 0xfb ? Buffer.from([text.length]) : longHead(text.length);
      return Buffer.concat([head, text, kinds]);
    });
    const packet = Buffer.concat(cells);
    const out = new ByteWriter(256);
    this.#codec.fromText(packet, 0, packet.length, out);
    const buf = out.take();
    return { buf, start: 0, end: buf.length };
  }
}

function longHead(length: number): Buffer {
  const head = Buffer.alloc(4);
  head[0] = 0xfd;
  head.writeUIntLE(length, 1, 3);
  return head;
}

/** As they lie behind the value of a record: how many, then names and values with their lengths. */
function headersOf(header: Header | null): Buffer {
  const w = new ByteWriter(64);
  w.varint(header === null ? 0 : 1);
  for (const part of header === null ? [] : [header.name, header.value]) {
    w.varint(part.length);
    w.copy(part, 0, part.length);
  }
  return w.take();
}
