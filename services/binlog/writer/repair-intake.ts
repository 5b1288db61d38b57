/**
 * Chunks of keys on their way into the log: what a snapshot worker has found of keys that a repair
 * names. The same rule as for a copied row decides for each key (chunk-merge.ts), and for a key
 * that was not found as well: a tombstone is appended only if every event of the key that is in the
 * log is in R, so the SELECT has seen all of them and still found no row. So a repair can never
 * bring back or delete anything newer than what it has read.
 *
 * The memory of touched keys begins with the first chunk of a repair; if that has not seen all that
 * is published by then, it is rejected and read again. The memory is kept while a repair of the
 * table is under way. If it is lost (a restart), the next chunk begins it again: nothing rests on
 * it but the acceptance.
 */

import { type Flavor, GtidSet } from '../../../shared/change/gtid.ts';
import type { ChunkRecord } from '../../../shared/codec/chunk-record.ts';
import { eachRow } from '../../../shared/codec/chunk-rows.ts';
import { patchSequence } from '../../../shared/codec/envelope.ts';
import { FRAME_BYTES } from '../../../shared/codec/registry-frame.ts';
import type { RepairProgress } from '../../../shared/job/state/progress-view.ts';
import { wholeRecord } from '../../../shared/kafka/wire/record-slices.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { CapturedTable } from '../capture/captured-table.ts';
import type { OrderedWriter } from './ordered-writer.ts';

export interface RepairIntakeOptions {
  flavor: Flavor;
  writer: Pick<OrderedWriter, 'append' | 'epoch' | 'nextOrdinal' | 'setRepair'>;
  /** Durable progress by id of the repair; kept up here. */
  repairs: Map<string, RepairProgress>;
  /** Begins the memory of touched keys of a table that has none. */
  remember: (table: CapturedTable) => void;
  /** A repair of the table is complete. */
  onComplete: (table: CapturedTable) => void;
}

export type Fate = 'accepted' | 'rejected' | 'passed over';

/** Where a found row lies in the chunk. */
interface Found {
  valueStart: number;
  valueEnd: number;
}

export class RepairIntake {
  readonly #o: RepairIntakeOptions;
  /** Repairs under way by table. */
  readonly #open = new Map<CapturedTable, Set<string>>();

  constructor(o: RepairIntakeOptions) {
    this.#o = o;
  }

  isOpen(table: CapturedTable): boolean {
    return this.#open.has(table);
  }

  take(chunk: ChunkRecord, id: string, table: CapturedTable): Fate {
    const at = this.#o.repairs.get(id) ?? none(id);
    if (at.complete || chunk.seq !== at.nextSeq || chunk.range !== at.done) return 'passed over';
    const next = { ...at, nextSeq: at.nextSeq + 1 };
    this.#begin(table, id);
    const visible = GtidSet.parse(chunk.visible, this.#o.flavor);
    const verdict = table.takeChunk(chunk, visible);
    if (verdict !== 'accept') {
      const reason = verdict ?? 'reject: no memory of touched keys';
      this.#put({ ...next, rejected: at.rejected + 1, reason });
      return 'rejected';
    }
    const { rows, deleted, dropped } = this.#append(chunk, table);
    this.#put({
      ...next,
      done: at.done + keysOf(chunk).length,
      complete: chunk.last,
      rows: at.rows + rows,
      deleted: at.deleted + deleted,
      dropped: at.dropped + dropped,
      reason: null,
    });
    if (chunk.last) this.#end(table, id);
    return 'accepted';
  }

  #begin(table: CapturedTable, id: string): void {
    const open = this.#open.get(table) ?? new Set();
    this.#open.set(table, open.add(id));
    if (table.merge === null) this.#o.remember(table);
  }

  #end(table: CapturedTable, id: string): void {
    const open = this.#open.get(table);
    open?.delete(id);
    if (open?.size === 0) this.#open.delete(table);
    this.#o.onComplete(table);
  }

  #put(progress: RepairProgress): void {
    this.#o.repairs.set(progress.id, progress);
    this.#o.writer.setRepair(progress);
  }

  #append(
    chunk: ChunkRecord,
    table: CapturedTable,
  ): { rows: number; deleted: number; dropped: number } {
    const { writer } = this.#o;
    const { topic, merge, keyPartition } = table;
    const { rows: buf, sequenceFromEnd, clear } = chunk;
    const found = foundRows(chunk);
    const counts = { rows: 0, deleted: 0, dropped: 0 };
    const nowMs = Date.now();
    const keys = keysOf(chunk);
    for (const [i, key] of inOrder(keys, found).entries()) {
      if (i === keys.length >> 1) failpoint(FAILPOINTS.binlogMidChunk);
      if (!merge?.mayAppend(key, FRAME_BYTES, key.length)) {
        counts.dropped += 1;
        continue;
      }
      const row = found.get(key.toString('latin1'));
      const partition = keyPartition.of(key, FRAME_BYTES, key.length);
      if (clear === 'always' || (clear === 'absent' && row === undefined)) {
        writer.append(topic, partition, wholeRecord(key, null, nowMs));
        counts.deleted += 1;
      }
      if (row === undefined) continue;
      const { valueStart, valueEnd } = row;
      patchSequence(buf, valueEnd, sequenceFromEnd, writer.epoch, writer.nextOrdinal());
      writer.append(topic, partition, { ...wholeRecord(key, buf, nowMs), valueStart, valueEnd });
      counts.rows += 1;
    }
    return counts;
  }
}

function keysOf(chunk: ChunkRecord): Buffer[] {
  return chunk.keys ?? [];
}

/**
 * The keys that were asked for, those without a row first; behind them the keys of rows that were
 * found but not asked for by these bytes: the server holds them equal to one that was. The
 * tombstone of a spelling that is not there says nothing of the row that is, and whoever takes both
 * for one key deletes that row by it: so the row is told, and behind it.
 */
function inOrder(keys: readonly Buffer[], found: ReadonlyMap<string, Found>): Buffer[] {
  const asked = new Map(keys.map(key => [key.toString('latin1'), key]));
  const absent = [...asked].filter(([name]) => !found.has(name)).map(([, key]) => key);
  const present = [...found.keys()].map(name => asked.get(name) ?? Buffer.from(name, 'latin1'));
  return [...absent, ...present];
}

/** The rows by key bytes. */
function foundRows(chunk: ChunkRecord): Map<string, Found> {
  const { rows: buf, table, seq } = chunk;
  const found = new Map<string, Found>();
  const isWhole = eachRow(chunk, ({ keyStart, keyEnd, valueStart, valueEnd }) => {
    found.set(buf.toString('latin1', keyStart, keyEnd), { valueStart, valueEnd });
  });
  if (isWhole) return found;
  throw new ReshardError('corrupt', 'the rows of a repair are not as long as they say', {
    context: { table, seq },
    remedy: `\`reshard recopy <job file> --source <name> --tables ${table}\` reads it again`,
  });
}

function none(id: string): RepairProgress {
  const counts = { rows: 0, deleted: 0, dropped: 0, nextSeq: 0, rejected: 0 };
  return { id, done: 0, complete: false, ...counts, reason: null };
}
