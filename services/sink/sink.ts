/**
 * The sink of a job on this member: for every slot (partition number) that it holds, partition by
 * partition of every table topic, into every target. Built from the job state that control writes;
 * where each lane stands is in the targets alone.
 *
 * The lease says who should apply a slot; the offset row's compare-and-set says who can.
 */

import { type Job, shardColumn } from '../../shared/job/job.ts';
import type { JobView, TablePlan } from '../../shared/member/job-view.ts';
import { asReshardError, describeError, type ReshardError } from '../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Logger } from '../../shared/runtime/log.ts';
import type { KafkaLog } from '../../shared/topic/kafka.ts';
import { Intake } from './intake.ts';
import { Lane } from './lane.ts';
import type { SendLetters } from './postman.ts';
import { SinkTable } from './table.ts';
import { Target } from './target.ts';
import { Worker } from './worker.ts';

const BATCH_BYTES = 4 * 1024 * 1024;

interface PlannedTable {
  planned: string;
  table: SinkTable;
}

export class Sink {
  readonly targets: Target[];
  readonly workers: Worker[][];
  readonly lanes = new Map<Lane, Worker>();
  readonly slots = new Set<number>();
  readonly intake: Intake;
  /** Tables that cannot be applied as they are planned. */
  readonly refused = new Map<string, ReshardError>();
  readonly #job: Job;
  readonly #log: Logger;
  readonly #view: JobView;
  /** Lanes by topic, slot and target. */
  readonly #places = new Map<string, Lane>();
  readonly #tables = new Map<string, PlannedTable>();

  constructor(o: {
    job: Job;
    view: JobView;
    kafka: KafkaLog;
    sendLetters: SendLetters;
    log: Logger;
  }) {
    const { job, view, kafka, sendLetters, log } = o;
    this.#job = job;
    this.#view = view;
    this.#log = log;
    this.intake = new Intake({
      openReader: options => kafka.reader(options),
      bufferBytes: job.options.sinkBufferBytes,
      log: log.child({ component: 'intake' }),
      onQueued: lane => this.lanes.get(lane)?.wake(),
      onLost: (lane, error) => this.lanes.get(lane)?.lost(lane, error),
    });
    this.targets = job.targets.map((t, i) => new Target(i, t, job.job, log));
    this.workers = this.targets.map(target =>
      Array.from(
        { length: job.options.sinkConnections },
        (_, i) =>
          new Worker({
            target,
            source: this.intake,
            sendLetters,
            limits: { rows: job.options.sinkBatchRows, bytes: BATCH_BYTES },
            log: log.child({ target: target.name, connection: i }),
          }),
      ),
    );
  }

  /** Works until the signal; what is committed by then is all that counts. */
  async run(signal: AbortSignal): Promise<void> {
    const unfollow = this.#view.onChange(() => this.#sync());
    this.#sync();
    try {
      await Promise.all(this.workers.flat().map(w => w.run(signal)));
    } finally {
      unfollow();
      this.intake.close();
    }
  }

  take(slots: readonly number[]): void {
    for (const slot of slots) this.slots.add(slot);
    this.#log.info({ slots: [...this.slots] }, 'slots taken over');
    this.#sync();
  }

  /** Resolves when nothing of the slots is applied here any more. */
  async giveUp(slots: readonly number[]): Promise<void> {
    for (const slot of slots) this.slots.delete(slot);
    failpoint(FAILPOINTS.sinkMidRebalance);
    await this.#removeLanes(lane => slots.includes(lane.partition));
    this.#log.info({ slots }, 'slots given up');
  }

  /** Another member may own them already: stop, and leave the rest to compare-and-set. */
  lose(): void {
    this.slots.clear();
    void this.#removeLanes(() => true);
  }

  async #removeLanes(isGone: (lane: Lane) => boolean): Promise<void> {
    const gone = [...this.lanes].filter(([lane]) => isGone(lane));
    for (const [lane] of gone) {
      this.lanes.delete(lane);
      this.#places.delete(`${lane.topic}/${lane.partition}/${lane.target}`);
    }
    await Promise.all(gone.map(([lane, worker]) => worker.remove(lane)));
  }

  /** Lanes for everything that is planned and ours; none for anything else. */
  #sync(): void {
    const topics = new Set<string>();
    for (const plan of this.#view.plans.values()) {
      const table = this.#tableOf(plan);
      if (table === undefined) continue;
      topics.add(plan.topic);
      for (const slot of this.slots) this.#ensure(table, slot);
    }
    for (const topic of [...this.#tables.keys()]) if (!topics.has(topic)) this.#forget(topic);
  }

  #tableOf(plan: TablePlan): SinkTable | undefined {
    const { topic } = plan;
    const planned = `${plan.schemaJson}/${plan.keySchemaId}/${plan.valueSchemaId}`;
    const known = this.#tables.get(topic);
    if (known?.planned === planned) return known.table;
    if (known !== undefined) this.#forget(topic);
    this.refused.delete(topic);
    try {
      const column = shardColumn(this.#job, plan.table);
      const table = new SinkTable(plan, {
        shardColumn: column,
        targets: this.targets.length,
        compacted: this.#job.options.compact,
      });
      this.#tables.set(topic, { planned, table });
      return table;
    } catch (e) {
      this.refused.set(topic, asReshardError(e));
      this.#log.error({ topic }, `table refused: ${describeError(e)}`);
      return undefined;
    }
  }

  #forget(topic: string): void {
    this.#tables.delete(topic);
    void this.#removeLanes(lane => lane.topic === topic);
  }

  #ensure(table: SinkTable, slot: number): void {
    for (const { number } of this.targets) {
      const place = `${table.topic}/${slot}/${number}`;
      if (this.#places.has(place)) continue;
      const lane = new Lane(table, slot, number);
      this.#places.set(place, lane);
      const worker = this.#leastLoaded(number, table);
      this.lanes.set(lane, worker);
      worker.add(lane);
    }
  }

  /** The lanes of a table are spread over the connections first, then all lanes are. */
  #leastLoaded(target: number, table: SinkTable): Worker {
    const load = (w: Worker): number => {
      const ofTable = [...w.lanes].filter(l => l.table === table).length;
      return ofTable * 1000 + w.lanes.size;
    };
    const workers = this.workers[target] ?? [];
    const [first, ...rest] = workers;
    if (first === undefined) throw new RangeError(`no worker for target ${target}`);
    return rest.reduce((best, w) => (load(w) < load(best) ? w : best), first);
  }
}
