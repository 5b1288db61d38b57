/**
 * Fingerprints of rows and digests of ranges, as SQL that the servers evaluate where the rows are.
 *
 * Row fingerprint: 128 bits of SHA-256 (MySQL 9 has no MD5 built in).
 * Range digest: row count and sum of the rows' codes. A code is the decimal number that HEX makes
 * of 30 hex digits of the SHA-256 ('a' becomes 61): injective on 120 bits, and computed from one
 * evaluation of the hash, where two 64-bit halves need two, or a temporary table. The sum is exact,
 * needs no order and, other than XOR, does not cancel what is there twice.
 */
import { keyLiteralList } from '../../../shared/mysql/key-literal.ts';
import { fromByKey, rangePredicate } from '../../../shared/mysql/range-sql.ts';
import { rowHash, type Shapes } from '../../../shared/mysql/row-hash.ts';
import type { KeyRange } from '../../../shared/row/key-range.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';

const CODE_DIGITS = 30;

/**
 * A code is below 6.7e59 and a DECIMAL below 1e65, so the sum of more rows might not be exact.
 * A range with more is divided, whatever its digest says.
 */
export const DIGEST_ROWS_MAX = 100_000;

/** What is asked of the rows of a source: their shard, and of some rows only. */
export interface Asked {
  /** What the server says of a row's shard (ServerPart). */
  shard: string;
  only: string | null;
}

/** The condition, of rows that meet another one besides. */
export function among(where: string, only: string | null | undefined): string {
  return only ? `(${where}) AND ${only}` : where;
}

/**
 * Rows `shard, count, sum` of the rows of a range that meet `only`, one for each shard that has rows; if nobody asks for shards
 * it is 0, and there is one row.
 */
export function digestSelect(
  schema: TableSchema,
  range: KeyRange,
  only: string | null,
  asked?: Asked,
  shapes?: Shapes,
): string {
  const where = among(among(rangePredicate(schema, range), only), asked?.only);
  const code = `CAST(HEX(LEFT(${rowHash(schema, shapes)},${CODE_DIGITS})) AS DECIMAL(${2 * CODE_DIGITS},0))`;
  return (
    `SELECT ${asked?.shard ?? '0'},COUNT(*),SUM(${code}) ${fromByKey(schema)} ` +
    `WHERE ${where}${asked === undefined ? '' : ' GROUP BY 1'}`
  );
}

/** Rows `shard, fingerprint, key literals...` of the rows that meet a condition. */
export function fingerprintSelect(schema: TableSchema, where: string, asked?: Asked): string {
  return (
    `SELECT ${asked?.shard ?? '0'},LEFT(${rowHash(schema)},32),${keyLiteralList(schema)} ` +
    `${fromByKey(schema)} WHERE ${among(where, asked?.only)}`
  );
}
