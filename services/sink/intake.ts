/**
 * From the log to the lanes. All targets share one feed, so a record is fetched and decoded once
 * for all of them. What is read ahead is bounded: a slab returns to its reader when the last lane
 * that took it has committed or dropped it.
 *
 * One slow target must not stop the others, though its lanes hold the shared slabs. So a lane that
 * is behind leaves the shared feed: it drops what it holds and reads again, from the position that
 * is durable in its target, by a feed of its target's own. When that one has come as far as the
 * shared feed, the lane returns. A lane takes a portion only if it continues where the lane is
 * (lane.ts), so moving between feeds can neither skip nor repeat a record.
 */
import { sleep } from '../../shared/runtime/clock.ts';
import { asReshardError, describeError, type ReshardError } from '../../shared/runtime/error.ts';
import type { Logger } from '../../shared/runtime/log.ts';
import type { LogReader, ReaderOptions } from '../../shared/topic/reader.ts';
import type { Slab } from '../../shared/topic/slab.ts';
import type { Lane } from './lane.ts';
import { Portion } from './portion.ts';
import type { SinkTable } from './table.ts';

export interface IntakeOptions {
  openReader: (o: ReaderOptions) => Promise<LogReader>;
  /** Read ahead for all targets together; a feed of its own has a quarter of it. */
  bufferBytes: number;
  log: Logger;
  /** A portion was queued in the lane. */
  onQueued: (lane: Lane) => void;
  /** What the lane must read cannot be read. */
  onLost: (lane: Lane, error: ReshardError) => void;
}

interface Stream {
  readonly table: SinkTable;
  readonly partition: number;
  /** Next offset to come. */
  position: number;
  readonly lanes: Set<Lane>;
}

const REOPEN_MIN_MS = 100;
const REOPEN_MAX_MS = 5000;
/** The shared feed counts as held up when this part of its buffer is taken. */
const FULL = 0.7;
const BALANCE_MS = 100;
/** So many looks in a row must find a target without work before lanes of others are moved. */
const HUNGRY_LOOKS = 3;

/** One reader and what is read by it. Heals itself: the streams know where to go on. */
class Feed {
  readonly streams = new Map<string, Stream>();
  /** Why nothing comes, if it is so. */
  error: ReshardError | null = null;
  readonly #o: IntakeOptions;
  readonly #bufferBytes: number;
  readonly #onPortion: (stream: Stream, portion: Portion) => void;
  #reader: LogReader | null = null;
  #opening = false;
  #closed = false;
  #reopenMs = REOPEN_MIN_MS;

  constructor(
    o: IntakeOptions,
    bufferBytes: number,
    onPortion: (stream: Stream, portion: Portion) => void,
  ) {
    this.#o = o;
    this.#bufferBytes = bufferBytes;
    this.#onPortion = onPortion;
  }

  get isFull(): boolean {
    return (this.#reader?.heldBytes ?? 0) > this.#bufferBytes * FULL;
  }

  add(lane: Lane): void {
    const known = this.streams.get(lane.name);
    if (known !== undefined) {
      known.lanes.add(lane);
      return;
    }
    const { table, partition, enqueued } = lane;
    this.streams.set(lane.name, { table, partition, position: enqueued, lanes: new Set([lane]) });
    if (this.#reader !== null) this.#reader.add(table.topic, partition, enqueued);
    else this.#open();
  }

  remove(lane: Lane): void {
    const stream = this.streams.get(lane.name);
    if (stream === undefined || !stream.lanes.delete(lane) || stream.lanes.size > 0) return;
    this.streams.delete(lane.name);
    this.#reader?.remove(lane.topic, lane.partition);
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
          onSlab: slab => this.#take(reader, slab),
          onError: e => this.#failed(e),
        });
        if (this.#closed) return reader.close();
        this.#reader = reader;
        for (const s of this.streams.values()) reader.add(s.table.topic, s.partition, s.position);
        return;
      } catch (e) {
        await this.#pause(e);
      }
    }
  }

  async #pause(e: unknown): Promise<void> {
    this.error = asReshardError(e);
    this.#o.log.warn({ inMs: this.#reopenMs }, `reader opens again: ${describeError(e)}`);
    await sleep(this.#reopenMs);
    this.#reopenMs = Math.min(this.#reopenMs * 2, REOPEN_MAX_MS);
  }

  /** The reader is closed. What it cannot read is lost for its lanes; the rest is read again. */
  #failed(error: ReshardError): void {
    this.#reader = null;
    if (this.#closed) return;
    const { topic, partition } = error.context;
    const lost =
      error.kind === 'history-lost' ? this.streams.get(`${topic}[${partition}]`) : undefined;
    if (lost !== undefined) for (const lane of [...lost.lanes]) this.#o.onLost(lane, error);
    this.#pause(error).then(() => this.#open());
  }

  /** Behind an unreadable record nothing is handed out: its lanes will halt, and come back. */
  #stop(stream: Stream): void {
    this.streams.delete(nameOf(stream));
    this.#reader?.remove(stream.table.topic, stream.partition);
  }

  #take(reader: LogReader, slab: Slab): void {
    this.#reopenMs = REOPEN_MIN_MS;
    this.error = null;
    const stream = this.streams.get(`${slab.topic}[${slab.partition}]`);
    if (stream === undefined || reader !== this.#reader || slab.position <= stream.position) {
      reader.release(slab);
      return;
    }
    const portion = new Portion(stream.table, slab, stream.position, s => reader.release(s));
    stream.position = slab.position;
    if (portion.error !== null) this.#stop(stream);
    // Held while it is offered, so that it returns to the reader if nobody takes it.
    portion.hold();
    this.#onPortion(stream, portion);
    portion.letGo();
  }
}

/** Key of a stream; the name of its lanes. */
function nameOf(s: { table: SinkTable; partition: number }): string {
  return `${s.table.topic}[${s.partition}]`;
}

export class Intake {
  readonly #o: IntakeOptions;
  readonly #shared: Feed;
  /** Feeds of targets that are behind, by target. */
  readonly #own = new Map<number, Feed>();
  readonly #attached = new Set<Lane>();
  readonly #timer: NodeJS.Timeout;
  readonly #hungry = new Map<number, number>();

  constructor(o: IntakeOptions) {
    this.#o = o;
    this.#shared = new Feed(o, o.bufferBytes, (stream, portion) => this.#offer(stream, portion));
    this.#timer = setInterval(() => this.#balance(), BALANCE_MS);
    this.#timer.unref();
  }

  /** Why the log cannot be read, if it is so. */
  get error(): ReshardError | null {
    return this.#shared.error;
  }

  /** Lanes that read by a feed of their target's own. */
  get apart(): number {
    let n = 0;
    for (const feed of this.#own.values()) n += feed.streams.size;
    return n;
  }

  /** The lane is read for from where it is. */
  attach(lane: Lane): void {
    this.#attached.add(lane);
    const stream = this.#shared.streams.get(lane.name);
    if (stream === undefined || stream.position <= lane.enqueued) this.#shared.add(lane);
    else this.#ownFeed(lane.target).add(lane);
  }

  detach(lane: Lane): void {
    this.#attached.delete(lane);
    this.#shared.remove(lane);
    const own = this.#own.get(lane.target);
    if (own === undefined) return;
    own.remove(lane);
    this.#closeIfUnused(lane.target, own);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#shared.close();
    for (const feed of this.#own.values()) feed.close();
    this.#own.clear();
  }

  #offer(stream: Stream, portion: Portion): void {
    for (const lane of stream.lanes) if (lane.offer(portion)) this.#o.onQueued(lane);
  }

  #ownFeed(target: number): Feed {
    let feed = this.#own.get(target);
    if (feed === undefined) {
      feed = new Feed(this.#o, this.#o.bufferBytes / 4, (stream, portion) => {
        this.#offer(stream, portion);
        for (const lane of [...stream.lanes]) this.#returnLane(lane);
      });
      this.#own.set(target, feed);
    }
    return feed;
  }

  /** Back to the shared feed, if the lane has come as far. */
  #returnLane(lane: Lane): void {
    const shared = this.#shared.streams.get(lane.name);
    if (shared !== undefined && shared.position > lane.enqueued) return;
    const own = this.#own.get(lane.target);
    own?.remove(lane);
    this.#shared.add(lane);
    if (own !== undefined) this.#closeIfUnused(lane.target, own);
  }

  #closeIfUnused(target: number, feed: Feed): void {
    if (feed.streams.size > 0) return;
    feed.close();
    this.#own.delete(target);
  }

  /** When slow lanes hold up the shared feed while another target has no work, they leave it. */
  #balance(): void {
    const queued = new Map<number, number>();
    for (const lane of this.#attached) {
      if (!this.#isShared(lane)) continue;
      queued.set(lane.target, (queued.get(lane.target) ?? 0) + lane.bytesQueued);
    }
    let isHungry = false;
    for (const [target, bytes] of queued) {
      const looks = bytes === 0 && this.#shared.isFull ? (this.#hungry.get(target) ?? 0) + 1 : 0;
      this.#hungry.set(target, looks);
      isHungry ||= looks >= HUNGRY_LOOKS;
    }
    if (!isHungry) return;
    for (const lane of [...this.#attached]) {
      if (lane.bytesQueued > 0 && this.#isShared(lane)) this.#setApart(lane);
    }
  }

  #isShared(lane: Lane): boolean {
    return this.#shared.streams.get(lane.name)?.lanes.has(lane) ?? false;
  }

  #setApart(lane: Lane): void {
    this.#shared.remove(lane);
    lane.drop();
    this.#o.log.debug({ lane: lane.name, target: lane.target }, 'lane is behind: reads for itself');
    this.attach(lane);
  }
}
