/** A table of a source with the row key that the job file names for it, if it names one. */
import type { MysqlSession } from '../mysql/connect.ts';
import { inspectTable } from '../mysql/inspect.ts';
import { refuseOtherKey } from '../mysql/row-key.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Job } from './job.ts';

export async function inspectJobTable(
  session: MysqlSession,
  job: Job,
  db: string,
  table: string,
): Promise<TableSchema> {
  const key = job.tables.find(t => t.name === table)?.key;
  const schema = await inspectTable(session, db, table, { key });
  refuseOtherKey(schema, key);
  return schema;
}
