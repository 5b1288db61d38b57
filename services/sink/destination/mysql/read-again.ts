/**
 * Parked rows before another attempt: which of them can be rows of the table as it is now. A row
 * that waits for its unique value must be; one of a blocked key may be of an older schema, or a
 * record that nobody could read: it is read again as if it had just come, since a newer version of
 * this service, or another plan, may understand it.
 */
import { registryFrame } from '../../../../shared/codec/registry-frame.ts';
import { FetchedBatch } from '../../../../shared/kafka/wire/fetched-batch.ts';
import { ReshardError } from '../../../../shared/runtime/error.ts';
import type { PartitionTask } from '../../intake/partition-task.ts';
import { int, RoutedBatch } from '../../intake/routed-batch.ts';
import type { ParkedRow } from './park.ts';

export interface ReadAgain {
  /** Rows to put back. */
  rows: ParkedRow[];
  /** Keys that have no row on this target after all. */
  deletes: string[];
}

export function readAgain(
  task: PartitionTask,
  found: readonly (ParkedRow & { schemaId: number })[],
): ReadAgain {
  const again: ReadAgain = { rows: [], deletes: [] };
  for (const { schemaId, ...row } of found) {
    if (row.reason === 'unreadable') take(again, row);
    else if (schemaId === task.table.valueSchemaId) again.rows.push(row);
    else if (row.reason === 'unique') {
      throw new ReshardError('schema-changed', 'a parked row is of another schema', {
        context: { table: task.table.name, partition: task.partition },
      });
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
  if (int(routed.goesTo, 0) !== target) again.deletes.push(key);
  else {
    const bytes = fetched.buf.subarray(int(routed.rowStart, 0), int(routed.rowEnd, 0));
    // From now on it is a row like any other.
    again.rows.push({ ...parked, reason: 'refused', row: bytes });
  }
}
