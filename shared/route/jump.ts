/**
 * The route by jump hash: every target gets the same share, and one more target at the end takes
 * its share from all others while no row moves between those. There are no weights, and only the
 * last target can leave; where that is too little, route by slots.
 *
 * The bucket of a 64-bit key is the function of J. Lamping and E. Veach, "A Fast, Minimal Memory,
 * Consistent Hash Algorithm" (arXiv:1406.2294), in 32-bit halves, because BigInt is slow for what
 * is done with every row. The key is the first eight bytes, big-endian, of the SHA-256 of the
 * value's bytes: every server and every language has it. A server has no loop for the rest.
 */
import { hash } from 'node:crypto';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Dialect, Route, RowView, ServerPart, TargetSet } from './route.ts';
import { RoutedText } from './routed-text.ts';

/** 2862933555777941757, of a linear congruential generator modulo 2^64. */
const MULTIPLIER_HIGH = 0x27bb2ee6;
const MULTIPLIER_LOW = 0x87b0b0fd;
const TWO_TO_31 = 2 ** 31;

export class JumpRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[];
  readonly #text: RoutedText;
  readonly #targets: number;

  constructor(schema: TableSchema, columns: readonly string[], targets: number, epoch = 1) {
    this.epoch = epoch;
    this.columns = columns;
    this.#text = new RoutedText(schema, columns);
    this.#targets = targets;
  }

  targetsOf(row: RowView): TargetSet {
    const digest = hash('sha256', this.#text.of(row), 'buffer');
    return jumpBucket(digest.readUInt32BE(0), digest.readUInt32BE(4), this.#targets);
  }

  sql(dialect: Dialect): ServerPart {
    return {
      sql: `LEFT(SHA2(${this.#text.sql(dialect)},256),16)`,
      targetOf: key => {
        const [high, low] = [key.slice(0, 8), key.slice(8)].map(half => Number.parseInt(half, 16));
        return jumpBucket(high as number, low as number, this.#targets);
      },
    };
  }
}

/** Bucket, from 0, of the key `high * 2^32 + low`. */
export function jumpBucket(high: number, low: number, buckets: number): number {
  let bucket = 0;
  let next = 0;
  while (next < buckets) {
    bucket = next;
    const carried = productHigh(low);
    const crossed = Math.imul(high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH);
    low = (Math.imul(low, MULTIPLIER_LOW) + 1) >>> 0;
    high = (carried + crossed + (low === 0 ? 1 : 0)) >>> 0;
    next = Math.floor((bucket + 1) * (TWO_TO_31 / ((high >>> 1) + 1)));
  }
  return bucket;
}

/** The upper 32 bits of `low * MULTIPLIER_LOW`; no product here is above 2^53. */
function productHigh(low: number): number {
  const under = (low & 0xffff) * MULTIPLIER_LOW;
  const over = (low >>> 16) * MULTIPLIER_LOW + Math.floor(under / 65_536);
  return Math.floor(over / 65_536);
}
