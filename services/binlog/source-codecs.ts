/** How the records are written, and read, that a source's unit works with beside its rows. */
import { type ChunkRecord, chunkCodec } from '../../shared/codec/chunk-record.ts';
import { type MarkKey, markCodec } from '../../shared/codec/mark.ts';
import type { RecordCodec } from '../../shared/codec/record-codec.ts';
import { progressCodec } from '../../shared/job/state/open.ts';
import type { ProgressRecord } from '../../shared/job/state/progress-view.ts';
import { type SchemaChange, schemaChangeCodec } from '../../shared/job/state/schema-change.ts';
import { schemaTopic } from '../../shared/kafka/topic-name.ts';
import type { ServiceContext } from '../../shared/member/context.ts';

export interface SourceCodecs {
  progress: RecordCodec<ProgressRecord>;
  /** Null: the source has no such topic (yet). */
  schemaChange: RecordCodec<SchemaChange> | null;
  chunk: RecordCodec<ChunkRecord>;
  /** Null: transactions of other jobs are not marked. */
  mark: RecordCodec<MarkKey> | null;
}

export async function sourceCodecs(
  { registry, kafka, job }: Pick<ServiceContext, 'registry' | 'kafka' | 'job'>,
  name: string,
): Promise<SourceCodecs> {
  const topics = await (await kafka.admin()).listTopics();
  // Control makes it; one of an older version does not.
  const isNoted = topics.includes(schemaTopic(name));
  return {
    schemaChange: isNoted ? await schemaChangeCodec(registry, name) : null,
    progress: await progressCodec(registry, name),
    chunk: await chunkCodec(registry, name),
    mark: job.options.originMarks ? await markCodec(registry, name) : null,
  };
}
