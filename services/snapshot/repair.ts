/**
 * Reads the keys of a source's open repairs again and hands what it finds to the ordered writer, as
 * chunks of keys: the same order of steps as for a range (chunk-reader.ts), the same rule decides
 * there. What is settled is what the source's progress topic says, so a member that dies anywhere
 * is followed by any other at the last durable key.
 *
 * One chunk of a repair is under way at a time: repairs are short, and one that waits for its
 * answer cannot be out of step with the writer.
 */

import { chunkCodec } from '../../shared/codec/chunk-record.ts';
import { type JobSource, readServer, tablesOf } from '../../shared/job/job.ts';
import type { RepairRequest, TablePlan } from '../../shared/job/state/job-view.ts';
import { openProgress } from '../../shared/job/state/open.ts';
import type { ProgressView, RepairProgress } from '../../shared/job/state/progress-view.ts';
import type { SourceServer } from '../../shared/job/state/source-server.ts';
import { chunksTopic } from '../../shared/kafka/topic-name.ts';
import type { ServiceContext } from '../../shared/member/context.ts';
import { MysqlSession } from '../../shared/mysql/connect.ts';
import { refuseUnfaithful } from '../../shared/mysql/replica-fidelity.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import type { PauseReasons } from '../../shared/runtime/pause.ts';
import type { Unit } from '../../shared/runtime/service.ts';
import { AlteredTable } from './altered-table.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkSender } from './chunk-sender.ts';
import { slotOf } from './range-board.ts';

const KEYS_MAX = 256;
const LOOK_MS = 100;
const ANSWER_LOOK_MS = 5;
/** A chunk behind the writer that settled nothing was passed over; records come one by one. */
const PASSED_OVER_MS = 500;
const REJECTED_WAIT_MAX_MS = 1000;
/** A table that was altered is looked at again after this. */
const ALTERED_MS = 500;

export type RepairOptions = {
  context: ServiceContext;
  source: JobSource;
  server: SourceServer;
  slots: ReadonlySet<number>;
  pause: PauseReasons;
};

type Parts = { progress: ProgressView; sender: ChunkSender; session: MysqlSession; id: number };

export class SourceRepair implements Unit {
  readonly #o: RepairOptions;
  /** Of the table whose repair is next. */
  readonly #altered = new AlteredTable();
  #keysMax = KEYS_MAX;

  constructor(o: RepairOptions) {
    this.#o = o;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context, source } = this.#o;
    await context.view.waitFor(() => context.view.repairs.size > 0, signal).catch(() => {});
    if (signal.aborted) return;
    const failure = new AbortController();
    const stop = AbortSignal.any([signal, failure.signal]);
    await using progress = await openProgress(context, source.name, context.view.jobId);
    progress.failed.catch(error => failure.abort(error));
    const writer = await context.kafka.writer();
    try {
      const sender = new ChunkSender({
        writer,
        codec: await chunkCodec(context.registry, source.name),
        topic: chunksTopic(source.name),
        maxMessageBytes: context.job.options.maxMessageBytes,
        onError: error => failure.abort(error),
      });
      await using session = await MysqlSession.open(readServer(source), {
        role: 'read',
        log: context.log,
      });
      await this.#o.server.refuseStale(session, progress.view.resume);
      if (source.replica) await refuseUnfaithful(session, source.database, tablesOf(context.job));
      const rows = await session.query<{ id: string | number }>('SELECT @@server_id AS id');
      const id = Number(rows[0]?.id ?? 0);
      await this.#serve({ progress: progress.view, sender, session, id }, stop);
      await sender.drain();
    } finally {
      writer.close();
    }
    if (failure.signal.aborted) throw failure.signal.reason;
  }

  async #serve(parts: Parts, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#o.pause.wait(stop);
      const next = this.#next(parts.progress);
      if (next === undefined) await sleep(LOOK_MS, stop);
      else await this.#repair(next.request, next.plan, parts, stop);
    }
  }

  /** The oldest repair of this source that is ours and not complete. */
  #next(progress: ProgressView): { request: RepairRequest; plan: TablePlan } | undefined {
    const { context, source, slots } = this.#o;
    const open = [...context.view.repairs.values()]
      .filter(r => r.source === source.name && !progress.repairs.get(r.id)?.complete)
      .filter(r => slots.has(slotOf(r.source, r.db, r.id, 0)))
      .sort((a, b) => a.requestedMs - b.requestedMs || (a.id < b.id ? -1 : 1));
    for (const request of open) {
      const plan = context.view.planOf(source.name, request.db, request.table);
      if (plan !== undefined) return { request, plan };
    }
    return undefined;
  }

  /** Reads the next keys of a repair and waits for what becomes of them. */
  async #repair(
    request: RepairRequest,
    plan: TablePlan,
    { progress, sender, session, id }: Parts,
    stop: AbortSignal,
  ): Promise<void> {
    const { job, options } = this.#o.context.job;
    const { jobId } = this.#o.context.view;
    const at = progress.repairs.get(request.id);
    if (at?.reason) await sleep(Math.min(2 ** at.rejected, REJECTED_WAIT_MAX_MS), stop);
    const done = at?.done ?? 0;
    const keys = request.keys.slice(done, done + this.#keysMax);
    const reader = new ChunkReader(session, plan, id, options.chunkBytes);
    const read = await reader.readKeys(keys);
    if (read !== null && 'altered' in read) {
      this.#altered.refuse(plan, read, progress.resume);
      await sleep(ALTERED_MS, stop);
      return;
    }
    this.#altered.forget();
    if (read === null) {
      this.#keysMax = Math.max(1, this.#keysMax >> 1);
      return;
    }
    let offset = -1;
    const chunk = {
      job,
      jobId,
      source: plan.source,
      db: plan.db,
      table: plan.table,
      generation: plan.generation,
      range: done,
      seq: at?.nextSeq ?? 0,
      after: null,
      upTo: null,
      last: done + keys.length === request.keys.length,
      fingerprint: reader.fingerprint,
      sequenceFromEnd: reader.sequenceFromEnd,
      ...read,
      repair: request.id,
      clear: request.clear,
      keys: keys.map(key => reader.framed(key)),
    };
    const describe = (): string => keys.map(key => reader.bound.describe(key)).join('; ');
    sender.send(chunk, sent => (offset = sent), describe);
    await this.#answered(progress, request.id, at, () => offset, stop);
    if (progress.repairs.get(request.id)?.complete) {
      this.#o.context.log.info({ repair: request.id, table: plan.table }, 'repair complete');
    }
  }

  /** Until the writer has settled or rejected the chunk, or has gone past it. */
  async #answered(
    progress: ProgressView,
    id: string,
    before: RepairProgress | undefined,
    offset: () => number,
    stop: AbortSignal,
  ): Promise<void> {
    let behindSince: number | null = null;
    while (!stop.aborted) {
      if ((progress.repairs.get(id)?.nextSeq ?? 0) !== (before?.nextSeq ?? 0)) return;
      const now = performance.now();
      const isBehind = offset() >= 0 && offset() < (progress.resume?.chunksOffset ?? 0);
      behindSince = isBehind ? (behindSince ?? now) : null;
      if (behindSince !== null && now - behindSince > PASSED_OVER_MS) return;
      await sleep(ANSWER_LOOK_MS, stop);
    }
  }
}
