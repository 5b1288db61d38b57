/**
 * A table on a real target with workers that apply hand-made logs to it. The test says which
 * records may be read when, so every order of partitions can be played.
 */

import type { DeadLetter } from '../../../services/sink/dead-letter/dead-letter.ts';
import { MysqlDestination } from '../../../services/sink/destination/mysql/mysql-destination.ts';
import type { TaskSource } from '../../../services/sink/destination/owned-tasks.ts';
import type { Destination } from '../../../services/sink/destination/port.ts';
import { Worker, type WorkerOptions } from '../../../services/sink/destination/worker.ts';
import { PartitionTask } from '../../../services/sink/intake/partition-task.ts';
import { RoutedBatch } from '../../../services/sink/intake/routed-batch.ts';
import { SinkTable } from '../../../services/sink/intake/sink-table.ts';
import type { Job } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { createLogger, type Logger } from '../../../shared/runtime/log.ts';
import { type Event, LogMaker, SCHEMA_IDS } from './log-maker.ts';

export interface Endpoint {
  host: string;
  port: number;
  user: string;
  password: string;
}

/** Logs of the partitions of one table, read only as far as the test allows. */
export class PlayedLog implements TaskSource {
  readonly logs: LogMaker[];
  readonly #readable: number[];
  readonly #table: SinkTable;
  readonly #attached = new Map<PartitionTask, () => void>();

  constructor(table: SinkTable, partitions: number) {
    this.#table = table;
    this.logs = Array.from(
      { length: partitions },
      (_, p) => new LogMaker(table.schema, table.topic, p),
    );
    this.#readable = this.logs.map(() => 0);
  }

  append(partition: number, ...events: Event[]): void {
    this.#log(partition).append(...events);
  }

  end(partition: number): number {
    return this.#log(partition).end;
  }

  /** Lets the next records of a partition be read; all of them by default. */
  release(partition: number, records = Number.POSITIVE_INFINITY): number {
    const to = Math.min(this.end(partition), (this.#readable[partition] ?? 0) + records);
    this.#readable[partition] = to;
    for (const [task, wake] of this.#attached) this.#deliver(task, wake);
    return to;
  }

  attach(task: PartitionTask): void {
    const wake = this.#wakes.get(task) ?? (() => {});
    this.#attached.set(task, wake);
    this.#deliver(task, wake);
  }

  detach(task: PartitionTask): void {
    this.#attached.delete(task);
  }

  readonly #wakes = new Map<PartitionTask, () => void>();

  wakes(task: PartitionTask, worker: Worker): void {
    this.#wakes.set(task, () => worker.wake());
  }

  #deliver(task: PartitionTask, wake: () => void): void {
    const from = task.enqueued;
    const to = this.#readable[task.partition] ?? 0;
    if (to <= from) return;
    const fetched = this.#log(task.partition).fetched(from, to);
    task.offer(new RoutedBatch(this.#table, fetched, from, () => {}));
    wake();
  }

  #log(partition: number): LogMaker {
    const log = this.logs[partition];
    if (log === undefined) throw new RangeError(`no partition ${partition}`);
    return log;
  }
}

/** One member: its workers for one target, and partition tasks for all partitions. */
export class PlayedMember implements AsyncDisposable {
  readonly tasks: PartitionTask[];
  readonly workers: Worker[];
  /** Dead letters that were sent, as `offset reason text`. */
  readonly deadLetters: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(o: {
    table: SinkTable;
    log: PlayedLog;
    target: Destination;
    workers: number;
    logger: Logger;
    schedule?: WorkerOptions['schedule'];
    blockedKeys?: number;
    parkDeadlineMs?: number;
    sendDeadLetters?: WorkerOptions['sendDeadLetters'];
  }) {
    const { blockedKeys = 1000 } = o;
    const limits = { rows: 4000, bytes: 4 << 20, blockedKeys };
    this.workers = Array.from(
      { length: o.workers },
      () =>
        new Worker({
          target: o.target,
          source: o.log,
          parkDeadlineMs: o.parkDeadlineMs ?? 60_000,
          limits,
          log: o.logger,
          sendDeadLetters: async deadLetters => {
            await o.sendDeadLetters?.(deadLetters);
            for (const l of deadLetters) this.deadLetters.push(told(l));
          },
          ...(o.schedule ? { schedule: o.schedule } : {}),
        }),
    );
    this.tasks = o.log.logs.map(({ partition }) => {
      const task = new PartitionTask(o.table, partition, o.target.number);
      const worker = this.workers[partition % o.workers];
      if (worker === undefined) throw new RangeError('no worker');
      o.log.wakes(task, worker);
      worker.add(task);
      return task;
    });
    this.#running = Promise.all(this.workers.map(w => w.run(this.#stop.signal)));
  }

  task(partition: number): PartitionTask {
    const task = this.tasks[partition];
    if (task === undefined) throw new RangeError(`no partition task ${partition}`);
    return task;
  }

  reached(partition: number, next: number): Promise<boolean> {
    return until(() => this.task(partition).position.next >= next, {
      timeoutMs: 10_000,
      everyMs: 1,
      what: `${this.task(partition).name} to reach ${next}`,
    });
  }

  unparked(): Promise<boolean> {
    return until(() => this.tasks.every(l => l.parked.size === 0), {
      timeoutMs: 10_000,
      everyMs: 5,
      what: 'parked rows to go back',
    });
  }

  /** The offsets of blocked keys, in order. */
  get blocked(): number[] {
    const offsets = this.tasks.flatMap(l => [...l.blocked.values()].map(b => b.offset));
    return offsets.sort((a, b) => a - b);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

function told({ offset, reason, why }: DeadLetter): string {
  return `${offset} ${reason} ${why.text}`;
}

/** A database of its own on a real server. */
export class AppliedTable implements AsyncDisposable {
  readonly session: MysqlSession;
  readonly table: SinkTable;
  readonly database: string;
  readonly #endpoint: Endpoint;
  readonly #logger = createLogger({ name: 'test', level: process.env.TEST_LOG ?? 'silent' });
  #jobs = 0;

  private constructor(session: MysqlSession, table: SinkTable, database: string, at: Endpoint) {
    this.session = session;
    this.table = table;
    this.database = database;
    this.#endpoint = at;
  }

  /** `ddl` creates a table of that name; rows are routed by `shardColumn` over two targets. */
  static async create(o: {
    endpoint: Endpoint;
    database: string;
    name: string;
    ddl: string;
    shardColumn: string;
    /** More than one source feeds it. */
    shared?: boolean;
  }): Promise<AppliedTable> {
    const session = await MysqlSession.open(o.endpoint, { role: 'admin', side: 'target' });
    await session.rawQuery(`DROP DATABASE IF EXISTS ${o.database}`);
    await session.rawQuery(`CREATE DATABASE ${o.database}`);
    await session.rawQuery(`USE ${o.database}`);
    await session.rawQuery(o.ddl);
    const schema = await inspectTable(session, o.database, o.name);
    const topic = `s.${o.database}.${o.name}`;
    const table = new SinkTable(
      { topic, source: 's', schema, ...SCHEMA_IDS },
      { route: new ModulusRoute(schema, o.shardColumn, 2), shared: o.shared ?? false },
    );
    return new AppliedTable(session, table, o.database, o.endpoint);
  }

  /** An empty table and a job name of its own. */
  async fresh(partitions: number): Promise<{ log: PlayedLog; job: string }> {
    this.#jobs += 1;
    await this.session.rawQuery(`DELETE FROM ${this.table.name}`);
    return { log: new PlayedLog(this.table, partitions), job: `j${this.#jobs}` };
  }

  member(
    log: PlayedLog,
    job: string,
    o: {
      workers?: number;
      target?: number;
      schedule?: WorkerOptions['schedule'];
      blockedKeys?: number;
      parkDeadlineMs?: number;
      sendDeadLetters?: WorkerOptions['sendDeadLetters'];
    } = {},
  ): PlayedMember {
    return new PlayedMember({
      table: this.table,
      log,
      target: this.target(job, o.target),
      workers: o.workers ?? 1,
      logger: this.#logger,
      ...(o.schedule ? { schedule: o.schedule } : {}),
      ...(o.parkDeadlineMs === undefined ? {} : { parkDeadlineMs: o.parkDeadlineMs }),
      ...(o.blockedKeys ? { blockedKeys: o.blockedKeys } : {}),
      ...(o.sendDeadLetters ? { sendDeadLetters: o.sendDeadLetters } : {}),
    });
  }

  target(job: string, number = 0): MysqlDestination {
    const endpoint: Job['targets'][number] = {
      name: `t${number}`,
      kind: 'mysql',
      ...this.#endpoint,
      database: this.database,
    };
    return new MysqlDestination(number, endpoint, job, this.#logger);
  }

  async rows(): Promise<string[]> {
    const rows = await this.session.query(`SELECT * FROM ${this.table.name}`);
    return rows.map(r => Object.values(r).join()).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.rawQuery(`DROP DATABASE IF EXISTS ${this.database}`);
    await this.session.close();
  }
}
