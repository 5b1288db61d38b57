/**
 * A partition that is read: where, on which history, and since when it cannot be.
 *
 * The topic's id and the epoch of the leader that took the last batch go with each fetch, so the
 * leader itself refuses another topic and says where another history parts from ours. At the start,
 * and whenever the leader was away, the last batch is fetched once more and must be the one that
 * was read: a broker that lost the end of its log may come back under the same epoch. What a broker
 * says that is late to hear of changes (no topic of that name, another one, an end before our
 * offset) is a loss only after some seconds.
 */
import { Backoff } from '../runtime/backoff.ts';
import { cut, deleted, recreated } from './history.ts';
import type { Divergence, FetchedPartition, FetchFrom } from './wire/fetch.ts';
import type { SourceBatch } from './wire/fetched-batch.ts';
import { type LogPosition, parseHistory } from './wire/log-position.ts';
import { HEADER_BYTES, readLong } from './wire/record-batch.ts';
import { sourceBatch } from './wire/record-set.ts';

/** Pauses after failures of this partition. */
const PAUSE = { minMs: 16, maxMs: 1024 };
/** Failures in a row that are worth a word in the log. */
const LONG_PAUSE_MS = 512;
/** How long brokers may disagree before we believe that something is lost. */
const CONFIRM_MS = 5_000;

const LAST_OFFSET_DELTA_AT = 23;

/**
 * `due`: the next fetch begins one offset earlier, with the batch that was read last. An answer
 * without records says nothing (others may have filled it), so in turn the offset itself is asked
 * for, `probe`: that is refused where the log ends before it.
 */
type Proof = 'none' | 'due' | 'probe';

/** A place as it was when it was asked for. */
export interface Wanted extends FetchFrom {
  /** Its offset; what is asked for may begin one before it. */
  readonly at: number;
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
  /** Who wrote the batch before the offset; empty is not known. */
  #batch: string;
  #proof: Proof;
  #notBefore = 0;
  readonly #backoff = new Backoff(PAUSE);
  readonly #confirmMs: number;
  #doubtedSince: number | undefined;
  #missingSince: number | undefined;

  constructor(topic: string, partition: number, from: LogPosition, confirmMs = CONFIRM_MS) {
    this.topic = topic;
    this.partition = partition;
    this.offset = from.offset;
    const history = from.history ? parseHistory(from.history) : null;
    this.leaderEpoch = history?.leaderEpoch ?? -1;
    this.topicId = history?.topicId ?? null;
    this.#batch = history?.batch ?? '';
    this.#proof = this.#batch === '' ? 'none' : 'due';
    this.#confirmMs = confirmMs;
  }

  isPaused(now: number): boolean {
    return this.#notBefore > now;
  }

  /** Not fetched for a while, longer at each failure in a row; true when it takes long. */
  pause(): boolean {
    if (this.#proof === 'none' && this.#batch !== '') this.#proof = 'due';
    const isLong = this.#backoff.dueMs === LONG_PAUSE_MS;
    this.#notBefore = performance.now() + this.#backoff.next();
    return isLong;
  }

  wanted(topicId: string, currentEpoch: number): Wanted {
    const { partition } = this;
    const lastEpoch = this.#isEpochUnknown ? -1 : this.leaderEpoch;
    const offset = this.#proof === 'due' ? this.offset - 1 : this.offset;
    return { place: this, topicId, partition, offset, at: this.offset, currentEpoch, lastEpoch };
  }

  /** The leader has answered for the topic with this id. */
  answered(topicId: string): void {
    this.#backoff.reset();
    this.#doubtedSince = undefined;
    this.topicId = topicId;
  }

  advance(next: number, last: SourceBatch | undefined): void {
    this.offset = next;
    if (last === undefined) return;
    this.leaderEpoch = last.leaderEpoch;
    this.#batch = last.batch;
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
    // The batch before the offset may have been trimmed, rightly.
    if (this.#proof === 'due') this.#proof = range.earliest === this.offset ? 'none' : 'probe';
    else if (this.#isLost()) throw cut(this, range);
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

  /**
   * Looks at the first batch of an answer; false if its records are not to be taken. Epochs never
   * go back along a log, so an older one behind what was read is another history; and if it holds
   * the record before our offset, it is the batch that we read. (Compaction may have taken that one
   * away, but keeps who wrote a batch.)
   */
  check(buf: Buffer, got: FetchedPartition): boolean {
    const isEmpty = got.end - got.start < HEADER_BYTES;
    if (this.#proof === 'probe' || (this.#proof === 'due' && isEmpty)) {
      this.#proof = this.#proof === 'due' ? 'probe' : 'due';
      return false;
    }
    if (isEmpty) return false;
    this.#proof = 'none';
    const first = readLong(buf, got.start);
    const last = first + buf.readInt32BE(got.start + LAST_OFFSET_DELTA_AT);
    const { leaderEpoch: epoch, batch } = sourceBatch(buf, got.start);
    if (epoch < this.leaderEpoch) throw cut(this, { epoch });
    const isBefore = first < this.offset && this.offset - 1 <= last;
    if (isBefore && this.#batch !== '' && batch !== this.#batch) throw cut(this, { epoch });
    return true;
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
