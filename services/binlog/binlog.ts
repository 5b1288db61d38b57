/**
 * One source's binlog on its way into the log: the unit that the owner of the source's lease runs.
 * It is made of durable state alone (the plans, the last committed resume point) and never mended:
 * whatever fails, the unit ends and a new one is built. Opening its writer fences an older one, so
 * the resume point is read after that, when nobody else can move it any more.
 */
import { GtidSet } from '../../shared/change/gtid.ts';
import { StreamPosition } from '../../shared/change/position.ts';
import { chunkCodec } from '../../shared/codec/chunk-record.ts';
import type { JobSource } from '../../shared/job/job.ts';
import type { Start, TablePlan } from '../../shared/job/state/job-view.ts';
import type { ProgressView, Resume } from '../../shared/job/state/progress-view.ts';
import { chunksTopic, progressTopic } from '../../shared/kafka/topic-name.ts';
import type { TransactionalWriter } from '../../shared/kafka/transactional-writer.ts';
import { openProgress, progressCodec, type ServiceContext } from '../../shared/member/context.ts';
import { asReshardError, ReshardError } from '../../shared/runtime/error.ts';
import { policyOf } from '../../shared/runtime/error-policy.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Logger } from '../../shared/runtime/log.ts';
import { aborted, type Unit } from '../../shared/runtime/service.ts';
import { Capture } from './capture/capture.ts';
import { CapturedTable } from './capture/captured-table.ts';
import { holdsAll } from './capture/source-change.ts';
import { type SourceFacts, sourceFacts } from './capture/source-facts.ts';
import { BinlogDump } from './capture/zongji.ts';
import type { BinlogProgress } from './metrics.ts';
import { ChunkIntake } from './writer/chunk-intake.ts';
import { OrderedWriter } from './writer/ordered-writer.ts';
import { RepairIntake } from './writer/repair-intake.ts';

const WATCHDOG_MS = 10_000;
const CHUNK_BUFFER_BYTES = 8 * 1024 * 1024;
const DRAIN_MS = 5_000;
/** After this long without an event the binlog is taken for idle by the chunks. */
const IDLE_MS = 5;

interface Durable {
  progress: ProgressView;
  resume: Resume | null;
  chunksOffset: number;
}

export class BinlogUnit implements Unit {
  readonly #context: ServiceContext;
  readonly #source: JobSource;
  readonly #progress: BinlogProgress;
  readonly #log: Logger;
  readonly #tables = new Map<string, CapturedTable>();
  readonly #failed = Promise.withResolvers<never>();

  constructor(context: ServiceContext, source: JobSource, progress: BinlogProgress) {
    this.#context = context;
    this.#source = source;
    this.#progress = progress;
    this.#log = context.log.child({ source: source.name });
    this.#failed.promise.catch(() => {});
  }

  async run(signal: AbortSignal): Promise<void> {
    const { kafka, job } = this.#context;
    const planned = await this.#planned(signal);
    const facts = await sourceFacts(this.#source, this.#log);
    const transactionalId = `reshard.${job.job}.${this.#source.name}`;
    const writer = await kafka.transactionalWriter({ transactionalId });
    failpoint(FAILPOINTS.binlogMidTakeover);
    try {
      await this.#publish(writer, planned, facts, signal);
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
    const { resume, chunksOffset } = durable;
    const begin = beginning(start, resume);
    const { serverUuid } = resume ?? start;
    const published = [begin.gtid, begin.partialGtid].filter(Boolean).join(',');
    await holdsAll({ source: this.#source, log: this.#log, facts }, published, serverUuid);
    const executed = GtidSet.parse(begin.gtid, facts.flavor);
    const position = new StreamPosition(executed, begin.partialGtid, begin.partialRows);
    for (const plan of plans) {
      const table = this.#capture(plan, start, durable.progress, position);
      this.#tables.set(facts.nameKey(plan.table), table);
    }
    const { options } = this.#context.job;
    const parts = await this.#connect(transactional, facts, position, { ...durable, start });
    const { dump, writer, intake, reader, capture } = parts;
    this.#progress.follow({ capture, writer, intake });
    const unfollow = this.#context.view.onChange(() => {
      this.#guarded(() => {
        this.#refuseRecopied(start);
        intake.pump();
      });
    });
    try {
      this.#guarded(() => this.#refuseRecopied(start));
      const { name } = this.#source;
      const place = { gtid: begin.gtid, epoch: writer.epoch, chunksOffset };
      this.#log.info(
        { ...place, readerId: facts.readerId, batch: options.batchBytes },
        'reading the binlog',
      );
      await dump.start(executed.clone());
      reader.add(chunksTopic(name), 0, chunksOffset);
      await Promise.race([this.#failed.promise, aborted(signal)]);
      dump.pause();
      await drained(writer);
    } catch (e) {
      // What came before the thing that halts us is good: it goes to the log.
      if (policyOf(asReshardError(e).kind) === 'halt') await drained(writer);
      throw e;
    } finally {
      unfollow();
      this.#progress.follow(null);
      writer.close();
      reader.close();
      await dump.close();
    }
  }

  /** What this source's progress topic says; nobody else can move it any more. */
  async #durable(): Promise<Durable> {
    const { kafka } = this.#context;
    await using opened = await openProgress(this.#context, this.#source.name);
    const progress = opened.view;
    const { resume } = progress;
    if (resume !== null) return { progress, resume, chunksOffset: resume.chunksOffset };
    const [chunks] = await kafka.offsets(chunksTopic(this.#source.name));
    return { progress, resume, chunksOffset: chunks?.earliest ?? 0 };
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
      keySchemaId: plan.keySchemaId,
      valueSchemaId: plan.valueSchemaId,
      maxMessageBytes: job.options.maxMessageBytes,
      skipped: skipTo === '' ? null : GtidSet.parse(skipTo, start.flavor),
    });
    if (!progress.isCopied(plan)) this.#remember(table, position);
    return table;
  }

  /** The recopy that planned the table anew has also said where the log goes on. */
  #isBegun({ recopy }: TablePlan, start: Start): boolean {
    if (!recopy || recopy === start.recopy) return true;
    return typeof this.#context.view.recopies.get(recopy)?.plannedMs === 'number';
  }

  #remember(table: CapturedTable, position: StreamPosition): void {
    const { options, tables } = this.#context.job;
    table.startMerge(options.touchedKeysBytes / tables.length, () => position.published());
  }

  /** Control has planned tables anew: the unit that follows begins with what is durable then. */
  #refuseRecopied(start: Start): void {
    const recopy = this.#context.view.recopyOf(this.#source.name);
    if (recopy === (start.recopy ?? null)) return;
    throw new ReshardError('source', 'tables of the source are copied anew', {
      context: { recopy },
    });
  }

  async #connect(
    transactional: TransactionalWriter,
    facts: SourceFacts,
    position: StreamPosition,
    from: Durable & { start: Start },
  ) {
    const { job, kafka, registry, view } = this.#context;
    const { options } = job;
    const { name, database } = this.#source;
    const fail = (e: ReshardError): void => this.#failed.reject(e);
    // Until the first event of this unit is seen, the log is as new as it was.
    const begunMs = from.resume?.tsMs ?? Date.now();
    const { progress } = from;
    const forget = (table: CapturedTable): void => {
      const { db, table: of } = table.schema;
      const plan = view.plans.get(`${name}/${db}.${of}`);
      if (plan && progress.isCopied(plan) && !repairs.isOpen(table)) table.merge = null;
    };
    const writer: OrderedWriter = new OrderedWriter({
      writer: transactional,
      codec: await progressCodec(registry, name),
      progressTopic: progressTopic(name),
      position,
      epoch: (from.resume?.epoch ?? 0) + 1,
      ordinal: from.resume?.ordinal ?? 0,
      chunksOffset: from.chunksOffset,
      recopy: from.start.recopy ?? null,
      place: () => ({
        file: capture.file,
        pos: capture.filePos,
        tsMs: Math.floor(capture.caughtUp ? capture.lastEventMs : capture.lastCommitMs || begunMs),
        serverUuid: facts.serverUuid,
      }),
      lingerMs: options.lingerMs,
      batchBytes: options.batchBytes,
      onRoom: () => {
        intake.onRoom();
        if (!writer.isFull) dump.resume();
      },
      onCommitted: seconds => this.#progress.committed(seconds),
      onFail: fail,
    });
    const dump: BinlogDump = new BinlogDump({
      endpoint: this.#source,
      serverId: facts.readerId,
      flavor: facts.flavor,
      watchdogMs: WATCHDOG_MS,
      onEvent: event => {
        capture.onEvent(event);
        if (writer.isFull) dump.pause();
      },
      onEnd: fail,
    });
    const capture: Capture = new Capture({
      flavor: facts.flavor,
      db: database,
      tables: this.#tables,
      nameKey: facts.nameKey,
      position,
      sink: writer,
      decoder: dump,
      onProgress: () => writer.moved(),
    });
    const repairs: RepairIntake = new RepairIntake({
      flavor: facts.flavor,
      writer,
      repairs: progress.repairs,
      remember: table => this.#remember(table, position),
      onComplete: forget,
    });
    const intake: ChunkIntake = new ChunkIntake({
      job: job.job,
      flavor: facts.flavor,
      codec: await chunkCodec(registry, name),
      writer,
      batchBytes: options.batchBytes,
      table: table => this.#tables.get(facts.nameKey(table)),
      plan: (db, table) => view.plans.get(`${name}/${db}.${table}`),
      ranges: progress.ranges,
      isBinlogBusy: () =>
        writer.isFull || (!capture.caughtUp && Date.now() - capture.lastEventMs < IDLE_MS),
      release: fetched => reader.release(fetched),
      repairs,
      onRangeComplete: forget,
    });
    const reader = await kafka.reader({
      isolation: 'committed',
      maxBufferedBytes: CHUNK_BUFFER_BYTES,
      onFetched: fetched => this.#guarded(() => intake.onFetched(fetched)),
      onError: fail,
    });
    return { dump, writer, capture, intake, reader };
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (e) {
      this.#failed.reject(asReshardError(e));
    }
  }
}

/** Where a new unit begins: at the resume point, or where a recopy says that it has not begun. */
function beginning(
  start: Start,
  resume: Resume | null,
): Pick<Resume, 'gtid' | 'partialGtid' | 'partialRows'> {
  const none = { partialGtid: null, partialRows: 0 };
  if (resume === null) return { gtid: start.gtid, ...none };
  if (!start.recopy || start.recopy === resume.recopy) return resume;
  // A transaction that is in the log in part is published whole once more: what is skipped of it
  // from now on would not be counted as it was.
  return { gtid: start.jump ? start.gtid : resume.gtid, ...none };
}

async function drained(writer: OrderedWriter): Promise<void> {
  const late = new Promise<void>(resolve => {
    setTimeout(resolve, DRAIN_MS).unref();
  });
  await Promise.race([writer.flush(), late]);
}
