/**
 * The front door: one object per process and Kafka, from which every client is made. Clients share
 * what is known of the cluster and have connections of their own.
 */
import { TopicAdmin } from './admin.ts';
import { Cluster } from './cluster.ts';
import type { KafkaSettings } from './kafkajs.ts';
import { type OffsetRange, offsetRanges } from './list-offsets.ts';
import { Member, type MemberOptions } from './member.ts';
import { ClusterMemberPort } from './member-port.ts';
import { PlainWriter } from './plain-writer.ts';
import { LogReader, type ReaderOptions } from './reader.ts';
import { ClusterTransactionPort } from './transaction-port.ts';
import {
  MAX_BATCH_BYTES,
  TransactionalWriter,
  type TransactionalWriterOptions,
} from './transactional-writer.ts';

export type { KafkaSettings } from './kafkajs.ts';

export class KafkaLog implements AsyncDisposable {
  readonly #settings: KafkaSettings;
  readonly #cluster: Cluster;
  readonly #closers = new Set<() => void | Promise<void>>();
  #admin: TopicAdmin | undefined;
  #clients = 0;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
    this.#cluster = new Cluster(settings);
  }

  /** One admin client, made once. */
  async admin(): Promise<TopicAdmin> {
    this.#admin ??= new TopicAdmin(this.#cluster, this.#purpose('admin'));
    return this.#admin;
  }

  /** First offset and last stable offset of every partition of a topic. */
  offsets(topic: string): Promise<OffsetRange[]> {
    return offsetRanges(this.#cluster, topic, 'offsets');
  }

  /** Takes the transactional id over: a writer that has it is fenced. */
  transactionalWriter(o: TransactionalWriterOptions): Promise<TransactionalWriter> {
    const port = new ClusterTransactionPort(this.#cluster, this.#purpose('transaction'));
    this.#closers.add(() => port.close());
    return TransactionalWriter.open(port, o);
  }

  async writer(o: { maxBatchBytes?: number } = {}): Promise<PlainWriter> {
    const port = new ClusterTransactionPort(this.#cluster, this.#purpose('writer'));
    this.#closers.add(() => port.close());
    return new PlainWriter(port, o.maxBatchBytes ?? MAX_BATCH_BYTES);
  }

  async reader(o: ReaderOptions): Promise<LogReader> {
    const reader = new LogReader(this.#cluster, this.#purpose('fetch'), o);
    this.#closers.add(() => reader.close());
    return reader;
  }

  /** Joins the group; assignments come by callback. */
  async member(o: MemberOptions): Promise<Member> {
    const port = new ClusterMemberPort(this.#cluster, this.#purpose('member'));
    const member = new Member(port, o, this.#settings.log);
    this.#closers.add(() => member.close());
    return member;
  }

  async close(): Promise<void> {
    const closing = [...this.#closers].map(async close => close());
    this.#closers.clear();
    await Promise.allSettled(closing);
    await this.#admin?.close();
    this.#cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #purpose(kind: string): string {
    this.#clients++;
    return `${kind}-${this.#clients}`;
  }
}
