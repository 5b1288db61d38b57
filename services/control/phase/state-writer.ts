/** Control's hand on the state topic: reads it to its end, appends records that replace by key. */
import type { RecordCodec } from '../../../shared/codec/record-codec.ts';
import type { Job } from '../../../shared/job/job.ts';
import type { StateRecord } from '../../../shared/job/state/job-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { tailTable } from '../../../shared/kafka/table.ts';
import { stateTopic } from '../../../shared/kafka/topic-name.ts';

export interface StateWriter {
  /** The latest record of every key. */
  read(): Promise<Map<string, StateRecord>>;
  put(key: string, record: Partial<StateRecord>): Promise<void>;
  remove(key: string): Promise<void>;
}

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };

export async function stateWriter(
  kafka: KafkaLog,
  job: Job,
  codec: RecordCodec<StateRecord>,
): Promise<StateWriter> {
  const topic = stateTopic(job.job);
  const writer = await kafka.writer();
  return {
    async read() {
      const records = new Map<string, StateRecord>();
      const tail = await tailTable(kafka, topic, (key, value) => {
        if (value === null) records.delete(key.toString());
        else records.set(key.toString(), codec.decode(value));
      });
      await tail.caughtUp;
      await tail.close();
      return records;
    },
    async put(key, record) {
      const value = codec.encode({ ...NONE, ...record });
      await writer.send(topic, 0, [{ key: Buffer.from(key), value }]);
    },
    async remove(key) {
      await writer.send(topic, 0, [{ key: Buffer.from(key), value: null }]);
    },
  };
}
