/**
 * Parked rows before another attempt, read again as if their records had just come. One that was
 * parked before columns were added to the table gets them; one that nobody could read may be
 * understood by a newer version of this service. And what was a row of the table when it began to
 * wait may be none any more, for the table was planned anew: then its key is blocked.
 */
import { registryFrame } from '../../../../shared/codec/registry-frame.ts';
import { FetchedBatch } from '../../../../shared/kafka/wire/fetched-batch.ts';
import { inPresentShape } from '../../intake/older-record.ts';
import type { Refusal } from '../../intake/refusal.ts';
import { EVERYWHERE, int, RoutedBatch } from '../../intake/routed-batch.ts';
import { isWaiting, type ParkedRow, type ReadRow } from '../waiting.ts';

export interface ReadAgain {
  /** Rows to put back. */
  rows: ReadRow[];
  /** Keys that have no row on this target after all. */
  deletes: string[];
  /** They only waited, and the table cannot hold them any more as they are. */
  outdated: ParkedRow[];
}

export const OUTDATED: Refusal = {
  kind: 'schema-changed',
  errno: null,
  text: 'the row was parked with another schema of the table than the planned one',
};

export function readAgain(found: readonly ParkedRow[]): ReadAgain {
  const again: ReadAgain = { rows: [], deletes: [], outdated: [] };
  for (const row of found) take(again, row);
  return again;
}

function take(again: ReadAgain, parked: ParkedRow): void {
  const { task, key, value } = parked;
  const { table, partition, target } = task;
  const keyBytes = Buffer.concat([registryFrame(table.keySchemaId), Buffer.from(key, 'latin1')]);
  const kept = new FetchedBatch(table.topic, partition, Buffer.concat([keyBytes, value]), 1);
  kept.count = 1;
  kept.offsets[0] = parked.offset;
  kept.position = parked.offset + 1;
  kept.keyStart[0] = 0;
  kept.keyEnd[0] = keyBytes.length;
  kept.valueStart[0] = keyBytes.length;
  kept.valueEnd[0] = keyBytes.length + value.length;
  const fetched = inPresentShape(table, kept);
  const routed = new RoutedBatch(table, fetched, parked.offset, () => {});
  if (routed.error !== null || routed.unreadable.size > 0) {
    if (isWaiting(parked.reason)) again.outdated.push(parked);
    return;
  }
  const goesTo = int(routed.goesTo, 0);
  if (goesTo !== target && goesTo !== EVERYWHERE) again.deletes.push(key);
  else {
    const row = fetched.buf.subarray(int(routed.rowStart, 0), int(routed.rowEnd, 0));
    // What could not be read is a row like any other from now on.
    const reason = parked.reason === 'unreadable' ? 'refused' : parked.reason;
    again.rows.push({ ...parked, reason, row });
  }
}
