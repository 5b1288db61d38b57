/**
 * What a table is, from INFORMATION_SCHEMA, and what a server is, from its variables.
 * A key that a TableSchema cannot say (part of a column, an expression) is never simplified: such a
 * primary key is refused, such unique keys are told by `inspectKeys` (row-key.ts) for the doctor.
 */

import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import type { DeclaredType } from '../type/declared-type.ts';
import { columnTypeOf } from '../type/type-families.ts';
import type { MysqlSession } from './connect.ts';
import { qualified } from './identifier.ts';
import { addKeys, type WantedKey } from './row-key.ts';
import { isDoubtful, trueMembers } from './true-members.ts';

export type TableKind = 'table' | 'view' | 'sequence' | 'system-versioned table' | 'other object';

/** MariaDB's word for a table that keeps rows of the past. */
const HISTORY = 'SYSTEM VERSIONED';

const KINDS: Record<string, TableKind> = {
  'BASE TABLE': 'table',
  VIEW: 'view',
  SEQUENCE: 'sequence',
  [HISTORY]: 'system-versioned table',
};

export interface TableFacts {
  table: string;
  kind: TableKind;
  engine: string;
  collation: string;
  /** The server's estimates. */
  rows: number;
  dataBytes: number;
}

/**
 * `ofTable`: MariaDB compares names in INFORMATION_SCHEMA without case: rows of `T` come with those
 * of `t`.
 */
interface ColumnRow extends DeclaredType {
  ofTable: string;
  name: string;
  nullable: string;
  extra: string;
  generation: string | null;
}

const COLUMNS_SQL = `
SELECT TABLE_NAME AS ofTable, COLUMN_NAME AS name, DATA_TYPE AS dataType, COLUMN_TYPE AS columnType,
       CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation,
       CHARACTER_OCTET_LENGTH AS octetLength, NUMERIC_PRECISION AS \`precision\`,
       NUMERIC_SCALE AS scale, DATETIME_PRECISION AS fsp, IS_NULLABLE AS nullable,
       EXTRA AS extra, GENERATION_EXPRESSION AS generation
  FROM information_schema.COLUMNS
 WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?
 ORDER BY ORDINAL_POSITION`;

function generatedOf(row: ColumnRow): Column['generated'] {
  if (/\bVIRTUAL\b/i.test(row.extra)) return 'virtual';
  if (/\b(STORED|PERSISTENT)\b/i.test(row.extra)) return 'stored';
  return 'no';
}

function toColumn(row: ColumnRow): Column {
  return {
    name: row.name,
    type: columnTypeOf(row),
    nullable: row.nullable === 'YES',
    autoIncrement: /\bauto_increment\b/i.test(row.extra),
    generated: generatedOf(row),
    invisible: /\bINVISIBLE\b/i.test(row.extra),
  };
}

/** The schema of a table; rejects with `schema-changed` if there is none. Its key: row-key.ts. */
export async function inspectTable(
  session: MysqlSession,
  db: string,
  table: string,
  wanted: WantedKey = {},
): Promise<TableSchema> {
  const context = { ...session.where(), db, table };
  const found = await session.query<ColumnRow>(COLUMNS_SQL, [db, table]);
  const rows = found.filter(r => r.ofTable === table);
  if (rows.length === 0) {
    throw new ReshardError('schema-changed', `no table ${db}.${table}`, {
      context,
      remedy: 'create it, or correct its name in the job file; the user needs SELECT on it',
    });
  }
  if (wanted.like === undefined) await refuseHistory(session, db, table);
  const all: Column[] = [];
  for (const row of rows) {
    const column = toColumn(row);
    const { type } = column;
    if (isDoubtful(type)) {
      const at = { db, table, name: row.name, charset: row.charset ?? '' };
      all.push({ ...column, type: await trueMembers(session, at, type) });
    } else all.push(column);
  }
  const columns = all.filter(c => c.generated !== 'virtual');
  const virtual = all.flatMap((column, at) =>
    column.generated === 'virtual' ? [{ column, at, expression: rows[at]?.generation ?? '' }] : [],
  );
  const schema: TableSchema = { db, table, columns, primaryKey: [], uniqueKeys: [] };
  if (virtual.length > 0) schema.virtual = virtual;
  const { keys, rowKey } = await addKeys(session, schema, wanted);
  const primary = keys.find(k => k.name === 'PRIMARY');
  if (rowKey === undefined && primary !== undefined) throw prefixKey(context);
  return schema;
}

/**
 * A source's table with rows of the past: its binlog tells a delete as a change, and each change with
 * a new row besides, in columns that nobody sees. On a target it hinders nobody.
 */
async function refuseHistory(session: MysqlSession, db: string, table: string): Promise<void> {
  if (session.flavor === 'mysql') return;
  const rows = await session.query<{ ofTable: string; kind: string }>(
    `SELECT TABLE_NAME AS ofTable, TABLE_TYPE AS kind FROM information_schema.TABLES
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [db, table],
  );
  const found = rows.find(r => r.ofTable === table);
  if (found?.kind !== HISTORY) return;
  throw new ReshardError('unsupported-type', `${db}.${table} is system-versioned`, {
    context: { ...session.where(), db, table },
    remedy: dropHistory(db, table),
  });
}

/** The way out for a table that keeps rows of the past. */
export function dropHistory(db: string, table: string): string {
  const name = qualified(db, table);
  return `ALTER TABLE ${name} DROP SYSTEM VERSIONING; -- its rows of the past are gone then`;
}

function prefixKey(context: ReshardError['context']): ReshardError {
  return new ReshardError('unsupported-type', 'the primary key holds part of a column only', {
    context,
    remedy: 'make the whole column part of the key, or add another primary key',
  });
}

/** Tables and views of a database. */
export async function listTables(session: MysqlSession, db: string): Promise<TableFacts[]> {
  const rows = await session.query<Record<string, string | number | null>>(
    `SELECT TABLE_NAME AS name, TABLE_TYPE AS kind, ENGINE AS engine,
            TABLE_COLLATION AS collation, TABLE_ROWS AS estimate, DATA_LENGTH AS bytes
       FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME`,
    [db],
  );
  return rows.map(r => ({
    table: String(r.name),
    kind: KINDS[String(r.kind)] ?? 'other object',
    engine: String(r.engine ?? ''),
    collation: String(r.collation ?? ''),
    rows: Number(r.estimate ?? 0),
    dataBytes: Number(r.bytes ?? 0),
  }));
}

/** Global variables, by lower-case name. */
export class ServerFacts {
  readonly #variables: ReadonlyMap<string, string>;

  constructor(variables: ReadonlyMap<string, string>) {
    this.#variables = variables;
  }

  get(name: string): string | undefined {
    return this.#variables.get(name);
  }

  text(name: string): string {
    return this.#variables.get(name) ?? '';
  }

  number(name: string): number {
    return Number(this.#variables.get(name) ?? Number.NaN);
  }

  isOn(name: string): boolean {
    return /^(ON|1|TRUE|YES)$/i.test(this.text(name));
  }
}

export async function serverFacts(session: MysqlSession): Promise<ServerFacts> {
  const rows = await session.query<{ Variable_name: string; Value: string }>(
    'SHOW GLOBAL VARIABLES',
  );
  return new ServerFacts(new Map(rows.map(r => [r.Variable_name.toLowerCase(), r.Value])));
}
