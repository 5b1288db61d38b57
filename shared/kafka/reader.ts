/**
 * Reads partitions from given offsets, for ever, in order, without a gap: fetched batches are
 * delivered by callback as they come, and what was delivered but not released is bounded.
 *
 * One fetch loop per leader on a connection of its own, many partitions in a request. What the
 * library's consumer does otherwise: it takes the next fetch only after the last was processed,
 * jumps to the end of the log when an offset is gone, and lets records of aborted transactions
 * through. Here an offset that is gone is the error 'history-lost', and never a jump.
 */
import { sleep } from '../runtime/clock.ts';
import { asReshardError, ReshardError } from '../runtime/error.ts';
import type { Cluster } from './wire/cluster.ts';
import { CODE, isLeaderTransient, refused } from './wire/error-code.ts';
import { decodeFetch, encodeFetch, type FetchedPartition } from './wire/fetch.ts';
import type { FetchedBatch } from './wire/fetched-batch.ts';
import { offsetRange } from './wire/list-offsets.ts';
import { decodeRecordSet } from './wire/record-set.ts';
import { API } from './wire/wire-format.ts';

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
}

interface Place {
  readonly topic: string;
  readonly partition: number;
  offset: number;
  /** Delivered and not released. */
  held: number;
  /** Not fetched before this time, after an error. */
  notBefore: number;
  pauseMs: number;
  lostSince: number | undefined;
  removed: boolean;
}

const BUFFERED_BYTES = 32 * 1024 * 1024;
const PARTITION_BYTES = 1024 * 1024;
/** An answer is held whole in memory; a single larger batch still passes. */
const RESPONSE_BYTES_MAX = 8 * 1024 * 1024;
const WAIT_MS = 250;
/** While a partition is held back by its limit the broker must not keep us for the whole wait. */
const SHORT_WAIT_MS = 20;
/** Doubled at each failure in a row. */
const PAUSE_MIN_MS = 16;
const PAUSE_MAX_MS = 1024;
const IDLE_MS = 20;
/** A fetched batch costs memory besides its bytes. */
const SLAB_OVERHEAD = 256;
/** An offset above the end may be a leader that is not up to date yet; after this it is a loss. */
const BEYOND_END_MS = 5_000;

export class LogReader {
  readonly #cluster: Cluster;
  readonly #purpose: string;
  readonly #options: Required<ReaderOptions>;
  readonly #places = new Map<string, Place>();
  readonly #fetchedPlace = new WeakMap<FetchedBatch, Place>();
  readonly #loops = new Set<number>();
  #held = 0;
  #closed = false;
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
      ...o,
    };
  }

  /** Bytes delivered and not released. */
  get heldBytes(): number {
    return this.#held;
  }

  add(topic: string, partition: number, offset: number): void {
    this.remove(topic, partition);
    const place: Place = {
      topic,
      partition,
      offset,
      held: 0,
      notBefore: 0,
      pauseMs: PAUSE_MIN_MS,
      lostSince: undefined,
      removed: false,
    };
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
    for (let pauseMs = PAUSE_MIN_MS; !this.#closed; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
      const homeless: string[] = [];
      for (const { topic, partition } of this.#places.values()) {
        const node = this.#cluster.leader(topic, partition);
        if (node === undefined) homeless.push(topic);
        else if (!this.#loops.has(node)) this.#startLoop(node);
      }
      this.#wakeAll();
      if (homeless.length === 0) return;
      await this.#refresh(homeless);
      if (homeless.some(topic => this.#cluster.partitionCount(topic) === 0)) await sleep(pauseMs);
    }
  }

  #startLoop(node: number): void {
    this.#loops.add(node);
    this.#fetchLoop(node)
      .catch(e => this.#fail(e))
      .finally(() => this.#loops.delete(node));
  }

  async #fetchLoop(node: number): Promise<void> {
    for (let turn = 0; !this.#closed; turn++) {
      const { ready, heldBack, waiting } = this.#pick(node, turn);
      if (ready.length === 0) {
        if (!heldBack && !waiting && !this.#leads(node)) return;
        await this.#awoken(waiting ? IDLE_MS : WAIT_MS);
        continue;
      }
      const { maxWaitMs, minBytes, maxBufferedBytes, maxPartitionBytes } = this.#options;
      const request = encodeFetch(ready, {
        committed: this.#options.isolation === 'committed',
        maxWaitMs: heldBack || waiting ? SHORT_WAIT_MS : maxWaitMs,
        minBytes: heldBack ? 1 : minBytes,
        maxBytes: Math.min(
          Math.max(maxPartitionBytes, maxBufferedBytes - this.#held),
          RESPONSE_BYTES_MAX,
        ),
        maxPartitionBytes,
      });
      const wanted = ready.map(p => ({ place: p, offset: p.offset }));
      try {
        const r = await this.#cluster.ask(node, this.#purpose, API.fetch, request);
        const answer = decodeFetch(r);
        await this.#cluster.throttle(node, this.#purpose, answer.throttleMs);
        if (answer.code !== CODE.NONE) throw refused('to fetch', answer.code, { node });
        for (const { place, offset } of wanted) {
          const got = answer.partitions.find(
            p => p.topic === place.topic && p.partition === place.partition,
          );
          await this.#take(place, offset, answer.buf, got);
        }
      } catch (e) {
        await this.#unreached(ready, e);
      }
    }
  }

  /** Partitions of this leader that may be fetched now, in an order that turns. */
  #pick(node: number, turn: number): { ready: Place[]; heldBack: boolean; waiting: boolean } {
    const { maxBufferedBytes, maxPartitionBytes } = this.#options;
    const ready: Place[] = [];
    let heldBack = false;
    let waiting = false;
    const now = performance.now();
    const full = this.#held >= maxBufferedBytes;
    const share = Math.max(2 * maxPartitionBytes, maxBufferedBytes / 4);
    for (const place of this.#places.values()) {
      if (this.#cluster.leader(place.topic, place.partition) !== node) continue;
      if (full || place.held >= share) heldBack = true;
      else if (place.notBefore > now) waiting = true;
      else ready.push(place);
    }
    const first = ready.length > 0 ? turn % ready.length : 0;
    return { ready: [...ready.slice(first), ...ready.slice(0, first)], heldBack, waiting };
  }

  #leads(node: number): boolean {
    for (const { topic, partition } of this.#places.values()) {
      if (this.#cluster.leader(topic, partition) === node) return true;
    }
    return false;
  }

  async #take(
    place: Place,
    wanted: number,
    buf: Buffer,
    got: FetchedPartition | undefined,
  ): Promise<void> {
    // Removed or moved while the request was under way: the answer is for another life.
    if (this.#closed || place.removed || place.offset !== wanted) return;
    const { topic, partition } = place;
    if (!got) {
      throw new ReshardError('broker', 'the answer to a fetch lacks a partition', {
        context: { topic, partition },
      });
    }
    if (got.code !== CODE.NONE) return this.#partitionError(place, got.code);
    place.pauseMs = PAUSE_MIN_MS;
    place.lostSince = undefined;
    if (got.end === got.start) return;
    const aborted = this.#options.isolation === 'committed' ? got.aborted : null;
    const { start, end } = got;
    const { fetchedBatches, next } = decodeRecordSet({
      topic,
      partition,
      buf,
      start,
      end,
      wanted,
      aborted,
    });
    place.offset = next;
    for (const fetched of fetchedBatches) {
      const bytes = fetched.bytes + SLAB_OVERHEAD;
      place.held += bytes;
      this.#held += bytes;
      this.#fetchedPlace.set(fetched, place);
      this.#options.onFetched(fetched);
      if (place.removed || this.#closed) return;
    }
  }

  async #partitionError(place: Place, code: number): Promise<void> {
    const { topic, partition } = place;
    if (code === CODE.OFFSET_OUT_OF_RANGE) return this.#outOfRange(place);
    if (!isLeaderTransient(code)) throw refused('to fetch', code, { topic, partition });
    this.#pause(place);
    await this.#refresh([topic]);
    this.#schedule();
  }

  /** Gone below the start is gone; above the end may be a new leader that still catches up. */
  async #outOfRange(place: Place): Promise<void> {
    const { topic, partition, offset } = place;
    const range = await offsetRange(this.#cluster, topic, partition, this.#purpose);
    const { earliest, latest } = range;
    place.lostSince ??= performance.now();
    const beyondMs = performance.now() - place.lostSince;
    if (offset >= earliest && (offset <= latest || beyondMs < BEYOND_END_MS)) {
      this.#pause(place);
      return this.#refresh([topic]);
    }
    const message =
      offset < earliest
        ? `topic ${topic} was trimmed: offset ${offset} is gone, the first one left is ${earliest}`
        : `topic ${topic} ends at ${latest}, before offset ${offset} that was read up to: it was ` +
          'made anew or its end was lost';
    throw new ReshardError('history-lost', message, {
      context: { topic, partition, wanted: offset, earliest, latest },
      remedy:
        'what was in between cannot be read any more: copy the affected tables again, and ' +
        'raise retention.ms of the topic above the longest stop of a consumer',
    });
  }

  /** The leader did not answer: nothing was moved, so the same is asked again after a pause. */
  async #unreached(places: readonly Place[], e: unknown): Promise<void> {
    if (this.#closed) return;
    if (!(e instanceof ReshardError)) throw e;
    if (e.kind !== 'unreachable' && !e.context.again) throw e;
    for (const place of places) this.#pause(place);
    const [first] = places;
    this.#cluster.settings.log.debug({ err: e.message }, 'fetch failed, asking again');
    await sleep(first?.pauseMs ?? PAUSE_MIN_MS);
    await this.#refresh([...new Set(places.map(p => p.topic))]);
    this.#schedule();
  }

  #pause(place: Place): void {
    place.notBefore = performance.now() + place.pauseMs;
    if (place.pauseMs === PAUSE_MAX_MS / 2) {
      const { topic, partition, offset } = place;
      const where = { topic, partition, offset };
      this.#cluster.settings.log.warn(
        where,
        'a partition cannot be read for a while, asking again',
      );
    }
    place.pauseMs = Math.min(place.pauseMs * 2, PAUSE_MAX_MS);
  }

  async #refresh(topics: readonly string[]): Promise<void> {
    try {
      await this.#cluster.refresh([...new Set(topics)]);
    } catch (e) {
      if (!(e instanceof ReshardError) || e.kind !== 'unreachable') throw e;
      await sleep(PAUSE_MIN_MS * 5);
    }
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
