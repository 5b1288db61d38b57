/**
 * A partition that is read: where, on which history, and since when it cannot be.
 *
 * Three things make a history: the topic's id, the epoch of the leader that took the last batch,
 * and the offset. All three go with each fetch, so the leader itself refuses another topic and says
 * where another history parts from ours. What a broker says that is late to hear of changes (no
 * topic of that name, another one, an end before our offset) is a loss only after some seconds.
 */
import { Backoff } from '../runtime/backoff.ts';
import { cut, deleted, recreated } from './history.ts';
import type { Divergence, FetchedPartition, FetchFrom } from './wire/fetch.ts';
import type { LogPosition } from './wire/log-position.ts';
import { EPOCH_AT, HEADER_BYTES } from './wire/record-batch.ts';

/** Pauses after failures of this partition. */
const PAUSE = { minMs: 16, maxMs: 1024 };
/** Failures in a row that are worth a word in the log. */
const LONG_PAUSE_MS = 512;
/** How long brokers may disagree before we believe that something is lost. */
const CONFIRM_MS = 5_000;

/** A place as it was when it was asked for. */
export interface Wanted extends FetchFrom {
  readonly place: ReadPlace;
}

export class ReadPlace {
  readonly topic: string;
  readonly partition: number;
  offset: number;
  /** Delivered and not released. */
  held = 0;
  removed = false;
  /** Of the batch before the offset; -1 is not known. */
  leaderEpoch: number;
  /** Firm once it was given, or has answered: another topic of this name is not read. */
  topicId: string | null;
  /** The leader does not know our epoch: the batch that comes next must not be of an older one. */
  #isEpochUnknown = false;
  #notBefore = 0;
  readonly #backoff = new Backoff(PAUSE);
  readonly #confirmMs: number;
  #doubtedSince: number | undefined;
  #missingSince: number | undefined;

  constructor(topic: string, partition: number, from: LogPosition, confirmMs = CONFIRM_MS) {
    this.topic = topic;
    this.partition = partition;
    this.offset = from.offset;
    this.leaderEpoch = from.leaderEpoch ?? -1;
    this.topicId = from.topicId ?? null;
    this.#confirmMs = confirmMs;
  }

  isPaused(now: number): boolean {
    return this.#notBefore > now;
  }

  /** Not fetched for a while, longer at each failure in a row; true when it takes long. */
  pause(): boolean {
    const isLong = this.#backoff.dueMs === LONG_PAUSE_MS;
    this.#notBefore = performance.now() + this.#backoff.next();
    return isLong;
  }

  wanted(topicId: string, currentEpoch: number): Wanted {
    const { partition, offset } = this;
    const lastEpoch = this.#isEpochUnknown ? -1 : this.leaderEpoch;
    return { place: this, topicId, partition, offset, currentEpoch, lastEpoch };
  }

  /** The leader has answered for the topic with this id. */
  answered(topicId: string): void {
    this.#backoff.reset();
    this.#doubtedSince = undefined;
    this.topicId = topicId;
  }

  advance(next: number, leaderEpoch: number): void {
    this.offset = next;
    if (leaderEpoch < 0) return;
    this.leaderEpoch = leaderEpoch;
    this.#isEpochUnknown = false;
  }

  /** Whether the name is that of the topic that is read; throws once it is surely another one. */
  isOf(topicId: string): boolean {
    if (this.topicId === null || this.topicId === topicId) return true;
    if (this.#isLost()) throw recreated(this, topicId);
    return false;
  }

  /** A topic that does not exist yet is waited for; one that was read from is gone. */
  noteExists(exists: boolean): void {
    if (exists || this.topicId === null) {
      this.#missingSince = undefined;
      return;
    }
    const now = performance.now();
    this.#missingSince ??= now;
    if (now - this.#missingSince > this.#confirmMs) throw deleted(this);
  }

  /** The leader does not have the offset, though the log does not begin behind it. */
  noteBeyond(range: { earliest: number; latest: number }): void {
    if (this.#isLost()) throw cut(this, range);
  }

  /**
   * The leader's history has our last epoch end before our offset: what we read there was lost. Or
   * it does not know the epoch at all: all its records were compacted away before this replica was
   * built, or they were never its own. Then the epoch of the next batch tells.
   */
  noteDivergence({ epoch, endOffset }: Divergence): void {
    if (endOffset < this.offset) throw cut(this, { epoch, endOffset });
    this.#isEpochUnknown = true;
  }

  /** Epochs never go back along a log: an older one behind what was read is another history. */
  checkEpoch(buf: Buffer, got: FetchedPartition): void {
    if (got.end - got.start < HEADER_BYTES) return;
    const epoch = buf.readInt32BE(got.start + EPOCH_AT);
    if (epoch < this.leaderEpoch) throw cut(this, { epoch });
  }

  /** Nobody answers: what was said before must be said anew, over the whole time, to count. */
  forgetDoubts(): void {
    this.#doubtedSince = undefined;
    this.#missingSince = undefined;
  }

  #isLost(): boolean {
    const now = performance.now();
    this.#doubtedSince ??= now;
    return now - this.#doubtedSince > this.#confirmMs;
  }
}
