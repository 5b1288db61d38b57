/** Whether the source can still give every transaction that the log lacks. */
import type { Job } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

/**
 * True when transactions behind `gtid`, the resume point, are purged, or the server has never had
 * what the log holds. MariaDB keeps no such sets; there the halted reader is the only witness.
 */
export async function hasBinlogGap(job: Job, source: string, gtid: string): Promise<boolean> {
  const server = job.sources.find(s => s.name === source);
  if (server === undefined) throw new ReshardError('config', `the job has no source ${source}`);
  await using session = await MysqlSession.open(server, { role: 'read', side: 'source' });
  if (session.flavor !== 'mysql') return false;
  const [row] = await session.query<{ held: string | number; known: string | number }>(
    `SELECT GTID_SUBSET(@@global.gtid_purged, ?) AS held,
      GTID_SUBSET(?, @@global.gtid_executed) AS known`,
    [gtid, gtid],
  );
  return Number(row?.held ?? 0) !== 1 || Number(row?.known ?? 0) !== 1;
}
