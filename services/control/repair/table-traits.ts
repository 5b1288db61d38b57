/** What of a table on a target decides how a script may write its rows. */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { keyColumns } from '../../../shared/row/key-range.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';

export interface TableTraits {
  /** A row is deleted and added again where it is to be another one. */
  isAnew: boolean;
  /** Rows may stand in each other's way: they are written in one transaction. */
  isTied: boolean;
  triggers: string[];
}

export async function tableTraits(
  session: MysqlSession,
  schema: TableSchema,
): Promise<TableTraits> {
  const { db, table } = schema;
  const place = [db, table];
  const [unique] = await session.query<{ n: number | string }>(
    `SELECT COUNT(DISTINCT INDEX_NAME) AS n FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0`,
    place,
  );
  const triggers = await session.query<{ name: string }>(
    `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS
      WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ?`,
    place,
  );
  const hasUnique = Number(unique?.n ?? 0) > 1;
  const hasDocuments = schema.columns.some(c => c.type.kind === 'json');
  // Keys that are the same one to the server are spelled differently.
  const isSpelled = keyColumns(schema).some(c => c.type.kind === 'text');
  return {
    isAnew: hasUnique || hasDocuments,
    isTied: hasUnique || isSpelled,
    triggers: triggers.map(t => t.name),
  };
}
