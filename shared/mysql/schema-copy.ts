/**
 * Makes a table of the source on a target, word for word from SHOW CREATE TABLE, so that keys,
 * collations, generated and invisible columns come along. Left out: the AUTO_INCREMENT counter,
 * which belongs to the rows (it follows them), and nothing else.
 */
import type { MysqlSession } from './connect.ts';
import { qualified, quoteId } from './identifier.ts';

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
  return withoutCounter(row?.['Create Table'] ?? '');
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
 * Creates the tables that the target does not have; returns their names. Foreign keys may point
 * at tables that come later, so their check is off for this session.
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
    await target.rawQuery(await createTableSql(source, sourceDb, table));
    created.push(table);
  }
  return created;
}
