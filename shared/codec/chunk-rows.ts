/**
 * The rows of a chunk as bytes (schemas/chunk.avsc, `rows`): the key and the value of each row as
 * they go to the table's topic, each behind its length in four bytes, big-endian. Written by a
 * snapshot worker, read where chunks are taken into the log.
 */
import type { ByteWriter } from '../runtime/bytes.ts';
import { schemaIdIn } from './registry-frame.ts';

const LENGTH_BYTES = 4;

/** Where the key and the value of a row lie. */
export interface ChunkRow {
  keyStart: number;
  keyEnd: number;
  valueStart: number;
  valueEnd: number;
}

/** Makes room for the length of a key or a value; returns where what is written next begins. */
export function beginPart(out: ByteWriter): number {
  out.u32be(0);
  return out.pos;
}

/** What was written since `start` is whole. */
export function endPart(out: ByteWriter, start: number): void {
  out.buf.writeUInt32BE(out.pos - start, start - LENGTH_BYTES);
}

/**
 * Calls for each row in order, with one object for all. False if the rows are not as long as they
 * say: the calls were for those before.
 */
export function eachRow(
  { rows: buf, rowCount }: { rows: Buffer; rowCount: number },
  onRow: (row: ChunkRow, i: number) => void,
): boolean {
  const row = { keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 };
  let pos = 0;
  for (let i = 0; i < rowCount; i++) {
    row.keyStart = pos + LENGTH_BYTES;
    row.keyEnd = partEnd(buf, pos);
    row.valueStart = row.keyEnd + LENGTH_BYTES;
    row.valueEnd = partEnd(buf, row.keyEnd);
    if (row.valueEnd > buf.length) return false;
    pos = row.valueEnd;
    onRow(row, i);
  }
  return pos === buf.length;
}

/** The id of the schema that the rows were written with; null: there are none, or damaged ones. */
export function valueSchemaOf({
  rows,
  rowCount,
}: {
  rows: Buffer;
  rowCount: number;
}): number | null {
  let id: number | null = null;
  eachRow({ rows, rowCount: Math.min(rowCount, 1) }, ({ valueStart, valueEnd }) => {
    id = schemaIdIn(rows, valueStart, valueEnd);
  });
  return id;
}

/** Beyond the buffer if the part does not lie in it. */
function partEnd(buf: Buffer, pos: number): number {
  if (pos + LENGTH_BYTES > buf.length) return Number.POSITIVE_INFINITY;
  return pos + LENGTH_BYTES + buf.readUInt32BE(pos);
}
