/**
 * Which partition a row belongs to: murmur2 of its canonical key bytes, as Kafka's own
 * clients compute it. Hashed without the registry's five-byte header: a new schema id must not
 * move a key to another partition (T2).
 */
import { at } from '../runtime/bytes.ts';

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** Kafka's murmur2 of `buf[start, end)` as a signed 32-bit number. */
export function murmur2(buf: Uint8Array, start = 0, end = buf.length): number {
  const length = end - start;
  let h = SEED ^ length;
  let i = start;
  for (const last = end - 3; i < last; i += 4) {
    let k = at(buf, i) | (at(buf, i + 1) << 8) | (at(buf, i + 2) << 16) | (at(buf, i + 3) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const rest = end - i;
  if (rest === 3) h ^= at(buf, i + 2) << 16;
  if (rest >= 2) h ^= at(buf, i + 1) << 8;
  if (rest >= 1) h = Math.imul(h ^ at(buf, i), M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}

/** Partition of a key given by its canonical bytes `buf[start, end)`. */
export function partitionOf(
  buf: Uint8Array,
  start: number,
  end: number,
  partitions: number,
): number {
  return (murmur2(buf, start, end) & 0x7fffffff) % partitions;
}
