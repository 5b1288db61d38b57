/** Topics of the streaming check's unit tests: a small table, by the schema ids of LogMaker. */
import { RecordReaders, TopicChanges } from '../../../services/checker/stream/topic-changes.ts';
import { envelopeSchema } from '../../../shared/codec/avro-schema.ts';
import { SMALL_TABLE } from '../sink/small-table.ts';

const schema = JSON.stringify(envelopeSchema('test', SMALL_TABLE));

/** Whatever a record's id, its schema is that of the small table. */
export const readers = new RecordReaders({ schemaById: async () => schema });

/** `<source>.d.t`, of one partition. */
export function topicOf(source: string, table = SMALL_TABLE): TopicChanges {
  const place = { source, db: 'd', table: 't', topic: `${source}.d.t`, schemaJson: '' };
  const ids = { keySchemaId: 7, valueSchemaId: 8, generation: 1, estimatedRows: 0, ranges: [] };
  return new TopicChanges({ ...place, ...ids, schema: table }, 1, readers);
}
