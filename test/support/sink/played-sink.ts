/**
 * The whole sink on real targets, over readers that the test plays: intake, partition tasks and
 * workers as a member has them, with records cut into fetched batches of any size, readers that
 * fail, partition tasks that go to another member and back.
 */

import type { Destination } from '../../../services/sink/destination/port.ts';
import { Worker } from '../../../services/sink/destination/worker.ts';
import { Intake } from '../../../services/sink/intake/intake.ts';
import { PartitionTask } from '../../../services/sink/intake/partition-task.ts';
import type { SinkTable } from '../../../services/sink/intake/sink-table.ts';
import type { LogReader, ReaderOptions } from '../../../shared/kafka/reader.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import type { LogPosition } from '../../../shared/kafka/wire/log-position.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { Random } from '../load/random.ts';
import type { LogMaker } from './log-maker.ts';

const PACE = { fencedMs: 30, haltedMs: 200 };

interface Place {
  partition: number;
  offset: number;
}

/** What a member uses of a LogReader, over logs made by hand. */
export class PlayedReader {
  heldBytes = 0;
  readonly #o: ReaderOptions;
  readonly #logs: readonly LogMaker[];
  readonly #random: Random;
  readonly #places = new Map<string, Place>();

  constructor(o: ReaderOptions, logs: readonly LogMaker[], random: Random) {
    this.#o = o;
    this.#logs = logs;
    this.#random = random;
  }

  add(topic: string, partition: number, { offset }: LogPosition): void {
    this.#places.set(`${topic}/${partition}`, { partition, offset });
  }

  remove(topic: string, partition: number): void {
    this.#places.delete(`${topic}/${partition}`);
  }

  release(fetched: FetchedBatch): void {
    this.heldBytes -= fetched.bytes;
  }

  close(): void {
    this.#places.clear();
  }

  fail(): void {
    this.close();
    this.#o.onError(new ReshardError('broker', 'the reader was made to fail'));
  }

  /** One round of fetches; some partitions have nothing this time. */
  pump(): void {
    for (const [key, place] of [...this.#places]) {
      const log = this.#logs[place.partition];
      if (log === undefined || this.heldBytes >= (this.#o.maxBufferedBytes ?? 0)) continue;
      if (this.#random.chance(0.3) || this.#places.get(key) !== place) continue;
      const to = Math.min(log.end, place.offset + this.#random.between(1, 30));
      if (to <= place.offset) continue;
      const fetched = log.fetched(place.offset, to);
      place.offset = to;
      this.heldBytes += fetched.bytes;
      this.#o.onFetched(fetched);
    }
  }
}

export interface PlayedSinkOptions {
  table: SinkTable;
  logs: readonly LogMaker[];
  targets: readonly Destination[];
  workers: number;
  batchRows: number;
  bufferBytes: number;
  random: Random;
  logger: Logger;
}

/** One member; its partition tasks come and go by partition. */
export class PlayedSink implements AsyncDisposable {
  readonly tasks = new Map<PartitionTask, Worker>();
  readonly #o: PlayedSinkOptions;
  readonly #intake: Intake;
  readonly #workers: Worker[][];
  readonly #readers = new Set<PlayedReader>();
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #pump: NodeJS.Timeout;

  constructor(o: PlayedSinkOptions) {
    this.#o = o;
    const { logs, random, logger, batchRows } = o;
    this.#intake = new Intake({
      openReader: async options => {
        const reader = new PlayedReader(options, logs, random);
        this.#readers.add(reader);
        return reader as unknown as LogReader;
      },
      bufferBytes: o.bufferBytes,
      log: logger,
      onQueued: task => this.tasks.get(task)?.wake(),
      onLost: (task, error) => this.tasks.get(task)?.lost(task, error),
    });
    const limits = { rows: batchRows, bytes: 1 << 20 };
    const source = this.#intake;
    const common = {
      source,
      limits,
      log: logger,
      schedule: PACE,
      parkDeadlineMs: 60_000,
      sendDeadLetters: async () => {},
    };
    this.#workers = o.targets.map(target =>
      Array.from({ length: o.workers }, () => new Worker({ target, ...common })),
    );
    this.#running = Promise.all(this.#workers.flat().map(w => w.run(this.#stop.signal)));
    this.#pump = setInterval(() => this.pump(), 1);
  }

  take(partition: number): void {
    for (const [number, workers] of this.#workers.entries()) {
      const task = new PartitionTask(this.#o.table, partition, number);
      const worker = this.#o.random.pick(workers);
      this.tasks.set(task, worker);
      worker.add(task);
    }
  }

  async giveUp(partition: number): Promise<void> {
    const gone = [...this.tasks].filter(([task]) => task.partition === partition);
    for (const [task] of gone) this.tasks.delete(task);
    await Promise.all(gone.map(([task, worker]) => worker.remove(task)));
  }

  pump(): void {
    for (const reader of this.#readers) reader.pump();
  }

  failReaders(): void {
    const failing = [...this.#readers];
    this.#readers.clear();
    for (const reader of failing) reader.fail();
  }

  get errors(): string[] {
    return [...this.tasks.keys()].flatMap(l => l.error?.message ?? []);
  }

  /**
   * All partition tasks have applied their logs to the end, and nothing waits for a unique value.
   */
  get isDone(): boolean {
    const isDone = (l: PartitionTask): boolean =>
      l.position.next === this.#o.logs[l.partition]?.end && l.parked.size === 0;
    return [...this.tasks.keys()].every(isDone);
  }

  get stands(): string[] {
    return [...this.tasks.keys()].map(
      l => `t${l.target}[${l.partition}] ${l.state} ${l.position.next} parked ${l.parked.size}`,
    );
  }

  get total(): { retries: number; transactions: number } {
    const workers = this.#workers.flat();
    const sum = (of: (w: Worker) => number): number => workers.reduce((n, w) => n + of(w), 0);
    return { retries: sum(w => w.total.retries), transactions: sum(w => w.total.transactions) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    clearInterval(this.#pump);
    this.#intake.close();
  }
}
