/** Changes of buckets for the ledgers of the streaming check, by numbers that tests choose. */
import { ChangeQueue } from '../../../services/checker/stream/change-queue.ts';
import type { Fingerprint } from '../../../services/checker/stream/fingerprint.ts';

export interface Change {
  bucket: number;
  before: bigint | null;
  after: bigint | null;
}

/** A number of 128 bits as the fingerprint of a row. */
export function fingerprintOf(value: bigint): Fingerprint {
  return Uint32Array.from([96n, 64n, 32n, 0n], shift => Number((value >> shift) & 0xffffffffn));
}

export function numberOf(fingerprint: Fingerprint): bigint {
  return fingerprint.reduce((value, word) => (value << 32n) | BigInt(word), 0n);
}

export function rowOf({ before, after }: Pick<Change, 'before' | 'after'>) {
  return {
    before: before === null ? null : fingerprintOf(before),
    after: after === null ? null : fingerprintOf(after),
  };
}

export function changesOf(changes: readonly Change[]): ChangeQueue {
  const queue = new ChangeQueue();
  for (const change of changes) {
    const { before, after } = rowOf(change);
    queue.add(0, change.bucket, before, after);
  }
  return queue;
}
