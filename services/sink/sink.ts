/**
 * The sink of a job on this member: for every slot (partition number) that it holds, partition by
 * partition of every table topic, into every target. Built from the job state that control writes;
 * where each partition task stands is in the targets alone.
 *
 * The lease says who should apply a slot; the offset row's compare-and-set says who can.
 */

import type { Job } from '../../shared/job/job.ts';
import { routeOf } from '../../shared/job/job-route.ts';
import type { Leg } from '../../shared/job/state/cutover.ts';
import type { JobView, TablePlan } from '../../shared/job/state/job-view.ts';
import type { KafkaLog } from '../../shared/kafka/kafka.ts';
import { asReshardError, describeError, type ReshardError } from '../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Logger } from '../../shared/runtime/log.ts';
import type { SendDeadLetters } from './dead-letter/dead-letter-publisher.ts';
import { MysqlDestination } from './destination/mysql/mysql-destination.ts';
import type { Destination } from './destination/port.ts';
import { Worker } from './destination/worker.ts';
import { Intake } from './intake/intake.ts';
import { PartitionTask } from './intake/partition-task.ts';
import { SinkTable } from './intake/sink-table.ts';

const BATCH_BYTES = 4 * 1024 * 1024;

interface PlannedTable {
  planned: string;
  table: SinkTable;
}

export class Sink {
  readonly targets: Destination[];
  readonly workers: Worker[][];
  readonly tasks = new Map<PartitionTask, Worker>();
  readonly slots = new Set<number>();
  readonly intake: Intake;
  /** Tables that cannot be applied as they are planned. */
  readonly refused = new Map<string, ReshardError>();
  readonly #job: Job;
  readonly #log: Logger;
  readonly #view: JobView;
  /** Partition tasks by topic, slot and target. */
  readonly #places = new Map<string, PartitionTask>();
  readonly #tables = new Map<string, PlannedTable>();

  constructor(o: {
    job: Job;
    view: JobView;
    kafka: KafkaLog;
    sendDeadLetters: SendDeadLetters;
    log: Logger;
    leg: Leg;
  }) {
    const { job, view, kafka, sendDeadLetters, log, leg } = o;
    this.#job = job;
    this.#view = view;
    this.#log = log;
    this.intake = new Intake({
      openReader: options => kafka.reader(options),
      bufferBytes: job.options.sinkBufferBytes,
      log: log.child({ component: 'intake' }),
      onQueued: task => this.tasks.get(task)?.wake(),
      onLost: (task, error) => this.tasks.get(task)?.lost(task, error),
    });
    const named = { job: job.job, jobId: view.jobId, identity: view.identity, leg };
    this.targets = job.targets.map((t, i) => new MysqlDestination(i, t, named, log));
    this.workers = this.targets.map(target =>
      Array.from(
        { length: job.options.sinkConnections },
        (_, i) =>
          new Worker({
            target,
            source: this.intake,
            sendDeadLetters,
            parkDeadlineMs: job.options.parkDeadlineSeconds * 1000,
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
    await this.#removeTasks(task => slots.includes(task.partition));
    this.#log.info({ slots }, 'slots given up');
  }

  /** Another member may own them already: stop, and leave the rest to compare-and-set. */
  lose(): void {
    this.slots.clear();
    void this.#removeTasks(() => true);
  }

  async #removeTasks(isGone: (task: PartitionTask) => boolean): Promise<void> {
    const gone = [...this.tasks].filter(([task]) => isGone(task));
    for (const [task] of gone) {
      this.tasks.delete(task);
      this.#places.delete(`${task.topic}/${task.partition}/${task.target}`);
    }
    await Promise.all(gone.map(([task, worker]) => worker.remove(task)));
  }

  /** Partition tasks for everything that is planned and ours; none for anything else. */
  #sync(): void {
    const topics = new Set<string>();
    for (const plan of this.#view.plans.values()) {
      const table = this.#tableOf(plan);
      if (table === undefined) continue;
      topics.add(plan.topic);
      this.#noteCopy(table, plan);
      for (const slot of this.slots) this.#ensure(table, slot);
    }
    for (const topic of [...this.#tables.keys()]) if (!topics.has(topic)) this.#forget(topic);
  }

  /** A recopy may be what halted partition tasks wait for. */
  #noteCopy(table: SinkTable, plan: TablePlan): void {
    const { generation, copiedFrom = [], copiedTopicId = '' } = plan;
    if (table.copy.generation === generation) return;
    table.copy = { generation, from: copiedFrom, topicId: copiedTopicId };
    for (const [task, worker] of this.tasks) if (task.table === table) worker.retryHalted(task);
  }

  #tableOf(plan: TablePlan): SinkTable | undefined {
    const { topic } = plan;
    const planned = `${plan.schemaJson}/${plan.keySchemaId}/${plan.valueSchemaId}`;
    const known = this.#tables.get(topic);
    if (known?.planned === planned) return known.table;
    if (known !== undefined) this.#forget(topic);
    this.refused.delete(topic);
    try {
      const table = new SinkTable(plan, {
        route: routeOf(this.#job, plan.schema, plan.source),
        compacted: this.#job.options.compact,
        shared: this.#job.sources.length > 1,
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
    void this.#removeTasks(task => task.topic === topic);
  }

  #ensure(table: SinkTable, slot: number): void {
    for (const { number } of this.targets) {
      const place = `${table.topic}/${slot}/${number}`;
      if (this.#places.has(place)) continue;
      const task = new PartitionTask(table, slot, number);
      this.#places.set(place, task);
      const worker = this.#leastLoaded(number, table);
      this.tasks.set(task, worker);
      worker.add(task);
    }
  }

  /**
   * The partition tasks of a table are spread over the connections first, then all partition tasks
   * are.
   */
  #leastLoaded(target: number, table: SinkTable): Worker {
    const load = (w: Worker): number => {
      const ofTable = [...w.tasks].filter(l => l.table === table).length;
      return ofTable * 1000 + w.tasks.size;
    };
    const workers = this.workers[target] ?? [];
    const [first, ...rest] = workers;
    if (first === undefined) throw new RangeError(`no worker for target ${target}`);
    return rest.reduce((best, w) => (load(w) < load(best) ? w : best), first);
  }
}
