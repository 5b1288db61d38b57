/** The id by which a server is told from every other one, whatever its address is now. */
import type { MysqlSession } from './connect.ts';

export async function readServerUuid(session: MysqlSession): Promise<string> {
  const name = session.flavor === 'mariadb' ? '@@server_uid' : '@@server_uuid';
  const [row] = await session.query<{ id: string }>(`SELECT ${name} AS id`);
  return row?.id ?? '';
}
