/**
 * Whether the table at the end of a check is the one of its beginning. A range that was compared
 * early says nothing of a table that was dropped and made anew, or put in the other's place since;
 * the server notes when each table was made. MySQL does not note a TRUNCATE there: that one is seen
 * by probing the first rows again (first-rows.ts). That the server itself is still the same one is
 * seen to where sessions are opened (session-set.ts).
 */
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { CheckServer, SessionSet } from './session-set.ts';

export type Incarnations = ReadonlyMap<CheckServer, string>;

/** When the table was made, by server. */
export async function incarnationsOf(
  sessionSet: SessionSet,
  servers: readonly CheckServer[],
  table: string,
): Promise<Incarnations> {
  const found = servers.map(async server => {
    const session = await sessionSet.session(server);
    const [row] = await session.query<{ made: string | null }>(
      `SELECT CAST(CREATE_TIME AS CHAR) AS made FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
      [server.database, table],
    );
    return [server, row?.made ?? 'absent'] as const;
  });
  return new Map(await Promise.all(found));
}

export function refuseNew(table: string, before: Incarnations, now: Incarnations): void {
  for (const [server, made] of before) {
    if (now.get(server) === made) continue;
    throw new ReshardError('schema-changed', `${table} was made anew meanwhile`, {
      context: { server: server.name, before: made, now: now.get(server) },
      remedy: 'find out who does that, then run the check again',
    });
  }
}
