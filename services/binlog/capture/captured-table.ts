/**
 * One table on its way into the log: row images of the binlog become key and envelope bytes, and
 * every key that is published is noted for the merge rule while the table is being copied.
 * A change of the row key is a delete of the old key, then a create of the new one (T3).
 */

import { ChunkMerge, type Verdict } from '../../../shared/change/chunk-merge.ts';
import type { Gtid, GtidSet } from '../../../shared/change/gtid.ts';
import type { ChunkRecord } from '../../../shared/codec/chunk-record.ts';
import { valueSchemaOf } from '../../../shared/codec/chunk-rows.ts';
import { EnvelopeEncoder, type Slice, type SourceInfo } from '../../../shared/codec/envelope.ts';
import { FRAME_BYTES } from '../../../shared/codec/registry-frame.ts';
import type { OlderSchema } from '../../../shared/job/state/job-view.ts';
import { KeyPartition } from '../../../shared/kafka/key-partition.ts';
import {
  type RecordHeader,
  type RecordSlices,
  wholeRecord,
} from '../../../shared/kafka/wire/record-slices.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import { RowProjection } from '../../../shared/row/row-projection.ts';
import { ByteWriter } from '../../../shared/runtime/bytes.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { isWidened } from '../../../shared/schema/column-widening.ts';
import {
  allColumns,
  schemaFingerprint,
  type TableSchema,
} from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import type { SeenTable } from './seen-table.ts';
import { olderShape } from './table-match.ts';

/** What a record costs besides key and value, at most. */
const RECORD_OVERHEAD_BYTES = 128;
/** Debezium's headers of a change of the row key: on the delete, and on the create. */
const NEW_KEY = Buffer.from('__debezium.newkey');
const OLD_KEY = Buffer.from('__debezium.oldkey');
/** A huge row makes the scratch buffers grow, in each table; they do not stay that big. */
const SCRATCH_BYTES_MAX = 1024 * 1024;
/** What an envelope and a row take besides the bytes of the row's image, about. */
const ENVELOPE_BYTES = 1024;
const MEGABYTE = 1024 * 1024;

export type RowOp = 'c' | 'u' | 'd';

/** Columns of a row image. */
export function imageWidth({ columns, virtual }: TableSchema): number {
  return columns.length + (virtual?.length ?? 0);
}

/** Where records go; one for each source. */
export interface RecordSink {
  readonly epoch: number;
  nextOrdinal(): number;
  append(topic: string, partition: number, record: RecordSlices): void;
}

export interface CapturedTableOptions {
  schema: TableSchema;
  generation: number;
  prefix: string;
  topic: string;
  partitions: number;
  /** Key classes of the plan, by key column. */
  keyClasses: readonly string[];
  keySchemaId: number;
  valueSchemaId: number;
  maxMessageBytes: number;
  /** Transactions whose changes of the table the copy has: they are not read from the binlog. */
  skipped: GtidSet | null;
  /** What the table was before columns were added to it, made wider or dropped. */
  older?: readonly TableSchema[];
  /** Value schemas of records from before, with the columns that were dropped since. */
  past?: readonly OlderSchema[];
}

/** One change in its rows event. */
export interface ChangeOptions {
  sink: RecordSink;
  gtid: Gtid;
  row: number;
  publish: boolean;
  nowMs: number;
  /** How images of a shape before the table grew are read. */
  shape: RowProjection | null;
  /** Says which job has made the change; undefined: none. */
  origin?: RecordHeader | undefined;
}

type PublishOptions = Omit<ChangeOptions, 'publish' | 'shape'>;

export class CapturedTable {
  readonly schema: TableSchema;
  readonly generation: number;
  readonly topic: string;
  readonly partitions: number;
  readonly keyPartition: KeyPartition;
  readonly fingerprint: string;
  /** Columns that came later than the first plan, in lower case. */
  readonly added: ReadonlySet<string>;
  /** Columns that the table had and has lost, in lower case. */
  readonly removed: ReadonlySet<string>;
  /** Columns that were made wider since then, in lower case: what they were. */
  readonly narrower: ReadonlyMap<string, readonly Column[]>;
  /** Set while the table is being copied. */
  merge: ChunkMerge | null = null;
  readonly #skipped: GtidSet | null;
  /** Schemas with a column that was dropped since, and whose name another one has. */
  readonly #ofOthers: ReadonlySet<number>;
  readonly #maxBytes: number;
  readonly #codec: RowCodec;
  readonly #envelope: EnvelopeEncoder;
  /** An image in an older shape, before it is a row. */
  readonly #image = new ByteWriter(1024);
  readonly #rows = new ByteWriter();
  readonly #keys = new ByteWriter(1024);
  readonly #values = new ByteWriter();
  readonly #record = wholeRecord(null, null, 0);
  readonly #before: Slice = { buf: this.#rows.buf, start: 0, end: 0 };
  readonly #after: Slice = { buf: this.#rows.buf, start: 0, end: 0 };

  constructor(o: CapturedTableOptions) {
    this.schema = o.schema;
    this.generation = o.generation;
    this.topic = o.topic;
    this.partitions = o.partitions;
    this.keyPartition = new KeyPartition(o.schema, o.keyClasses, o.partitions);
    this.fingerprint = schemaFingerprint(o.schema);
    this.added = addedColumns(o.schema, o.older ?? []);
    this.removed = removedColumns(o.schema, o.older ?? []);
    this.narrower = narrowerColumns(o.schema, o.older ?? []);
    this.#skipped = o.skipped;
    this.#ofOthers = schemasOfOthers(o.schema, o.past ?? []);
    this.#maxBytes = o.maxMessageBytes;
    this.#codec = new RowCodec(o.schema);
    this.#envelope = new EnvelopeEncoder({
      codec: this.#codec,
      prefix: o.prefix,
      keySchemaId: o.keySchemaId,
      valueSchemaId: o.valueSchemaId,
    });
  }

  /**
   * Begins to remember touched keys; `published` is what the log holds by now. What is skipped was
   * never published, so a chunk must have seen it.
   */
  startMerge(limitBytes: number, published: () => GtidSet): void {
    const skipped = this.#skipped;
    this.merge = new ChunkMerge({
      fingerprint: this.fingerprint,
      limitBytes,
      published: skipped === null ? published : () => published().union(skipped),
    });
  }

  /**
   * Opens a chunk, if its rows are of the table as it is; null: there is no memory. Its fingerprint
   * does not tell a column from one that was dropped and had the same name, but readers of its rows
   * leave out the values of that one.
   */
  takeChunk(
    chunk: Pick<ChunkRecord, 'rows' | 'rowCount' | 'fingerprint'>,
    r: GtidSet,
  ): Verdict | null {
    if (this.#ofOthers.has(valueSchemaOf(chunk) ?? -1)) return 'reject: schema';
    return this.merge?.takeChunk(r, chunk.fingerprint) ?? null;
  }

  /**
   * How images of the table that a TableMap event shows are read, if it is one of before the table
   * grew, or has its columns in another order; null if it is neither.
   */
  shapeOf(seen: SeenTable): RowProjection | null {
    const { schema, added, narrower } = this;
    const older = olderShape(schema, { added, narrower }, seen);
    return older === null ? null : new RowProjection(older, schema);
  }

  skips(gtid: Gtid | null): boolean {
    return this.#skipped !== null && gtid !== null && this.#skipped.contains(gtid);
  }

  /** Facts of the rows event whose changes follow. */
  beginRows(info: SourceInfo): void {
    this.#envelope.begin(info);
  }

  /** All changes of the rows event are published. */
  endRows(): void {
    const rows = this.#rows;
    rows.shed(SCRATCH_BYTES_MAX);
    this.#values.shed(SCRATCH_BYTES_MAX);
    slice(this.#before, rows.buf, 0, 0);
    slice(this.#after, rows.buf, 0, 0);
  }

  /**
   * Reads one row change at `pos` (an update has two images) and publishes it, unless the log has
   * it already. Returns the position behind it.
   */
  change(op: RowOp, buf: Buffer, pos: number, end: number, o: ChangeOptions): number {
    const rows = this.#rows;
    rows.clear();
    // At once what it takes: growing in steps would hold a huge row twice.
    rows.reserve(end - pos + ENVELOPE_BYTES);
    let next = this.#read(o.shape, buf, pos, end);
    const middle = rows.pos;
    if (op === 'u') next = this.#read(o.shape, buf, next, end);
    if (next > end) throw new ReshardError('corrupt', 'a row image runs past its event');
    if (!o.publish) return next;
    this.#publish(op, middle, o);
    return next;
  }

  #read(shape: RowProjection | null, buf: Buffer, pos: number, end: number): number {
    if (shape === null) return this.#codec.fromBinlog(buf, pos, end, this.#rows);
    const image = this.#image;
    image.clear();
    const next = shape.older.fromBinlog(buf, pos, end, image);
    shape.project(image.buf, 0, this.#rows);
    image.shed(SCRATCH_BYTES_MAX);
    return next;
  }

  #publish(op: RowOp, middle: number, o: PublishOptions): void {
    const rows = this.#rows;
    const keys = this.#keys;
    keys.clear();
    this.#envelope.key(keys, rows.buf, 0, middle);
    const first = keys.pos;
    const one = slice(this.#before, rows.buf, 0, middle);
    if (op !== 'u') {
      this.#values.clear();
      this.#encode(op, op === 'd' ? one : null, op === 'c' ? one : null, o);
      this.#append(0, first, 0, o);
      return;
    }
    const after = slice(this.#after, rows.buf, middle, rows.pos);
    this.#envelope.key(keys, rows.buf, middle, rows.pos);
    this.#values.clear();
    if (sameBytes(keys.buf, 0, first, keys.pos)) {
      this.#encode('u', one, after, o);
      this.#append(0, first, 0, o);
      return;
    }
    // Both are encoded before the first is appended: what fails, fails before the log is touched.
    this.#encode('d', one, null, o);
    const split = this.#values.pos;
    this.#encode('c', null, after, o);
    const end = this.#values.pos;
    this.#values.pos = split;
    this.#append(0, first, 0, o, { name: NEW_KEY, buf: keys.buf, start: first, end: keys.pos });
    this.#values.pos = end;
    const old = { name: OLD_KEY, buf: keys.buf, start: 0, end: first };
    this.#append(first, keys.pos, split, o, old);
  }

  #encode(op: RowOp, before: Slice | null, after: Slice | null, o: PublishOptions): void {
    const start = this.#values.pos;
    this.#values.reserve(this.#rows.pos + ENVELOPE_BYTES);
    const { epoch } = o.sink;
    const ordinal = o.sink.nextOrdinal();
    this.#envelope.value(this.#values, op, before, after, o.row, epoch, ordinal, o.nowMs);
    const bytes = this.#values.pos - start + this.#keys.pos + RECORD_OVERHEAD_BYTES;
    if (bytes > this.#maxBytes) throw this.#tooLarge(bytes);
  }

  /** Nothing of the source's transaction is in the log past its last commit: none is lost. */
  #tooLarge(bytes: number): ReshardError {
    const wanted = Math.ceil((bytes * 1.25) / MEGABYTE) * MEGABYTE;
    return new ReshardError('too-large', `a change of ${bytes} bytes is above the message limit`, {
      context: { table: this.schema.table, limit: this.#maxBytes },
      remedy:
        `set \`options.maxMessageBytes: ${wanted}\` or more in the job file, do what` +
        ' `reshard doctor <job file>` says about the topics then, and restart the services: it goes on here',
    });
  }

  #append(
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    o: PublishOptions,
    header?: RecordHeader,
  ): void {
    const { buf: key } = this.#keys;
    const { buf: value, pos } = this.#values;
    const canonical = keyStart + FRAME_BYTES;
    const record = this.#record;
    record.key = key;
    record.keyStart = keyStart;
    record.keyEnd = keyEnd;
    record.value = value;
    record.valueStart = valueStart;
    record.valueEnd = pos;
    record.timeMs = o.nowMs;
    record.headers = header && o.origin ? [header, o.origin] : (header ?? o.origin);
    o.sink.append(this.topic, this.keyPartition.of(key, canonical, keyEnd), record);
    this.merge?.note(key, canonical, keyEnd, o.gtid);
  }
}

function addedColumns(now: TableSchema, older: readonly TableSchema[]): Set<string> {
  const came = now.columns.filter(c => older.some(o => !o.columns.some(x => x.name === c.name)));
  return new Set(came.map(c => c.name.toLowerCase()));
}

function removedColumns(now: TableSchema, older: readonly TableSchema[]): Set<string> {
  const had = older.flatMap(o => allColumns(o).map(c => c.name.toLowerCase()));
  const has = new Set(allColumns(now).map(c => c.name.toLowerCase()));
  return new Set(had.filter(name => !has.has(name)));
}

function schemasOfOthers(now: TableSchema, past: readonly OlderSchema[]): Set<number> {
  const has = new Set(now.columns.map(c => c.name));
  const others = past.filter(o => o.gone?.some(name => has.has(name)));
  return new Set(others.map(o => o.valueSchemaId));
}

function narrowerColumns(
  now: TableSchema,
  older: readonly TableSchema[],
): Map<string, readonly Column[]> {
  const found = now.columns.flatMap((is): [string, Column[]][] => {
    const were = older.flatMap(o => o.columns.filter(c => c.name === is.name && isWidened(c, is)));
    return were.length === 0 ? [] : [[is.name.toLowerCase(), were]];
  });
  return new Map(found);
}

function slice(s: Slice, buf: Buffer, start: number, end: number): Slice {
  s.buf = buf;
  s.start = start;
  s.end = end;
  return s;
}

/** Two neighbouring runs of bytes, `[start, middle)` and `[middle, end)`. */
function sameBytes(buf: Buffer, start: number, middle: number, end: number): boolean {
  const n = middle - start;
  if (end - middle !== n) return false;
  for (let i = start; i < middle; i++) if (buf[i] !== buf[i + n]) return false;
  return true;
}
