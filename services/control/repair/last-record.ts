/**
 * The last record of keys in the topic of a source, found by reading the end of their partitions:
 * what the log says of a row by now. The log has no index by key, so what is read is bounded, and
 * a key without a record in it is told as that.
 */
import { EnvelopeDecoder } from '../../../shared/codec/envelope.ts';
import { markAt } from '../../../shared/codec/mark.ts';
import { FRAME_BYTES, schemaIdIn } from '../../../shared/codec/registry-frame.ts';
import { parseSchema, type TablePlan } from '../../../shared/job/state/job-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { type OffsetSpan, readSpans } from '../../../shared/kafka/read-spans.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import { RowProjection } from '../../../shared/row/row-projection.ts';
import { RowText } from '../../../shared/row/row-text.ts';
import { ByteWriter } from '../../../shared/runtime/bytes.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';

export interface LastRecord {
  partition: number;
  offset: number;
  /** When the record was written. */
  timeMs: number;
  /** The transaction that it is of; empty where it is of a copy or a repair, or a tombstone. */
  gtid: string;
  /** Hash of the row that it says is there; null: it is deleted. */
  hash: string | null;
}

/**
 * What the log says of a key; `none`: it begins with its first record and has none of the key.
 * `anew`: the same of one that was empty when the table was copied anew, so it may be another topic
 * than the one that rows of before have come by, and their deletes.
 */
export type Said = LastRecord | 'none' | 'anew' | 'beyond' | 'unreadable';

interface LogBounds {
  /** Most offsets that are read of a partition. */
  records: number;
  /** Those that are looked for: canonical bytes, as latin1. */
  keys: Iterable<string>;
  /** Deletes may be gone from it. */
  isCompacted: boolean;
}

type Kafka = Pick<KafkaLog, 'reader' | 'offsets' | 'highWatermarks'>;

/** The end of the log of one table of one source, read once and then on from there. */
export class TopicEnd {
  readonly #kafka: Kafka;
  readonly #topic: string;
  readonly #rows: RecordRows;
  readonly #records: number;
  readonly #isCompacted: boolean;
  readonly #isAnew: boolean;
  readonly #keys: Set<string>;
  /** By partition: up to where it was read, and whether that was from its very beginning. */
  readonly #read = new Map<number, { to: number; isWhole: boolean }>();
  /** By canonical bytes of the key. */
  readonly #found = new Map<string, LastRecord | 'unreadable'>();

  /**
   * `asked`: the table as servers are asked for its rows.
   */
  constructor(
    kafka: Kafka,
    plan: TablePlan,
    asked: TableSchema,
    { records, keys, isCompacted }: LogBounds,
  ) {
    this.#kafka = kafka;
    this.#topic = plan.topic;
    this.#rows = new RecordRows(plan, asked);
    this.#records = records;
    this.#isCompacted = isCompacted;
    const { copiedFrom = [] } = plan;
    this.#isAnew = copiedFrom.length > 0 && copiedFrom.every(end => end === 0);
    this.#keys = new Set(keys);
  }

  /**
   * Reads on to what is the end of a partition now; false if nothing comes for so long, as behind a
   * transaction of the writer that does not end.
   */
  async read(partition: number, key: string, stillMs: number): Promise<boolean> {
    // Spelled as nobody has asked for it: what was read has to be looked through once more.
    if (!this.#keys.has(key)) this.#read.delete(partition);
    this.#keys.add(key);
    const end = (await this.#kafka.highWatermarks(this.#topic))[partition] ?? 0;
    const range = (await this.#kafka.offsets(this.#topic)).find(r => r.partition === partition);
    const known = this.#read.get(partition);
    const from = known?.to ?? Math.max(range?.earliest ?? 0, end - this.#records);
    const isWhole = known?.isWhole ?? (from === 0 && !this.#isCompacted);
    if (from < end && !(await this.#readTo(partition, { from, to: end }, stillMs))) return false;
    this.#read.set(partition, { to: Math.max(from, end), isWhole });
    return true;
  }

  said(partition: number, key: string): Said {
    const found = this.#found.get(key);
    if (found !== undefined) return found;
    if (this.#read.get(partition)?.isWhole !== true) return 'beyond';
    return this.#isAnew ? 'anew' : 'none';
  }

  #note(fetched: FetchedBatch): void {
    for (let i = 0; i < fetched.count; i++) {
      const start = fetched.keyStart[i] as number;
      if (start < 0) continue;
      const key = fetched.buf.toString('latin1', start + FRAME_BYTES, fetched.keyEnd[i]);
      if (!this.#keys.has(key) || markAt(fetched, i) !== null) continue;
      this.#found.set(key, this.#rows.read(fetched, i) ?? 'unreadable');
    }
  }

  async #readTo(partition: number, span: OffsetSpan, stillMs: number): Promise<boolean> {
    const options = { kafka: this.#kafka, partition, stillMs };
    let read = span.from;
    for await (const [fetched] of readSpans(options, new Map([[this.#topic, span]]))) {
      this.#note(fetched);
      read = fetched.position;
    }
    return read >= span.to;
  }
}

/** Rows of records by the schemas that the plan knows. */
class RecordRows {
  readonly #valueSchemaId: number;
  readonly #envelope: EnvelopeDecoder;
  readonly #older: ReadonlyMap<number, { rows: RowProjection; envelope: EnvelopeDecoder }>;
  readonly #text: RowText;
  readonly #row = new ByteWriter(1024);

  constructor(plan: TablePlan, asked: TableSchema) {
    const codec = new RowCodec(plan.schema);
    this.#valueSchemaId = plan.valueSchemaId;
    this.#envelope = new EnvelopeDecoder(codec);
    this.#text = new RowText(codec, asked);
    this.#older = new Map(
      (plan.older ?? []).map(({ schemaJson, valueSchemaId, gone }) => {
        const rows = new RowProjection(parseSchema(schemaJson), plan.schema, gone);
        return [valueSchemaId, { rows, envelope: new EnvelopeDecoder(rows.older) }];
      }),
    );
  }

  /** Null: nobody can read it by what the plan knows. */
  read(fetched: FetchedBatch, i: number): LastRecord | null {
    const { buf, partition } = fetched;
    const [start, end] = [fetched.valueStart[i] as number, fetched.valueEnd[i] as number];
    const at = { partition, offset: fetched.offset(i), timeMs: fetched.ts(i) };
    if (start < 0) return { ...at, gtid: '', hash: null };
    const id = schemaIdIn(buf, start, end);
    const older = id === null ? undefined : this.#older.get(id);
    const envelope = older?.envelope ?? this.#envelope;
    if (older === undefined && id !== this.#valueSchemaId) return null;
    try {
      envelope.decode(buf, start, end);
      const gtid = buf.toString('latin1', envelope.gtidStart, envelope.gtidEnd);
      if (!envelope.hasAfter) return { ...at, gtid, hash: null };
      if (older === undefined) {
        return { ...at, gtid, hash: this.#text.hash(buf, envelope.afterStart) };
      }
      this.#row.clear();
      older.rows.project(buf, envelope.afterStart, this.#row);
      return { ...at, gtid, hash: this.#text.hash(this.#row.view(), 0) };
    } catch (e) {
      if (e instanceof ReshardError && e.kind === 'corrupt') return null;
      throw e;
    }
  }
}
