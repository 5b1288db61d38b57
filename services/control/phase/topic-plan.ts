/** Every topic of a job with the settings that its role needs: one place for create and check. */
import type { Job } from '../../../shared/job/job.ts';
import type { TopicSpec } from '../../../shared/kafka/admin.ts';
import {
  chunksTopic,
  deadLetterTopic,
  progressTopic,
  reportTopic,
  schemaTopic,
  stateTopic,
  streamTopic,
} from '../../../shared/kafka/topic-name.ts';

const HOUR_MS = 3_600_000;
/** Chunks are read within seconds; the retention only has to outlast a stopped writer. */
const CHUNK_RETENTION_HOURS = 72;

function spec(job: Job, topic: string, partitions: number, config: object): TopicSpec {
  const minInsync = Math.max(1, job.kafka.replication - 1);
  return {
    topic,
    partitions,
    replication: job.kafka.replication,
    config: {
      'min.insync.replicas': String(minInsync),
      'max.message.bytes': String(job.options.maxMessageBytes),
      ...config,
    },
  };
}

/** What a dead letter's headers add to its record, with room to spare. */
const LETTER_HEADERS_BYTES = 64 * 1024;

const compacted = { 'cleanup.policy': 'compact' };

export function controlTopics(job: Job): {
  state: TopicSpec;
  report: TopicSpec;
  deadLetters: TopicSpec;
  /** None, where the job is without a streaming check. */
  stream: TopicSpec[];
  perSource: TopicSpec[];
  /** Those of them that older versions do not make. */
  schemas: TopicSpec[];
} {
  const { maxMessageBytes, partitions, retentionHours } = job.options;
  return {
    state: spec(job, stateTopic(job.job), 1, compacted),
    report: spec(job, reportTopic(job.job), 1, { ...compacted, 'segment.ms': String(HOUR_MS) }),
    deadLetters: spec(job, deadLetterTopic(job.job), partitions, {
      'cleanup.policy': 'delete',
      'retention.ms': String(retentionHours * HOUR_MS),
      'max.message.bytes': String(maxMessageBytes + LETTER_HEADERS_BYTES),
    }),
    stream: job.options.streamingCheck ? [spec(job, streamTopic(job.job), 1, compacted)] : [],
    schemas: job.sources.map(s => schemaSpec(job, s.name)),
    perSource: job.sources.flatMap(s => [
      spec(job, progressTopic(s.name), 1, compacted),
      schemaSpec(job, s.name),
      spec(job, chunksTopic(s.name), 1, {
        'cleanup.policy': 'delete',
        'retention.ms': String(CHUNK_RETENTION_HOURS * HOUR_MS),
      }),
    ]),
  };
}

function schemaSpec(job: Job, source: string): TopicSpec {
  return spec(job, schemaTopic(source), 1, compacted);
}

/** A table's topic: the log that every consumer may replay from offset 0. */
export function tableTopics(job: Job, topic: string): TopicSpec[] {
  const { compact, partitions, retentionHours } = job.options;
  const config = compact
    ? {
        ...compacted,
        'delete.retention.ms': String(7 * 24 * HOUR_MS),
        // The update that moved a row from one target to another must not go before the sink has
        // read it: the updates that follow know only the place that the row has moved to.
        'min.compaction.lag.ms': String(retentionHours * HOUR_MS),
      }
    : { 'cleanup.policy': 'delete', 'retention.ms': String(retentionHours * HOUR_MS) };
  return [spec(job, topic, partitions, config)];
}
