/**
 * The id by which a server is told from every other one, whatever its address is now. Empty where
 * a server has none: MariaDB's is younger than the oldest version that we read (10.5.26, 10.6.19,
 * 10.11.9), and to name a variable that is not there would be an error.
 */
import type { MysqlSession } from './connect.ts';

export async function readServerUuid(session: MysqlSession): Promise<string> {
  const name = session.flavor === 'mariadb' ? 'server_uid' : 'server_uuid';
  const [row] = await session.query<{ Value: string }>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name = '${name}'`,
  );
  return row?.Value ?? '';
}

/** SQL by which a server says which one it is, and what it says now. */
export interface ServerIdentity {
  sql: string;
  value: string;
}

export async function serverIdentity(session: MysqlSession): Promise<ServerIdentity> {
  const hasId = (await readServerUuid(session)) !== '';
  const own = session.flavor === 'mariadb' ? '@@server_uid' : '@@server_uuid';
  const sql = hasId ? own : "CONCAT(@@hostname,':',@@port)";
  const [row] = await session.query<{ id: string }>(`SELECT ${sql} AS id`);
  return { sql, value: row?.id ?? '' };
}
