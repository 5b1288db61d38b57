/**
 * Whether the sink could write to a server, without a row that is written: each kind of statement
 * on each table, as it would be sent, that no row fits. The server refuses one by what it is (a
 * missing grant, read_only, a table that is gone, a column that is another one) before it looks for
 * rows; one that goes through leaves no lock behind, and nothing in the binlog.
 */
import type { JobTarget } from '../../../../shared/job/job.ts';
import { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { qualified, quoteId } from '../../../../shared/mysql/identifier.ts';
import type { TableSchema } from '../../../../shared/schema/table-schema.ts';

const LIMITS = { connectTimeoutMs: 3000, statementTimeoutMs: 5000 };

/** Throws what is in the way. */
export async function tryWriting(
  target: JobTarget,
  tables: ReadonlyMap<string, Pick<TableSchema, 'columns'>>,
): Promise<void> {
  await using session = await MysqlSession.open(target, {
    role: 'apply',
    side: 'target',
    ...LIMITS,
  });
  for (const [name, { columns }] of tables) {
    const table = qualified(target.database, name);
    const written = columns.filter(c => c.generated === 'no').map(c => quoteId(c.name));
    const list = written.join(', ');
    const kept = written.map(c => `${c} = ${c}`).join(', ');
    await session.rawQuery(
      `INSERT INTO ${table} (${list}) SELECT ${list} FROM ${table} WHERE 1 = 0`,
    );
    await session.rawQuery(`UPDATE ${table} SET ${kept} WHERE 1 = 0`);
    await session.rawQuery(`DELETE FROM ${table} WHERE 1 = 0`);
  }
  await session.rawQuery('ROLLBACK');
}
