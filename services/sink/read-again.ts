/**
 * Parked rows before another attempt: which of them can be rows of the table as it is now. A row
 * that waits for its unique value must be; one of a blocked key may be of an older schema, or a
 * record that nobody could read: it is read again as if it had just come, since a newer version of
 * this service, or another plan, may understand it.
 */
import { confluentHeader } from '../../shared/codec/envelope.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { Slab } from '../../shared/topic/slab.ts';
import type { Lane } from './lane.ts';
import type { ParkedRow } from './park.ts';
import { int, Portion } from './portion.ts';

export interface ReadAgain {
  /** Rows to put back. */
  rows: ParkedRow[];
  /** Keys that have no row on this target after all. */
  deletes: string[];
}

export function readAgain(
  lane: Lane,
  found: readonly (ParkedRow & { schemaId: number })[],
): ReadAgain {
  const again: ReadAgain = { rows: [], deletes: [] };
  for (const { schemaId, ...row } of found) {
    if (row.reason === 'unreadable') take(again, row);
    else if (schemaId === lane.table.valueSchemaId) again.rows.push(row);
    else if (row.reason === 'unique') {
      throw new ReshardError('schema-changed', 'a parked row is of another schema', {
        context: { table: lane.table.name, partition: lane.partition },
      });
    }
  }
  return again;
}

function take(again: ReadAgain, parked: ParkedRow): void {
  const { lane, key, row } = parked;
  const { table, partition, target } = lane;
  const keyBytes = Buffer.concat([confluentHeader(table.keySchemaId), Buffer.from(key, 'latin1')]);
  const slab = new Slab(table.topic, partition, Buffer.concat([keyBytes, row]), 1);
  slab.count = 1;
  slab.offsets[0] = parked.offset;
  slab.position = parked.offset + 1;
  slab.keyStart[0] = 0;
  slab.keyEnd[0] = keyBytes.length;
  slab.valueStart[0] = keyBytes.length;
  slab.valueEnd[0] = keyBytes.length + row.length;
  const portion = new Portion(table, slab, parked.offset, () => {});
  if (portion.error !== null || portion.unreadable.size > 0) return;
  if (int(portion.goesTo, 0) !== target) again.deletes.push(key);
  else {
    const bytes = slab.buf.subarray(int(portion.rowStart, 0), int(portion.rowEnd, 0));
    // From now on it is a row like any other.
    again.rows.push({ ...parked, reason: 'refused', row: bytes });
  }
}
