/** A part of topics that is read once, from its begin to its end, by whoever looks something up. */
import { asReshardError } from '../runtime/error.ts';
import { Wakeup } from '../runtime/wakeup.ts';
import type { LogReader, ReaderOptions } from './reader.ts';
import type { FetchedBatch } from './wire/fetched-batch.ts';

/** Offsets of a partition: from the first one on, in front of the other. */
export interface OffsetSpan {
  from: number;
  to: number;
}

export interface SpanOptions {
  kafka: { reader(o: ReaderOptions): Promise<Pick<LogReader, 'add' | 'release' | 'close'>> };
  /** The one that is read of each topic. */
  partition: number;
  signal?: AbortSignal;
  /** Ends when nothing has come for so long; else it waits for what there is to come. */
  stillMs?: number;
}

const BUFFER_BYTES = 4 * 1024 * 1024;
const POLL_MS = 250;

/**
 * Batches of the topics until each of them is read to the end of its span, which a batch may
 * overlap at both ends. A batch is gone when the next one is asked for.
 */
export async function* readSpans(
  { kafka, partition, signal, stillMs = Infinity }: SpanOptions,
  spans: ReadonlyMap<string, OffsetSpan>,
): AsyncGenerator<[FetchedBatch, OffsetSpan], void, void> {
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
    for (const [topic, { from }] of spans) reader.add(topic, partition, from);
    const open = new Map(spans);
    let until = performance.now() + stillMs;
    while (open.size > 0 && performance.now() < until) {
      signal?.throwIfAborted();
      if (error !== null) throw asReshardError(error);
      const fetched = queue.shift();
      if (fetched === undefined) {
        await wakeup.wait(POLL_MS);
        continue;
      }
      const span = open.get(fetched.topic);
      if (span !== undefined) {
        yield [fetched, span];
        if (fetched.position >= span.to) open.delete(fetched.topic);
      }
      reader.release(fetched);
      until = performance.now() + stillMs;
    }
  } finally {
    reader.close();
  }
}
