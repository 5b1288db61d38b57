/**
 * Copies a source's planned ranges into its chunks topic: several workers, several tables at once,
 * no locks, no state of its own. What is done is what the source's progress topic says is done, so
 * a worker that dies anywhere is resumed by anyone at the last durable chunk.
 *
 * Bounded: a worker reads only while the bytes that are sent and not yet in the log stay under
 * `inFlightBytes`; the ordered writer's pace is the pace of the copy.
 */

import { chunkCodec } from '../../shared/codec/chunk-record.ts';
import { type JobSource, readServer, tablesOf } from '../../shared/job/job.ts';
import { routeOf } from '../../shared/job/job-route.ts';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import { openProgress } from '../../shared/job/state/open.ts';
import type { ProgressView } from '../../shared/job/state/progress-view.ts';
import type { SourceServer } from '../../shared/job/state/source-server.ts';
import { BRAKES, type BrakeReason, copyStops } from '../../shared/job/state/throttle.ts';
import { chunksTopic } from '../../shared/kafka/topic-name.ts';
import type { ServiceContext } from '../../shared/member/context.ts';
import { MysqlSession } from '../../shared/mysql/connect.ts';
import { MYSQL_DIALECT } from '../../shared/mysql/identifier.ts';
import { refuseUnfaithful } from '../../shared/mysql/replica-fidelity.ts';
import { placedCondition } from '../../shared/route/route.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import type { PauseReasons } from '../../shared/runtime/pause.ts';
import type { Unit } from '../../shared/runtime/service.ts';
import { ChunkSender } from './chunk-sender.ts';
import type { CopyRate } from './copy-rate.ts';
import type { SnapshotProgress } from './metrics.ts';
import { RangeBoard } from './range-board.ts';
import { RateLimit } from './rate-limit.ts';
import { SnapshotWorker } from './worker.ts';

const LOOK_EVERY_MS = 250;
/** A chunk takes a fraction of a second: by then the link is dead, whatever TCP believes. */
const STATEMENT_TIMEOUT_MS = 60_000;

export type SnapshotOptions = {
  context: ServiceContext;
  source: JobSource;
  server: SourceServer;
  slots: ReadonlySet<number>;
  pause: PauseReasons;
  rate: CopyRate;
  progress: SnapshotProgress;
};

export class SourceSnapshot implements Unit {
  readonly #o: SnapshotOptions;

  constructor(o: SnapshotOptions) {
    this.#o = o;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context, source, rate } = this.#o;
    const failure = new AbortController();
    const stop = AbortSignal.any([signal, failure.signal]);
    await using progress = await openProgress(context, source.name, context.view.jobId);
    const board = new RangeBoard(source.name, context.view, progress.view, this.#o.slots);
    progress.failed.catch(error => failure.abort(error));
    const writer = await context.kafka.writer();
    const sender = new ChunkSender({
      writer,
      codec: await chunkCodec(context.registry, source.name),
      topic: chunksTopic(source.name),
      maxMessageBytes: context.job.options.maxMessageBytes,
      onError: error => failure.abort(error),
    });
    rate.follow(source.name, () => board.left);
    const rateLimit = new RateLimit(() => rate.of(source.name));
    const running = Array.from({ length: context.job.options.snapshotWorkers }, () =>
      this.#worker({ board, sender, rateLimit, log: progress.view }, stop).catch(error =>
        failure.abort(error),
      ),
    );
    await this.#follow(board, progress.view, rateLimit, stop);
    await Promise.all(running);
    await sender.drain();
    writer.close();
    if (failure.signal.aborted) throw failure.signal.reason;
  }

  /** R comes from the server that the rows come from: of a replica it says how far that one is. */
  async #worker(
    shared: { board: RangeBoard; sender: ChunkSender; rateLimit: RateLimit; log: ProgressView },
    stop: AbortSignal,
  ): Promise<void> {
    const { context, source, pause, progress } = this.#o;
    await using session = await MysqlSession.open(readServer(source), {
      role: 'read',
      log: context.log,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
    await this.#o.server.refuseStale(session, shared.log.resume);
    if (source.replica) await refuseUnfaithful(session, source.database, tablesOf(context.job));
    const { job } = context;
    const only = ({ schema }: TablePlan): string | null =>
      placedCondition(routeOf(job, schema, source.name), MYSQL_DIALECT);
    const { options } = job;
    const parts = { session, source, pause, progress, options, only };
    const worker = new SnapshotWorker({ ...shared, ...parts });
    await worker.run({ job: context.job.job, jobId: context.view.jobId }, stop);
  }

  /** Keeps the board up to date until the signal. */
  async #follow(
    board: RangeBoard,
    progress: ProgressView,
    rateLimit: RateLimit,
    stop: AbortSignal,
  ): Promise<void> {
    // Progress comes record by record; one look for all that came together is enough.
    let isDue = false;
    const follow = (): void => {
      if (isDue) return;
      isDue = true;
      setImmediate(() => {
        isDue = false;
        board.follow();
      });
    };
    const refresh = (): void => board.refresh();
    const ends = [progress.onChange(follow), this.#o.context.view.onChange(refresh)];
    try {
      while (!stop.aborted) {
        board.refresh();
        board.writerAt(progress.resume?.chunksOffset ?? 0);
        this.#o.progress.state(board.counts, board.unconfirmedBytes);
        this.#o.progress.braked(board.left.ours > 0 ? this.#brakes(rateLimit) : []);
        await sleep(LOOK_EVERY_MS, stop);
      }
    } finally {
      for (const end of ends) end();
      this.#o.progress.braked([]);
    }
  }

  #brakes(rateLimit: RateLimit): BrakeReason[] {
    const { view } = this.#o.context;
    const measured = copyStops({ paused: [], throttle: view.throttle });
    const is = (reason: BrakeReason): boolean => {
      if (reason === 'operator') return view.paused.length > 0;
      if (reason === 'rate') return rateLimit.isBraking(performance.now());
      return measured.includes(reason);
    };
    return BRAKES.filter(is);
  }
}
