/**
 * The topics of a slot on their way to the comparisons: batch after batch in the order of each
 * topic, and no topic further ahead of the other side than memory allows. Each topic is held back
 * by itself: one target that stands still must not keep the others from being compared.
 */
import type { LogReader, ReaderOptions } from '../../../shared/kafka/reader.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { asReshardError } from '../../../shared/runtime/error.ts';
import { Wakeup } from '../../../shared/runtime/wakeup.ts';
import type { TableCompare } from './table-compare.ts';
import type { TableWatch } from './table-watch.ts';

/** Of both logs, what all slots of a job hold that has come and is not compared. */
const MEMBER_BYTES = 8 * 1024 * 1024;
/** A slot gets on with so little, if there are very many. */
const SLOT_BYTES_MIN = 128 * 1024;
/** Of what a slot holds, how much may be of one answer of one topic. */
const TOPIC_SHARE = 4;
/** Nobody waits for a proof that is older by so much. */
const GATHER_MS = 50;
/** Changes of one side that wait for the other, of a table partition on a target: a few MB. */
const AHEAD_MAX = 20_000;

type Reader = Pick<LogReader, 'add' | 'remove' | 'release' | 'rest' | 'close'>;

interface Place {
  topic: string;
  side: 'source' | 'target';
  /** Of the source or target. */
  name: string;
  compare: TableCompare;
  isRead: boolean;
}

export class TopicFeed {
  readonly #slot: number;
  readonly #places = new Map<string, Place>();
  readonly #wakeup = new Wakeup();
  #queue: FetchedBatch[] = [];
  #error: unknown = null;
  #reader: Reader | null = null;

  private constructor(slot: number) {
    this.#slot = slot;
  }

  /** `slots`: how many a member has at most, who bounds the memory of all together. */
  static async open(
    kafka: { reader(o: ReaderOptions): Promise<Reader> },
    { slot, slots }: { slot: number; slots: number },
    watches: readonly TableWatch[],
  ): Promise<TopicFeed> {
    const feed = new TopicFeed(slot);
    const bytes = Math.max(SLOT_BYTES_MIN, MEMBER_BYTES / slots);
    feed.#reader = await kafka.reader({
      isolation: 'committed',
      maxBufferedBytes: bytes,
      maxPartitionBytes: bytes / TOPIC_SHARE,
      gatherMs: GATHER_MS,
      onFetched: fetched => {
        feed.#queue.push(fetched);
        feed.#wakeup.ring();
      },
      onError: e => {
        feed.#error = e;
        feed.#wakeup.ring();
      },
    });
    for (const { compare } of watches) {
      for (const side of ['source', 'target'] as const) {
        const topics = side === 'source' ? compare.o.sources : compare.o.targets;
        for (const [name, { topic }] of topics) {
          feed.#places.set(topic, { topic, side, name, compare, isRead: false });
        }
      }
    }
    feed.#steer();
    return feed;
  }

  /** Brings what has come to the comparisons; waits for at most `ms` if nothing has. */
  async take(ms: number): Promise<void> {
    if (this.#error !== null) throw asReshardError(this.#error);
    this.#reader?.rest(false);
    if (this.#queue.length === 0) {
      await this.#wakeup.wait(ms);
      return;
    }
    for (let left = this.#queue.length; left > 0; left--) {
      const fetched = this.#queue.shift();
      if (fetched === undefined) return;
      const place = this.#places.get(fetched.topic);
      if (place !== undefined) await this.#give(place, fetched);
      this.#reader?.release(fetched);
      this.#steer();
    }
  }

  /**
   * Waits for at most `ms`, and has the brokers asked for nothing: full of one topic alone it would
   * ask for the others all the time. What was asked for before is not looked at.
   */
  async rest(ms: number): Promise<void> {
    if (this.#error !== null) throw asReshardError(this.#error);
    this.#reader?.rest(true);
    await this.#wakeup.wait(ms);
  }

  /** Ends a wait: there is something else to look at. */
  wake(): void {
    this.#wakeup.ring();
  }

  close(): void {
    this.#reader?.close();
  }

  #give({ side, name, compare }: Place, fetched: FetchedBatch): Promise<void> {
    return side === 'source'
      ? compare.takeSource(name, fetched)
      : compare.takeTarget(name, fetched);
  }

  #steer(): void {
    for (const place of this.#places.values()) {
      const { topic, side, name, compare } = place;
      if (place.isRead && isAhead(place, AHEAD_MAX)) {
        place.isRead = false;
        this.#reader?.remove(topic, this.#slot);
        // They come again, and none of them may come behind a later one.
        this.#queue = this.#queue.filter(f => f.topic !== topic);
      } else if (!place.isRead && !isAhead(place, AHEAD_MAX / 2)) {
        place.isRead = true;
        const positions = side === 'source' ? compare.read : compare.targetRead;
        this.#reader?.add(topic, this.#slot, positions.get(name) ?? 0);
      }
    }
  }
}

/**
 * Whether it is too far ahead of the other side. A source is not, however much waits, where the
 * target that it waits for has gone on to what was not read yet: only that makes room.
 */
function isAhead({ side, name, compare }: Place, max: number): boolean {
  if (side === 'target') return (compare.ledgers.get(name)?.pending.steps ?? 0) > max;
  const ledgers = [...compare.ledgers.values()];
  const read = compare.read.get(name) ?? 0;
  const isNeeded = ledgers.some(l => l.pending.entries > AHEAD_MAX / 2 && l.awaits(name, read));
  return !isNeeded && ledgers.some(l => l.pending.entries > max);
}
