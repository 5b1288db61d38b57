/**
 * Fingerprints of rows and digests of ranges, as SQL that the servers evaluate where the rows are.
 *
 * Row text: injective, so two rows of one schema have the same text only if they are equal.
 *   which columns are NULL ',' values of a closed alphabet ',' lengths of the others ',' the others
 * Numbers and times never hold a comma, so the commas end them; texts and bytes are cut by their
 * lengths; a JSON document ends where its grammar says. NULLs are left out by CONCAT_WS and told by
 * the first field, so NULL, '' and 'NULL' differ. Joining plain values with commas is the obvious
 * way and wrong: ('a,b','c') and ('a','b,c') are then the same row.
 * The text does not depend on character set, collation or ZEROFILL of a column. It is exact: -0 and
 * 0 are different floats, as they are different bytes.
 *
 * Row fingerprint: 128 bits of SHA-256 (MySQL 9 has no MD5 built in).
 * Range digest: row count and sum of the rows' codes. A code is the decimal number that HEX makes
 * of 30 hex digits of the SHA-256 ('a' becomes 61): injective on 120 bits, and computed from one
 * evaluation of the hash, where two 64-bit halves need two, or a temporary table. The sum is exact,
 * needs no order and, other than XOR, does not cancel what is there twice.
 */
import { quoteId } from '../../../shared/mysql/identifier.ts';
import { fromByKey, rangePredicate } from '../../../shared/mysql/range-sql.ts';
import type { KeyRange } from '../../../shared/row/key-range.ts';
import { allColumns, type TableSchema } from '../../../shared/schema/table-schema.ts';
import { familyOf } from '../../../shared/type/type-families.ts';
import { keyLiteralList } from './key.ts';

/** NULL flags of so many columns are one number. */
const FLAGS_PER_NUMBER = 40;

const CODE_DIGITS = 30;

/**
 * A code is below 6.7e59 and a DECIMAL below 1e65, so the sum of more rows might not be exact.
 * A range with more is divided, whatever its digest says.
 */
export const DIGEST_ROWS_MAX = 100_000;

/** SQL of the row text, as bytes. */
function rowText(schema: TableSchema): string {
  const closed: string[] = [];
  const lengths: string[] = [];
  const contents: string[] = [];
  const documents: string[] = [];
  for (const { name, type } of allColumns(schema)) {
    const text = familyOf(type).rowText(type, quoteId(name));
    if ('closed' in text) closed.push(text.closed);
    else if ('document' in text) documents.push(text.document);
    else {
      lengths.push(text.length);
      contents.push(text.content);
    }
  }
  const parts = [...nullFlags(schema), ...closed, ...lengths, ...contents, ...documents];
  // The binary separator makes the result bytes, so nothing is converted on the way.
  return `CONCAT_WS(_binary',',${parts.join(',')})`;
}

/** Numbers whose bits say which nullable columns are NULL. */
function nullFlags(schema: TableSchema): string[] {
  const names = allColumns(schema)
    .filter(c => c.nullable)
    .map(c => quoteId(c.name));
  const numbers: string[] = [];
  for (let i = 0; i < names.length; i += FLAGS_PER_NUMBER) {
    const flags = names.slice(i, i + FLAGS_PER_NUMBER);
    numbers.push(flags.map((name, bit) => `(${name} IS NULL)*${2 ** bit}`).join('+'));
  }
  return numbers;
}

function hash(schema: TableSchema): string {
  return `SHA2(${rowText(schema)},256)`;
}

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
): string {
  const where = among(among(rangePredicate(schema, range), only), asked?.only);
  const code = `CAST(HEX(LEFT(${hash(schema)},${CODE_DIGITS})) AS DECIMAL(${2 * CODE_DIGITS},0))`;
  return (
    `SELECT ${asked?.shard ?? '0'},COUNT(*),SUM(${code}) ${fromByKey(schema)} ` +
    `WHERE ${where}${asked === undefined ? '' : ' GROUP BY 1'}`
  );
}

/** Rows `shard, fingerprint, key literals...` of the rows that meet a condition. */
export function fingerprintSelect(schema: TableSchema, where: string, asked?: Asked): string {
  return (
    `SELECT ${asked?.shard ?? '0'},LEFT(${hash(schema)},32),${keyLiteralList(schema)} ` +
    `${fromByKey(schema)} WHERE ${among(where, asked?.only)}`
  );
}
