/** One connection to the source that reads chunk after chunk of one range after another. */
import type { Job, JobSource } from '../../shared/job/job.ts';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../shared/job/state/progress-view.ts';
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { eventBytesBound } from '../../shared/mysql/row-size.ts';
import { Backoff } from '../../shared/runtime/backoff.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import type { PauseReasons } from '../../shared/runtime/pause.ts';
import { type Altered, AlteredTable } from './altered-table.ts';
import { ChunkReader, type ReadChunk } from './chunk-reader.ts';
import type { ChunkSender } from './chunk-sender.ts';
import { ChunkSize } from './chunk-size.ts';
import type { SnapshotProgress } from './metrics.ts';
import type { OwnRange, RangeBoard } from './range-board.ts';
import type { Position } from './range-copy.ts';
import type { RateLimit } from './rate-limit.ts';

/** Nothing to read, or the writer is behind: how long until the next look. */
const WAIT_MS = 5;
const IDLE_MS = 50;
/** Between readings of a chunk that the writer has rejected. */
const REJECTED = { minMs: 4, maxMs: 2000 };
/** With the waits in between, some seconds. */
const SCHEMA_REJECTED_MAX = 12;
/** A table that was altered is looked at again after this. */
const ALTERED_MS = 500;
/** It is told for so long: reports are rarer than looks. */
const ALTERED_TOLD_MS = 10 * ALTERED_MS;

export type WorkerOptions = {
  session: MysqlSession;
  source: JobSource;
  board: RangeBoard;
  sender: ChunkSender;
  pause: PauseReasons;
  rateLimit: RateLimit;
  /** What of the source is in the log. */
  log: Pick<ProgressView, 'resume'>;
  progress: SnapshotProgress;
  options: Job['options'];
  /** The condition of a table's rows that are to be copied; null is all of them. */
  only: (plan: TablePlan) => string | null;
};

/** The names of the job in its chunks. */
export type ChunkJob = { job: string; jobId: string };

type TableReader = { reader: ChunkReader; size: ChunkSize; altered: AlteredTable };

export class SnapshotWorker {
  readonly #o: WorkerOptions;
  readonly #readers = new Map<string, TableReader>();
  #serverId = 0;

  constructor(o: WorkerOptions) {
    this.#o = o;
  }

  async run(job: ChunkJob, stop: AbortSignal): Promise<void> {
    const { session, board, pause } = this.#o;
    const rows = await session.query<{ id: string | number }>('SELECT @@server_id AS id');
    this.#serverId = Number(rows[0]?.id ?? 0);
    while (!stop.aborted) {
      await pause.wait(stop);
      const own = board.claim();
      if (own === undefined) {
        await sleep(IDLE_MS, stop);
        continue;
      }
      try {
        await this.#copy(job, own, stop);
      } finally {
        board.release(own);
      }
    }
  }

  /** Reads on until the whole range has been sent, or it is no longer ours. */
  async #copy(job: ChunkJob, own: OwnRange, stop: AbortSignal): Promise<void> {
    const { board, pause, rateLimit, options, progress } = this.#o;
    const { copy } = own;
    const { reader, size, altered } = this.#readerOf(own);
    let rejected = copy.rejected;
    const backoff = new Backoff(REJECTED);
    while (!stop.aborted && !own.dropped && !copy.allSent) {
      if (pause.paused) return;
      this.#refuseSchema(own);
      // After a rejection one chunk at a time asks whether the next one would be taken.
      const isAsking = copy.rejectedInARow > 0 && copy.unconfirmedBytes > 0;
      if (isAsking || board.unconfirmedBytes >= options.inFlightBytes) {
        await sleep(WAIT_MS, stop);
        continue;
      }
      if (copy.rejected > rejected) {
        rejected = copy.rejected;
        progress.rejected(own.plan.table);
        if (copy.rejectedInARow <= 1) backoff.reset();
        await backoff.wait(stop);
        continue;
      }
      const isWanted = (): boolean => !own.dropped && !pause.paused;
      const limit = await rateLimit.take(size.rows, isWanted, stop);
      if (limit === 0) continue;
      const position = copy.next();
      const bounds = { after: position.after ?? copy.range.after, upTo: copy.range.upTo };
      const startedAt = performance.now();
      const chunks = await reader.read(bounds, limit);
      const ms = performance.now() - startedAt;
      if ('altered' in chunks) {
        rateLimit.giveBack(limit);
        this.#restFrom(own, altered, chunks);
        return;
      }
      altered.forget();
      progress.read(own.plan.table, ms);
      const rowCount = chunks.reduce((sum, c) => sum + c.rowCount, 0);
      rateLimit.giveBack(limit - rowCount);
      if (copy.turn !== position.turn || own.dropped) continue;
      this.#send(job, own, reader, position, chunks);
      const bytes = chunks.reduce((sum, c) => sum + c.rows.length, 0);
      reader.shed();
      size.observe(rowCount, bytes, ms);
    }
  }

  /** Other ranges are read while the log is on its way to what has changed the table. */
  #restFrom(own: OwnRange, altered: AlteredTable, found: Altered): void {
    if (!own.dropped) altered.refuse(own.plan, found, this.#o.log.resume);
    own.dueAtMs = performance.now() + ALTERED_MS;
    this.#o.progress.waits(own.plan.table, ALTERED_TOLD_MS);
  }

  #send(
    job: ChunkJob,
    own: OwnRange,
    reader: ChunkReader,
    position: Position,
    chunks: readonly ReadChunk[],
  ): void {
    const { sender, progress } = this.#o;
    const { plan, copy } = own;
    let { after, seq } = position;
    for (const chunk of chunks) {
      const { upTo, last } = chunk;
      // Noted before it is sent: its size is known only then, and it must not be sent twice.
      const noted = { seq, upTo, last, bytes: chunk.rows.length };
      const record = {
        ...job,
        source: plan.source,
        db: plan.db,
        table: plan.table,
        generation: plan.generation,
        range: copy.range.id,
        after,
        fingerprint: reader.fingerprint,
        sequenceFromEnd: reader.sequenceFromEnd,
        ...chunk,
        seq,
      };
      const onOffset = copy.sent(noted);
      sender.send(record, onOffset, () => reader.describeLast(chunk));
      progress.sent(plan.table, chunk.rowCount, chunk.rows.length);
      after = upTo;
      seq++;
    }
  }

  /** A schema that the log no longer has cannot be cured by reading again. */
  #refuseSchema({ plan, copy }: OwnRange): void {
    // A writer that was told later of columns that came refuses them for a moment.
    const isLasting = copy.rejectedInARow > SCHEMA_REJECTED_MAX;
    if (!isLasting || !copy.reason?.includes('schema')) return;
    throw new ReshardError('schema-changed', 'the ordered writer refuses the schema of a chunk', {
      context: { source: plan.source, table: `${plan.db}.${plan.table}`, reason: copy.reason },
      remedy:
        '`reshard ddl show <job file>` says what can be done; else undo the change of the table',
    });
  }

  #readerOf({ plan }: OwnRange): TableReader {
    const name = `${plan.topic}/${plan.generation}/${plan.valueSchemaId}`;
    let found = this.#readers.get(name);
    if (found === undefined) {
      const { session, options, only } = this.#o;
      const bytes = options.chunkBytes;
      const reader = new ChunkReader(session, plan, this.#serverId, bytes, only(plan));
      const rowBytesMax = eventBytesBound(plan.schema);
      const size = new ChunkSize(options.chunkRows, options.chunkBytes, rowBytesMax);
      found = { reader, size, altered: new AlteredTable() };
      this.#readers.set(name, found);
    }
    return found;
  }
}
