/** A chunk on its way from a snapshot worker to the ordered writer: schemas/chunk.avsc. */

import { chunksTopic } from '../kafka/topic-name.ts';
import type { SchemaRegistry } from '../registry/registry.ts';
import { type RecordCodec, recordCodec } from './record-codec.ts';

export interface ChunkRecord {
  job: string;
  source: string;
  db: string;
  table: string;
  generation: number;
  range: number;
  seq: number;
  after: Buffer | null;
  upTo: Buffer | null;
  last: boolean;
  visible: string;
  fingerprint: string;
  rowCount: number;
  sequenceFromEnd: number;
  rows: Buffer;
  /** The repair that a chunk of keys is of; `range` is the index of its first key there. */
  repair?: string | null;
  clear?: string;
  keys?: Buffer[];
  /** The job's id: names come again. */
  jobId?: string;
}

export function chunkCodec(
  registry: SchemaRegistry,
  source: string,
): Promise<RecordCodec<ChunkRecord>> {
  return recordCodec<ChunkRecord>(registry, 'chunk', `${chunksTopic(source)}-value`);
}
