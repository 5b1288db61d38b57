/**
 * From the log to the partition tasks. All targets share one feed, so a record is fetched and
 * decoded once for all of them. What is read ahead is bounded: a fetched batch returns to its
 * reader when the last partition task that took it has committed or dropped it.
 *
 * One slow target must not stop the others, though its partition tasks hold the shared fetched
 * batches. So a partition task that is behind leaves the shared feed: it drops what it holds and
 * reads again, from the position that is durable in its target, by a feed of its target's own. When
 * that one has come as far as the shared feed, the partition task returns. A partition task takes a
 * routed batch only if it continues where the partition task is (partition task.ts), so moving
 * between feeds can neither skip nor repeat a record.
 */

import type { LogReader, ReaderOptions } from '../../../shared/kafka/reader.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { type LogPosition, parseHistory } from '../../../shared/kafka/wire/log-position.ts';
import { Backoff } from '../../../shared/runtime/backoff.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { hasUnknownSchema, inPresentShape } from './older-record.ts';
import type { PartitionTask } from './partition-task.ts';
import { RoutedBatch } from './routed-batch.ts';
import type { SinkTable } from './sink-table.ts';

export interface IntakeOptions {
  openReader: (o: ReaderOptions) => Promise<LogReader>;
  /** Read ahead for all targets together; a feed of its own has a quarter of it. */
  bufferBytes: number;
  log: Logger;
  /** A routed batch was queued in the partition task. */
  onQueued: (task: PartitionTask) => void;
  /** What the partition task must read cannot be read. */
  onLost: (task: PartitionTask, error: ReshardError) => void;
}

interface Stream {
  readonly table: SinkTable;
  readonly partition: number;
  /** Next offset to come. */
  position: number;
  /** The same with its history: a reader that is opened again must go on in the same log. */
  at: LogPosition;
  readonly tasks: Set<PartitionTask>;
  /** How often a batch of a schema that the table does not have is still read once more. */
  patience: number;
}

const REOPEN = { minMs: 100, maxMs: 5000 };
/**
 * Records of a table that has just got columns may come before the plan that says so: with the plan
 * there are other partition tasks. What is not planned within this time never was.
 */
const SCHEMA_PATIENCE = { looks: 20, everyMs: 250 };
/** The shared feed counts as held up when this part of its buffer is taken. */
const FULL = 0.7;
const BALANCE_MS = 100;
/**
 * So many looks in a row must find a target without work before partition tasks of others are
 * moved.
 */
const HUNGRY_LOOKS = 3;

/** One reader and what is read by it. Heals itself: the streams know where to go on. */
class Feed {
  readonly streams = new Map<string, Stream>();
  /** Why nothing comes, if it is so. */
  error: ReshardError | null = null;
  readonly #o: IntakeOptions;
  readonly #bufferBytes: number;
  readonly #onRouted: (stream: Stream, routed: RoutedBatch) => void;
  #reader: LogReader | null = null;
  #opening = false;
  #closed = false;
  readonly #reopening = new Backoff(REOPEN);

  constructor(
    o: IntakeOptions,
    bufferBytes: number,
    onRouted: (stream: Stream, routed: RoutedBatch) => void,
  ) {
    this.#o = o;
    this.#bufferBytes = bufferBytes;
    this.#onRouted = onRouted;
  }

  get isFull(): boolean {
    return (this.#reader?.heldBytes ?? 0) > this.#bufferBytes * FULL;
  }

  add(task: PartitionTask, at = startOf(task)): void {
    const known = this.streams.get(task.name);
    if (known !== undefined) {
      known.tasks.add(task);
      return;
    }
    const { table, partition, enqueued } = task;
    const tasks = new Set([task]);
    const patience = SCHEMA_PATIENCE.looks;
    this.streams.set(task.name, { table, partition, position: enqueued, at, tasks, patience });
    if (this.#reader !== null) this.#reader.add(table.topic, partition, at);
    else this.#open();
  }

  remove(task: PartitionTask): void {
    const stream = this.streams.get(task.name);
    if (stream === undefined || !stream.tasks.delete(task) || stream.tasks.size > 0) return;
    this.streams.delete(task.name);
    this.#reader?.remove(task.topic, task.partition);
  }

  close(): void {
    this.#closed = true;
    this.streams.clear();
    this.#reader?.close();
    this.#reader = null;
  }

  #open(): void {
    if (this.#opening || this.#closed || this.#reader !== null) return;
    this.#opening = true;
    this.#openReader()
      .catch(e => this.#o.log.error(`feed: ${describeError(e)}`))
      .finally(() => {
        this.#opening = false;
      });
  }

  async #openReader(): Promise<void> {
    while (!this.#closed) {
      try {
        const reader = await this.#o.openReader({
          isolation: 'committed',
          maxBufferedBytes: this.#bufferBytes,
          onFetched: fetched => this.#take(reader, fetched),
          onError: e => this.#failed(e),
        });
        if (this.#closed) return reader.close();
        this.#reader = reader;
        for (const s of this.streams.values()) reader.add(s.table.topic, s.partition, s.at);
        return;
      } catch (e) {
        await this.#pause(e);
      }
    }
  }

  async #pause(e: unknown): Promise<void> {
    this.error = asReshardError(e);
    const inMs = Math.round(this.#reopening.next());
    this.#o.log.warn({ inMs }, `reader opens again: ${describeError(e)}`);
    await sleep(inMs);
  }

  /**
   * The reader is closed. What it cannot read is lost for its partition tasks; the rest is read
   * again.
   */
  #failed(error: ReshardError): void {
    this.#reader = null;
    if (this.#closed) return;
    for (const { stream, why } of this.#lostBy(error)) {
      for (const task of [...stream.tasks]) this.#o.onLost(task, why);
    }
    this.#pause(error).then(() => this.#open());
  }

  /**
   * A topic that is gone, or another one by now, is so for all of its partitions: one by one, each
   * would be doubted for some seconds first.
   */
  #lostBy(error: ReshardError): { stream: Stream; why: ReshardError }[] {
    if (error.kind !== 'history-lost') return [];
    const { topic, partition, loss, topicId } = error.context;
    const isWhole = loss === 're-created' || loss === 'deleted';
    return [...this.streams.values()].flatMap(stream => {
      if (stream.table.topic !== topic) return [];
      if (stream.partition === partition) return [{ stream, why: error }];
      if (!isWhole || topicIdOf(stream.at) !== topicId) return [];
      return [{ stream, why: elsewhere(error, stream) }];
    });
  }

  /**
   * Behind an unreadable record nothing is handed out: its partition tasks will halt, and come
   * back.
   */
  #stop(stream: Stream): void {
    this.streams.delete(nameOf(stream));
    this.#reader?.remove(stream.table.topic, stream.partition);
  }

  #readLater(stream: Stream, reader: LogReader): void {
    const { table, partition } = stream;
    stream.patience -= 1;
    reader.remove(table.topic, partition);
    setTimeout(() => {
      const isCurrent = this.#reader === reader && this.streams.get(nameOf(stream)) === stream;
      if (isCurrent) reader.add(table.topic, partition, stream.at);
    }, SCHEMA_PATIENCE.everyMs).unref();
  }

  #take(reader: LogReader, fetched: FetchedBatch): void {
    this.#reopening.reset();
    this.error = null;
    const stream = this.streams.get(`${fetched.topic}[${fetched.partition}]`);
    if (stream === undefined || reader !== this.#reader || fetched.position <= stream.position) {
      reader.release(fetched);
      return;
    }
    if (hasUnknownSchema(stream.table, fetched) && stream.patience > 0) {
      this.#readLater(stream, reader);
      return;
    }
    stream.patience = SCHEMA_PATIENCE.looks;
    const present = inPresentShape(stream.table, fetched);
    const release = (): void => reader.release(fetched);
    const routed = new RoutedBatch(stream.table, present, stream.position, release);
    stream.position = fetched.position;
    stream.at = fetched.end;
    if (routed.error !== null) this.#stop(stream);
    // Held while it is offered, so that it returns to the reader if nobody takes it.
    routed.hold();
    this.#onRouted(stream, routed);
    routed.letGo();
  }
}

/** Where a partition task goes on: in the log that its target's offset is of. */
function startOf({ enqueued, position }: PartitionTask): LogPosition {
  return {
    offset: enqueued,
    history: enqueued === position.next ? (position.history ?? null) : null,
  };
}

function topicIdOf({ history }: LogPosition): string | null {
  return history ? parseHistory(history).topicId : null;
}

function elsewhere(error: ReshardError, { partition, at }: Stream): ReshardError {
  const { kind, message, cause, remedy, context } = error;
  const place = { ...context, partition, wanted: at.offset };
  return new ReshardError(kind, message, { cause, remedy, context: place });
}

/** Key of a stream; the name of its partition tasks. */
function nameOf(s: { table: SinkTable; partition: number }): string {
  return `${s.table.topic}[${s.partition}]`;
}

export class Intake {
  readonly #o: IntakeOptions;
  readonly #shared: Feed;
  /** Feeds of targets that are behind, by target. */
  readonly #own = new Map<number, Feed>();
  readonly #attached = new Set<PartitionTask>();
  readonly #timer: NodeJS.Timeout;
  readonly #hungry = new Map<number, number>();

  constructor(o: IntakeOptions) {
    this.#o = o;
    this.#shared = new Feed(o, o.bufferBytes, (stream, routed) => this.#offer(stream, routed));
    this.#timer = setInterval(() => this.#balance(), BALANCE_MS);
    this.#timer.unref();
  }

  /** Why the log cannot be read, if it is so. */
  get error(): ReshardError | null {
    return this.#shared.error;
  }

  /** Partition tasks that read by a feed of their target's own. */
  get apart(): number {
    let n = 0;
    for (const feed of this.#own.values()) n += feed.streams.size;
    return n;
  }

  /** The partition task is read for from where it is. */
  attach(task: PartitionTask): void {
    this.#attached.add(task);
    const stream = this.#shared.streams.get(task.name);
    if (stream === undefined || stream.position <= task.enqueued) this.#shared.add(task);
    else this.#ownFeed(task.target).add(task);
  }

  detach(task: PartitionTask): void {
    this.#attached.delete(task);
    this.#shared.remove(task);
    const own = this.#own.get(task.target);
    if (own === undefined) return;
    own.remove(task);
    this.#closeIfUnused(task.target, own);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#shared.close();
    for (const feed of this.#own.values()) feed.close();
    this.#own.clear();
  }

  #offer(stream: Stream, routed: RoutedBatch): void {
    for (const task of stream.tasks) if (task.offer(routed)) this.#o.onQueued(task);
  }

  #ownFeed(target: number): Feed {
    let feed = this.#own.get(target);
    if (feed === undefined) {
      feed = new Feed(this.#o, this.#o.bufferBytes / 4, (stream, routed) => {
        this.#offer(stream, routed);
        for (const task of [...stream.tasks]) this.#returnTask(task);
      });
      this.#own.set(target, feed);
    }
    return feed;
  }

  /** Back to the shared feed, if the partition task has come as far. */
  #returnTask(task: PartitionTask): void {
    const shared = this.#shared.streams.get(task.name);
    if (shared !== undefined && shared.position > task.enqueued) return;
    const own = this.#own.get(task.target);
    const at = own?.streams.get(task.name)?.at;
    own?.remove(task);
    this.#shared.add(task, at?.offset === task.enqueued ? at : startOf(task));
    if (own !== undefined) this.#closeIfUnused(task.target, own);
  }

  #closeIfUnused(target: number, feed: Feed): void {
    if (feed.streams.size > 0) return;
    feed.close();
    this.#own.delete(target);
  }

  /**
   * When slow partition tasks hold up the shared feed while another target has no work, they leave
   * it.
   */
  #balance(): void {
    const queued = new Map<number, number>();
    for (const task of this.#attached) {
      if (!this.#isShared(task)) continue;
      queued.set(task.target, (queued.get(task.target) ?? 0) + task.bytesQueued);
    }
    let isHungry = false;
    for (const [target, bytes] of queued) {
      const looks = bytes === 0 && this.#shared.isFull ? (this.#hungry.get(target) ?? 0) + 1 : 0;
      this.#hungry.set(target, looks);
      isHungry ||= looks >= HUNGRY_LOOKS;
    }
    if (!isHungry) return;
    for (const task of [...this.#attached]) {
      if (task.bytesQueued > 0 && this.#isShared(task)) this.#setApart(task);
    }
  }

  #isShared(task: PartitionTask): boolean {
    return this.#shared.streams.get(task.name)?.tasks.has(task) ?? false;
  }

  #setApart(task: PartitionTask): void {
    this.#shared.remove(task);
    task.drop();
    this.#o.log.debug(
      { task: task.name, target: task.target },
      'partition task is behind: reads for itself',
    );
    this.attach(task);
  }
}
