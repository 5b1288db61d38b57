/**
 * The only place that appends to the table topics of a source. Every batch is one Kafka transaction
 * that also carries the resume point, so the log and the position in it can never disagree: after
 * any failure the writer is thrown away, a new one (which fences this one) reads the last committed
 * resume point and goes on from there, and committed readers see no row twice.
 *
 * While a batch is being committed the next one fills; it is committed when the one before is done.
 * So batches are as small as the load allows, and as large as it needs. A batch ends between
 * transactions of the source; only one that is larger than a batch is cut (position.ts).
 */
import type { StreamPosition } from '../../../shared/change/position.ts';
import type { SourcePosition } from '../../../shared/change/source-position.ts';
import type { RecordCodec } from '../../../shared/codec/record-codec.ts';
import {
  type ProgressRecord,
  progressKey,
  type RangeProgress,
  type RepairProgress,
  type Resume,
} from '../../../shared/job/state/progress-view.ts';
import type { TransactionalWriter } from '../../../shared/kafka/transactional-writer.ts';
import { type RecordSlices, wholeRecord } from '../../../shared/kafka/wire/record-slices.ts';
import { asReshardError, ReshardError } from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { RecordSink } from '../capture/captured-table.ts';

export interface OrderedWriterOptions {
  writer: Pick<TransactionalWriter, 'append' | 'commit' | 'pendingBytes' | 'pendingRecords'>;
  codec: RecordCodec<ProgressRecord>;
  progressTopic: string;
  /** Of the job that the log is of: in every record of progress. */
  jobId: string;
  position: StreamPosition;
  epoch: number;
  ordinal: number;
  chunksOffset: number;
  /** The recopy that the position was begun with. */
  recopy: string | null;
  sourcePosition: () => SourcePosition;
  /** What else a reader has to know that begins at this position. */
  notes: () => Pick<Resume, 'prepared' | 'preparedIn' | 'trust' | 'handover'>;
  lingerMs: number;
  /** From one commit to the next, unless a batch is full before. */
  everyMs: () => number;
  batchBytes: number;
  /** A new batch has begun: there is room again. */
  onRoom: () => void;
  onCommitted: (seconds: number) => void;
  onFail: (error: ReshardError) => void;
}

/** A transaction that may not be cut (StreamPosition.maySplit) may grow to this many batches. */
const UNCUT_BATCHES_MAX = 32;
/** What is under way and larger than this many batches is a huge row. */
const HUGE_BATCHES = 8;
const REFRESH_MS = 1000;

export class OrderedWriter implements RecordSink {
  readonly epoch: number;
  /** Next offset of the chunks topic; committed with the rows before it. */
  chunksOffset: number;
  readonly counts = { commits: 0, records: 0 };
  readonly #o: OrderedWriterOptions;
  /** Records of the progress topic that go with the open batch. */
  readonly #progress = new Map<string, ProgressRecord>();
  readonly #refresh: NodeJS.Timeout;
  #ordinal: number;
  #committing: Promise<void> | null = null;
  #committingBytes = 0;
  #linger: NodeJS.Timeout | null = null;
  /** Something was appended, or the position has moved, since the last commit began. */
  #moved = false;
  #movedAtMs = 0;
  /** Since when the oldest thing of the batch that is under way has waited. */
  #committingSinceMs: number | null = null;
  #committedAtMs = performance.now();
  #failed = false;

  constructor(o: OrderedWriterOptions) {
    this.#o = o;
    this.epoch = o.epoch;
    this.#ordinal = o.ordinal;
    this.chunksOffset = o.chunksOffset;
    // An idle source is told from a dead writer, and transactions of other tables are passed.
    this.#refresh = setInterval(() => this.#refreshProgress(), REFRESH_MS / 4);
  }

  nextOrdinal(): number {
    this.#ordinal += 1;
    return this.#ordinal;
  }

  append(topic: string, partition: number, record: RecordSlices): void {
    this.#o.writer.append(topic, partition, record);
    this.counts.records += 1;
  }

  setRange(range: RangeProgress): void {
    const key = progressKey.range(range.db, range.table, range.range);
    this.#progress.set(key, { resume: null, range });
  }

  setRepair(repair: RepairProgress): void {
    this.#progress.set(progressKey.repair(repair.id), { resume: null, range: null, repair });
  }

  /**
   * The open batch is full while another one is under way: whoever feeds it should wait. So it
   * should while a huge row is under way: two at a time would be too much memory.
   */
  get isFull(): boolean {
    const { batchBytes } = this.#o;
    if (this.#committing === null) return false;
    return this.pendingBytes >= batchBytes || this.#committingBytes >= HUGE_BATCHES * batchBytes;
  }

  get pendingBytes(): number {
    return this.#o.writer.pendingBytes;
  }

  /** How long the oldest thing that is not in the log has waited for it; 0 when all is there. */
  get waitingMs(): number {
    const sinceMs = this.#committingSinceMs ?? (this.#moved ? this.#movedAtMs : null);
    return sinceMs === null ? 0 : performance.now() - sinceMs;
  }

  /** Tells that records were appended, or that a transaction has ended. */
  moved(): void {
    if (!this.#moved) {
      this.#moved = true;
      this.#movedAtMs = performance.now();
    }
    this.#consider();
  }

  #consider(): void {
    if (this.#committing !== null || !this.#moved || this.#failed) return;
    const { position, batchBytes, lingerMs, everyMs } = this.#o;
    const between = position.current === null;
    if (this.pendingBytes >= batchBytes) {
      if (between || position.maySplit()) this.#commit();
      else if (this.pendingBytes > batchBytes * UNCUT_BATCHES_MAX) throw uncut();
      return;
    }
    if (!between) return;
    const nowMs = performance.now();
    const leftMs = Math.max(
      lingerMs - (nowMs - this.#movedAtMs),
      everyMs() - (nowMs - this.#committedAtMs),
    );
    if (leftMs <= 0) this.#commit();
    else
      this.#linger ??= setTimeout(() => {
        this.#linger = null;
        this.#consider();
      }, leftMs);
  }

  #refreshProgress(): void {
    if (this.#committing !== null || this.#failed) return;
    if (performance.now() - this.#committedAtMs < REFRESH_MS) return;
    if (this.#o.position.maySplit()) this.#commit();
  }

  #commit(): void {
    if (this.#linger !== null) clearTimeout(this.#linger);
    this.#linger = null;
    this.#committingSinceMs = this.#moved ? this.#movedAtMs : null;
    this.#moved = false;
    const startedAtMs = performance.now();
    this.#committingBytes = this.pendingBytes;
    this.#appendProgress();
    failpoint(FAILPOINTS.binlogBeforeCommit);
    this.#committing = this.#o.writer.commit().then(
      () => {
        failpoint(FAILPOINTS.binlogAfterCommit);
        this.#committing = null;
        this.#committingSinceMs = null;
        this.#committedAtMs = performance.now();
        this.counts.commits += 1;
        this.#o.onCommitted((this.#committedAtMs - startedAtMs) / 1000);
        this.#guarded(() => this.#consider());
        this.#guarded(() => this.#o.onRoom());
      },
      e => this.#fail(e),
    );
    this.#o.onRoom();
  }

  #appendProgress(): void {
    const { sourcePosition, notes, position, recopy } = this.#o;
    for (const [key, record] of this.#progress) this.#appendRecord(key, record);
    this.#progress.clear();
    const resume = {
      epoch: this.epoch,
      ordinal: this.#ordinal,
      chunksOffset: this.chunksOffset,
      ...position.resume(),
      ...sourcePosition(),
      ...notes(),
      recopy,
    };
    this.#appendRecord(progressKey.source, { resume, range: null });
  }

  #appendRecord(name: string, record: ProgressRecord): void {
    const key = Buffer.from(name);
    const value = this.#o.codec.encode({ ...record, jobId: this.#o.jobId });
    const { writer, progressTopic } = this.#o;
    writer.append(progressTopic, 0, wholeRecord(key, value, Date.now()));
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (e) {
      this.#fail(e);
    }
  }

  #fail(e: unknown): void {
    if (this.#failed) return;
    this.close();
    this.#committing = null;
    this.#o.onFail(asReshardError(e));
  }

  /**
   * Commits all that may be committed by now; the feeders must have stopped. False: the log has
   * refused it.
   */
  async flush(): Promise<boolean> {
    while (!this.#failed) {
      if (this.#committing !== null) await this.#committing;
      else if (this.#moved && this.#o.position.maySplit()) this.#commit();
      else return true;
    }
    return false;
  }

  close(): void {
    this.#failed = true;
    clearInterval(this.#refresh);
    if (this.#linger !== null) clearTimeout(this.#linger);
  }
}

function uncut(): ReshardError {
  return new ReshardError(
    'position-lost',
    'two transactions of the source are in the log in part: it has another order than before',
    {
      remedy:
        'set replica_preserve_commit_order = ON on the server that is read, or read the one that' +
        ' was read before; then `reshard recopy <job file> --source <name>`',
    },
  );
}
