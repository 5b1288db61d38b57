/**
 * Reads partitions from given offsets, for ever, in order, without a gap: fetched batches are
 * delivered by callback as they come, and what was delivered but not released is bounded.
 *
 * One fetch loop per leader on a connection of its own, many partitions in a request. What the
 * library's consumer does otherwise: it takes the next fetch only after the last was processed,
 * jumps to the end of the log when an offset is gone, and lets records of aborted transactions
 * through. Here an offset that is gone, a log that was cut and grew again, and another topic of the
 * same name are the error 'history-lost' (history.ts), and never a jump or a read from the middle.
 */
import { Backoff } from '../runtime/backoff.ts';
import { sleep } from '../runtime/clock.ts';
import { asReshardError, ReshardError } from '../runtime/error.ts';
import { trimmed } from './history.ts';
import { ReadPlace, type Wanted } from './read-place.ts';
import { silentWaitMs } from './silent-wait.ts';
import type { Cluster } from './wire/cluster.ts';
import { CODE, isLeaderTransient, refused } from './wire/error-code.ts';
import { decodeFetch, encodeFetch, type FetchedPartition } from './wire/fetch.ts';
import type { FetchedBatch } from './wire/fetched-batch.ts';
import { offsetRange } from './wire/list-offsets.ts';
import type { LogPosition } from './wire/log-position.ts';
import { decodeRecordSet } from './wire/record-set.ts';
import { API, NO_TOPIC_ID } from './wire/wire-format.ts';

export interface ReaderOptions {
  isolation: 'committed' | 'uncommitted';
  onFetched: (fetched: FetchedBatch) => void;
  /** The reader has stopped with this error. */
  onError: (e: ReshardError) => void;
  /** Delivered and not released bytes above this stop further fetching. */
  maxBufferedBytes?: number;
  maxPartitionBytes?: number;
  maxWaitMs?: number;
  minBytes?: number;
  /**
   * While records come, how long they may be waited for so that more of them come at once: an
   * answer costs both sides more than most of what is in it. What comes after a silence does not
   * wait. None by default.
   */
  gatherMs?: number;
}

interface Picked {
  ready: ReadPlace[];
  /** Another topic has their name, as far as it is known. */
  foreign: ReadPlace[];
  heldBack: boolean;
  waiting: boolean;
}

const BUFFERED_BYTES = 32 * 1024 * 1024;
const PARTITION_BYTES = 1024 * 1024;
/** An answer is held whole in memory; a single larger batch still passes. */
const RESPONSE_BYTES_MAX = 8 * 1024 * 1024;
const WAIT_MS = 250;
/** So much is not waited for. */
const GATHERED_BYTES = 512 * 1024;
/**
 * While a partition is held back by its limit the broker must not keep us for the whole wait; where
 * more is waited for anyway, for no longer than that.
 */
const SHORT_WAIT_MS = 20;
/** Between looks for leaders. */
const SEARCH = { minMs: 16, maxMs: 1024 };
const UNREACHED_MS = 80;
const IDLE_MS = 20;
/** A fetched batch costs memory besides its bytes. */
const SLAB_OVERHEAD = 256;
export class LogReader {
  readonly #cluster: Cluster;
  readonly #purpose: string;
  readonly #options: Required<ReaderOptions>;
  readonly #places = new Map<string, ReadPlace>();
  readonly #fetchedPlace = new WeakMap<FetchedBatch, ReadPlace>();
  readonly #loops = new Set<number>();
  #held = 0;
  #closed = false;
  #isResting = false;
  readonly #wake = new Set<() => void>();
  #scheduled = false;
  /** Leaders are being looked for; whatever is added meanwhile is seen by that search. */
  #finding = false;

  constructor(cluster: Cluster, purpose: string, o: ReaderOptions) {
    this.#cluster = cluster;
    this.#purpose = purpose;
    this.#options = {
      maxBufferedBytes: BUFFERED_BYTES,
      maxPartitionBytes: PARTITION_BYTES,
      maxWaitMs: WAIT_MS,
      minBytes: 1,
      gatherMs: 0,
      ...o,
    };
  }

  /** Bytes delivered and not released. */
  get heldBytes(): number {
    return this.#held;
  }

  /** From an offset, or from a durable position: then the topic and its history must be its own. */
  add(topic: string, partition: number, from: number | LogPosition): void {
    this.remove(topic, partition);
    const place = new ReadPlace(
      topic,
      partition,
      typeof from === 'number' ? { offset: from } : from,
    );
    this.#places.set(`${topic}/${partition}`, place);
    this.#schedule();
  }

  remove(topic: string, partition: number): void {
    const key = `${topic}/${partition}`;
    const place = this.#places.get(key);
    if (!place) return;
    place.removed = true;
    this.#places.delete(key);
    // What was delivered of it does not count any more, released or not.
    this.#held -= place.held;
    this.#wakeAll();
  }

  /** The consumer is done with the fetched batch's bytes. */
  release(fetched: FetchedBatch): void {
    const place = this.#fetchedPlace.get(fetched);
    if (!place) return;
    this.#fetchedPlace.delete(fetched);
    if (place.removed) return;
    const bytes = fetched.bytes + SLAB_OVERHEAD;
    place.held -= bytes;
    this.#held -= bytes;
    this.#wakeAll();
  }

  /** While it rests it asks for nothing more; what was asked for before still comes. */
  rest(isResting: boolean): void {
    if (isResting === this.#isResting) return;
    this.#isResting = isResting;
    this.#wakeAll();
  }

  close(): void {
    this.#closed = true;
    this.#places.clear();
    this.#wakeAll();
    this.#cluster.release(this.#purpose);
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    // Partitions that are added together are fetched together.
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#finding) return;
      this.#finding = true;
      this.#startLoops()
        .catch(e => this.#fail(e))
        .finally(() => {
          this.#finding = false;
        });
    });
  }

  /** Starts a loop for every leader that has none; finds leaders first. */
  async #startLoops(): Promise<void> {
    const backoff = new Backoff(SEARCH);
    for (let isFirst = true; !this.#closed; isFirst = false) {
      const homeless: string[] = [];
      for (const { topic, partition } of this.#places.values()) {
        const node = this.#cluster.leader(topic, partition);
        if (node === undefined) homeless.push(topic);
        else if (!this.#loops.has(node)) this.#startLoop(node);
      }
      this.#wakeAll();
      if (homeless.length === 0) return;
      // No topic, or no leader: without a pause the other brokers would be asked without end while
      // one is down.
      if (!isFirst) await backoff.wait();
      await this.#refresh(homeless);
      for (const place of this.#places.values()) {
        place.noteExists(this.#cluster.topicId(place.topic) !== undefined);
      }
    }
  }

  #startLoop(node: number): void {
    this.#loops.add(node);
    this.#fetchLoop(node)
      .catch(e => this.#fail(e))
      .finally(() => this.#loops.delete(node));
  }

  async #fetchLoop(node: number): Promise<void> {
    const { minBytes, gatherMs, maxWaitMs } = this.#options;
    const lone = { minBytes, maxWaitMs };
    const gathered = gatherMs > 0 ? { minBytes: GATHERED_BYTES, maxWaitMs: gatherMs } : lone;
    const shortMs = Math.max(SHORT_WAIT_MS, gatherMs);
    let wait = lone;
    let silent = 0;
    for (let turn = 0; !this.#closed; turn++) {
      const { ready, heldBack, waiting, foreign } = this.#pick(node, turn);
      for (const place of foreign) {
        this.#pause(place);
        await this.#refresh([place.topic]);
      }
      if (ready.length === 0) {
        if (!heldBack && !waiting && !this.#leads(node)) return;
        await this.#awoken(waiting ? IDLE_MS : WAIT_MS);
        continue;
      }
      const { maxBufferedBytes, maxPartitionBytes } = this.#options;
      const wanted = ready.map(place => {
        const { topic, partition } = place;
        return place.wanted(this.#topicId(topic), this.#cluster.leaderEpoch(topic, partition));
      });
      const request = encodeFetch(wanted, {
        committed: this.#options.isolation === 'committed',
        maxWaitMs: heldBack || waiting ? shortMs : silentWaitMs(wait.maxWaitMs, silent),
        minBytes: heldBack && gatherMs === 0 ? 1 : wait.minBytes,
        maxBytes: Math.min(
          Math.max(maxPartitionBytes, maxBufferedBytes - this.#held),
          RESPONSE_BYTES_MAX,
        ),
        maxPartitionBytes,
      });
      try {
        const r = await this.#cluster.ask(node, this.#purpose, API.fetch, request);
        const answer = decodeFetch(r);
        await this.#cluster.throttle(node, this.#purpose, answer.throttleMs);
        if (answer.code !== CODE.NONE) throw refused('to fetch', answer.code, { node });
        const isSilent = answer.partitions.every(p => p.end === p.start);
        silent = isSilent ? silent + 1 : 0;
        wait = isSilent ? lone : gathered;
        for (const one of wanted) {
          const got = answer.partitions.find(
            p => p.topicId === one.topicId && p.partition === one.partition,
          );
          await this.#take(one, answer.buf, got);
        }
      } catch (e) {
        await this.#unreached(ready, e);
      }
    }
  }

  #topicId(topic: string): string {
    return this.#cluster.topicId(topic) ?? NO_TOPIC_ID;
  }

  /** Partitions of this leader that may be fetched now, in an order that turns. */
  #pick(node: number, turn: number): Picked {
    const { maxBufferedBytes, maxPartitionBytes } = this.#options;
    const ready: ReadPlace[] = [];
    const foreign: ReadPlace[] = [];
    let heldBack = false;
    let waiting = false;
    const now = performance.now();
    const full = this.#isResting || this.#held >= maxBufferedBytes;
    const share = Math.max(2 * maxPartitionBytes, maxBufferedBytes / 4);
    let isAnyUnread = false;
    for (const place of this.#places.values()) {
      const leader = this.#cluster.leader(place.topic, place.partition);
      if (leader === undefined || !this.#loops.has(leader)) isAnyUnread = true;
      if (leader !== node) continue;
      if (full || place.held >= share) heldBack = true;
      else if (place.isPaused(now)) waiting = true;
      else if (place.isOf(this.#topicId(place.topic))) ready.push(place);
      else foreign.push(place);
    }
    // What is known of leaders is common to all clients of the process: a writer may hear first
    // that one has moved, and then nobody else would begin to read from the new one.
    if (isAnyUnread) this.#schedule();
    const first = ready.length > 0 ? turn % ready.length : 0;
    const turned = [...ready.slice(first), ...ready.slice(0, first)];
    return { ready: turned, heldBack, waiting: waiting || foreign.length > 0, foreign };
  }

  #leads(node: number): boolean {
    for (const { topic, partition } of this.#places.values()) {
      if (this.#cluster.leader(topic, partition) === node) return true;
    }
    return false;
  }

  async #take(w: Wanted, buf: Buffer, got: FetchedPartition | undefined): Promise<void> {
    const { place, at: wanted, topicId } = w;
    // Removed or moved while the request was under way: the answer is for another life.
    if (this.#closed || place.removed || place.offset !== wanted) return;
    const { topic, partition } = place;
    if (!got) {
      throw new ReshardError('broker', 'the answer to a fetch lacks a partition', {
        context: { topic, partition },
      });
    }
    if (got.code !== CODE.NONE) return this.#partitionError(place, got.code);
    place.answered(topicId);
    if (got.divergence) return place.noteDivergence(got.divergence);
    if (!place.check(buf, got)) return;
    const aborted = this.#options.isolation === 'committed' ? got.aborted : null;
    const { start, end } = got;
    const { fetchedBatches, next, last } = decodeRecordSet({
      topic,
      partition,
      buf,
      start,
      end,
      wanted,
      aborted,
    });
    place.advance(next, last);
    for (const fetched of fetchedBatches) {
      fetched.topicId = topicId;
      const bytes = fetched.bytes + SLAB_OVERHEAD;
      place.held += bytes;
      this.#held += bytes;
      this.#fetchedPlace.set(fetched, place);
      this.#options.onFetched(fetched);
      if (place.removed || this.#closed) return;
    }
  }

  async #partitionError(place: ReadPlace, code: number): Promise<void> {
    const { topic, partition } = place;
    if (code === CODE.OFFSET_OUT_OF_RANGE) return this.#outOfRange(place);
    if (!isLeaderTransient(code)) throw refused('to fetch', code, { topic, partition });
    this.#pause(place);
    await this.#refresh([topic]);
  }

  /** Gone below the start is gone; above the end may be a new leader that still catches up. */
  async #outOfRange(place: ReadPlace): Promise<void> {
    const { topic, partition, offset } = place;
    const { earliest, latest } = await offsetRange(this.#cluster, topic, partition, this.#purpose);
    if (offset < earliest) throw trimmed(place, { earliest, latest });
    place.noteBeyond({ earliest, latest });
    this.#pause(place);
    return this.#refresh([topic]);
  }

  /** The leader did not answer: nothing was moved, so the same is asked again after a pause. */
  async #unreached(places: readonly ReadPlace[], e: unknown): Promise<void> {
    if (this.#closed) return;
    if (!(e instanceof ReshardError)) throw e;
    if (e.kind !== 'unreachable' && !e.context.again) throw e;
    for (const place of places) this.#pause(place);
    this.#cluster.settings.log.debug({ err: e.message }, 'fetch failed, asking again');
    await sleep(UNREACHED_MS);
    await this.#refresh([...new Set(places.map(p => p.topic))]);
  }

  #pause(place: ReadPlace): void {
    if (!place.pause()) return;
    const { topic, partition, offset } = place;
    const { log } = this.#cluster.settings;
    log.warn({ topic, partition, offset }, 'a partition cannot be read for a while, asking again');
  }

  async #refresh(topics: readonly string[]): Promise<void> {
    try {
      await this.#cluster.refresh([...new Set(topics)]);
    } catch (e) {
      if (!(e instanceof ReshardError) || e.kind !== 'unreachable') throw e;
      for (const place of this.#places.values()) place.forgetDoubts();
      await sleep(UNREACHED_MS);
    }
    // A partition may have another leader now, for which no loop runs yet: else nobody reads it.
    this.#schedule();
  }

  #awoken(timeoutMs: number): Promise<void> {
    return new Promise(resolve => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wake.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#wake.add(wake);
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#wake]) wake();
  }

  #fail(e: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#options.onError(asReshardError(e));
  }
}
