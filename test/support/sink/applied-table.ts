/**
 * A table on a real target with workers that apply hand-made logs to it. The test says which
 * records may be read when, so every order of partitions can be played.
 */

import { Lane } from '../../../services/sink/lane.ts';
import type { Letter } from '../../../services/sink/letters.ts';
import { Portion } from '../../../services/sink/portion.ts';
import { SinkTable } from '../../../services/sink/table.ts';
import { Target } from '../../../services/sink/target.ts';
import { type LaneSource, Worker, type WorkerOptions } from '../../../services/sink/worker.ts';
import type { Job } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
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
export class PlayedLog implements LaneSource {
  readonly logs: LogMaker[];
  readonly #readable: number[];
  readonly #table: SinkTable;
  readonly #attached = new Map<Lane, () => void>();

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
    for (const [lane, wake] of this.#attached) this.#deliver(lane, wake);
    return to;
  }

  attach(lane: Lane): void {
    const wake = this.#wakes.get(lane) ?? (() => {});
    this.#attached.set(lane, wake);
    this.#deliver(lane, wake);
  }

  detach(lane: Lane): void {
    this.#attached.delete(lane);
  }

  readonly #wakes = new Map<Lane, () => void>();

  wakes(lane: Lane, worker: Worker): void {
    this.#wakes.set(lane, () => worker.wake());
  }

  #deliver(lane: Lane, wake: () => void): void {
    const from = lane.enqueued;
    const to = this.#readable[lane.partition] ?? 0;
    if (to <= from) return;
    const slab = this.#log(lane.partition).slab(from, to);
    lane.offer(new Portion(this.#table, slab, from, () => {}));
    wake();
  }

  #log(partition: number): LogMaker {
    const log = this.logs[partition];
    if (log === undefined) throw new RangeError(`no partition ${partition}`);
    return log;
  }
}

/** One member: its workers for one target, and lanes for all partitions. */
export class PlayedMember implements AsyncDisposable {
  readonly lanes: Lane[];
  readonly workers: Worker[];
  /** Dead letters that were sent, as `offset reason text`. */
  readonly letters: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(o: {
    table: SinkTable;
    log: PlayedLog;
    target: Target;
    workers: number;
    logger: Logger;
    pace?: WorkerOptions['pace'];
    blockedKeys?: number;
    sendLetters?: WorkerOptions['sendLetters'];
  }) {
    const { blockedKeys = 1000 } = o;
    const limits = { rows: 4000, bytes: 4 << 20, blockedKeys };
    this.workers = Array.from(
      { length: o.workers },
      () =>
        new Worker({
          target: o.target,
          source: o.log,
          limits,
          log: o.logger,
          sendLetters: async letters => {
            await o.sendLetters?.(letters);
            for (const l of letters) this.letters.push(told(l));
          },
          ...(o.pace ? { pace: o.pace } : {}),
        }),
    );
    this.lanes = o.log.logs.map(({ partition }) => {
      const lane = new Lane(o.table, partition, o.target.number);
      const worker = this.workers[partition % o.workers];
      if (worker === undefined) throw new RangeError('no worker');
      o.log.wakes(lane, worker);
      worker.add(lane);
      return lane;
    });
    this.#running = Promise.all(this.workers.map(w => w.run(this.#stop.signal)));
  }

  lane(partition: number): Lane {
    const lane = this.lanes[partition];
    if (lane === undefined) throw new RangeError(`no lane ${partition}`);
    return lane;
  }

  reached(partition: number, next: number): Promise<boolean> {
    return until(() => this.lane(partition).position.next >= next, {
      timeoutMs: 10_000,
      everyMs: 1,
      what: `${this.lane(partition).name} to reach ${next}`,
    });
  }

  unparked(): Promise<boolean> {
    return until(() => this.lanes.every(l => l.parked.size === 0), {
      timeoutMs: 10_000,
      everyMs: 5,
      what: 'parked rows to go back',
    });
  }

  /** The offsets of blocked keys, in order. */
  get blocked(): number[] {
    const offsets = this.lanes.flatMap(l => [...l.blocked.values()].map(b => b.offset));
    return offsets.sort((a, b) => a - b);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

function told({ offset, reason, why }: Letter): string {
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
      { shardColumn: o.shardColumn, targets: 2 },
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
      pace?: WorkerOptions['pace'];
      blockedKeys?: number;
      sendLetters?: WorkerOptions['sendLetters'];
    } = {},
  ): PlayedMember {
    return new PlayedMember({
      table: this.table,
      log,
      target: this.target(job, o.target),
      workers: o.workers ?? 1,
      logger: this.#logger,
      ...(o.pace ? { pace: o.pace } : {}),
      ...(o.blockedKeys ? { blockedKeys: o.blockedKeys } : {}),
      ...(o.sendLetters ? { sendLetters: o.sendLetters } : {}),
    });
  }

  target(job: string, number = 0): Target {
    const endpoint: Job['targets'][number] = {
      name: `t${number}`,
      kind: 'mysql',
      ...this.#endpoint,
      database: this.database,
    };
    return new Target(number, endpoint, job, this.#logger);
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
