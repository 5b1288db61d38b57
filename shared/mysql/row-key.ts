/**
 * Which index of a table is its row key: what chunks, partitions, targets and checks tell rows
 * apart by. It is the primary key; of a table without one it is the unique index that the server
 * itself takes in its place, the first of those whose columns are all whole and NOT NULL; or
 * another such index, where the job file names its columns.
 *
 * A unique index that allows NULL is none: it holds any number of rows that are NULL in it. Nor is
 * one of prefixes or expressions, which are not values of the row; nor an invisible or ignored one,
 * which no statement may be told to read by.
 *
 * Row images say what the server takes for the key (`serverKey`), not what we take: where the two
 * are the same, each image shows whether the key still is one.
 */
import { ReshardError } from '../runtime/error.ts';
import { rowKeyNames, type TableSchema } from '../schema/table-schema.ts';
import type { MysqlSession } from './connect.ts';
import { qualified } from './identifier.ts';
import { isFrom } from './server-version.ts';

export interface KeyPart {
  /** undefined for an expression. */
  column: string | undefined;
  /** As the server prints it. */
  expression: string | undefined;
  /** Length of an indexed prefix. */
  prefix: number | undefined;
  nullable: boolean;
}

export interface TableKey {
  name: string;
  unique: boolean;
  /** Statements may be told to read by it, in its order. */
  readable: boolean;
  /** MariaDB keeps hashes of its values, in a column of its own that row images have too. */
  hashed: boolean;
  parts: KeyPart[];
}

/** What the key of a table is to be. */
export interface WantedKey {
  /** Its columns. */
  key?: readonly string[] | undefined;
  /**
   * The table is the counterpart of this one, which has its key. A primary key that the server has
   * added by itself to a table without one is no column of it.
   */
  like?: TableSchema | undefined;
}

const PRIMARY = 'PRIMARY';
/** The column of a primary key that MySQL adds by itself (sql_generate_invisible_primary_key). */
export const GENERATED_KEY = 'my_row_id';

/** All keys of a table by name, parts in order. */
export async function inspectKeys(
  session: MysqlSession,
  db: string,
  table: string,
): Promise<TableKey[]> {
  const hasIgnored = isFrom(session, { mariadb: '10.6.0' });
  const hidden =
    session.flavor === 'mysql' ? "IS_VISIBLE = 'NO'" : hasIgnored ? "IGNORED = 'YES'" : '0';
  const expression = session.flavor === 'mysql' ? 'EXPRESSION' : 'NULL';
  const rows = await session.query<{
    ofTable: string;
    name: string;
    nonUnique: number | string;
    column: string | null;
    expression: string | null;
    prefix: number | string | null;
    nullable: string | null;
    kind: string;
    hidden: number | string;
  }>(
    `SELECT TABLE_NAME AS ofTable, INDEX_NAME AS name, NON_UNIQUE AS nonUnique, COLUMN_NAME AS \`column\`,
            ${expression} AS expression, SUB_PART AS prefix, NULLABLE AS nullable,
            INDEX_TYPE AS kind, ${hidden} AS hidden
       FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?
      ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
    [db, table],
  );
  const keys = new Map<string, TableKey>();
  for (const row of rows) {
    // MariaDB compares names in INFORMATION_SCHEMA without case: rows of `T` come with those of `t`.
    if (row.ofTable !== table) continue;
    const key = keys.get(row.name) ?? {
      name: row.name,
      unique: Number(row.nonUnique) === 0,
      readable: row.kind === 'BTREE' && Number(row.hidden) === 0,
      hashed: row.kind === 'HASH',
      parts: [],
    };
    key.parts.push({
      column: row.column ?? undefined,
      expression: row.expression ?? undefined,
      prefix: row.prefix === null ? undefined : Number(row.prefix),
      nullable: row.nullable === 'YES',
    });
    keys.set(row.name, key);
  }
  return [...keys.values()];
}

/** Columns of a key in its order. */
export function columnsOf(key: TableKey | undefined): string[] {
  return key?.parts.map(p => p.column ?? '') ?? [];
}

/** Whole columns alone. */
export function isPlainKey({ parts }: TableKey): boolean {
  return parts.every(p => p.column !== undefined && p.prefix === undefined);
}

/** Its parts as a definition has them: a column, so many characters of one, an expression. */
export function partsOf({ parts }: TableKey): string[] {
  return parts.map(({ column, prefix, expression }) => {
    if (column === undefined) return `(${expression ?? 'an expression'})`;
    return prefix === undefined ? column : `${column}(${prefix})`;
  });
}

/** No two rows have the same values in it, and none is NULL. */
function tellsRowsApart(key: TableKey): boolean {
  return key.unique && isPlainKey(key) && key.parts.every(p => !p.nullable);
}

/** The index that is the row key: the primary key, else the first of those that may be. */
export function rowKeyOf(
  keys: readonly TableKey[],
  wanted: readonly string[] | undefined,
): TableKey | undefined {
  const may = keys.filter(k => k.readable && tellsRowsApart(k));
  const primary = may.find(k => k.name === PRIMARY);
  const order = primary === undefined ? may : [primary, ...may.filter(k => k !== primary)];
  if (wanted === undefined) return order[0];
  const text = wanted.join('\0');
  const sorted = [...wanted].sort().join('\0');
  return (
    order.find(k => columnsOf(k).join('\0') === text) ??
    order.find(k => columnsOf(k).sort().join('\0') === sorted)
  );
}

/** In the order in which the server has them; INFORMATION_SCHEMA does not tell it. */
async function inServerOrder(
  session: MysqlSession,
  db: string,
  table: string,
  keys: readonly TableKey[],
): Promise<TableKey[]> {
  const rows = await session.query<{ Key_name: string }>(`SHOW INDEX FROM ${qualified(db, table)}`);
  const names = [...new Set(rows.map(r => r.Key_name))];
  return names.flatMap(name => keys.find(k => k.name === name) ?? []);
}

/** Fills in the keys of a table, whose columns are known. */
export async function addKeys(
  session: MysqlSession,
  schema: TableSchema,
  wanted: WantedKey,
): Promise<{ keys: TableKey[]; rowKey: TableKey | undefined }> {
  const { db, table } = schema;
  const all = await inspectKeys(session, db, table);
  const primary = all.find(k => k.name === PRIMARY);
  const { like } = wanted;
  const added = like !== undefined && isGenerated(schema, primary, like);
  if (added) schema.columns = schema.columns.filter(c => c.name !== GENERATED_KEY);
  const known = added ? all.filter(k => k !== primary) : all;
  const isOne = known.some(k => k.name === PRIMARY);
  const keys = isOne ? known : await inServerOrder(session, db, table, known);
  const virtual = new Set((schema.virtual ?? []).map(v => v.column.name));
  const isStored = (key: TableKey): boolean => !key.parts.some(p => virtual.has(p.column ?? ''));
  const stored = keys.filter(isStored);
  const names = like === undefined ? wanted.key : rowKeyNames(like);
  const rowKey = rowKeyOf(stored, names) ?? rowKeyOf(stored, undefined);
  const indexOf = new Map(schema.columns.map((c, i) => [c.name, i]));
  const places = (key: TableKey | undefined): number[] =>
    columnsOf(key).flatMap(name => indexOf.get(name) ?? []);
  schema.primaryKey = places(rowKey);
  if (rowKey !== undefined && rowKey.name !== PRIMARY) {
    const serverKey = columnsOf(primary ?? keys.find(k => k.readable && tellsRowsApart(k)));
    schema.keyIndex = { name: rowKey.name, serverKey };
  }
  for (const key of stored) {
    if (!key.unique || key === rowKey) continue;
    const form = isPlainKey(key) ? {} : { parts: partsOf(key) };
    schema.uniqueKeys.push({ name: key.name, columns: places(key), ...form });
  }
  return { keys, rowKey };
}

function isGenerated(
  { columns }: TableSchema,
  primary: TableKey | undefined,
  like: TableSchema,
): boolean {
  if (columnsOf(primary).join('\0') !== GENERATED_KEY) return false;
  if (like.columns.some(c => c.name === GENERATED_KEY)) return false;
  const column = columns.find(c => c.name === GENERATED_KEY);
  return column?.invisible === true && column.autoIncrement;
}

/** Throws if the key that a job file names is not one that the table has. */
export function refuseOtherKey(schema: TableSchema, key: readonly string[] | undefined): void {
  if (key === undefined) return;
  const found = rowKeyNames(schema);
  if ([...found].sort().join('\0') === [...key].sort().join('\0')) return;
  const { db, table } = schema;
  const what = `no unique index of ${db}.${table} has the columns (${key.join(', ')}), all NOT NULL`;
  throw new ReshardError('config', what, {
    context: { table },
    remedy:
      `name in \`key\` of the table ${table} in the job file the columns of its primary key, or of` +
      ' a visible unique index whose columns are whole and NOT NULL; or leave `key` out',
  });
}
