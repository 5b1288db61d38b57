/**
 * Foreign keys that change other rows. InnoDB carries such changes out below the SQL layer, so
 * they are not in the binary log: rows would vanish on the source and stay on the targets. From
 * MySQL 9.6 on the SQL layer does it and logs it, unless `innodb_native_foreign_keys` is on.
 */
import type { MysqlSession } from './connect.ts';
import type { Finding } from './finding.ts';
import { qualified, quoteId } from './identifier.ts';
import type { ServerFacts } from './inspect.ts';
import { isFrom } from './server-version.ts';

interface KeyRow {
  name: string;
  child: string;
  parentDb: string;
  parent: string;
  onDelete: string;
  onUpdate: string;
  column: string;
  parentColumn: string;
}

interface ForeignKey extends KeyRow {
  columns: string[];
  parentColumns: string[];
}

/** Foreign keys of tables of `db` that set rows of the child by themselves. */
async function actingKeys(session: MysqlSession, db: string): Promise<ForeignKey[]> {
  const rows = await session.query<KeyRow>(
    `SELECT r.CONSTRAINT_NAME AS name, r.TABLE_NAME AS child,
            k.REFERENCED_TABLE_SCHEMA AS parentDb, r.REFERENCED_TABLE_NAME AS parent,
            r.DELETE_RULE AS onDelete, r.UPDATE_RULE AS onUpdate,
            k.COLUMN_NAME AS \`column\`, k.REFERENCED_COLUMN_NAME AS parentColumn
       FROM information_schema.REFERENTIAL_CONSTRAINTS r
       JOIN information_schema.KEY_COLUMN_USAGE k
         ON k.CONSTRAINT_SCHEMA = r.CONSTRAINT_SCHEMA
        AND k.CONSTRAINT_NAME = r.CONSTRAINT_NAME AND k.TABLE_NAME = r.TABLE_NAME
      WHERE r.CONSTRAINT_SCHEMA = ?
      ORDER BY r.TABLE_NAME, r.CONSTRAINT_NAME, k.ORDINAL_POSITION`,
    [db],
  );
  const keys = new Map<string, ForeignKey>();
  for (const row of rows) {
    if (!acts(row.onDelete) && !acts(row.onUpdate)) continue;
    const id = `${row.child}\0${row.name}`;
    const key = keys.get(id) ?? { ...row, columns: [], parentColumns: [] };
    key.columns.push(row.column);
    key.parentColumns.push(row.parentColumn);
    keys.set(id, key);
  }
  return [...keys.values()];
}

const acts = (rule: string): boolean => /^(CASCADE|SET NULL|SET DEFAULT)$/i.test(rule);

/** Whether this server logs what foreign keys do. */
export function logsCascades(session: MysqlSession, facts: ServerFacts): boolean {
  return isFrom(session, { mysql: '9.6.0' }) && !facts.isOn('innodb_native_foreign_keys');
}

export async function checkCascades(
  session: MysqlSession,
  facts: ServerFacts,
  db: string,
  tables: readonly string[],
  where: string,
): Promise<Finding[]> {
  if (logsCascades(session, facts)) return [];
  const keys = await actingKeys(session, db);
  return keys
    .filter(k => tables.includes(k.child))
    .map(key => {
      const list = (names: string[]): string => names.map(quoteId).join(', ');
      const constraint = quoteId(key.name);
      return {
        level: 'blocker',
        code: 'foreign-key-cascade',
        where: `${where} ${db}.${key.child}`,
        what: `foreign key ${key.name} changes rows by itself (ON DELETE ${key.onDelete}, ON UPDATE ${key.onUpdate})`,
        why: 'On this server such changes are not in the binary log: the targets would keep rows that the source no longer has.',
        fix:
          `ALTER TABLE ${qualified(db, key.child)} DROP FOREIGN KEY ${constraint}, ` +
          `ADD CONSTRAINT ${quoteId(`${key.name}_r`)} FOREIGN KEY (${list(key.columns)}) ` +
          `REFERENCES ${qualified(key.parentDb, key.parent)} (${list(key.parentColumns)}); ` +
          '-- the application then deletes the children itself',
      };
    });
}
