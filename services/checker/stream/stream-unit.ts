/**
 * The streaming check of one slot: partition p of every table, from the topics of the sources and
 * from those of the targets, which the way back publishes (shared/job/return-job.ts).
 *
 * Contract
 * - It reads topics alone, never a server, and writes nothing but its own records
 *   (stream-store.ts).
 * - What it says of a table partition it says as of one cut of both logs (ledger.ts); it never says
 *   equal of what it does not know, nor different of what is on its way.
 * - Built from durable state, thrown away when anything fails. A log that has lost what it would
 *   have to read next makes everything unknown until the next check.
 * - Asked by a record `comparison` of the state topic whether all is equal up to the ends of both
 *   logs; answers by the report that names it, at once when it has read so far.
 * - Memory: sums of buckets, and what waits for the other side; a topic that is too far ahead of
 *   the other side is not read on until that has come closer.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import type { PipelineLoad } from '../../../shared/member/pipeline-load.ts';
import type { ReportedUnit } from '../../../shared/member/reporter.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { asReshardError, ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { Unit } from '../../../shared/runtime/service.ts';
import { keysIn } from './drill-down.ts';
import { SlotTables } from './slot-tables.ts';
import { StandBehind } from './stand-behind.ts';
import type { StreamClock } from './stream-clock.ts';
import type { StreamMetrics } from './stream-metrics.ts';
import { StreamStore } from './stream-store.ts';
import type { TableCompare } from './table-compare.ts';
import type { TableWatch } from './table-watch.ts';
import { RecordReaders } from './topic-changes.ts';
import { TopicFeed } from './topic-feed.ts';

/** How often what is known is made durable and told. */
const SAVE_MS = 1000;

export interface StreamDeps {
  job: Job;
  view: JobView;
  /** Of the way back, whose sources are the targets. */
  backView: JobView;
  kafka: KafkaLog;
  registry: SchemaRegistry;
  clock: StreamClock;
  load: PipelineLoad;
  metrics: StreamMetrics;
  log: Logger;
}

export class StreamUnit implements Unit {
  readonly #d: StreamDeps;
  readonly #slot: number;
  readonly #report: ReportedUnit;
  /** The newest question that is answered. */
  #answered: string | null = null;
  /** Beside the comparison; null: nothing is to be named. */
  #naming: Promise<void> | null = null;

  constructor(d: StreamDeps, slot: number, report: ReportedUnit) {
    this.#d = d;
    this.#slot = slot;
    this.#report = report;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { job, view, backView, kafka, registry } = this.#d;
    await SlotTables.planned(this.#d, signal);
    const place = { kafka, registry, job: job.job, jobId: view.jobId, slot: this.#slot };
    using store = await StreamStore.open(place);
    const readers = new RecordReaders(registry);
    const tables = await SlotTables.build({ ...this.#d, readers, slot: this.#slot }, store.tables);
    const of = { slot: this.#slot, slots: job.options.partitions };
    const feed = await TopicFeed.open(kafka, of, tables.watches);
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => {});
    const look = (): void => {
      feed.wake();
      if (tables.isCurrent()) return;
      failed.reject(new ReshardError('source', 'tables are planned anew'));
    };
    const ends = [view.onChange(look), backView.onChange(look)];
    // What was planned while it was built.
    look();
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    try {
      await Promise.race([failed.promise, this.#follow(feed, tables, store, stop)]);
    } catch (e) {
      throw await this.#lost(asReshardError(e), tables, store);
    } finally {
      for (const end of ends) end();
      over.abort();
      feed.close();
      await this.#naming;
    }
  }

  async #follow(
    feed: TopicFeed,
    tables: SlotTables,
    store: StreamStore,
    signal: AbortSignal,
  ): Promise<void> {
    let savedAt = performance.now();
    const behind = new StandBehind(this.#d);
    while (!signal.aborted) {
      await (behind.mustWait() ? feed.rest(SAVE_MS / 4) : feed.take(SAVE_MS / 4));
      this.#answer(tables);
      if (performance.now() - savedAt < SAVE_MS) continue;
      savedAt = performance.now();
      const { goal } = this.#d.clock;
      behind.look(goal, ends => tables.hasCompared(ends));
      tables.look(goal);
      this.#nameKeys(tables, signal);
      await store.save(tables.changed());
      this.#tell(tables);
    }
    await store.save(tables.changed());
  }

  /**
   * A cutover waits, with the sources frozen, for what is known when all of its ends are read: it
   * is told at once. It rests on nothing that is not in the logs, so it need not be durable first.
   */
  #answer(tables: SlotTables): void {
    const asked = this.#d.view.comparison;
    if (asked === null || asked.id === this.#answered) return;
    if (!tables.hasCompared(new Map(Object.entries(asked.ends)))) return;
    this.#answered = asked.id;
    this.#tell(tables);
    this.#report.urge();
  }

  /** Which keys make the differences that have come: one after the other, oldest first. */
  #nameKeys({ watches }: SlotTables, signal: AbortSignal): void {
    const isUnnamed = ({ compare }: TableWatch): boolean => compare.unnamed.length > 0;
    if (this.#naming !== null || !watches.some(isUnnamed)) return;
    const nameAll = async (): Promise<void> => {
      for (let w = watches.find(isUnnamed); w !== undefined; w = watches.find(isUnnamed)) {
        await this.#nameNext(w.compare, signal);
      }
      this.#naming = null;
    };
    this.#naming = nameAll();
  }

  async #nameNext(compare: TableCompare, signal: AbortSignal): Promise<void> {
    const next = compare.unnamed.shift();
    if (next === undefined || signal.aborted) return;
    const { kafka, log } = this.#d;
    const { target } = next.window;
    try {
      compare.name(next.doubts, await keysIn({ kafka, compare, signal }, next.window));
    } catch (e) {
      // The check that follows names them.
      if (!signal.aborted)
        log.warn({ table: compare.o.table, target, err: e }, 'keys that differ are not named');
    }
  }

  #tell(tables: SlotTables): void {
    const { said, doubts, foreign, foreignCount } = tables;
    this.#d.metrics.told(this.#slot, said, foreignCount);
    const counters = { doubts: doubts.length, foreign: foreignCount };
    // Always with what it is said of: a unit that is built anew begins with what was saved before.
    const compared = this.#answered;
    this.#report.set({ counters, detail: { tables: said, doubts, foreign, compared } });
  }

  /**
   * What is gone from a log can be compared by nobody: it is begun with from where the logs end.
   */
  async #lost(error: ReshardError, tables: SlotTables, store: StreamStore): Promise<ReshardError> {
    if (error.kind !== 'history-lost') return error;
    await store.save(await tables.fresh());
    const what = 'a log has lost what was to be compared: unknown until the next check';
    return new ReshardError('broker', `${what}: ${error.message}`, { cause: error });
  }
}
