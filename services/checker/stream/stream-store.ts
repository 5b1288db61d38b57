/**
 * What the streaming check of a slot knows, as records of a compacted topic of the job: positions
 * and sums of a table partition are one record, so they never disagree. One writer for each slot,
 * by a transactional id: a member that has lost the slot cannot write over its successor's.
 */
import { type RecordCodec, recordCodec } from '../../../shared/codec/record-codec.ts';
import { foreignJob } from '../../../shared/job/state/identity.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { tailTable } from '../../../shared/kafka/table.ts';
import { streamTopic } from '../../../shared/kafka/topic-name.ts';
import type { TransactionalWriter } from '../../../shared/kafka/transactional-writer.ts';
import { wholeRecord } from '../../../shared/kafka/wire/record-slices.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import type { SavedTable } from './table-compare.ts';

interface StreamRecord {
  jobId: string;
  table: string;
  partition: number;
  basis: string;
  state: string;
}

export interface StoredTable {
  /** Generations of the table's copies that it is of. */
  basis: string;
  saved: SavedTable;
}

export class StreamStore implements Disposable {
  /** By table, as it was when the slot was taken over. */
  readonly tables: ReadonlyMap<string, StoredTable>;
  readonly #o: StoreOptions;
  readonly #codec: RecordCodec<StreamRecord>;
  readonly #writer: TransactionalWriter;

  private constructor(
    o: StoreOptions,
    codec: RecordCodec<StreamRecord>,
    writer: TransactionalWriter,
    tables: ReadonlyMap<string, StoredTable>,
  ) {
    this.#o = o;
    this.#codec = codec;
    this.#writer = writer;
    this.tables = tables;
  }

  /** Fences whoever had the slot, then reads what it has left. */
  static async open(o: StoreOptions): Promise<StreamStore> {
    const { kafka, registry, job, jobId, slot } = o;
    const topic = streamTopic(job);
    const codec = await recordCodec<StreamRecord>(registry, 'stream', `${topic}-value`);
    const writer = await kafka.transactionalWriter({ transactionalId: `${topic}.${slot}` });
    const tables = new Map<string, StoredTable>();
    try {
      await using tail = await tailTable(kafka, topic, (key, value) => {
        if (!key.toString().startsWith(`${slot}/`) || value === null) return;
        const record = codec.decode(value);
        if (record.jobId !== jobId) {
          throw foreignJob({ what: `a record of ${topic}`, ours: jobId, theirs: record.jobId });
        }
        tables.set(record.table, { basis: record.basis, saved: JSON.parse(record.state) });
      });
      await tail.caughtUp;
    } catch (e) {
      writer.close();
      throw e;
    }
    return new StreamStore(o, codec, writer, tables);
  }

  async save(tables: ReadonlyMap<string, StoredTable>): Promise<void> {
    const { job, jobId, slot: partition } = this.#o;
    for (const [table, { basis, saved }] of tables) {
      const state = JSON.stringify(saved);
      const value = this.#codec.encode({ jobId, table, partition, basis, state });
      const key = Buffer.from(`${partition}/${table}`);
      this.#writer.append(streamTopic(job), 0, wholeRecord(key, value, Date.now()));
    }
    await this.#writer.commit();
  }

  [Symbol.dispose](): void {
    this.#writer.close();
  }
}

export interface StoreOptions {
  kafka: KafkaLog;
  registry: SchemaRegistry;
  job: string;
  jobId: string;
  slot: number;
}
