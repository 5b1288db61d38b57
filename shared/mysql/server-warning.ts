/** What a server warns of after a statement. */
import type { MysqlSession } from './connect.ts';

export interface ServerWarning {
  code: number;
  /** It quotes values: not for logs and errors. */
  message: string;
}

/** Of the last statement of the session; at most as many as its max_error_count. */
export async function serverWarnings(session: MysqlSession): Promise<ServerWarning[]> {
  const rows = await session.query<{ Code: number | string; Message: string }>('SHOW WARNINGS');
  return rows.map(({ Code, Message }) => ({ code: Number(Code), message: Message }));
}
