/**
 * Which keys make two sums differ: what both logs have between the last cut at which a bucket was
 * equal and the first one at which it was not is read once more, and summed key by key. Keys of
 * which the sources' changes are not the target's are named.
 */
import { markAt } from '../../../shared/codec/mark.ts';
import { FRAME_BYTES } from '../../../shared/codec/registry-frame.ts';
import type { LogReader, ReaderOptions } from '../../../shared/kafka/reader.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { isTargetOf, NO_TARGET, type Route } from '../../../shared/route/route.ts';
import { asReshardError } from '../../../shared/runtime/error.ts';
import { Wakeup } from '../../../shared/runtime/wakeup.ts';
import { MovedSums } from './change-queue.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { TableCompare } from './table-compare.ts';
import type { ChangedRow, TopicChanges } from './topic-changes.ts';

const BUFFER_BYTES = 4 * 1024 * 1024;
/** Of both logs. Where a target was away for long, so much is read for nothing and no key named. */
const RECORDS_MAX = 500_000;
/** Keys whose sums are kept: a bucket is one of many. */
const KEYS_MAX = 50_000;
/** What is named of one bucket. */
const NAMED_MAX = 5;
const KEY_CHARS_MAX = 100;
const SUM_BITS = 128;

/** Offsets of a topic: from the first one on, in front of the other. */
export interface OffsetSpan {
  from: number;
  to: number;
}

/** The part of both logs in which a bucket has come to differ. */
export interface LogWindow {
  target: string;
  bucket: number;
  /** By how much the sources' rows of the bucket are more at its end than the target's. */
  sum: bigint;
  targetSpan: OffsetSpan;
  /** By source. */
  sourceSpans: ReadonlyMap<string, OffsetSpan>;
}

export interface DrillDownDeps {
  kafka: { reader(o: ReaderOptions): Promise<Pick<LogReader, 'add' | 'release' | 'close'>> };
  compare: TableCompare;
  signal: AbortSignal;
}

/** Texts of keys, at most `NAMED_MAX`; none where the window is too large to be looked through. */
export async function keysIn(deps: DrillDownDeps, window: LogWindow): Promise<string[]> {
  const { compare } = deps;
  const keys = new KeySums(compare, window);
  let left = RECORDS_MAX;
  for await (const [fetched, span] of windowOf(deps, spansOf(compare, window))) {
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
    if (left < 0 || keys.count > KEYS_MAX) return [];
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
  readonly #texts: string[] = [];
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
    if (change === null || change.bucket !== this.#window.bucket) return;
    const ours = (row: ChangedRow | null): Fingerprint | null => {
      if (row === null) return null;
      const to = route?.targetsOf(row.view) ?? NO_TARGET;
      return !isSource || isTargetOf(this.#target, to) ? row.fingerprint : null;
    };
    const [before, after] = [ours(change.before), ours(change.after)];
    const [came, went] = isSource ? [after, before] : [before, after];
    const place = this.#placeOf(topic, fetched, i);
    if (came !== null) this.#sums.add(place, came, 0, 1);
    if (went !== null) this.#sums.subtract(place, went, 0, 1);
  }

  #placeOf(topic: TopicChanges, fetched: FetchedBatch, i: number): number {
    const start = (fetched.keyStart[i] as number) + FRAME_BYTES;
    const key = fetched.buf.toString('latin1', start, fetched.keyEnd[i]);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.#texts.length);
    this.#texts.push(topic.keyText(fetched, i).slice(0, KEY_CHARS_MAX));
    return this.#texts.length - 1;
  }

  /**
   * None where they do not add up to the bucket's own sum: it has come to differ before the window,
   * while a key of it waited or it was not known, so those that the window has are not to blame.
   */
  differing(): string[] {
    const found: string[] = [];
    let all = 0n;
    this.#sums.drain((place, sum) => {
      all = BigInt.asUintN(SUM_BITS, all + sum);
      if (found.length < NAMED_MAX) found.push(this.#texts[place] as string);
    });
    return all === this.#window.sum ? found : [];
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

/** Batches of the topics until each of them is read to the end of its span. */
async function* windowOf(
  { kafka, compare, signal }: DrillDownDeps,
  spans: Map<string, OffsetSpan>,
): AsyncGenerator<[FetchedBatch, OffsetSpan]> {
  const queue: FetchedBatch[] = [];
  const wakeup = new Wakeup();
  let error: unknown = null;
  const reader = await kafka.reader({
    isolation: 'committed',
    maxBufferedBytes: BUFFER_BYTES,
    onFetched: fetched => {
      queue.push(fetched);
      wakeup.ring();
    },
    onError: e => {
      error = e;
      wakeup.ring();
    },
  });
  try {
    for (const [topic, { from }] of spans) reader.add(topic, compare.o.partition, from);
    const open = new Map(spans);
    while (open.size > 0) {
      signal.throwIfAborted();
      if (error !== null) throw asReshardError(error);
      const fetched = queue.shift();
      if (fetched === undefined) {
        await wakeup.wait(250);
        continue;
      }
      const span = open.get(fetched.topic);
      if (span !== undefined) {
        yield [fetched, span];
        if (fetched.position >= span.to) open.delete(fetched.topic);
      }
      reader.release(fetched);
    }
  } finally {
    reader.close();
  }
}
