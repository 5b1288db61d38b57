/**
 * Parked rows before another attempt: which of them can be rows of the table as it is now. A row
 * that waits for its unique value must be; one of a blocked key may be of an older schema. A record
 * that was kept whole is read again as if it had just come: if nobody could read it, a newer
 * version of this service, or another plan, may understand it.
 */
import { registryFrame } from '../../../../shared/codec/registry-frame.ts';
import { FetchedBatch } from '../../../../shared/kafka/wire/fetched-batch.ts';
import { ByteWriter } from '../../../../shared/runtime/bytes.ts';
import { inPresentShape } from '../../intake/older-record.ts';
import type { PartitionTask } from '../../intake/partition-task.ts';
import type { Refusal } from '../../intake/refusal.ts';
import { EVERYWHERE, int, RoutedBatch } from '../../intake/routed-batch.ts';
import type { OlderRecords } from '../../intake/sink-table.ts';
import type { ParkedRow } from '../waiting.ts';

const MORE_BYTES = 64;

export interface ReadAgain {
  /** Rows to put back. */
  rows: ParkedRow[];
  /** Keys that have no row on this target after all. */
  deletes: string[];
  /** Rows that wait for a unique value, and that the table cannot hold any more as they are. */
  outdated: ParkedRow[];
}

const OUTDATED: Refusal = {
  kind: 'schema-changed',
  errno: null,
  text: 'the row was parked with another schema of the table than the planned one',
};

export function readAgain(
  task: PartitionTask,
  found: readonly (ParkedRow & { schemaId: number })[],
): ReadAgain {
  const again: ReadAgain = { rows: [], deletes: [], outdated: [] };
  for (const { schemaId, ...row } of found) {
    const isWhole = row.reason !== 'unique' && row.reason !== 'refused';
    const older = task.table.older.get(schemaId);
    if (isWhole) take(again, row);
    else if (schemaId === task.table.valueSchemaId) again.rows.push(row);
    else if (older !== undefined) again.rows.push({ ...row, row: projected(older, row.row) });
    else if (row.reason === 'unique') {
      // Its key alone is blocked: a newer event, or a repair of it, brings the row as it is now.
      again.outdated.push({ ...row, reason: 'refused', why: OUTDATED });
    }
  }
  return again;
}

/** It was parked before columns were added to the table. */
function projected({ rows }: OlderRecords, row: Buffer): Buffer {
  const out = new ByteWriter(row.length + MORE_BYTES);
  rows.project(row, 0, out);
  return out.take();
}

function take(again: ReadAgain, parked: ParkedRow): void {
  const { task, key, row } = parked;
  const { table, partition, target } = task;
  const keyBytes = Buffer.concat([registryFrame(table.keySchemaId), Buffer.from(key, 'latin1')]);
  const kept = new FetchedBatch(table.topic, partition, Buffer.concat([keyBytes, row]), 1);
  kept.count = 1;
  kept.offsets[0] = parked.offset;
  kept.position = parked.offset + 1;
  kept.keyStart[0] = 0;
  kept.keyEnd[0] = keyBytes.length;
  kept.valueStart[0] = keyBytes.length;
  kept.valueEnd[0] = keyBytes.length + row.length;
  const fetched = inPresentShape(table, kept);
  const routed = new RoutedBatch(table, fetched, parked.offset, () => {});
  if (routed.error !== null || routed.unreadable.size > 0) return;
  const goesTo = int(routed.goesTo, 0);
  if (goesTo !== target && goesTo !== EVERYWHERE) again.deletes.push(key);
  else {
    const bytes = fetched.buf.subarray(int(routed.rowStart, 0), int(routed.rowEnd, 0));
    // What could not be read is a row like any other from now on.
    const reason = parked.reason === 'unreadable' ? 'refused' : parked.reason;
    again.rows.push({ ...parked, reason, row: bytes, value: row });
  }
}
