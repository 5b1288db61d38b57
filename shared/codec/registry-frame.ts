/**
 * The registry's frame in front of every key and value (Confluent's wire format): a zero byte and
 * the id of the schema. The canonical bytes of a key, those that choose its partition and identify
 * its row, begin behind it: a new schema id must not move a key (T2).
 */

/** Bytes of the frame. */
export const FRAME_BYTES = 5;

/** The id in the frame of the key or value in [start, end); null: there is no frame. */
export function schemaIdIn(buf: Buffer, start: number, end: number): number | null {
  return end - start < FRAME_BYTES || buf[start] !== 0 ? null : buf.readInt32BE(start + 1);
}

export function registryFrame(schemaId: number): Buffer {
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.writeUInt32BE(schemaId, 1);
  return frame;
}
