/**
 * Appends records outside transactions: acknowledged by all replicas, never twice, in the order of
 * the calls within a partition (one request in flight for each). A send that rejects may or may not
 * have taken effect. Its producer identity is thrown away then, because the next batch under the
 * same sequence number would be acknowledged as a duplicate and be lost.
 */
import { ReshardError } from '../runtime/error.ts';
import { CoordinatorCall } from './wire/coordinator-call.ts';
import { type Batch, produceBatches } from './wire/produce.ts';
import { headerBytesMax, nextSequence, RecordBatchBuilder } from './wire/record-batch.ts';
import { type RecordHeader, wholeRecord } from './wire/record-slices.ts';
import type { ProducerIdentity, TransactionPort } from './wire/transaction-port.ts';
import { WriteHistory } from './write-history.ts';

export interface PlainRecord {
  key: Buffer | null;
  value: Buffer | null;
  /** Names and texts. */
  headers?: readonly (readonly [string, string])[];
}

export interface PlainWriterOptions {
  /** Batches are split above this; keep it below max.message.bytes of the topics. */
  maxBatchBytes: number;
  /**
   * For topics that nothing is read from as a history (reports, dead letters): one that an operator
   * has made anew is written on.
   */
  mayBeRemade?: boolean;
}

interface Identity {
  producer: Promise<ProducerIdentity>;
  sequences: Map<string, number>;
}

const SEND_TIMEOUT_MS = 30_000;
const RECORD_OVERHEAD_MAX = 40;

export class PlainWriter {
  readonly #port: TransactionPort;
  readonly #maxBatchBytes: number;
  readonly #tails = new Map<string, Promise<unknown>>();
  /** Null where any topic of the name will do. */
  readonly #history: WriteHistory | null;
  #identity: Identity | undefined;
  #closed = false;

  constructor(port: TransactionPort, o: PlainWriterOptions) {
    this.#port = port;
    this.#maxBatchBytes = o.maxBatchBytes;
    this.#history = o.mayBeRemade ? null : new WriteHistory(port);
  }

  /** Resolves with the offset of the first record when all are durable. The records are copied. */
  async send(
    topic: string,
    partition: number,
    records: readonly PlainRecord[],
  ): Promise<{ baseOffset: number }> {
    if (this.#closed) throw new ReshardError('bug', 'the writer is closed');
    if (records.length === 0) return { baseOffset: -1 };
    const builders = this.#built(records, Date.now());
    const name = `${topic}/${partition}`;
    const before = this.#tails.get(name) ?? Promise.resolve();
    const turn = before.then(() => this.#sendAll(topic, partition, builders));
    const tail = turn.catch(() => {});
    this.#tails.set(name, tail);
    try {
      return { baseOffset: await turn };
    } finally {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    }
  }

  close(): void {
    this.#closed = true;
    this.#port.close();
  }

  #built(records: readonly PlainRecord[], timeMs: number): RecordBatchBuilder[] {
    const builders: RecordBatchBuilder[] = [];
    let open: RecordBatchBuilder | undefined;
    for (const { key, value, headers } of records) {
      const headed = headers?.map(([name, text]) => headerOf(name, text));
      const content = (key?.length ?? 0) + (value?.length ?? 0) + headerBytesMax(headed);
      const bytes = content + RECORD_OVERHEAD_MAX;
      if (!open || open.bytes + bytes > this.#maxBatchBytes) {
        open = new RecordBatchBuilder(Math.max(512, bytes + 128));
        builders.push(open);
      }
      open.append(wholeRecord(key, value, timeMs, headed));
    }
    return builders;
  }

  async #sendAll(
    topic: string,
    partition: number,
    builders: readonly RecordBatchBuilder[],
  ): Promise<number> {
    const deadline = performance.now() + SEND_TIMEOUT_MS;
    const identity = this.#current(deadline);
    const topics = new Set([topic]);
    try {
      await this.#history?.look(topics);
      let first = -1;
      for (const builder of builders) {
        const batch = await sealed(identity, topic, partition, builder);
        const [base = -1] = await produceBatches(this.#port, null, [batch], deadline);
        this.#history?.acknowledged(topic, partition, base, batch.count);
        if (first < 0) first = base;
      }
      await this.#history?.compare(topics);
      return first;
    } catch (e) {
      if (this.#identity === identity) this.#identity = undefined;
      throw e;
    }
  }

  #current(deadline: number): Identity {
    this.#identity ??= { producer: this.#newProducer(deadline), sequences: new Map() };
    return this.#identity;
  }

  /** Any broker hands out an identity for writes without transactions. */
  #newProducer(deadline: number): Promise<ProducerIdentity> {
    const call = new CoordinatorCall({ coordinator: () => this.#port.anyNode() }, '');
    return call.run('to identify a writer', deadline, node =>
      this.#port.initProducerId(node, null, 0),
    );
  }
}

async function sealed(
  identity: Identity,
  topic: string,
  partition: number,
  builder: RecordBatchBuilder,
): Promise<Batch> {
  const { id, epoch } = await identity.producer;
  const name = `${topic}/${partition}`;
  const sequence = identity.sequences.get(name) ?? 0;
  identity.sequences.set(name, nextSequence(sequence, builder.count));
  const bytes = builder.finish({ id, epoch, sequence, transactional: false });
  return { topic, partition, bytes, count: builder.count };
}

function headerOf(name: string, text: string): RecordHeader {
  const buf = Buffer.from(text);
  return { name: Buffer.from(name), buf, start: 0, end: buf.length };
}
