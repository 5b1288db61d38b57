/**
 * The parts of a source's unit and how they hang together:
 *
 *   dump -> capture -> writer <- intake <- reader of the chunks topic
 *             |           \-> batches with the resume point, one Kafka transaction each
 *             \-> judge of statements (asks the source, the dump waits)
 *
 * The dump stands still while the writer is full, a statement is judged, a compressed transaction
 * is read, or all is being brought to its end, and goes on only when none of these holds. Inside of
 * a compressed transaction the next event waits for the same. Whatever fails anywhere ends the
 * whole through `failed`, once.
 */
import { printGtid } from '../../shared/change/gtid.ts';
import type { StreamPosition } from '../../shared/change/position.ts';
import { sourcePosition } from '../../shared/change/source-position.ts';
import type { ChunkRecord } from '../../shared/codec/chunk-record.ts';
import type { MarkKey } from '../../shared/codec/mark.ts';
import type { RecordCodec } from '../../shared/codec/record-codec.ts';
import type { JobSource } from '../../shared/job/job.ts';
import { routeOf } from '../../shared/job/job-route.ts';
import { skippedBy } from '../../shared/job/state/ddl-request.ts';
import { foreignJob } from '../../shared/job/state/identity.ts';
import type { Start, TablePlan } from '../../shared/job/state/job-view.ts';
import type { ProgressRecord, ProgressView, Resume } from '../../shared/job/state/progress-view.ts';
import { type SchemaChange, schemaChangeKey } from '../../shared/job/state/schema-change.ts';
import type { LogReader } from '../../shared/kafka/reader.ts';
import { chunksTopic, progressTopic, schemaTopic } from '../../shared/kafka/topic-name.ts';
import type { TransactionalWriter } from '../../shared/kafka/transactional-writer.ts';
import { wholeRecord } from '../../shared/kafka/wire/record-slices.ts';
import type { ServiceContext } from '../../shared/member/context.ts';
import { isAwaited } from '../../shared/member/stand-behind.ts';
import { asReshardError, describeError, ReshardError } from '../../shared/runtime/error.ts';
import type { TableSchema } from '../../shared/schema/table-schema.ts';
import type { RawEvent } from './capture/binlog-event.ts';
import { Capture } from './capture/capture.ts';
import type { PassedStatement } from './capture/capture-options.ts';
import type { CapturedTable } from './capture/captured-table.ts';
import { readGroup } from './capture/group-dump.ts';
import { carriesXa, type SourceFacts } from './capture/source-facts.ts';
import { BinlogDump } from './capture/zongji.ts';
import { LiveJudge } from './ddl/live-judge.ts';
import { withoutStrings } from './ddl/words.ts';
import { LogEnd } from './log-end.ts';
import type { BinlogProgress } from './metrics.ts';
import { type SourceCodecs, sourceCodecs } from './source-codecs.ts';
import { ChunkIntake } from './writer/chunk-intake.ts';
import { OrderedWriter } from './writer/ordered-writer.ts';
import { RepairIntake } from './writer/repair-intake.ts';

const WATCHDOG_MS = 10_000;
const CHUNK_BUFFER_BYTES = 8 * 1024 * 1024;
const DRAIN_MS = 5_000;
/** A commit costs brokers more than most of what is in it. */
const UNAWAITED_MS = 250;
/** After this long without an event the binlog is taken for idle by the chunks. */
const IDLE_MS = 5;

export interface PipelineOptions {
  context: ServiceContext;
  source: JobSource;
  metrics: BinlogProgress;
  facts: SourceFacts;
  transactional: TransactionalWriter;
  start: Start;
  resume: Resume | null;
  /** What is known of XA transactions and of judged statements at the position. */
  notes: Pick<Resume, 'prepared' | 'preparedIn' | 'trust'>;
  progress: ProgressView;
  chunksOffset: number;
  position: StreamPosition;
  /** By `nameKey` of the name. */
  tables: Map<string, CapturedTable>;
}

export class Pipeline {
  readonly writer: OrderedWriter;
  readonly capture: Capture;
  readonly intake: ChunkIntake;
  readonly clockAheadMs: number;
  readonly #o: PipelineOptions;
  readonly #dump: BinlogDump;
  readonly #judge: LiveJudge;
  readonly #repairs: RepairIntake;
  readonly end: LogEnd;
  readonly #schemaChange: RecordCodec<SchemaChange> | null;
  readonly #failed = Promise.withResolvers<never>();
  /** Until the first event of this unit is seen, the log is as new as it was. */
  readonly #begunMs: number;
  #reader: LogReader | null = null;
  /** What the dump waits for before its next event. */
  #holds = 0;
  #draining = false;
  /** Who reads a compressed transaction waits here. */
  #room: PromiseWithResolvers<void> | null = null;
  #closed = false;

  private constructor(o: PipelineOptions, codecs: SourceCodecs) {
    this.#o = o;
    this.#failed.promise.catch(() => {});
    this.#begunMs = o.resume?.tsMs ?? Date.now();
    const { source, facts, notes, context } = o;
    this.clockAheadMs = facts.clockAheadMs;
    this.#schemaChange = codecs.schemaChange;
    const trust = notes.trust ?? null;
    const { job, log } = context;
    const routed = (schema: TableSchema): readonly string[] => routeOf(job, schema).columns;
    this.#judge = new LiveJudge({ source, flavor: facts.flavor, log, trust, routed });
    this.writer = this.#openWriter(codecs.progress);
    this.#dump = new BinlogDump({
      endpoint: source,
      serverId: facts.readerId,
      flavor: facts.flavor,
      watchdogMs: WATCHDOG_MS,
      onEvent: event => this.#onEvent(event),
      onEnd: e => this.#fail(e),
    });
    this.capture = this.#openCapture(codecs.mark);
    this.end = new LogEnd({
      position: o.position,
      writer: () => this.writer,
      isOpen: () => this.isHeld || (this.capture.prepared().prepared ?? []).length > 0,
      stop: () => {
        this.#draining = true;
        this.#flow();
      },
    });
    this.#repairs = new RepairIntake({
      flavor: facts.flavor,
      writer: this.writer,
      repairs: o.progress.repairs,
      remember: table => this.#remember(table),
      onComplete: table => this.#forget(table),
    });
    this.intake = this.#openIntake(codecs.chunk);
  }

  static async open(o: PipelineOptions): Promise<Pipeline> {
    const pipeline = new Pipeline(o, await sourceCodecs(o.context, o.source.name));
    pipeline.#reader = await o.context.kafka.reader({
      isolation: 'committed',
      maxBufferedBytes: CHUNK_BUFFER_BYTES,
      onFetched: fetched => {
        if (!pipeline.end.isWanted) pipeline.guarded(() => pipeline.intake.onFetched(fetched));
      },
      onError: e => pipeline.#onChunksLost(e),
    });
    return pipeline;
  }

  /** Rejects with what went wrong first. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  async start(): Promise<void> {
    const { position, source, chunksOffset } = this.#o;
    await this.#dump.start(position.whole());
    this.#reader?.add(chunksTopic(source.name), 0, chunksOffset);
  }

  /** Takes nothing more in and brings what it has into the log; false: it is not there in time. */
  async drain(): Promise<boolean> {
    this.#draining = true;
    this.#flow();
    const late = new Promise<false>(resolve => {
      setTimeout(resolve, DRAIN_MS, false).unref();
    });
    return await Promise.race([this.writer.flush(), late]);
  }

  /** Chunks that wait may be taken in by now. */
  pump(): void {
    if (!this.end.isWanted) this.intake.pump();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#room?.reject(ended());
    this.writer.close();
    this.#reader?.close();
    await this.#dump.close();
  }

  guarded(work: () => void): void {
    try {
      work();
    } catch (e) {
      this.#fail(asReshardError(e));
    }
  }

  #fail(e: ReshardError): void {
    this.#failed.reject(e);
  }

  #onEvent(event: RawEvent): void {
    // It was on its way when the log ended.
    if (this.end.ended !== 0) return;
    this.capture.onEvent(event);
    this.end.consider();
    this.#flow();
  }

  /** The one place that stops the dump and lets it go on. */
  #flow(): void {
    const isFull = this.#isFull();
    if (!isFull) {
      this.#room?.resolve();
      this.#room = null;
    }
    if (this.isHeld || isFull) this.#dump.pause();
    else this.#dump.resume();
  }

  #isFull(): boolean {
    return this.#draining || this.writer.isFull;
  }

  /** What an event waits for that has come inside of another. */
  #waitForRoom(): Promise<void> | null {
    if (this.#closed) throw ended();
    if (!this.#isFull()) return null;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** Has the dump wait. */
  hold(until: Promise<void>): void {
    this.#holds += 1;
    this.#flow();
    until.then(
      () => {
        this.#holds -= 1;
        this.guarded(() => this.end.consider());
        this.#flow();
      },
      e => this.#fail(asReshardError(e)),
    );
  }

  #openWriter(codec: RecordCodec<ProgressRecord>): OrderedWriter {
    const { context, source, metrics, facts, transactional, start, resume } = this.#o;
    const { job, ruling } = context;
    const { lingerMs, batchBytes } = job.options;
    return new OrderedWriter({
      writer: transactional,
      codec,
      progressTopic: progressTopic(source.name),
      jobId: context.view.jobId,
      position: this.#o.position,
      epoch: (resume?.epoch ?? 0) + 1,
      ordinal: resume?.ordinal ?? 0,
      chunksOffset: this.#o.chunksOffset,
      recopy: start.recopy ?? null,
      sourcePosition: () => {
        const { file, filePos, fileS, caughtUp, lastEventMs, lastCommitMs } = this.capture;
        const { serverUuid } = facts;
        const committedMs = lastCommitMs === 0 ? this.#begunMs : lastCommitMs - facts.clockAheadMs;
        const tsMs = Math.floor(caughtUp ? lastEventMs : committedMs);
        return sourcePosition({ file, pos: filePos, tsMs, serverUuid, fileS });
      },
      notes: () => ({
        ...this.capture.prepared(),
        trust: this.#judge.trust(() => this.#o.position.whole()),
        handover: this.end.ended,
      }),
      lingerMs,
      everyMs: () => (isAwaited(job, ruling) ? 0 : UNAWAITED_MS),
      batchBytes,
      onRoom: () => {
        if (!this.end.isWanted) this.intake.onRoom();
        this.#flow();
      },
      onCommitted: seconds => metrics.committed(seconds),
      onFail: e => this.#fail(e),
    });
  }

  #openCapture(marks: RecordCodec<MarkKey> | null): Capture {
    const { source, facts, tables, position, notes } = this.#o;
    return new Capture({
      source: source.name,
      flavor: facts.flavor,
      db: source.database,
      tables,
      nameKey: facts.nameKey,
      position,
      sink: this.writer,
      marks,
      decoder: this.#dump,
      judge: this.#judge,
      carriesXa: carriesXa(facts),
      prepared: notes,
      hold: until => this.hold(until),
      room: () => this.#waitForRoom(),
      reread: (gtid, feed) =>
        readGroup({ source, facts, gtid, executed: position.whole(), ...feed }),
      isCopiedFromHere: table => this.#isCopiedFromHere(table),
      skippedBy: gtid =>
        skippedBy(this.#o.context.view, source.name, printGtid(gtid, facts.flavor)),
      onSchemaChange: change => this.#noteSchemaChange(change),
      onProgress: () => this.writer.moved(),
    });
  }

  #openIntake(codec: RecordCodec<ChunkRecord>): ChunkIntake {
    const { context, source, facts, progress, tables } = this.#o;
    const { job } = context;
    return new ChunkIntake({
      jobId: context.view.jobId,
      onForeign: theirs => {
        const what = `a chunk of ${chunksTopic(source.name)}`;
        context.log.error(describeError(foreignJob({ what, ours: context.view.jobId, theirs })));
      },
      flavor: facts.flavor,
      codec,
      writer: this.writer,
      batchBytes: job.options.batchBytes,
      table: table => tables.get(facts.nameKey(table)),
      plan: (db, table) => context.view.planOf(source.name, db, table),
      ranges: progress.ranges,
      isBinlogBusy: () => {
        const { caughtUp, lastEventMs } = this.capture;
        return this.writer.isFull || (!caughtUp && Date.now() - lastEventMs < IDLE_MS);
      },
      release: fetched => this.#reader?.release(fetched),
      repairs: this.#repairs,
      onRangeComplete: table => this.#forget(table),
    });
  }

  /** In the batch that also says that the log is behind the statement. */
  #noteSchemaChange({ table, text, decision, added, by }: PassedStatement): void {
    const { context, source, facts, position } = this.#o;
    const codec = this.#schemaChange;
    if (codec === null || position.current === null) return;
    const { db, table: name } = table.schema;
    const change: SchemaChange = {
      ...{ jobId: context.view.jobId, source: source.name, db, table: name },
      gtid: printGtid(position.current, facts.flavor),
      ...{ file: this.capture.file, pos: this.capture.filePos },
      tsMs: Math.floor(this.capture.commitMs),
      ...{ statement: withoutStrings(text), decision, added: [...added] },
      ...{ valueSchemaId: this.#planOf(table)?.valueSchemaId ?? 0, by },
    };
    const key = Buffer.from(schemaChangeKey(change));
    const record = wholeRecord(key, codec.encode(change), Date.now());
    this.writer.append(schemaTopic(source.name), 0, record);
  }

  #planOf({ schema }: CapturedTable): TablePlan | undefined {
    const { context, source } = this.#o;
    return context.view.planOf(source.name, schema.db, schema.table);
  }

  #remember(table: CapturedTable): void {
    const { options, tables } = this.#o.context.job;
    const { position } = this.#o;
    table.startMerge(options.touchedKeysBytes / tables.length, () => position.published());
  }

  /** Nothing is merged into the table any more. */
  #forget(table: CapturedTable): void {
    const plan = this.#planOf(table);
    const isCopied = plan !== undefined && this.#o.progress.isCopied(plan);
    if (isCopied && !this.#repairs.isOpen(table)) table.merge = null;
  }

  /**
   * As long as no chunk has been taken in, one that has not seen all that is published by now can
   * be kept out.
   */
  #isCopiedFromHere(table: CapturedTable): boolean {
    const plan = this.#planOf(table);
    if (plan === undefined || table.merge === null) return false;
    const begun = plan.ranges.some(({ id }) => {
      const range = this.#o.progress.range(plan.db, plan.table, id);
      const isOurs = range?.generation === plan.generation;
      return isOurs && (range.after !== null || range.complete);
    });
    if (!begun) this.#remember(table);
    return !begun;
  }

  /** Chunks that are gone are read again by their workers: the next unit begins at what is left. */
  #onChunksLost(e: ReshardError): void {
    const what = 'chunks were deleted before they were taken in';
    this.#fail(e.kind === 'history-lost' ? new ReshardError('broker', what, { cause: e }) : e);
  }
}

/** Heard by nobody: what ends the unit has been told before. */
function ended(): ReshardError {
  return new ReshardError('source', 'the unit has ended inside of a compressed transaction');
}
