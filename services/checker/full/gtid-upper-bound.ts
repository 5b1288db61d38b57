/**
 * Transactions that a SELECT may have seen, asked after it: the counterpart of R (visible-set.ts),
 * which holds only what it certainly sees. A target that has all of these has every change that was
 * in the answer.
 *
 * MySQL shows a change shortly before its id is in gtid_executed; in between the id is owned by the
 * committing session. So the ids that are owned are waited for: those that are executed then belong
 * to the set, and one that was rolled back never will. A transaction that goes on being owned has
 * not committed (a replica's applier owns its id from the start), so nobody has seen it.
 * MariaDB moves gtid_binlog_pos when the binlog is written, which is before the change shows.
 */
import { GtidSet } from '../../../shared/change/gtid.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { sleep } from '../../../shared/runtime/clock.ts';

/** Longer than any commit takes from the binlog to gtid_executed. */
const OWNED_WAIT_MS = 2000;
const POLL_MS = 5;

export async function gtidUpperBound(session: MysqlSession): Promise<GtidSet> {
  if (session.flavor === 'mariadb') {
    const [row] = await session.query<{ pos: string }>('SELECT @@global.gtid_binlog_pos AS pos');
    return GtidSet.parse(row?.pos ?? '', 'mariadb');
  }
  const end = performance.now() + OWNED_WAIT_MS;
  const first = await gtids(session);
  let now = first;
  while (first.owned.some(id => now.owned.includes(id)) && performance.now() < end) {
    await sleep(POLL_MS);
    now = await gtids(session);
  }
  return GtidSet.parse(now.executed, 'mysql');
}

/** Owned first: what is no longer owned at the first read is executed at the second. */
async function gtids(session: MysqlSession): Promise<{ owned: string[]; executed: string }> {
  const [row] = await session.query<{ owned: string; executed: string }>(
    'SELECT @@global.gtid_owned AS owned, @@global.gtid_executed AS executed',
  );
  return { owned: ownedIds(row?.owned ?? ''), executed: row?.executed ?? '' };
}

const UUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i;

/**
 * `5#12` for each transaction number and session of `uuid:5#12:6#13uuid:tag:9#4`: the server puts
 * nothing between the sources.
 */
export function ownedIds(text: string): string[] {
  return text.split(UUID).flatMap(part => part.match(/\d+#\d+/g) ?? []);
}
