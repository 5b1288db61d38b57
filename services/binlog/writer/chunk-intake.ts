/**
 * Snapshot chunks on their way into the log: in the order of the chunks topic, each one whole in
 * one batch with the progress of its range and our offset in the topic. A chunk that does not
 * continue what is durable is passed over; one whose read view is older than the memory of touched
 * keys is rejected, which its worker sees in the range's progress and reads it again.
 *
 * Fairness: chunks take at most half of a batch while the binlog has something to say.
 */

import { type Flavor, GtidSet } from '../../../shared/change/gtid.ts';
import type { ChunkRecord } from '../../../shared/codec/chunk-record.ts';
import { eachRow } from '../../../shared/codec/chunk-rows.ts';
import { patchSequence } from '../../../shared/codec/envelope.ts';
import type { RecordCodec } from '../../../shared/codec/record-codec.ts';
import { FRAME_BYTES } from '../../../shared/codec/registry-frame.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { RangeProgress } from '../../../shared/job/state/progress-view.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { wholeRecord } from '../../../shared/kafka/wire/record-slices.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { CapturedTable } from '../capture/captured-table.ts';
import type { OrderedWriter } from './ordered-writer.ts';
import type { Fate, RepairIntake } from './repair-intake.ts';

export interface ChunkIntakeOptions {
  jobId: string;
  /** Told once of each other job whose chunks are there. */
  onForeign: (jobId: string) => void;
  flavor: Flavor;
  codec: RecordCodec<ChunkRecord>;
  writer: OrderedWriter;
  batchBytes: number;
  /** The table as it is captured now. */
  table: (name: string) => CapturedTable | undefined;
  plan: (db: string, table: string) => TablePlan | undefined;
  /** Durable progress of ranges by `<db>.<table>/<range>`; kept up here. */
  ranges: Map<string, RangeProgress>;
  /** The binlog has events waiting, so chunks must leave room for them. */
  isBinlogBusy: () => boolean;
  release: (fetched: FetchedBatch) => void;
  /** Takes the chunks of keys. */
  repairs: Pick<RepairIntake, 'take'>;
  /** A range of the table is complete. */
  onRangeComplete: (table: CapturedTable) => void;
}

export class ChunkIntake {
  readonly counts = { accepted: 0, rejected: 0, passedOver: 0, rows: 0, dropped: 0 };
  readonly #o: ChunkIntakeOptions;
  readonly #fetchedBatches: FetchedBatch[] = [];
  readonly #foreign = new Set<string>();
  #next = 0;
  #batchBytes = 0;

  constructor(o: ChunkIntakeOptions) {
    this.#o = o;
  }

  /** Chunks wait for room. */
  get isWaiting(): boolean {
    return this.#fetchedBatches.length > 0;
  }

  onFetched(fetched: FetchedBatch): void {
    if (fetched.count === 0) {
      this.#o.release(fetched);
      return;
    }
    this.#fetchedBatches.push(fetched);
    this.pump();
  }

  /** A new batch has begun. */
  onRoom(): void {
    this.#batchBytes = 0;
    this.pump();
  }

  /** Takes chunks while there is room for them. */
  pump(): void {
    for (
      let fetched = this.#fetchedBatches[0];
      fetched !== undefined;
      fetched = this.#fetchedBatches[0]
    ) {
      const value = fetched.value(this.#next);
      if (value !== null) {
        if (!this.#hasRoom(value.length)) return;
        const chunk = this.#o.codec.decode(value);
        if (!this.#isPlanned(chunk)) return;
        this.#batchBytes += value.length;
        this.#take(chunk);
      }
      this.#o.writer.chunksOffset = fetched.offset(this.#next) + 1;
      this.#next += 1;
      if (this.#next === fetched.count) {
        this.#o.writer.chunksOffset = fetched.position;
        this.#fetchedBatches.shift();
        this.#next = 0;
        this.#o.release(fetched);
      }
      this.#o.writer.moved();
    }
  }

  #hasRoom(bytes: number): boolean {
    const { writer, batchBytes, isBinlogBusy } = this.#o;
    if (writer.isFull) return false;
    if (this.#batchBytes === 0) return true;
    const share = isBinlogBusy() ? batchBytes / 2 : batchBytes;
    return this.#batchBytes + bytes <= share;
  }

  /**
   * A worker of an earlier job that wakes up late sends its chunks to a topic that is another job's
   * by now. They must not stop that job, nor be taken for its own.
   */
  #isForeign({ jobId = '' }: ChunkRecord): boolean {
    if (jobId === this.#o.jobId) return false;
    if (!this.#foreign.has(jobId)) {
      this.#foreign.add(jobId);
      this.#o.onForeign(jobId);
    }
    return true;
  }

  /** False while the worker knows a newer generation than we do: the plan is on its way to us. */
  #isPlanned(chunk: ChunkRecord): boolean {
    const plan = this.#o.plan(chunk.db, chunk.table);
    return this.#isForeign(chunk) || plan === undefined || plan.generation >= chunk.generation;
  }

  #take(chunk: ChunkRecord): void {
    const { plan, table: tableOf } = this.#o;
    const planned = plan(chunk.db, chunk.table);
    const table = tableOf(chunk.table);
    const isCurrent =
      !this.#isForeign(chunk) &&
      planned?.generation === chunk.generation &&
      table?.generation === chunk.generation;
    if (isCurrent && chunk.repair) {
      this.#count(this.#o.repairs.take(chunk, chunk.repair, table));
      return;
    }
    const range = this.#range(chunk);
    const continues =
      isCurrent &&
      !chunk.repair &&
      planned.ranges.some(r => r.id === chunk.range) &&
      !range.complete &&
      chunk.seq === range.nextSeq &&
      same(chunk.after, range.after);
    if (!continues || !table) {
      this.counts.passedOver += 1;
      return;
    }
    const verdict =
      table.takeChunk(chunk, GtidSet.parse(chunk.visible, this.#o.flavor)) ??
      'reject: no memory of touched keys';
    const next = { ...range, nextSeq: range.nextSeq + 1 };
    if (verdict !== 'accept') {
      this.counts.rejected += 1;
      this.#setRange({ ...next, rejected: range.rejected + 1, reason: verdict });
      return;
    }
    const dropped = this.#appendRows(chunk, table);
    this.counts.accepted += 1;
    this.counts.rows += chunk.rowCount - dropped;
    this.counts.dropped += dropped;
    this.#setRange({
      ...next,
      after: chunk.upTo === null ? null : Buffer.from(chunk.upTo),
      complete: chunk.last,
      rows: range.rows + chunk.rowCount,
      dropped: range.dropped + dropped,
      reason: null,
    });
    if (chunk.last) this.#o.onRangeComplete(table);
  }

  #count(fate: Fate): void {
    if (fate === 'accepted') this.counts.accepted += 1;
    else if (fate === 'rejected') this.counts.rejected += 1;
    else this.counts.passedOver += 1;
  }

  #range(chunk: ChunkRecord): RangeProgress {
    const known = this.#o.ranges.get(`${chunk.db}.${chunk.table}/${chunk.range}`);
    if (known?.generation === chunk.generation) return known;
    const { generation, db, table, range } = chunk;
    const none = { rows: 0, dropped: 0, nextSeq: 0, rejected: 0, reason: null };
    return { generation, db, table, range, after: null, complete: false, ...none };
  }

  #setRange(range: RangeProgress): void {
    this.#o.ranges.set(`${range.db}.${range.table}/${range.range}`, range);
    this.#o.writer.setRange(range);
  }

  /** Appends what the merge rule lets through; returns how many rows it did not. */
  #appendRows(chunk: ChunkRecord, table: CapturedTable): number {
    const { writer } = this.#o;
    const { rows: buf, rowCount, sequenceFromEnd } = chunk;
    const { merge, topic, keyPartition } = table;
    const record = wholeRecord(buf, buf, Date.now());
    let dropped = 0;
    const isWhole = eachRow(chunk, ({ keyStart, keyEnd, valueStart, valueEnd }, i) => {
      if (i === rowCount >> 1) failpoint(FAILPOINTS.binlogMidChunk);
      const canonical = keyStart + FRAME_BYTES;
      if (!merge?.mayAppend(buf, canonical, keyEnd)) {
        dropped += 1;
        return;
      }
      patchSequence(buf, valueEnd, sequenceFromEnd, writer.epoch, writer.nextOrdinal());
      record.keyStart = keyStart;
      record.keyEnd = keyEnd;
      record.valueStart = valueStart;
      record.valueEnd = valueEnd;
      writer.append(topic, keyPartition.of(buf, canonical, keyEnd), record);
    });
    if (!isWhole) throw damaged(chunk);
    return dropped;
  }
}

function same(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

function damaged(chunk: ChunkRecord): ReshardError {
  return new ReshardError('corrupt', 'the rows of a chunk are not as long as it says', {
    context: { table: `${chunk.db}.${chunk.table}`, range: chunk.range, seq: chunk.seq },
    remedy: `\`reshard recopy <job file> --source <name> --tables ${chunk.table}\` reads it again`,
  });
}
