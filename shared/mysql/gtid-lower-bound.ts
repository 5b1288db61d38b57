/**
 * R of the merge rule: transactions that are certainly visible to a SELECT that starts after this
 * returns. It must be read from what is committed in the engine. A binlog file and position is not
 * usable on MySQL: it moves when the binlog is flushed, before the commit is visible, so a row
 * could be taken for newer than it is. `gtid_executed` moves after the engine's commit.
 *
 * MariaDB has no such set: its `gtid_binlog_pos` moves at the flush too. There a consistent
 * snapshot is opened, whose exact binlog position the server keeps: every later read view sees at
 * least that.
 */
import { ReshardError } from '../runtime/error.ts';
import type { MysqlSession } from './connect.ts';
import { quoteText } from './identifier.ts';

/** GTID set (MySQL) or GTID position (MariaDB) of what every later SELECT of the server sees. */
export function gtidLowerBound(session: MysqlSession): Promise<string> {
  return session.flavor === 'mariadb' ? mariadbVisible(session) : mysqlVisible(session);
}

async function mysqlVisible(session: MysqlSession): Promise<string> {
  const [row] = await session.query<{ gtids: string }>('SELECT @@global.gtid_executed AS gtids');
  return (row?.gtids ?? '').replaceAll(/\s/g, '');
}

async function mariadbVisible(session: MysqlSession): Promise<string> {
  await session.rawQuery('START TRANSACTION WITH CONSISTENT SNAPSHOT');
  try {
    const rows = await session.query<{ Variable_name: string; Value: string }>(
      `SHOW STATUS LIKE 'binlog_snapshot_%'`,
    );
    const status = new Map(rows.map(r => [r.Variable_name.toLowerCase(), r.Value]));
    const file = status.get('binlog_snapshot_file') ?? '';
    const position = Number(status.get('binlog_snapshot_position') ?? 0);
    if (file === '' || file === 'not used') {
      throw new ReshardError('server-setting', 'the server has no binary log', {
        context: session.where(),
        remedy: 'start the server with log_bin',
      });
    }
    const [row] = await session.query<{ pos: string | null }>(
      `SELECT BINLOG_GTID_POS(${quoteText(file)}, ${position}) AS pos`,
    );
    if (row === undefined || row.pos === null) {
      throw new ReshardError('source', `no GTID position for ${file}:${position}`, {
        context: session.where(),
      });
    }
    return row.pos;
  } finally {
    if (session.alive) await session.rawQuery('ROLLBACK');
  }
}
