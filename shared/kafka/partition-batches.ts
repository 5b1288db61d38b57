/**
 * The open batch of a writer: per partition a row of record batches below the size limit, built in
 * buffers that come back from a pool. The pool is bounded, so a burst of many large partitions
 * does not stay in memory.
 */
import { RecordBatchBuilder } from './wire/record-batch.ts';

interface Part {
  topic: string;
  partition: number;
  builders: RecordBatchBuilder[];
  next: number;
}

/** Room that a record may need besides its bytes, so that the limit is never passed. */
const RECORD_OVERHEAD_MAX = 40;
const POOL_BYTES_MAX = 16 * 1024 * 1024;

export class PartitionBatches {
  records = 0;
  /** Bytes of the open records as they will be sent. */
  bytes = 0;
  readonly #maxBatchBytes: number;
  #parts: Part[] = [];
  readonly #index = new Map<string, (Part | undefined)[]>();
  #lastTopic = '';
  #lastIndex: (Part | undefined)[] = [];
  #pool: RecordBatchBuilder[] = [];
  #poolBytes = 0;

  constructor(maxBatchBytes: number) {
    this.#maxBatchBytes = maxBatchBytes;
  }

  /** Where a record of so many bytes goes: a new batch begins when the last one would be full. */
  builder(topic: string, partition: number, bytes: number): RecordBatchBuilder {
    if (topic !== this.#lastTopic) this.#turnTo(topic);
    let part = this.#lastIndex[partition];
    if (!part) {
      part = { topic, partition, builders: [], next: 0 };
      this.#lastIndex[partition] = part;
      this.#parts.push(part);
    }
    const last = part.builders.at(-1);
    if (last && last.bytes + bytes + RECORD_OVERHEAD_MAX <= this.#maxBatchBytes) return last;
    const fresh = this.#fresh();
    part.builders.push(fresh);
    return fresh;
  }

  /** Hands out all that is open; appends go on into new batches. */
  take(): Part[] {
    const parts = this.#parts;
    this.#parts = [];
    for (const index of this.#index.values()) index.length = 0;
    this.records = 0;
    this.bytes = 0;
    return parts;
  }

  /** Takes back builders whose bytes nobody needs any more. */
  giveBack(builders: readonly RecordBatchBuilder[]): void {
    for (const builder of builders) {
      if (this.#poolBytes + builder.capacity > POOL_BYTES_MAX) continue;
      builder.clear();
      this.#poolBytes += builder.capacity;
      this.#pool.push(builder);
    }
  }

  #fresh(): RecordBatchBuilder {
    const builder = this.#pool.pop();
    if (!builder) return new RecordBatchBuilder();
    this.#poolBytes -= builder.capacity;
    return builder;
  }

  #turnTo(topic: string): void {
    let index = this.#index.get(topic);
    if (!index) {
      index = [];
      this.#index.set(topic, index);
    }
    this.#lastTopic = topic;
    this.#lastIndex = index;
  }
}
