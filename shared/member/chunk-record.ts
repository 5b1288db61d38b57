/** A chunk on its way from a snapshot worker to the ordered writer: schemas/chunk.avsc. */
import { type RecordCodec, recordCodec } from '../codec/record-codec.ts';
import type { SchemaRegistry } from '../codec/registry.ts';
import { chunksTopic } from '../topic/topic-name.ts';

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
}

export function chunkCodec(
  registry: SchemaRegistry,
  source: string,
): Promise<RecordCodec<ChunkRecord>> {
  return recordCodec<ChunkRecord>(registry, 'chunk', `${chunksTopic(source)}-value`);
}
