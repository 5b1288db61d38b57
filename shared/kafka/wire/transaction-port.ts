/** The requests of a transactional or idempotent writer, over the connections of one purpose. */
import type { Cluster } from './cluster.ts';
import {
  type Ack,
  type Batch,
  decodeProduce,
  encodeProduce,
  PRODUCE_API,
  type ProducePort,
} from './produce.ts';
import { refuseTooLarge } from './request-limit.ts';
import { API, body } from './wire-format.ts';

export interface ProducerIdentity {
  code: number;
  id: number;
  epoch: number;
}

export interface PartitionCode {
  topic: string;
  partition: number;
  code: number;
}

export interface TransactionPort extends ProducePort {
  /** Node of the transaction's coordinator; undefined while there is none. */
  coordinator(transactionalId: string): Promise<number | undefined>;
  initProducerId(node: number, id: string | null, timeoutMs: number): Promise<ProducerIdentity>;
  addPartitions(
    node: number,
    id: string,
    producer: ProducerIdentity,
    partitions: readonly { topic: string; partition: number }[],
  ): Promise<PartitionCode[]>;
  /** Commits; gives the broker's code. */
  endTransaction(node: number, id: string, producer: ProducerIdentity): Promise<number>;
  anyNode(): Promise<number>;
  close(): void;
}

export class ClusterTransactionPort implements TransactionPort {
  readonly #cluster: Cluster;
  readonly #purpose: string;

  constructor(cluster: Cluster, purpose: string) {
    this.#cluster = cluster;
    this.#purpose = purpose;
  }

  leader(topic: string, partition: number): number | undefined {
    return this.#cluster.leader(topic, partition);
  }

  topicId(topic: string): string | undefined {
    return this.#cluster.topicId(topic);
  }

  refresh(topics: readonly string[]): Promise<void> {
    return this.#cluster.refresh(topics);
  }

  coordinator(transactionalId: string): Promise<number | undefined> {
    return this.#cluster.coordinator('transaction', transactionalId);
  }

  async anyNode(): Promise<number> {
    await this.#cluster.refresh([]);
    return this.#cluster.someNode();
  }

  async produce(node: number, id: string | null, batches: readonly Batch[]): Promise<Ack[]> {
    const bytes = batches.reduce((sum, b) => sum + b.bytes.length, 0);
    await refuseTooLarge(this.#cluster, node, this.#purpose, bytes);
    const r = await this.#cluster.ask(node, this.#purpose, PRODUCE_API, encodeProduce(id, batches));
    const { acks, throttleMs } = decodeProduce(r);
    await this.#cluster.throttle(node, this.#purpose, throttleMs);
    return acks;
  }

  async initProducerId(
    node: number,
    id: string | null,
    timeoutMs: number,
  ): Promise<ProducerIdentity> {
    const request = body(w => {
      w.string(id).i32(timeoutMs);
    });
    const r = await this.#cluster.ask(node, this.#purpose, API.initProducerId, request);
    r.i32();
    return { code: r.i16(), id: r.i64(), epoch: r.i16() };
  }

  async addPartitions(
    node: number,
    id: string,
    producer: ProducerIdentity,
    partitions: readonly { topic: string; partition: number }[],
  ): Promise<PartitionCode[]> {
    const byTopic = [...Map.groupBy(partitions, p => p.topic)];
    const request = body(w => {
      w.string(id).i64(producer.id).i16(producer.epoch);
      w.array(byTopic, ([topic, list]) => {
        w.string(topic).array(list, p => w.i32(p.partition));
      });
    });
    const r = await this.#cluster.ask(node, this.#purpose, API.addPartitionsToTxn, request);
    r.i32();
    const codes: PartitionCode[] = [];
    r.array(() => {
      const topic = r.string();
      r.array(() => codes.push({ topic, partition: r.i32(), code: r.i16() }));
    });
    return codes;
  }

  async endTransaction(node: number, id: string, producer: ProducerIdentity): Promise<number> {
    const request = body(w => {
      w.string(id).i64(producer.id).i16(producer.epoch).i8(1);
    });
    const r = await this.#cluster.ask(node, this.#purpose, API.endTxn, request);
    r.i32();
    return r.i16();
  }

  close(): void {
    this.#cluster.release(this.#purpose);
  }
}
