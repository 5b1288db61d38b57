/**
 * What a source's log has met of statements that name the job's tables: records of the compacted
 * topic `<source>.schema`. The ordered writer alone writes them, in the transaction that moves the
 * source's position behind the statement: each is there once, however often a writer dies. A
 * statement at which the log stands is none yet; the source's report tells of it.
 */
import { type RecordCodec, recordCodec } from '../../codec/record-codec.ts';
import type { KafkaLog } from '../../kafka/kafka.ts';
import { tailTable } from '../../kafka/table.ts';
import { schemaTopic } from '../../kafka/topic-name.ts';
import type { SchemaRegistry } from '../../registry/registry.ts';

/**
 * `passed`: no row and no column of the table's copy is another one. `taken up`: columns came, and
 * are in records from here on. `copied`: the table was copied anew, and the copy has what it did.
 * `skipped`: somebody has said that it changed no row.
 */
export type SchemaDecision = 'passed' | 'taken up' | 'copied' | 'skipped';

/** The record of schemas/schema-change.avsc. */
export interface SchemaChange {
  jobId: string;
  source: string;
  db: string;
  table: string;
  gtid: string;
  file: string;
  pos: number;
  /** When the source committed it. */
  tsMs: number;
  /** Without strings and comments. */
  statement: string;
  decision: SchemaDecision;
  /** In lower case. */
  added: string[];
  valueSchemaId: number;
  /** Who has said so, of one that is skipped. */
  by: string;
}

export function schemaChangeKey({ db, table, gtid }: SchemaChange): string {
  return `${db}.${table}/${gtid}`;
}

export function schemaChangeCodec(
  registry: SchemaRegistry,
  source: string,
): Promise<RecordCodec<SchemaChange>> {
  return recordCodec<SchemaChange>(registry, 'schema-change', `${schemaTopic(source)}-value`);
}

/** All of the job that the topic has now, oldest first; null: the topic is not there. */
export async function readSchemaChanges(
  { kafka, registry }: { kafka: KafkaLog; registry: SchemaRegistry },
  source: string,
  jobId: string,
): Promise<SchemaChange[] | null> {
  const topic = schemaTopic(source);
  if (!(await (await kafka.admin()).listTopics()).includes(topic)) return null;
  const codec = await schemaChangeCodec(registry, source);
  const found = new Map<string, SchemaChange>();
  await using tail = await tailTable(kafka, topic, (key, value) => {
    const change = value === null ? null : codec.decode(value);
    const name = key.toString();
    found.delete(name);
    if (change?.jobId === jobId) found.set(name, change);
  });
  await tail.caughtUp;
  return [...found.values()];
}
