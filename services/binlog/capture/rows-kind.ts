/** Which event types carry row images, in which layout; and MariaDB's compressed ones. */
import { inflateSync } from 'node:zlib';
import { at } from '../../../shared/runtime/bytes.ts';
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

/** Row images of a compressed event: one byte of form, the length in big-endian, zlib. */
export function inflateRows(buf: Buffer, start: number, end: number): Buffer {
  const form = at(buf, start);
  const lengthBytes = form & 0x07;
  if ((form & 0xf0) !== 0x80 || lengthBytes < 1 || lengthBytes > 4) {
    throw corrupt('compressed row images in an unknown form');
  }
  const length = buf.readUIntBE(start + 1, lengthBytes);
  const rows = inflateSync(buf.subarray(start + 1 + lengthBytes, end));
  if (rows.length !== length) throw corrupt('compressed row images have another length');
  return rows;
}
