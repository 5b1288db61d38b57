/**
 * A compacted topic as a table: all records from the start, then whatever comes. Used for job
 * state, progress and reports, which are small; only committed records are seen.
 */
import { ReshardError } from '../runtime/error.ts';
import type { KafkaLog } from './kafka.ts';
import type { FetchedBatch } from './wire/fetched-batch.ts';

export interface TailedTable extends AsyncDisposable {
  /** Resolves when every record that was there at the start has been given out. */
  readonly caughtUp: Promise<void>;
  /** Rejects when the tail has failed; never resolves. Unheard unless somebody listens. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

export type OnRecord = (key: Buffer, value: Buffer | null, offset: number) => void;

const NO_KEY = Buffer.alloc(0);

/** `key` and `value` are views that stay valid; a callback that throws fails the tail. */
export async function tailTable(
  log: KafkaLog,
  topic: string,
  onRecord: OnRecord,
): Promise<TailedTable> {
  const ranges = await log.offsets(topic);
  const caughtUp = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  caughtUp.promise.catch(() => {});
  failed.promise.catch(() => {});
  const behind = new Map(
    ranges.filter(r => r.latest > r.earliest).map(r => [r.partition, r.latest]),
  );
  const fail = (e: ReshardError): void => {
    log.tell(`the tail of ${topic} has stopped: ${e.message}`);
    caughtUp.reject(e);
    failed.reject(e);
  };
  const reader = await log.reader({
    isolation: 'committed',
    onFetched: fetched => {
      try {
        deliver(fetched, onRecord);
      } finally {
        reader.release(fetched);
      }
      const end = behind.get(fetched.partition);
      if (end !== undefined && fetched.position >= end) behind.delete(fetched.partition);
      if (behind.size === 0) caughtUp.resolve();
    },
    onError: fail,
  });
  for (const { partition, earliest } of ranges) reader.add(topic, partition, earliest);
  if (behind.size === 0) caughtUp.resolve();
  const close = async (): Promise<void> => {
    reader.close();
    caughtUp.reject(new ReshardError('bug', `the tail of ${topic} was closed`));
  };
  return {
    caughtUp: caughtUp.promise,
    failed: failed.promise,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function deliver(fetched: FetchedBatch, onRecord: OnRecord): void {
  for (let i = 0; i < fetched.count; i++) {
    onRecord(fetched.key(i) ?? NO_KEY, fetched.value(i), fetched.offset(i));
  }
}
