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
