/**
 * Makes a table of the source on a target, word for word from SHOW CREATE TABLE, so that keys,
 * collations, generated and invisible columns come along. Left out: the AUTO_INCREMENT counter,
 * which belongs to the rows (it follows them), and nothing else. Members of ENUM and SET that the
 * server prints as `?` are written as they are (true-members.ts). What else it prints otherwise than
 * it has it is refused: the table would have other defaults, or compute other values.
 */

import { ReshardError } from '../runtime/error.ts';
import { allColumns } from '../schema/table-schema.ts';
import type { MysqlSession } from './connect.ts';
import { qualified, quoteId } from './identifier.ts';
import { inspectTable } from './inspect.ts';
import { errnoOf } from './mysql-error.ts';
import type { PrintedTable, TableCollation } from './schema-fix.ts';
import { withTrueMembers } from './true-members.ts';

const NO_PRIMARY_KEY = 3750;
const DUPLICATE_MEMBER = 1291;
const TABLE_EXISTS = 1050;

/** A table as it is printed, with what the print leaves out. */
export async function printTable(
  session: MysqlSession,
  db: string,
  table: string,
): Promise<PrintedTable> {
  const statement = await createTableSql(session, db, table);
  return { statement, collation: await collationOf(session, db, table) };
}

export async function collationOf(
  session: MysqlSession,
  db: string,
  table: string,
): Promise<TableCollation> {
  const [row] = await session.query<{ name: string | null }>(
    `SELECT TABLE_COLLATION AS name FROM information_schema.TABLES
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [db, table],
  );
  return { flavor: session.flavor, name: row?.name ?? '' };
}

/** The statement that creates the table, without a database name and without its counter. */
export async function createTableSql(
  source: MysqlSession,
  db: string,
  table: string,
): Promise<string> {
  await source.rawQuery('SET SESSION sql_quote_show_create = 1');
  const [row] = await source.query<Record<string, string>>(
    `SHOW CREATE TABLE ${qualified(db, table)}`,
  );
  let sql = withoutCounter(row?.['Create Table'] ?? '');
  if (!sql.includes('?')) return sql;
  const columns = await source.query<{ name: string; charset: string | null }>(
    `SELECT COLUMN_NAME AS name, CHARACTER_SET_NAME AS charset FROM information_schema.COLUMNS
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND DATA_TYPE IN ('enum', 'set')`,
    [db, table],
  );
  const known = new Map(allColumns(await inspectTable(source, db, table)).map(c => [c.name, c]));
  for (const { name, charset } of columns) {
    const type = known.get(name)?.type;
    if (type?.kind !== 'enum' && type?.kind !== 'set') continue;
    sql = await withTrueMembers(source, sql, { db, table, name, charset: charset ?? '' }, type);
  }
  return sql;
}

/**
 * MariaDB prints the bytes of a default as they are, within UTF-8 (BINARY DEFAULT x'ff'): what is
 * none has become U+FFFD by the time it is here.
 */
export function isUnprintable(createTable: string): boolean {
  return createTable.includes('\ufffd');
}

/** A key of MariaDB that refuses rows whose periods overlap; names of columns are in backticks. */
const PERIOD_KEY = /^ {2}(?:PRIMARY|UNIQUE) KEY .*` WITHOUT OVERLAPS\)/m;

/** Whether the table has a key under which no INSERT may say what becomes of a duplicate. */
export function hasPeriodKey(createTable: string): boolean {
  return PERIOD_KEY.test(createTable);
}

/** Drops the table option, not the same words in a comment or a default of a column. */
function withoutCounter(createTable: string): string {
  const options = createTable.lastIndexOf('\n)');
  if (options < 0) return createTable;
  const tail = createTable.slice(options);
  const comment = tail.indexOf(" COMMENT='");
  const cut = comment < 0 ? tail.length : comment;
  const counted = tail.slice(0, cut).replace(/ AUTO_INCREMENT=\d+/, '');
  return createTable.slice(0, options) + counted + tail.slice(cut);
}

/** Creates `db` on the target as it is on the source, if it is not there. */
export async function copyDatabase(
  source: MysqlSession,
  sourceDb: string,
  target: MysqlSession,
  targetDb: string,
): Promise<void> {
  const [row] = await source.query<{ charset: string; collation: string }>(
    `SELECT DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation
       FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?`,
    [sourceDb],
  );
  const like = row === undefined ? '' : ` CHARACTER SET ${row.charset} COLLATE ${row.collation}`;
  await target.rawQuery(`CREATE DATABASE IF NOT EXISTS ${quoteId(targetDb)}${like}`);
}

/**
 * Creates the tables that the target does not have; returns the names of those. Foreign keys may
 * point at tables that come later, so their check is off for this session.
 */
export async function copyTables(
  source: MysqlSession,
  sourceDb: string,
  target: MysqlSession,
  targetDb: string,
  tables: readonly string[],
): Promise<string[]> {
  const rows = await target.query<{ name: string }>(
    'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?',
    [targetDb],
  );
  const present = new Set(rows.map(r => r.name));
  await target.rawQuery('SET SESSION foreign_key_checks = 0');
  await target.rawQuery(`USE ${quoteId(targetDb)}`);
  const created: string[] = [];
  for (const table of tables) {
    if (present.has(table)) continue;
    const sql = await createTableSql(source, sourceDb, table);
    if (isUnprintable(sql)) throw unprintable(target, table);
    try {
      await target.rawQuery(sql);
    } catch (e) {
      // Another control makes them too: this one has lost its lease, or has taken it over. Whoever
      // has made it, the table is compared by the doctor.
      if (errnoOf(e) === TABLE_EXISTS) continue;
      if (errnoOf(e) === DUPLICATE_MEMBER) throw sameMembers(target, table, e);
      if (errnoOf(e) === NO_PRIMARY_KEY) throw keyRequired(target, table, e);
      throw isOfStatement(e) ? refusedTable(target, table, e) : e;
    }
    const isDoubtful = sql.includes('?') && source.flavor === 'mysql' && target.flavor === 'mysql';
    if (isDoubtful) {
      const [there, here] = [
        await expressionsOf(source, sourceDb, table),
        await expressionsOf(target, targetDb, table),
      ];
      if (there !== here) {
        await target.rawQuery(`DROP TABLE ${qualified(targetDb, table)}`);
        throw unprintable(target, table);
      }
    }
    created.push(table);
  }
  return created;
}

/**
 * Expressions of columns, constraints and indexes, as the server has them. SHOW CREATE TABLE prints
 * some of their literals as question marks (four-byte characters, other character sets), and a
 * table that is made by it computes other values. INFORMATION_SCHEMA tells the two apart.
 */
async function expressionsOf(session: MysqlSession, db: string, table: string): Promise<string> {
  const columns = await session.query<object>(
    `SELECT COLUMN_NAME AS name, GENERATION_EXPRESSION AS expression,
            IF(EXTRA LIKE '%DEFAULT_GENERATED%', COLUMN_DEFAULT, NULL) AS value
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?
      ORDER BY ORDINAL_POSITION`,
    [db, table],
  );
  const checks = await session.query<object>(
    `SELECT CHECK_CLAUSE AS clause FROM information_schema.CHECK_CONSTRAINTS
       JOIN information_schema.TABLE_CONSTRAINTS USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME)
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY CONSTRAINT_NAME`,
    [db, table],
  );
  const keys = await session.query<object>(
    `SELECT INDEX_NAME AS name, SEQ_IN_INDEX AS part, EXPRESSION AS expression
       FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND EXPRESSION IS NOT NULL
      ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
    [db, table],
  );
  return JSON.stringify([columns, checks, keys]);
}

/** The server can add one of its own, of a column that no row of ours names (row-key.ts). */
function keyRequired(target: MysqlSession, table: string, cause: unknown): ReshardError {
  const what = `${table}: the target takes no table without a primary key (sql_require_primary_key)`;
  return new ReshardError('server-setting', what, {
    remedy: 'SET GLOBAL sql_generate_invisible_primary_key = ON;',
    context: { ...target.where(), table },
    cause,
  });
}

/**
 * A session that is not strict has made it on the source. To make it so on the target too is the
 * obvious way and wrong: the log has members as texts, and a server takes the first that is equal.
 */
function sameMembers(target: MysqlSession, table: string, cause: unknown): ReshardError {
  const what = `${table}: members of an ENUM or SET that its collation takes for one another`;
  return new ReshardError('unsupported-type', what, {
    remedy:
      'ALTER TABLE ... MODIFY the column on the source, with a collation that tells them apart',
    context: { ...target.where(), table },
    cause,
  });
}

/** The server has read the statement, and nothing but another one would help. */
function isOfStatement(e: unknown): boolean {
  return e instanceof ReshardError && (e.kind === 'bug' || e.kind === 'target-data');
}

/** Servers of another kind or version print defaults and keys that this one cannot read. */
function refusedTable(target: MysqlSession, table: string, cause: unknown): ReshardError {
  const what = `${table}: the target does not take it as the source prints it`;
  const said = cause instanceof Error ? `: ${cause.message}` : '';
  return new ReshardError('unsupported-type', `${what}${said}`, {
    remedy:
      'make the table on the target by hand, with the columns and keys that SHOW CREATE TABLE ' +
      'has on the source, then start again',
    context: { ...target.where(), table },
    cause,
  });
}

function unprintable(target: MysqlSession, table: string): ReshardError {
  const what = `${table}: the source does not print a default or an expression of it as it is`;
  return new ReshardError('unsupported-type', what, {
    remedy: 'create the table on the targets by the statement that has made it on the source',
    context: { ...target.where(), table },
  });
}
