/**
 * The front door: one object per process and Kafka, from which every client is made. Clients share
 * what is known of the cluster and have connections of their own.
 */
import { TopicAdmin } from './admin.ts';
import { Member, type MemberOptions } from './member.ts';
import { PlainWriter, type PlainWriterOptions } from './plain-writer.ts';
import { LogReader, type ReaderOptions } from './reader.ts';
import {
  MAX_BATCH_BYTES,
  TransactionalWriter,
  type TransactionalWriterOptions,
} from './transactional-writer.ts';
import { Cluster } from './wire/cluster.ts';
import type { KafkaSettings } from './wire/kafkajs.ts';
import { highWatermarks, type OffsetRange, offsetRanges } from './wire/list-offsets.ts';
import { ClusterMemberPort } from './wire/member-port.ts';
import { ClusterTransactionPort } from './wire/transaction-port.ts';

export class KafkaLog implements AsyncDisposable {
  readonly #settings: KafkaSettings;
  readonly #cluster: Cluster;
  /** How to close each client that is open, by the purpose of its connections. */
  readonly #open = new Map<string, () => void | Promise<void>>();
  #admin: TopicAdmin | undefined;
  #clients = 0;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
    this.#cluster = new Cluster(settings, purpose => this.#open.delete(purpose));
  }

  /** Says at error level what no caller may overlook. */
  tell(message: string): void {
    this.#settings.log.error(message);
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

  /**
   * Ends of a topic's partitions, and which topic they are of: ends of a topic that was made again
   * meanwhile would come with the id of the one before it, which is none any more.
   */
  async logEnds(topic: string): Promise<{ topicId: string; ends: number[] }> {
    await this.#cluster.refresh([topic]);
    const topicId = this.#cluster.topicId(topic) ?? '';
    return { topicId, ends: await this.highWatermarks(topic) };
  }

  /** Ends of all partitions by partition, records of open transactions included. */
  highWatermarks(topic: string): Promise<number[]> {
    return highWatermarks(this.#cluster, topic, 'offsets');
  }

  /** Takes the transactional id over: a writer that has it is fenced. */
  async transactionalWriter(o: TransactionalWriterOptions): Promise<TransactionalWriter> {
    const purpose = this.#purpose('transaction');
    const port = new ClusterTransactionPort(this.#cluster, purpose);
    try {
      const writer = await TransactionalWriter.open(port, o);
      this.#open.set(purpose, () => writer.close());
      return writer;
    } catch (e) {
      port.close();
      throw e;
    }
  }

  async writer(o: Partial<PlainWriterOptions> = {}): Promise<PlainWriter> {
    const purpose = this.#purpose('writer');
    const port = new ClusterTransactionPort(this.#cluster, purpose);
    const writer = new PlainWriter(port, { maxBatchBytes: MAX_BATCH_BYTES, ...o });
    this.#open.set(purpose, () => writer.close());
    return writer;
  }

  async reader(o: ReaderOptions): Promise<LogReader> {
    const purpose = this.#purpose('fetch');
    const reader = new LogReader(this.#cluster, purpose, o);
    this.#open.set(purpose, () => reader.close());
    return reader;
  }

  /** Joins the group; assignments come by callback. */
  async member(o: MemberOptions): Promise<Member> {
    const purpose = this.#purpose('member');
    const port = new ClusterMemberPort(this.#cluster, purpose);
    const member = new Member(port, o, this.#settings.log);
    // A member drops its connection now and then and lives on: not closed by its purpose.
    this.#open.set(`${purpose} as a whole`, () => member.close());
    return member;
  }

  async close(): Promise<void> {
    const closing = [...this.#open.values()].map(async close => close());
    this.#open.clear();
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
