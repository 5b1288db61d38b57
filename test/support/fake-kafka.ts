/**
 * A cluster in memory behind the writers' port: leaders that a test moves at any moment, logs that
 * drop what they have seen of a producer as brokers do, and one place to break an answer. Leaders
 * cannot be moved at will on one real broker; everything else is tested there.
 */
import { CODE } from '../../shared/kafka/wire/error-code.ts';
import type { Ack, Batch } from '../../shared/kafka/wire/produce.ts';
import { decodeRecordSet } from '../../shared/kafka/wire/record-set.ts';
import type {
  PartitionCode,
  ProducerIdentity,
  TransactionPort,
} from '../../shared/kafka/wire/transaction-port.ts';

export type Tamper = (acks: Ack[], node: number, batches: readonly Batch[]) => Ack[];

export class FakeKafka implements TransactionPort {
  /** Who leads now, and what clients believe since their last refresh. */
  readonly leaders = new Map<string, number>();
  #believed = new Map<string, number>();
  readonly ids = new Map<string, string>();
  #believedIds = new Map<string, string>();
  /** As brokers do for a producer that they have not met. */
  anySequence = false;
  readonly logs = new Map<string, string[]>();
  readonly requests: { node: number; partitions: string[] }[] = [];
  readonly #next = new Map<string, number>();
  #epoch = 0;
  #ids = 0;
  /** Called before a request is served: moves leaders, waits, or throws for a lost request. */
  beforeProduce: (node: number, batches: readonly Batch[]) => void | Promise<void> = () => {};
  /** Called with the answer: takes partitions out, or throws for a lost answer. */
  tamper: Tamper = acks => acks;
  endCode: number = CODE.NONE;
  addCode: number = CODE.NONE;

  constructor(leaders: Record<string, number>) {
    for (const [name, node] of Object.entries(leaders)) this.leaders.set(name, node);
    this.#believed = new Map(this.leaders);
  }

  leader(topic: string, partition: number): number | undefined {
    return this.#believed.get(`${topic}/${partition}`);
  }

  topicId(topic: string): string | undefined {
    return this.#believedIds.get(topic);
  }

  /** Deleted and made again: nothing is known of any producer. */
  remake(topic: string): void {
    this.ids.set(topic, `${topic}-${this.ids.size}-again`);
    for (const name of this.logs.keys()) if (name.startsWith(`${topic}/`)) this.logs.set(name, []);
    this.#next.clear();
    this.anySequence = true;
  }

  async refresh(): Promise<void> {
    this.#believedIds = new Map(this.ids);
    this.#believed = new Map(this.leaders);
  }

  async coordinator(): Promise<number> {
    return 0;
  }

  async anyNode(): Promise<number> {
    return 0;
  }

  async initProducerId(): Promise<ProducerIdentity> {
    return { code: CODE.NONE, id: ++this.#ids, epoch: this.#epoch++ };
  }

  async addPartitions(
    _node: number,
    _id: string,
    _producer: ProducerIdentity,
    partitions: readonly { topic: string; partition: number }[],
  ): Promise<PartitionCode[]> {
    return partitions.map(({ topic, partition }) => ({ topic, partition, code: this.addCode }));
  }

  async endTransaction(): Promise<number> {
    return this.endCode;
  }

  async produce(node: number, _id: string | null, batches: readonly Batch[]): Promise<Ack[]> {
    this.requests.push({ node, partitions: batches.map(b => `${b.topic}/${b.partition}`) });
    await this.beforeProduce(node, batches);
    return this.tamper(
      batches.map(batch => this.#append(node, batch)),
      node,
      batches,
    );
  }

  close(): void {}

  #append(node: number, { topic, partition, bytes }: Batch): Ack {
    const name = `${topic}/${partition}`;
    const refusal = { topic, partition, baseOffset: -1 };
    if (this.leaders.get(name) !== node) return { ...refusal, code: CODE.NOT_LEADER_OR_FOLLOWER };
    const log = this.logs.get(name) ?? [];
    this.logs.set(name, log);
    const producer = `${name} ${bytes.readBigInt64BE(43)}/${bytes.readInt16BE(51)}`;
    const sequence = bytes.readInt32BE(53);
    const expected = this.#next.get(producer) ?? 0;
    const count = bytes.readInt32BE(57);
    if (sequence + count === expected) {
      return { topic, partition, code: CODE.NONE, baseOffset: log.length - count };
    }
    if (sequence !== expected && !this.anySequence)
      return { ...refusal, code: CODE.OUT_OF_ORDER_SEQUENCE_NUMBER };
    this.#next.set(producer, sequence + count);
    const baseOffset = log.length;
    log.push(...valuesOf(topic, partition, bytes));
    return { topic, partition, code: CODE.NONE, baseOffset };
  }
}

function valuesOf(topic: string, partition: number, buf: Buffer): string[] {
  const set = { topic, partition, buf, start: 0, end: buf.length, wanted: 0, aborted: null };
  return decodeRecordSet(set).fetchedBatches.flatMap(fetched =>
    Array.from({ length: fetched.count }, (_, i) => String(fetched.value(i))),
  );
}
