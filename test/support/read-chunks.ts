/** Chunks of a table that is as it was planned. */
import type { ChunkReader, ReadBounds, ReadChunk } from '../../services/snapshot/chunk-reader.ts';

export async function readChunks(
  reader: ChunkReader,
  bounds: ReadBounds,
  limit: number,
): Promise<ReadChunk[]> {
  const found = await reader.read(bounds, limit);
  if ('altered' in found) throw new Error(`altered at ${found.altered}`);
  return found;
}
