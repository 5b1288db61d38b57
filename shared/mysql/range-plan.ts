/**
 * Splits a table into ranges of its row key, which workers copy side by side. The bounds are
 * only a division of labour: whatever they are, every key is in exactly one range, the first and
 * the last range are open, and rows that come later are in the log.
 *
 * A key that begins with an integer is divided by value (min..max, a look into the index for each
 * bound); any other key by position, which reads the index once. Equal steps by value can be
 * unequal in rows; that costs balance, never a row.
 */

import { KeyBound } from '../row/key-bound.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { MysqlSession } from './connect.ts';
import { edgeKeySelect, keyAtSelect, keyFromSelect } from './range-sql.ts';

export type RangePlanOptions = {
  /** Rows that a range should have. */
  rowsPerRange: number;
  rangesMax: number;
};

export type RangeBounds = { id: number; after: Buffer | null; upTo: Buffer | null };

export type RangePlan = { estimatedRows: number; ranges: RangeBounds[] };

const DEFAULT_RANGE_PLAN: RangePlanOptions = { rowsPerRange: 50_000, rangesMax: 256 };

export async function planRanges(
  session: MysqlSession,
  schema: TableSchema,
  options: RangePlanOptions = DEFAULT_RANGE_PLAN,
): Promise<RangePlan> {
  const estimatedRows = await estimateRows(session, schema);
  const wanted = Math.ceil(estimatedRows / options.rowsPerRange);
  const count = Math.max(1, Math.min(wanted, options.rangesMax));
  if (count === 1) return { estimatedRows, ranges: rangesOf([]) };
  const key = new KeyBound(schema);
  const bounds =
    key.columns[0]?.type.kind === 'integer'
      ? await boundsByValue(session, schema, key, count)
      : await boundsByPosition(session, schema, key, Math.ceil(estimatedRows / count));
  return { estimatedRows, ranges: rangesOf(bounds) };
}

/** Ranges between ascending bounds: open below the first and above the last. */
export function rangesOf(bounds: readonly Buffer[]): RangeBounds[] {
  const distinct = bounds.filter((b, i) => i === 0 || !b.equals(bounds[i - 1] ?? b));
  const ends: (Buffer | null)[] = [...distinct, null];
  return ends.map((upTo, id) => ({ id, after: id === 0 ? null : (ends[id - 1] ?? null), upTo }));
}

/** `count - 1` values that divide min..max evenly. */
export function divide(min: bigint, max: bigint, count: number): bigint[] {
  const values: bigint[] = [];
  const span = max - min;
  for (let i = 1; i < count; i++) {
    const value = min + (span * BigInt(i)) / BigInt(count);
    if (value > (values.at(-1) ?? min - 1n) && value < max) values.push(value);
  }
  return values;
}

/** The server's own estimate; it may be off by half, and only the division hangs on it. */
async function estimateRows(session: MysqlSession, schema: TableSchema): Promise<number> {
  const rows = await session.query<{ n: string | number | null }>(
    `SELECT TABLE_ROWS AS n FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [schema.db, schema.table],
  );
  return Number(rows[0]?.n ?? 0);
}

/** Bounds at existing keys, so that a gap in the values gives one range and not many empty ones. */
async function boundsByValue(
  session: MysqlSession,
  schema: TableSchema,
  key: KeyBound,
  count: number,
): Promise<Buffer[]> {
  const low = await oneKey(session, key, edgeKeySelect(schema, 'first'));
  const high = await oneKey(session, key, edgeKeySelect(schema, 'last'));
  if (low === null || high === null) return [];
  const [min, max] = [low, high].map(k => BigInt(key.literals(k)[0] ?? 0));
  const bounds: Buffer[] = [];
  for (const value of divide(min ?? 0n, max ?? 0n, count)) {
    const sql = keyFromSelect(schema, String(value));
    const bound = await oneKey(session, key, sql);
    if (bound !== null) bounds.push(bound);
  }
  return bounds;
}

async function boundsByPosition(
  session: MysqlSession,
  schema: TableSchema,
  key: KeyBound,
  step: number,
): Promise<Buffer[]> {
  const bounds: Buffer[] = [];
  for (let after: Buffer | null = null; ; after = bounds.at(-1) ?? null) {
    const sql = keyAtSelect(schema, key.range(after, null), step - 1);
    const bound = await oneKey(session, key, sql);
    if (bound === null) return bounds;
    bounds.push(bound);
  }
}

async function oneKey(session: MysqlSession, key: KeyBound, sql: string): Promise<Buffer | null> {
  let found: Buffer | null = null;
  await session.rawQuery(sql, (buf, start, end) => {
    found = key.fromText(buf, start, end);
  });
  return found;
}
