/**
 * Parked rows before another attempt: which of them can be rows of the table as it is now. A row
 * that waits for its unique value must be; one of a blocked key may be of an older schema. A record
 * that was kept whole is read again as if it had just come: if nobody could read it, a newer
 * version of this service, or another plan, may understand it.
 */
import { registryFrame } from '../../../../shared/codec/registry-frame.ts';
import { FetchedBatch } from '../../../../shared/kafka/wire/fetched-batch.ts';
import type { PartitionTask } from '../../intake/partition-task.ts';
import type { Refusal } from '../../intake/refusal.ts';
import { EVERYWHERE, int, RoutedBatch } from '../../intake/routed-batch.ts';
import type { ParkedRow } from '../waiting.ts';

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
    if (isWhole) take(again, row);
    else if (schemaId === task.table.valueSchemaId) again.rows.push(row);
    else if (row.reason === 'unique') {
      // Its key alone is blocked: a newer event, or a repair of it, brings the row as it is now.
      again.outdated.push({ ...row, reason: 'refused', why: OUTDATED });
    }
  }
  return again;
}

function take(again: ReadAgain, parked: ParkedRow): void {
  const { task, key, row } = parked;
  const { table, partition, target } = task;
  const keyBytes = Buffer.concat([registryFrame(table.keySchemaId), Buffer.from(key, 'latin1')]);
  const fetched = new FetchedBatch(table.topic, partition, Buffer.concat([keyBytes, row]), 1);
  fetched.count = 1;
  fetched.offsets[0] = parked.offset;
  fetched.position = parked.offset + 1;
  fetched.keyStart[0] = 0;
  fetched.keyEnd[0] = keyBytes.length;
  fetched.valueStart[0] = keyBytes.length;
  fetched.valueEnd[0] = keyBytes.length + row.length;
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
