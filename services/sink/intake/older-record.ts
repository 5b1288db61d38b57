/**
 * Records of before columns were added to a table, as records of the table as it is now: behind
 * this the sink knows one shape of a table. A batch that has none of them is handed on as it is.
 *
 * What cannot be made new is left as it is: whoever reads it finds a schema that is not the table's,
 * and blocks its key, as with any other record that cannot be read.
 */
import { FRAME_BYTES, registryFrame, schemaIdIn } from '../../../shared/codec/registry-frame.ts';
import { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { at, ByteWriter } from '../../../shared/runtime/bytes.ts';
import type { OlderRecords, SinkTable } from './sink-table.ts';

/** What columns that are NULL, and a row's frame, add to a record, about. */
const MORE_BYTES = 64;

interface Place {
  start: number;
  end: number;
}

export function inPresentShape(table: SinkTable, fetched: FetchedBatch): FetchedBatch {
  const old = table.older.size === 0 ? [] : olderRecords(table, fetched);
  if (old.length === 0) return fetched;
  const out = new ByteWriter(fetched.buf.length);
  const places = new Map<number, Place>();
  for (const { record, how } of old) {
    const start = out.pos;
    try {
      rewrite(table, how, fetched, record, out);
      places.set(record, { start, end: out.pos });
    } catch {
      out.pos = start;
    }
  }
  return withValues(fetched, out, places);
}

/** Whether a value of the batch is of a schema that the table does not have (yet). */
export function hasUnknownSchema(table: SinkTable, fetched: FetchedBatch): boolean {
  for (let i = 0; i < fetched.count; i++) {
    const id = schemaIdOf(fetched, i);
    if (id !== null && id !== table.valueSchemaId && !table.older.has(id)) return true;
  }
  return false;
}

function olderRecords(
  { older }: SinkTable,
  fetched: FetchedBatch,
): { record: number; how: OlderRecords }[] {
  const found: { record: number; how: OlderRecords }[] = [];
  for (let record = 0; record < fetched.count; record++) {
    const how = older.get(schemaIdOf(fetched, record) ?? -1);
    if (how !== undefined) found.push({ record, how });
  }
  return found;
}

/** Null for a tombstone, and for what has no frame. */
function schemaIdOf({ buf, valueStart, valueEnd }: FetchedBatch, i: number): number | null {
  const start = valueStart[i] as number;
  return start < 0 ? null : schemaIdIn(buf, start, valueEnd[i] as number);
}

/** Frame, row before, row after, and the rest of the envelope, which has no row in it. */
function rewrite(
  table: SinkTable,
  { envelope, rows }: OlderRecords,
  { buf, valueStart, valueEnd }: FetchedBatch,
  record: number,
  out: ByteWriter,
): void {
  const start = valueStart[record] as number;
  const end = valueEnd[record] as number;
  envelope.decode(buf, start, end);
  out.reserve(end - start + MORE_BYTES * table.schema.columns.length);
  out.copy(registryFrame(table.valueSchemaId), 0, FRAME_BYTES);
  const { beforeStart, hasBefore, afterStart, hasAfter, afterEnd } = envelope;
  // The branch of the union stands in front of each row.
  out.u8(at(buf, beforeStart - 1));
  if (hasBefore) rows.project(buf, beforeStart, out);
  out.u8(at(buf, afterStart - 1));
  if (hasAfter) rows.project(buf, afterStart, out);
  out.copy(buf, afterEnd, end);
}

/** The same batch with other values for some records. */
function withValues(
  fetched: FetchedBatch,
  out: ByteWriter,
  places: ReadonlyMap<number, Place>,
): FetchedBatch {
  const { topic, partition, count, buf } = fetched;
  const bytes = Buffer.concat([buf, out.buf.subarray(0, out.pos)]);
  const next = new FetchedBatch(topic, partition, bytes, count);
  next.position = fetched.position;
  next.count = count;
  next.topicId = fetched.topicId;
  next.bytes = fetched.bytes;
  next.sources.push(...fetched.sources);
  for (const name of ['keyStart', 'keyEnd', 'valueStart', 'valueEnd'] as const) {
    next[name].set(fetched[name].subarray(0, count));
  }
  next.offsets.set(fetched.offsets.subarray(0, count));
  next.times.set(fetched.times.subarray(0, count));
  for (const [record, { start, end }] of places) {
    next.valueStart[record] = buf.length + start;
    next.valueEnd[record] = buf.length + end;
  }
  return next;
}
