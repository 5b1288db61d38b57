/**
 * Transactions that a SELECT may have seen, asked after it: the counterpart of R (visible-set.ts),
 * which holds only what it certainly sees. A target that has all of these has every change that was
 * in the answer.
 *
 * MySQL shows a change shortly before its id is in gtid_executed; in between the id is owned by the
 * committing session, so the owned ones belong to it. They are read first: one that leaves the owned
 * ones before the read is executed by the second. MariaDB moves gtid_binlog_pos when the binlog is
 * written, which is before the change shows.
 */
import { GtidSet } from '../../shared/change/gtid.ts';
import type { MysqlSession } from '../../shared/mysql/connect.ts';

export async function seenSet(session: MysqlSession): Promise<GtidSet> {
  if (session.flavor === 'mariadb') {
    const [row] = await session.query<{ pos: string }>('SELECT @@global.gtid_binlog_pos AS pos');
    return GtidSet.parse(row?.pos ?? '', 'mariadb');
  }
  const [row] = await session.query<{ owned: string; executed: string }>(
    'SELECT @@global.gtid_owned AS owned, @@global.gtid_executed AS executed',
  );
  return GtidSet.parse(row?.executed ?? '', 'mysql').union(ownedSet(row?.owned ?? ''));
}

/** `uuid:5#12:6#13` says that the sessions 12 and 13 own the transactions 5 and 6. */
export function ownedSet(text: string): GtidSet {
  const items = text.replace(/\s/g, '').split(',');
  const withId = items.filter(item => /^[0-9a-f]{8}-/i.test(item));
  return GtidSet.parse(withId.map(item => item.replace(/#\d+/g, '')).join(','), 'mysql');
}
