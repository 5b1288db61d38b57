/**
 * Appends records to many partitions so that each commit is visible to committed readers whole or
 * not at all, and so that only one writer per transactional id can commit: opening a new one fences
 * the old epoch and aborts what it left open.
 *
 * Crash-only: any rejected commit leaves this object dead. Whether a commit whose answer was lost
 * took effect is settled by the next writer's opening (the coordinator completes or aborts it), so
 * its owner reads its resume point again then. (The library's producer cannot be used after a
 * failed commit either, but does not say so.)
 */
import { asReshardError, ReshardError } from '../runtime/error.ts';
import { FAILPOINTS, failpoint } from '../runtime/failpoint.ts';
import { PartitionBatches } from './partition-batches.ts';
import { CoordinatorCall } from './wire/coordinator-call.ts';
import { CODE, isCoordinatorBusy, isCoordinatorMoved } from './wire/error-code.ts';
import { type Batch, produceBatches } from './wire/produce.ts';
import { headerBytesMax, nextSequence, type RecordBatchBuilder } from './wire/record-batch.ts';
import type { RecordSlices } from './wire/record-slices.ts';
import type { ProducerIdentity, TransactionPort } from './wire/transaction-port.ts';
import { WriteHistory, type WriteHistoryOptions } from './write-history.ts';

export interface TransactionalWriterOptions {
  transactionalId: string;
  /** After this long without an end the broker aborts an open transaction of a vanished writer. */
  timeoutMs?: number;
  /** A commit that takes longer than this is given up. */
  commitTimeoutMs?: number;
  /** Batches are split above this; keep it below max.message.bytes of the topics. */
  maxBatchBytes?: number;
  history?: WriteHistoryOptions;
}

export interface Committed {
  /** Offset after our last record of each partition (the commit marker is at it). */
  offsets: { topic: string; partition: number; next: number }[];
}

interface Sending {
  topic: string;
  partition: number;
  builders: RecordBatchBuilder[];
  next: number;
}

const TIMEOUT_MS = 30_000;
const COMMIT_TIMEOUT_MS = 15_000;
const OPEN_TIMEOUT_MS = 60_000;
export const MAX_BATCH_BYTES = 900 * 1024;

export class TransactionalWriter {
  readonly #port: TransactionPort;
  readonly #id: string;
  readonly #call: CoordinatorCall;
  readonly #producer: ProducerIdentity;
  readonly #commitTimeoutMs: number;
  readonly #open: PartitionBatches;
  readonly #sequences = new Map<string, number>();
  readonly #history: WriteHistory;
  #committing = false;
  #dead: ReshardError | undefined;

  private constructor(
    port: TransactionPort,
    o: TransactionalWriterOptions,
    call: CoordinatorCall,
    producer: ProducerIdentity,
  ) {
    this.#port = port;
    this.#id = o.transactionalId;
    this.#call = call;
    this.#producer = producer;
    this.#commitTimeoutMs = o.commitTimeoutMs ?? COMMIT_TIMEOUT_MS;
    this.#open = new PartitionBatches(o.maxBatchBytes ?? MAX_BATCH_BYTES);
    this.#history = new WriteHistory(port, o.history);
  }

  /** Takes the id over: an older writer of it can commit nothing any more. */
  static async open(
    port: TransactionPort,
    o: TransactionalWriterOptions,
  ): Promise<TransactionalWriter> {
    const call = new CoordinatorCall(port, o.transactionalId);
    const timeoutMs = o.timeoutMs ?? TIMEOUT_MS;
    const deadline = performance.now() + OPEN_TIMEOUT_MS;
    const producer = await call.run('to open a transactional writer', deadline, node =>
      port.initProducerId(node, o.transactionalId, timeoutMs),
    );
    return new TransactionalWriter(port, o, call, producer);
  }

  get producerEpoch(): number {
    return this.#producer.epoch;
  }

  get pendingBytes(): number {
    return this.#open.bytes;
  }

  get pendingRecords(): number {
    return this.#open.records;
  }

  /** Copies one record into the open batch. */
  append(topic: string, partition: number, record: RecordSlices): void {
    const { keyStart, keyEnd, valueStart, valueEnd, headers } = record;
    const bytes = keyEnd - keyStart + valueEnd - valueStart + headerBytesMax(headers);
    const builder = this.#open.builder(topic, partition, bytes);
    const before = builder.bytes;
    builder.append(record);
    this.#open.bytes += builder.bytes - before;
    this.#open.records++;
  }

  /** Commits what was appended so far; appends meanwhile go to the next batch. */
  async commit(): Promise<Committed> {
    if (this.#dead) throw this.#dead;
    if (this.#committing) {
      throw new ReshardError('bug', 'a commit was started before the last one had ended');
    }
    const sending = this.#open.take();
    if (sending.length === 0) return { offsets: [] };
    this.#committing = true;
    try {
      await this.#transact(sending);
    } catch (e) {
      this.#dead = asReshardError(e);
      this.#port.close();
      throw this.#dead;
    }
    this.#committing = false;
    const offsets = sending.map(({ topic, partition, next }) => ({ topic, partition, next }));
    for (const { builders } of sending) this.#open.giveBack(builders);
    return { offsets };
  }

  close(): void {
    this.#dead ??= new ReshardError('bug', 'the writer is closed');
    this.#port.close();
  }

  async #transact(sending: Sending[]): Promise<void> {
    const topics = new Set(sending.map(s => s.topic));
    await this.#history.look(topics);
    const deadline = performance.now() + this.#commitTimeoutMs;
    await this.#call.run('to add partitions to a transaction', deadline, async node => {
      const codes = await this.#port.addPartitions(node, this.#id, this.#producer, sending);
      return { code: worst(codes, sending) };
    });
    failpoint(FAILPOINTS.logBeforeProduce);
    for (let round = 0; ; round++) {
      const now = sending.filter(s => round < s.builders.length);
      if (now.length === 0) break;
      const batches = now.map(s => this.#sealed(s, s.builders[round]));
      const bases = await produceBatches(this.#port, this.#id, batches, deadline);
      for (const [i, s] of now.entries()) {
        const base = bases[i] ?? 0;
        const count = batches[i]?.count ?? 0;
        this.#history.acknowledged(s.topic, s.partition, base, count);
        s.next = base + count;
      }
    }
    // What went to another topic of the name is not committed.
    await this.#history.compare(topics);
    failpoint(FAILPOINTS.logAfterProduce);
    await this.#call.run('to commit a transaction', deadline, async node => ({
      code: await this.#port.endTransaction(node, this.#id, this.#producer),
    }));
  }

  #sealed({ topic, partition }: Sending, builder: RecordBatchBuilder | undefined): Batch {
    if (!builder) throw new ReshardError('bug', 'a batch to be sent does not exist');
    const name = `${topic}/${partition}`;
    const sequence = this.#sequences.get(name) ?? 0;
    this.#sequences.set(name, nextSequence(sequence, builder.count));
    const { id, epoch } = this.#producer;
    const bytes = builder.finish({ id, epoch, sequence, transactional: true });
    return { topic, partition, bytes, count: builder.count };
  }
}

/** One code for all partitions: each must have been answered, and a final refusal comes first. */
function worst(
  codes: readonly { topic: string; partition: number; code: number }[],
  wanted: readonly { topic: string; partition: number }[],
): number {
  let code: number = CODE.NONE;
  for (const { topic, partition } of wanted) {
    const one = codes.find(c => c.topic === topic && c.partition === partition);
    if (!one) {
      throw new ReshardError('broker', 'the answer to adding partitions lacks one', {
        context: { topic, partition },
      });
    }
    if (one.code === CODE.NONE) continue;
    if (one.code === CODE.OPERATION_NOT_ATTEMPTED) {
      if (code === CODE.NONE) code = one.code;
      continue;
    }
    code = one.code;
    if (!isCoordinatorBusy(code) && !isCoordinatorMoved(code)) return code;
  }
  return code;
}
