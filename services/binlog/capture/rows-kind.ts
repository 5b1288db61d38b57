/** Which event types carry row images, in which layout; and what MariaDB has compressed. */
import { inflateSync } from 'node:zlib';
import { at } from '../../../shared/runtime/bytes.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { corrupt, EVENT } from './binlog-event.ts';
import type { RowOp } from './captured-table.ts';

export interface RowsKind {
  op: RowOp;
  /** Has extra data behind the flags. */
  v2: boolean;
  compressed: boolean;
}

const KINDS: (RowsKind | undefined)[] = [];
function kind(type: number, op: RowOp, v2: boolean, compressed: boolean): void {
  KINDS[type] = { op, v2, compressed };
}
kind(EVENT.WRITE_ROWS_V1, 'c', false, false);
kind(EVENT.UPDATE_ROWS_V1, 'u', false, false);
kind(EVENT.DELETE_ROWS_V1, 'd', false, false);
kind(EVENT.WRITE_ROWS, 'c', true, false);
kind(EVENT.UPDATE_ROWS, 'u', true, false);
kind(EVENT.DELETE_ROWS, 'd', true, false);
kind(EVENT.MARIADB_WRITE_ROWS_COMPRESSED_V1, 'c', false, true);
kind(EVENT.MARIADB_UPDATE_ROWS_COMPRESSED_V1, 'u', false, true);
kind(EVENT.MARIADB_DELETE_ROWS_COMPRESSED_V1, 'd', false, true);
kind(EVENT.MARIADB_WRITE_ROWS_COMPRESSED, 'c', true, true);
kind(EVENT.MARIADB_UPDATE_ROWS_COMPRESSED, 'u', true, true);
kind(EVENT.MARIADB_DELETE_ROWS_COMPRESSED, 'd', true, true);

export function rowsKind(type: number): RowsKind | null {
  return KINDS[type] ?? null;
}

/** Where the row images of an event lie, inflated if they have to be. */
export function imagesOf(
  { buf, end }: { buf: Buffer; end: number },
  pos: number,
  compressed: boolean,
): { buf: Buffer; pos: number; end: number } {
  if (!compressed) return { buf, pos, end };
  const images = inflated(buf, pos, end);
  return { buf: images, pos: 0, end: images.length };
}

/**
 * Row images or the text of a compressed event of MariaDB: one byte of form, the length in
 * big-endian, zlib.
 */
export function inflated(buf: Buffer, start: number, end: number): Buffer {
  const form = end > start ? at(buf, start) : 0;
  const lengthBytes = form & 0x07;
  const packed = start + 1 + lengthBytes;
  if ((form & 0xf0) !== 0x80 || lengthBytes < 1 || lengthBytes > 4 || packed > end) {
    throw corrupt('a compressed event is in an unknown form');
  }
  const length = buf.readUIntBE(start + 1, lengthBytes);
  let bytes: Buffer;
  try {
    bytes = inflateSync(buf.subarray(packed, end), { maxOutputLength: Math.max(length, 1) });
  } catch (cause) {
    throw new ReshardError('corrupt', 'a compressed event cannot be inflated', { cause });
  }
  if (bytes.length !== length) throw corrupt('a compressed event has another length than it says');
  return bytes;
}
