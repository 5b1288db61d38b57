/**
 * One source's binlog on its way into the log: the unit that the owner of the source's lease runs.
 * It is made of durable state alone (the plans, the last committed resume point) and never mended:
 * whatever fails, the unit ends and a new one is built. Opening its writer fences an older one, so
 * the resume point is read after that, when nobody else can move it any more.
 */
import { GtidSet } from '../../shared/change/gtid.ts';
import { StreamPosition } from '../../shared/change/position.ts';
import { recordCodec } from '../../shared/codec/record-codec.ts';
import type { JobSource } from '../../shared/job/job.ts';
import { openProgress, progressCodec, type ServiceContext } from '../../shared/member/context.ts';
import type { Start, TablePlan } from '../../shared/member/job-view.ts';
import type { RangeProgress, Resume } from '../../shared/member/progress-view.ts';
import { asReshardError, type ReshardError } from '../../shared/runtime/error.ts';
import { policyOf } from '../../shared/runtime/error-policy.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Logger } from '../../shared/runtime/log.ts';
import { aborted, type Unit } from '../../shared/runtime/service.ts';
import { chunksTopic, progressTopic } from '../../shared/topic/topic-name.ts';
import type { TransactionalWriter } from '../../shared/topic/transactional-writer.ts';
import { Capture } from './capture.ts';
import { CapturedTable } from './captured-table.ts';
import { ChunkIntake, type ChunkRecord } from './chunk-intake.ts';
import type { BinlogFigures } from './figures.ts';
import { OrderedWriter } from './ordered-writer.ts';
import { type SourceFacts, sourceFacts } from './source-facts.ts';
import { BinlogDump } from './zongji.ts';

const WATCHDOG_MS = 10_000;
const CHUNK_BUFFER_BYTES = 8 * 1024 * 1024;
const DRAIN_MS = 5_000;
/** After this long without an event the binlog is taken for idle by the chunks. */
const IDLE_MS = 5;

export class BinlogUnit implements Unit {
  readonly #context: ServiceContext;
  readonly #source: JobSource;
  readonly #figures: BinlogFigures;
  readonly #log: Logger;
  readonly #tables = new Map<string, CapturedTable>();
  readonly #failed = Promise.withResolvers<never>();

  constructor(context: ServiceContext, source: JobSource, figures: BinlogFigures) {
    this.#context = context;
    this.#source = source;
    this.#figures = figures;
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
    const { resume, ranges, chunksOffset } = await this.#durable();
    const executed = GtidSet.parse(resume?.gtid ?? start.gtid, facts.flavor);
    const position = new StreamPosition(
      executed,
      resume?.partialGtid ?? null,
      resume?.partialRows ?? 0,
    );
    for (const plan of plans) this.#capture(plan, ranges, position);
    const { options } = this.#context.job;
    const parts = await this.#connect(transactional, facts, position, ranges, {
      resume,
      chunksOffset,
    });
    const { dump, writer, intake, reader, capture } = parts;
    this.#figures.follow({ capture, writer, intake });
    const unfollow = this.#context.view.onChange(() => {
      this.#guarded(() => {
        for (const plan of this.#context.view.plansOf(this.#source.name)) {
          this.#replan(plan, ranges, position);
        }
        intake.pump();
      });
    });
    try {
      const { name } = this.#source;
      const place = { gtid: resume?.gtid ?? start.gtid, epoch: writer.epoch, chunksOffset };
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
      this.#figures.follow(null);
      writer.close();
      reader.close();
      await dump.close();
    }
  }

  async #durable(): Promise<{
    resume: Resume | null;
    ranges: Map<string, RangeProgress>;
    chunksOffset: number;
  }> {
    const { kafka } = this.#context;
    await using progress = await openProgress(this.#context, this.#source.name);
    const { resume, ranges } = progress.view;
    if (resume !== null)
      return { resume, ranges: new Map(ranges), chunksOffset: resume.chunksOffset };
    const [chunks] = await kafka.offsets(chunksTopic(this.#source.name));
    return { resume, ranges: new Map(ranges), chunksOffset: chunks?.earliest ?? 0 };
  }

  #capture(plan: TablePlan, ranges: Map<string, RangeProgress>, position: StreamPosition): void {
    const { job } = this.#context;
    const table = new CapturedTable({
      schema: plan.schema,
      generation: plan.generation,
      prefix: this.#source.name,
      topic: plan.topic,
      partitions: job.options.partitions,
      keySchemaId: plan.keySchemaId,
      valueSchemaId: plan.valueSchemaId,
      maxMessageBytes: job.options.maxMessageBytes,
    });
    if (!isCopied(plan, ranges)) {
      const limitBytes = job.options.touchedKeysBytes / job.tables.length;
      table.startMerge(limitBytes, () => position.published());
    }
    this.#tables.set(plan.table.toLowerCase(), table);
  }

  /** Control has begun a new generation of a table. */
  #replan(plan: TablePlan, ranges: Map<string, RangeProgress>, position: StreamPosition): void {
    const table = this.#tables.get(plan.table.toLowerCase());
    if (table && plan.generation > table.generation) this.#capture(plan, ranges, position);
  }

  async #connect(
    transactional: TransactionalWriter,
    facts: SourceFacts,
    position: StreamPosition,
    ranges: Map<string, RangeProgress>,
    from: { resume: Resume | null; chunksOffset: number },
  ) {
    const { job, kafka, registry, view } = this.#context;
    const { options } = job;
    const { name, database } = this.#source;
    const fail = (e: ReshardError): void => this.#failed.reject(e);
    const writer: OrderedWriter = new OrderedWriter({
      writer: transactional,
      codec: await progressCodec(registry, name),
      progressTopic: progressTopic(name),
      position,
      epoch: (from.resume?.epoch ?? 0) + 1,
      ordinal: from.resume?.ordinal ?? 0,
      chunksOffset: from.chunksOffset,
      place: () => ({
        file: capture.file,
        pos: capture.filePos,
        tsMs: Math.floor(capture.caughtUp ? capture.lastEventMs : capture.lastCommitMs),
        serverUuid: facts.serverUuid,
      }),
      lingerMs: options.lingerMs,
      batchBytes: options.batchBytes,
      onRoom: () => {
        intake.onRoom();
        if (!writer.isFull) dump.resume();
      },
      onCommitted: seconds => this.#figures.committed(seconds),
      onFail: fail,
    });
    const dump: BinlogDump = new BinlogDump({
      endpoint: this.#source,
      serverId: facts.readerId,
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
      position,
      sink: writer,
      decoder: dump,
      onProgress: () => writer.moved(),
    });
    const intake: ChunkIntake = new ChunkIntake({
      job: job.job,
      flavor: facts.flavor,
      codec: await recordCodec<ChunkRecord>(registry, 'chunk', `${chunksTopic(name)}-value`),
      writer,
      batchBytes: options.batchBytes,
      table: table => this.#tables.get(table),
      plan: (db, table) => view.plans.get(`${name}/${db}.${table}`),
      ranges,
      isBinlogBusy: () =>
        writer.isFull || (!capture.caughtUp && Date.now() - capture.lastEventMs < IDLE_MS),
      release: slab => reader.release(slab),
      onRangeComplete: table => {
        const { db, table: of } = table.schema;
        const plan = view.plans.get(`${name}/${db}.${of}`);
        if (plan && isCopied(plan, ranges)) table.merge = null;
      },
    });
    const reader = await kafka.reader({
      isolation: 'committed',
      maxBufferedBytes: CHUNK_BUFFER_BYTES,
      onSlab: slab => this.#guarded(() => intake.onSlab(slab)),
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

/** Every range of the plan's generation is in the log. */
function isCopied(plan: TablePlan, ranges: Map<string, RangeProgress>): boolean {
  return plan.ranges.every(r => {
    const range = ranges.get(`${plan.db}.${plan.table}/${r.id}`);
    return range?.generation === plan.generation && range.complete;
  });
}

async function drained(writer: OrderedWriter): Promise<void> {
  const late = new Promise<void>(resolve => {
    setTimeout(resolve, DRAIN_MS).unref();
  });
  await Promise.race([writer.flush(), late]);
}
