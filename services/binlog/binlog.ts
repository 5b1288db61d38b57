/**
 * One source's binlog on its way into the log: the unit that the owner of the source's lease runs.
 *
 * Contract.
 * - It is the only one that appends to the source's table topics. Opening its writer fences an
 *   older one, so what is durable is read after that, when nobody else can move it any more.
 * - It is made of durable state alone (the plans, the last committed resume point), never mended:
 *   whatever fails, the unit ends and a new one is built from there. Nothing is in the log twice,
 *   and nothing of before the resume point is missing in it.
 * - What cannot be replayed exactly halts it, with the place, the session and a command that works:
 *   what came before is in the log, nothing of what came after is.
 * - It waits for nobody: a slow broker makes it read slower, never hold more than a batch and what
 *   is under way.
 */
import { GtidSet } from '../../shared/change/gtid.ts';
import { StreamPosition } from '../../shared/change/position.ts';
import type { JobSource } from '../../shared/job/job.ts';
import { isReturnJob } from '../../shared/job/return-job.ts';
import { standsBy } from '../../shared/job/state/cutover.ts';
import { cutFor, mayGoOn } from '../../shared/job/state/handover.ts';
import { refuseSwapped } from '../../shared/job/state/identity.ts';
import { parseSchema, type Start, type TablePlan } from '../../shared/job/state/job-view.ts';
import { openProgress } from '../../shared/job/state/open.ts';
import { sourceTransactionalId } from '../../shared/job/state/owner.ts';
import type { ProgressView, Resume } from '../../shared/job/state/progress-view.ts';
import { chunksTopic } from '../../shared/kafka/topic-name.ts';
import type { TransactionalWriter } from '../../shared/kafka/transactional-writer.ts';
import type { ServiceContext } from '../../shared/member/context.ts';
import { asReshardError, ReshardError, remedyOf } from '../../shared/runtime/error.ts';
import { policyOf } from '../../shared/runtime/error-policy.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Logger } from '../../shared/runtime/log.ts';
import { aborted, type Unit } from '../../shared/runtime/service.ts';
import { CapturedTable } from './capture/captured-table.ts';
import { holdsAll, type ReadServer } from './capture/source-change.ts';
import { type SourceFacts, sourceFacts } from './capture/source-facts.ts';
import { refuseOtherHistory, watchFiles } from './capture/source-history.ts';
import type { BinlogProgress } from './metrics.ts';
import { Pipeline } from './pipeline.ts';
import type { Yielding } from './yielding.ts';

interface Durable {
  progress: ProgressView;
  resume: Resume | null;
  chunksOffset: number;
}

export class BinlogUnit implements Unit {
  readonly #context: ServiceContext;
  readonly #source: JobSource;
  readonly #progress: BinlogProgress;
  /** Null: it goes in front. */
  readonly #yielding: Yielding | null;
  readonly #log: Logger;
  /** Of the plans that the unit is built from. */
  #basis = '';

  constructor(
    context: ServiceContext,
    source: JobSource,
    o: { progress: BinlogProgress; yielding: Yielding | null },
  ) {
    this.#context = context;
    this.#source = source;
    this.#progress = o.progress;
    this.#yielding = o.yielding;
    this.#log = context.log.child({ source: source.name });
  }

  /** Nothing is copied on the way back, nor while the application is on the other side. */
  get #mayCopy(): boolean {
    const { job, ruling } = this.#context;
    return !isReturnJob(job) && !standsBy(job, ruling.cutoverRun);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { kafka, view } = this.#context;
    const planned = await this.#planned(signal);
    const facts = await sourceFacts(this.#source, this.#log).catch(e => {
      throw withRemedy(asReshardError(e), this.#source.name, this.#mayCopy);
    });
    // Who may not have the source must not fence its writer either.
    await this.#durable();
    if (view.identity) {
      refuseSwapped('source', this.#source.name, facts.identityUuid, view.identity);
    }
    const transactionalId = sourceTransactionalId(this.#source.name);
    const writer = await kafka.transactionalWriter({ transactionalId });
    failpoint(FAILPOINTS.binlogMidTakeover);
    try {
      await this.#publish(writer, planned, facts, signal);
    } catch (e) {
      throw withRemedy(asReshardError(e), this.#source.name, this.#mayCopy);
    } finally {
      writer.close();
    }
  }

  /** The source's start and a plan for each table: without them events could be missed. */
  #planned(signal: AbortSignal): Promise<{ start: Start; plans: TablePlan[] }> {
    const { view, job } = this.#context;
    return view.waitFor(() => {
      const start = view.starts.get(this.#source.name);
      const plans = view.plansOf(this.#source.name);
      this.#basis = view.basisOf(this.#source.name);
      const all = job.tables.every(t => plans.some(p => p.table === t.name));
      return start && all && { start, plans };
    }, signal);
  }

  async #publish(
    transactional: TransactionalWriter,
    { start, plans }: { start: Start; plans: TablePlan[] },
    facts: SourceFacts,
    signal: AbortSignal,
  ): Promise<void> {
    const durable = await this.#durable();
    const { resume, progress } = durable;
    await this.#goesOn(resume?.handover ?? 0, signal);
    const begin = beginning(start, resume);
    const { serverUuid } = resume ?? start;
    const published = [begin.gtid, begin.partialGtid].filter(Boolean).join(',');
    const server = { source: this.#source, log: this.#log, facts };
    await holdsAll(server, published, serverUuid);
    const executed = GtidSet.parse(begin.gtid, facts.flavor);
    if (resume !== null && !isJump(start, resume)) {
      await refuseOtherHistory(server, resume, executed);
    }
    const position = new StreamPosition(executed, begin.partialGtid, begin.partialRows, begin);
    const captured = plans.map(plan => this.#capture(plan, start, progress, position));
    const pipeline = await Pipeline.open({
      context: this.#context,
      source: this.#source,
      metrics: this.#progress,
      facts,
      transactional,
      start,
      position,
      notes: begin,
      tables: new Map(captured.map(t => [facts.nameKey(t.schema.table), t])),
      ...durable,
    });
    const { epoch } = pipeline.writer;
    const { readerId } = facts;
    const { chunksOffset } = durable;
    this.#log.info({ gtid: begin.gtid, epoch, chunksOffset, readerId }, 'reading the binlog');
    await this.#follow(pipeline, server, signal);
  }

  async #follow(pipeline: Pipeline, server: ReadServer, signal: AbortSignal): Promise<void> {
    const end = new AbortController();
    const idleAt = (): { file: string; pos: number } | null => {
      const { caughtUp, file, filePos } = pipeline.capture;
      return caughtUp ? { file, pos: filePos } : null;
    };
    const watched = watchFiles(server, idleAt, end.signal);
    // Without an error it ends with us, not we with it.
    const changed = watched.then(() => new Promise<never>(() => {}));
    changed.catch(() => {});
    this.#progress.follow(pipeline);
    const unfollow = this.#context.view.onChange(() =>
      pipeline.guarded(() => {
        this.#refuseReplanned();
        pipeline.pump();
      }),
    );
    let ended = 0;
    try {
      this.#refuseReplanned();
      await pipeline.start();
      void this.#yielding?.holdBack(pipeline, end.signal);
      const cut = this.#cut(pipeline, AbortSignal.any([signal, end.signal]));
      const first = await Promise.race([pipeline.failed, changed, aborted(signal), cut]);
      if (typeof first === 'number') ended = first;
      await pipeline.drain();
    } catch (e) {
      throw await haltedBehind(asReshardError(e), pipeline);
    } finally {
      end.abort();
      unfollow();
      this.#progress.follow(null);
      await pipeline.close();
    }
    if (signal.aborted) return;
    // By the one that it has ended for: a newer one needs an end of its own.
    await this.#goesOn(ended, signal);
    throw new ReshardError('source', 'the handover was undone: the log goes on');
  }

  /** The handover that the log has ended for; never settles if there is none. */
  async #cut(pipeline: Pipeline, signal: AbortSignal): Promise<number> {
    const { view } = this.#context;
    const wanted = await view.waitFor(() => cutFor(view.handoverRun), signal).catch(() => null);
    if (wanted === null) return new Promise(() => {});
    const undone = view.waitFor(() => mayGoOn(view.handoverRun, wanted), signal);
    await Promise.race([pipeline.end.begin(wanted), undone]);
    this.#log.info({ handover: wanted }, 'the log has ended for a handover');
    return wanted;
  }

  /** Waits while the log has to end where it is. */
  async #goesOn(ended: number, signal: AbortSignal): Promise<void> {
    const { view } = this.#context;
    await view.waitFor(() => mayGoOn(view.handoverRun, ended), signal);
  }

  /** What this source's progress topic says; nobody else can move it any more. */
  async #durable(): Promise<Durable> {
    const { kafka, view } = this.#context;
    await using opened = await openProgress(this.#context, this.#source.name, view.jobId);
    const progress = opened.view;
    const { resume } = progress;
    const [chunks] = await kafka.offsets(chunksTopic(this.#source.name));
    const { earliest = 0, latest = 0 } = chunks ?? {};
    if (resume === null) return { progress, resume, chunksOffset: earliest };
    const { chunksOffset } = resume;
    if (chunksOffset >= earliest && chunksOffset <= latest)
      return { progress, resume, chunksOffset };
    // Chunks live for days; a source that was halted for longer has lost some. No row is: their
    // workers see that they have been passed over and read them again.
    this.#log.warn({ chunksOffset, earliest, latest }, 'chunks are gone and will be read again');
    return { progress, resume, chunksOffset: earliest };
  }

  #capture(
    plan: TablePlan,
    start: Start,
    progress: ProgressView,
    position: StreamPosition,
  ): CapturedTable {
    const { job } = this.#context;
    const skipTo = this.#isBegun(plan, start) ? (plan.skipTo ?? '') : '';
    const table = new CapturedTable({
      schema: plan.schema,
      generation: plan.generation,
      prefix: this.#source.name,
      topic: plan.topic,
      partitions: job.options.partitions,
      keyClasses: plan.keyClasses ?? [],
      keySchemaId: plan.keySchemaId,
      valueSchemaId: plan.valueSchemaId,
      maxMessageBytes: job.options.maxMessageBytes,
      skipped: skipTo === '' ? null : GtidSet.parse(skipTo, start.flavor),
      older: (plan.older ?? []).map(o => parseSchema(o.schemaJson)),
      past: plan.older ?? [],
    });
    if (!progress.isCopied(plan)) {
      const { options, tables } = job;
      table.startMerge(options.touchedKeysBytes / tables.length, () => position.published());
    }
    return table;
  }

  /** Who has planned the table anew, or beside the others, has also said where the log goes on. */
  #isBegun({ recopy }: TablePlan, start: Start): boolean {
    if (!recopy || recopy === start.recopy) return true;
    const { recopies, applied } = this.#context.view;
    const doneMs = recopies.get(recopy)?.plannedMs ?? applied.get(recopy)?.doneMs;
    return typeof doneMs === 'number';
  }

  /** Control has planned tables anew: the unit that follows begins with what is durable then. */
  #refuseReplanned(): void {
    const basis = this.#context.view.basisOf(this.#source.name);
    if (basis === this.#basis) return;
    throw new ReshardError('source', 'tables of the source are planned anew', {
      context: { basis },
    });
  }
}

/**
 * What came before the thing that halts us is good: it goes to the log. Whoever takes a change of
 * columns up where a source stands counts on that, so one whose log has not taken it does not halt
 * yet: a new unit reads it once more.
 */
export async function haltedBehind(
  error: ReshardError,
  pipeline: Pick<Pipeline, 'drain'>,
): Promise<ReshardError> {
  if (policyOf(error.kind) !== 'halt' || (await pipeline.drain())) return error;
  return new ReshardError('broker', 'the log has not taken what comes before a halt', {
    cause: error,
  });
}

/** Where a new unit begins: at the resume point, or where a recopy says that it has not begun. */
function beginning(
  start: Start,
  resume: Resume | null,
): Omit<Resume, 'epoch' | 'ordinal' | 'chunksOffset' | 'file' | 'pos' | 'tsMs' | 'serverUuid'> {
  const none = { partialGtid: null, partialRows: 0, partialStamp: null };
  if (resume === null) return { gtid: start.gtid, ...none };
  if (!start.recopy || start.recopy === resume.recopy) return resume;
  const { prepared = null, preparedIn = null, trust = null, anchor = null } = resume;
  // A transaction that is in the log in part is published whole once more: what is skipped of it
  // from now on would not be counted as it was.
  if (!isJump(start, resume)) {
    return { gtid: resume.gtid, ...none, prepared, preparedIn, trust, anchor };
  }
  // What was prepared, or rested on the server, before the gap is not known behind it.
  return { gtid: start.gtid, ...none };
}

/** A recopy that this position was not begun with goes on from where the source is now. */
function isJump(start: Start, resume: Resume): boolean {
  return Boolean(start.recopy) && start.recopy !== resume.recopy && start.jump === true;
}

/**
 * A unit that halts must say what to do, as it has to be typed: its parts do not know the source's
 * name, and what an operator changes at a server is looked at by a new member alone.
 */
export function withRemedy(error: ReshardError, source: string, mayCopy: boolean): ReshardError {
  if (policyOf(error.kind) !== 'halt') return error;
  if (!mayCopy && /recopy/.test(remedyOf(error))) return withoutCopy(error, source);
  const recopy = `\`reshard recopy <job file> --source ${source}\``;
  const told = remedyOf(error).replace(/\.$/, '');
  const known = told.replaceAll('--source <name>', `--source ${source}`);
  const isEnough = /recopy|restart|again/.test(known);
  const again = `${known}; then restart the binlog service`;
  // Nothing of the log is lost by a login that is refused.
  const also = error.kind === 'denied' ? again : `${again}, or ${recopy}`;
  return new ReshardError(error.kind, error.message, {
    cause: error.cause,
    context: error.context,
    remedy: isEnough ? known : also,
  });
}

/** What is left where no verb copies: a statement is taken up, or undone and passed over. */
function withoutCopy(error: ReshardError, source: string): ReshardError {
  const { kind, message, cause, context } = error;
  const ddl = (action: string): string => `\`reshard ddl ${action} <job file> --source ${source}\``;
  const over = 'there is no way back by this log any more: the application stays where it is';
  const remedy =
    context.halt === 'ddl'
      ? `${ddl('show')} says what came, and whether ${ddl('apply')} takes it up; else undo it on ` +
        `${source}, then ${ddl('skip')}; what cannot be undone stays, and ${over}`
      : `nothing begins it anew; ${over} (docs/CUTOVER.md)`;
  // Who reads the log of a target must not be sent to the source: `source` is the log's own server.
  const what = message.replaceAll(' at the source', ` at ${source}`);
  return new ReshardError(kind, what, { cause, context, remedy });
}
