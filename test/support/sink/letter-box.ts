/** Records of a topic as any consumer sees them: stock kafkajs, from the start. */
import { type Consumer, Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import { calmTimer } from '../../../shared/kafka/wire/calm-timer.ts';

calmTimer();

export class DeadLetterBox implements AsyncDisposable {
  readonly records: (KafkaMessage & { partition: number })[] = [];
  readonly #consumer: Consumer;

  private constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  static async open(brokers: string[], topic: string): Promise<DeadLetterBox> {
    const kafka = new Kafka({ clientId: 'dead letter-box', brokers, logLevel: logLevel.NOTHING });
    const consumer = kafka.consumer({
      groupId: `dead letter-box-${topic}-${process.hrtime.bigint()}`,
      maxWaitTimeInMs: 100,
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const box = new DeadLetterBox(consumer);
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        box.records.push({ ...message, partition });
      },
    });
    return box;
  }

  /** Headers as text. */
  headers(i: number): Record<string, string> {
    const all = Object.entries(this.records[i]?.headers ?? {});
    return Object.fromEntries(all.map(([name, value]) => [name, String(value)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.disconnect();
  }
}
