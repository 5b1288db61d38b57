/**
 * Records of one table topic as what they change: the bucket of the key, and the row before and
 * after, each with its fingerprint. Rows are read by the schema that the record itself names, so
 * records of before a table grew are read like any other.
 */
import { FRAME_BYTES, schemaIdIn } from '../../../shared/codec/registry-frame.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import { KeyPartition } from '../../../shared/kafka/key-partition.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import type { RowView } from '../../../shared/route/route.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { WORDS } from './change-queue.ts';
import { type Fingerprint, NOTHING, type ReadRow, RecordReader } from './fingerprint.ts';

/** Of a partition of a table. */
export const BUCKETS = 256;

/** As everything here valid until the next record is read. */
export interface ChangedRow {
  /** Zero where rows are not looked at. */
  fingerprint: Fingerprint;
  view: RowView;
}

export interface TopicChange {
  bucket: number;
  /** It does not say what the row was: of a copy or a repair, or nobody can read it. */
  isUnknown: boolean;
  before: ChangedRow | null;
  after: ChangedRow | null;
}

/** Readers of values by schema id, for all topics. */
export class RecordReaders {
  readonly #registry: Pick<SchemaRegistry, 'schemaById'>;
  readonly #known = new Map<number, RecordReader>();

  constructor(registry: Pick<SchemaRegistry, 'schemaById'>) {
    this.#registry = registry;
  }

  of(id: number): RecordReader | undefined {
    return this.#known.get(id);
  }

  /**
   * Learns the schemas of a batch's values; answers their ids. A value that names one which is none
   * of a table nobody can read; `planned`, that of the topic's own rows, has to be there.
   */
  async learn(fetched: FetchedBatch, planned: number): Promise<ReadonlySet<number>> {
    const ids = new Set<number>();
    for (let i = 0; i < fetched.count; i++) {
      const start = fetched.valueStart[i] as number;
      const id = start < 0 ? null : schemaIdIn(fetched.buf, start, fetched.valueEnd[i] as number);
      if (id !== null) ids.add(id);
    }
    for (const id of ids) {
      if (this.#known.has(id)) continue;
      try {
        this.#known.set(id, new RecordReader(await this.#registry.schemaById(id)));
      } catch (e) {
        if (id === planned || !isNoTable(e, id)) throw e;
        ids.delete(id);
      }
    }
    return ids;
  }
}

/** Whether the registry has answered, and the id is of nothing that rows are written by. */
function isNoTable(e: unknown, id: number): boolean {
  if (!(e instanceof ReshardError)) return false;
  return e.kind === 'corrupt' || (e.kind === 'registry' && e.context.id === id);
}

export class TopicChanges {
  readonly topic: string;
  /** Of the rows that are planned to come. */
  readonly valueSchemaId: number;
  readonly columns: readonly string[];
  readonly #readers: RecordReaders;
  readonly #partitions: number;
  readonly #buckets: KeyPartition;
  readonly #keys: RowCodec;
  readonly #places = new Map<RecordReader, readonly number[]>();
  readonly #before = new SeenRow();
  readonly #after = new SeenRow();

  constructor(plan: TablePlan, partitions: number, readers: RecordReaders) {
    const { schema, keyClasses = [], topic, valueSchemaId } = plan;
    this.topic = topic;
    this.valueSchemaId = valueSchemaId;
    this.columns = schema.columns.map(c => c.name);
    this.#readers = readers;
    this.#partitions = partitions;
    // A bucket has keys of one partition alone, and all spellings of each.
    this.#buckets = new KeyPartition(schema, keyClasses, partitions * BUCKETS);
    const columns = schema.primaryKey.flatMap(i => schema.columns[i] ?? []);
    const primaryKey = columns.map((_, i) => i);
    this.#keys = new RowCodec({ ...schema, columns, primaryKey, virtual: [], uniqueKeys: [] });
  }

  /** The bucket of canonical key bytes. */
  bucketOf(buf: Buffer, start: number, end: number): number {
    return Math.floor(this.#buckets.of(buf, start, end) / this.#partitions);
  }

  /** The key of a record, for people. */
  keyText(fetched: FetchedBatch, i: number): string {
    const key = this.#keys.toJs(fetched.buf, (fetched.keyStart[i] as number) + FRAME_BYTES);
    return key.map(String).join(', ');
  }

  /** The transaction that a record says it is of. */
  gtid(fetched: FetchedBatch, i: number): string {
    const start = fetched.valueStart[i] as number;
    return this.#readerOf(fetched, i)?.gtid(fetched.buf, start) ?? '';
  }

  #readerOf({ buf, valueStart, valueEnd }: FetchedBatch, i: number): RecordReader | undefined {
    const start = valueStart[i] as number;
    if (start < 0) return undefined;
    return this.#readers.of(schemaIdIn(buf, start, valueEnd[i] as number) ?? -1);
  }

  /** Null for a record without a key. Without `withRows` it says only which rows there are. */
  read(fetched: FetchedBatch, i: number, withRows: boolean): TopicChange | null {
    const { buf } = fetched;
    const keyStart = fetched.keyStart[i] as number;
    if (keyStart < 0) return null;
    const bucket = this.bucketOf(buf, keyStart + FRAME_BYTES, fetched.keyEnd[i] as number);
    const unknown = { bucket, isUnknown: true, before: null, after: null };
    const reader = this.#readerOf(fetched, i);
    if (reader === undefined) return unknown;
    try {
      const [start, end] = [fetched.valueStart[i] as number, fetched.valueEnd[i] as number];
      const { op, before, after } = reader.read(buf, start, end);
      if (op === 'r') return unknown;
      const places = this.#placesOf(reader);
      const seen = (row: ReadRow | null, at: SeenRow): ChangedRow | null =>
        row === null ? null : at.see(row, withRows ? reader : null, places);
      return {
        ...{ bucket, isUnknown: false },
        before: seen(before, this.#before),
        after: seen(after, this.#after),
      };
    } catch (e) {
      if (e instanceof ReshardError && e.kind === 'corrupt') return unknown;
      throw e;
    }
  }

  /** What was read is not valid any more: a topic at rest must not keep the bytes of an answer. */
  release(): void {
    this.#before.release();
    this.#after.release();
    for (const reader of this.#places.keys()) reader.release();
  }

  /** Where the rows of a reader have the columns of the plan. */
  #placesOf(reader: RecordReader): readonly number[] {
    const known = this.#places.get(reader);
    if (known !== undefined) return known;
    const places = this.columns.map(name => reader.columns.indexOf(name));
    this.#places.set(reader, places);
    return places;
  }
}

/** The row before or after a change; used again for each record. */
class SeenRow implements ChangedRow, RowView {
  readonly fingerprint = new Uint32Array(WORDS);
  buf = NOTHING;
  #starts: Int32Array = new Int32Array(0);
  #places: readonly number[] = [];

  get view(): RowView {
    return this;
  }

  /** Without a reader its fingerprint is zero. */
  see(row: ReadRow, reader: RecordReader | null, places: readonly number[]): this {
    this.buf = row.buf;
    this.#starts = row.starts;
    this.#places = places;
    if (reader === null) this.fingerprint.fill(0);
    else reader.fingerprint(row, this.fingerprint);
    return this;
  }

  release(): void {
    this.buf = NOTHING;
  }

  start(column: number): number {
    return this.#starts[this.#places[column] as number] as number;
  }
}
