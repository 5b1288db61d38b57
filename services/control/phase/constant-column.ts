/**
 * Columns that were added with a constant, taken up without a copy (growth.ts). The constant is
 * that of the statement at which the source's reader stands, as its report tells it; the default
 * that the table shows now may be another one, and rows of before have the old one.
 *
 * Every row of a target that nobody writes again must have the constant as well. So a target gets
 * the column with this very default, and what its server has made of it is read back and must be
 * the same value: servers round, cut and complete. The default stays there: rows of sources that
 * do not have the column yet are written without it.
 */
import type { Flavor } from '../../../shared/change/gtid.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { quoteId } from '../../../shared/mysql/identifier.ts';
import {
  type AddedConstant,
  type ColumnConstant,
  columnConstant,
} from '../../../shared/schema/column-constant.ts';
import { sameColumn } from '../../../shared/schema/table-growth.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import { plainTypeText } from '../../../shared/type/type-text.ts';

export type KnownConstant = Extract<ColumnConstant, { bytes: Buffer }>;

/** What a server says of a column. */
export interface ColumnFacts {
  name: string;
  /** COLUMN_TYPE. */
  type: string;
  value: string | null;
  extra: string;
}

export interface Constants {
  /** By the column's name. */
  known: Map<string, KnownConstant>;
  /** Why the others are none. */
  against: string[];
}

export async function columnFacts(
  session: MysqlSession,
  { db, table }: { db: string; table: string },
): Promise<ColumnFacts[]> {
  return await session.query<ColumnFacts & object>(
    `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, COLUMN_DEFAULT AS value, EXTRA AS extra
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [db, table],
  );
}

/** Pure: the constants of columns that `plan` does not have. */
export function constantsOf(
  plan: TablePlan,
  now: TableSchema,
  facts: readonly ColumnFacts[],
  declared: readonly AddedConstant[],
): Constants {
  const found: Constants = { known: new Map(), against: [] };
  const had = new Set(plan.schema.columns.map(c => c.name));
  for (const column of now.columns) {
    const { name } = column;
    const statement = declared.find(d => d.name === name.toLowerCase());
    if (had.has(name) || statement === undefined) continue;
    const type = facts.find(f => f.name === name)?.type ?? '';
    // What became of its values since cannot be told.
    const isOther = !isSameType(statement.type, type) || statement.notNull === column.nullable;
    const constant = columnConstant(now.table, column, statement.literal);
    if (isOther) found.against.push(`column ${name} was changed after it was added`);
    else if ('refused' in constant) found.against.push(`column ${name} ${constant.refused}`);
    else found.known.set(name, constant);
  }
  return found;
}

/**
 * The table with the values that its new columns have in rows from before; those that came earlier
 * keep theirs, unless they are of another type by now. `wider`: columns that were only made wider,
 * and their declarations.
 */
export function withFills(
  plan: TablePlan,
  now: TableSchema,
  known: ReadonlyMap<string, KnownConstant>,
  wider: ReadonlyMap<string, string> = new Map(),
): TableSchema {
  const were = new Map(plan.schema.columns.map(c => [c.name, c]));
  const columns = now.columns.map((column): Column => {
    const { fill: _, ...rest } = column;
    const was = were.get(column.name);
    const length = wider.get(column.name);
    const isKept = was !== undefined && (length !== undefined || sameColumn(was, column));
    const kept = isKept ? was : { fill: undefined, widened: undefined };
    const fill = known.get(column.name)?.bytes.toString('hex') ?? kept.fill;
    const widened = length ?? kept.widened;
    return { ...rest, ...(fill && { fill }), ...(widened && { widened }) };
  });
  return { ...now, columns };
}

/** Pure. Digits behind the point of a FLOAT are of its type, and the server rounds to them. */
export function isSameType(declared: string, now: string): boolean {
  return plainTypeText(declared) === plainTypeText(now) && !/^(float|double)\(/i.test(now);
}

/**
 * Pure: what a target's column has in rows that nobody writes, if it is a constant. MariaDB prints
 * the default as an expression, MySQL as a bare text.
 */
export function defaultLiteral(flavor: Flavor, { value, extra }: ColumnFacts): string | null {
  if (value === null || /DEFAULT_GENERATED/i.test(extra)) return null;
  if (flavor === 'mysql') return `'${value.replaceAll("'", "''")}'`;
  return /^(-?[\d.]+(e[+-]?\d+)?|'(?:[^'\\]|'')*')$/i.test(value) ? value : null;
}

/** Whether a target fills the column with the same value. */
export function isFilledSo(
  flavor: Flavor,
  now: TableSchema,
  facts: ColumnFacts,
  { bytes }: KnownConstant,
): boolean {
  const column = now.columns.find(c => c.name === facts.name);
  const literal = defaultLiteral(flavor, facts);
  if (column === undefined || literal === null) return false;
  const there = columnConstant(now.table, column, literal);
  return 'bytes' in there && there.bytes.equals(bytes);
}

/** SQL that is true in rows that have another value. */
export function otherThan({ name, type }: Column, { operand }: KnownConstant): string {
  // Texts that compare equal may be other texts.
  const plain = (sql: string): string => `CAST(CONVERT(${sql} USING utf8mb4) AS BINARY)`;
  const by = type.kind === 'text' ? plain : (sql: string): string => sql;
  return `NOT (${by(quoteId(name))} <=> ${by(operand)})`;
}
