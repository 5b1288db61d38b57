/**
 * Which keys make two sums differ: what both logs have between the last cut at which a bucket was
 * equal and the first one at which it was not is read once more, for all buckets that have come to
 * differ between the two, and summed key by key. Keys of which the sources' changes are not the
 * target's are named.
 */
import { markAt } from '../../../shared/codec/mark.ts';
import { FRAME_BYTES } from '../../../shared/codec/registry-frame.ts';
import { type OffsetSpan, readSpans, type SpanOptions } from '../../../shared/kafka/read-spans.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { isTargetOf, NO_TARGET, type Route } from '../../../shared/route/route.ts';
import { MovedSums } from './change-queue.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { TableCompare } from './table-compare.ts';
import type { ChangedRow, TopicChanges } from './topic-changes.ts';

/** Of both logs. Where a target was away for long, so much is read for nothing and no key named. */
const RECORDS_MAX = 500_000;
/** Keys whose sums are kept: a bucket is one of many. */
const KEYS_MAX = 50_000;
/** What is named of one bucket. */
const NAMED_MAX = 5;
const KEY_CHARS_MAX = 100;
const SUM_BITS = 128;

/** The part of both logs in which buckets have come to differ. */
export interface LogWindow {
  target: string;
  /** By bucket: by how much its rows of the sources are more at the end than the target's. */
  sums: ReadonlyMap<number, bigint>;
  targetSpan: OffsetSpan;
  /** By source. */
  sourceSpans: ReadonlyMap<string, OffsetSpan>;
}

export interface DrillDownDeps extends Pick<SpanOptions, 'kafka'> {
  compare: TableCompare;
  signal: AbortSignal;
}

/**
 * By bucket, texts of keys, at most `NAMED_MAX`; of none where the window is too large to be looked
 * through.
 */
export async function keysIn(
  deps: DrillDownDeps,
  window: LogWindow,
): Promise<ReadonlyMap<number, string[]>> {
  const { compare, kafka, signal } = deps;
  const { partition } = compare.o;
  const keys = new KeySums(compare, window);
  const spans = spansOf(compare, window);
  let left = RECORDS_MAX;
  for await (const [fetched, span] of readSpans({ kafka, partition, signal }, spans)) {
    const side = sideOf(compare, fetched.topic);
    if (side === undefined) continue;
    const { topic } = side;
    await compare.o.readers.learn(fetched, topic.valueSchemaId);
    for (let i = 0; i < fetched.count; i++) {
      const offset = fetched.offset(i);
      if (offset < span.from || offset >= span.to) continue;
      left -= 1;
      keys.add(side, fetched, i);
    }
    topic.release();
    if (left < 0 || keys.count > KEYS_MAX) return new Map();
  }
  return keys.differing();
}

/** A topic of one of the two sides. */
interface Side {
  topic: TopicChanges;
  isSource: boolean;
  /** Where rows of the source belong. */
  route: Route | undefined;
}

function sideOf({ o }: TableCompare, name: string): Side | undefined {
  for (const [source, topic] of o.sources) {
    if (topic.topic === name) return { topic, isSource: true, route: o.routes.get(source) };
  }
  const topic = [...o.targets.values()].find(t => t.topic === name);
  return topic && { topic, isSource: false, route: undefined };
}

/** By how much what the sources say of a key is more than what the target says. */
class KeySums {
  readonly #window: LogWindow;
  readonly #target: number;
  /** By canonical bytes of the key. */
  readonly #places = new Map<string, number>();
  readonly #keys: { bucket: number; text: string }[] = [];
  readonly #sums = new MovedSums();

  constructor(compare: TableCompare, window: LogWindow) {
    this.#window = window;
    this.#target = [...compare.o.targets.keys()].indexOf(window.target);
  }

  get count(): number {
    return this.#places.size;
  }

  add({ topic, isSource, route }: Side, fetched: FetchedBatch, i: number): void {
    if (markAt(fetched, i) !== null) return;
    const change = topic.read(fetched, i, true);
    if (change === null || !this.#window.sums.has(change.bucket)) return;
    const ours = (row: ChangedRow | null): Fingerprint | null => {
      if (row === null) return null;
      const to = route?.targetsOf(row.view) ?? NO_TARGET;
      return !isSource || isTargetOf(this.#target, to) ? row.fingerprint : null;
    };
    const [before, after] = [ours(change.before), ours(change.after)];
    const [came, went] = isSource ? [after, before] : [before, after];
    const place = this.#placeOf(change.bucket, topic, fetched, i);
    if (came !== null) this.#sums.add(place, came, 0, 1);
    if (went !== null) this.#sums.subtract(place, went, 0, 1);
  }

  #placeOf(bucket: number, topic: TopicChanges, fetched: FetchedBatch, i: number): number {
    const start = (fetched.keyStart[i] as number) + FRAME_BYTES;
    const key = fetched.buf.toString('latin1', start, fetched.keyEnd[i]);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.#keys.length);
    this.#keys.push({ bucket, text: topic.keyText(fetched, i).slice(0, KEY_CHARS_MAX) });
    return this.#keys.length - 1;
  }

  /**
   * None of a bucket where they do not add up to its own sum: it has come to differ before the
   * window, while a key of it waited or it was not known, so those that the window has are not to
   * blame.
   */
  differing(): ReadonlyMap<number, string[]> {
    const found = new Map<number, { all: bigint; texts: string[] }>();
    this.#sums.drain((place, sum) => {
      const { bucket, text } = this.#keys[place] as { bucket: number; text: string };
      const of = found.get(bucket) ?? { all: 0n, texts: [] };
      of.all = BigInt.asUintN(SUM_BITS, of.all + sum);
      if (of.texts.length < NAMED_MAX) of.texts.push(text);
      found.set(bucket, of);
    });
    for (const [bucket, { all }] of found) {
      if (all !== this.#window.sums.get(bucket)) found.delete(bucket);
    }
    return new Map([...found].map(([bucket, { texts }]) => [bucket, texts]));
  }
}

/** By topic. */
function spansOf({ o }: TableCompare, window: LogWindow): Map<string, OffsetSpan> {
  const spans = new Map<string, OffsetSpan>();
  const target = o.targets.get(window.target)?.topic;
  if (target !== undefined) spans.set(target, window.targetSpan);
  for (const [name, { topic }] of o.sources) {
    const span = window.sourceSpans.get(name);
    if (span !== undefined) spans.set(topic, span);
  }
  for (const [topic, { from, to }] of spans) if (from >= to) spans.delete(topic);
  return spans;
}
