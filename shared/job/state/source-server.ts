/**
 * Whether the server that a member reads rows from is one of the source as it is now. After a
 * failover a member with an old job file still has the old address, and whoever answers there has
 * stopped somewhere, or goes on by itself: its chunks would be refused again and again, keys would
 * be missing there, a check would compare with what is no source any more.
 *
 * The server that the log is read from is the source. Another one (a replica, another node of a
 * cluster, the server that is about to take over) must hold all that is in the log. One that is
 * only late gets there; so it is tried again, and says meanwhile what it waits for.
 */
import { GtidSet } from '../../change/gtid.ts';
import type { MysqlSession } from '../../mysql/connect.ts';
import { ReshardError } from '../../runtime/error.ts';
import type { Resume } from './progress-view.ts';

type Session = Pick<MysqlSession, 'flavor' | 'query' | 'where'>;
type LogPosition = Pick<Resume, 'serverUuid' | 'gtid'>;

/**
 * The server that a member reads a source from, over restarts of what reads there. What was in the
 * log at the first look is what it must get: one that is late by a steady delay, under a steady
 * load, never has what is in the log by now.
 */
export class SourceServer {
  readonly #source: string;
  #awaited: LogPosition | null = null;

  constructor(source: string) {
    this.#source = source;
  }

  async refuseStale(session: Session, resume: LogPosition | null): Promise<void> {
    // The log of another server is another history.
    const isOfOther = this.#awaited?.serverUuid !== resume?.serverUuid;
    const wanted = isOfOther ? resume : this.#awaited;
    this.#awaited = wanted;
    await refuseStale(session, this.#source, wanted);
    this.#awaited = null;
  }
}

export async function refuseStale(
  session: Session,
  source: string,
  resume: LogPosition | null,
): Promise<void> {
  if (resume === null) return;
  const isMysql = session.flavor === 'mysql';
  const [row] = await session.query<Record<'uuid' | 'gtid', string>>(
    isMysql
      ? 'SELECT @@server_uuid AS uuid, @@global.gtid_executed AS gtid'
      : "SELECT CONCAT('server-', @@server_id) AS uuid, @@global.gtid_current_pos AS gtid",
  );
  const { uuid = '', gtid = '' } = row ?? {};
  if (uuid === resume.serverUuid) return;
  const has = GtidSet.parse(gtid.replace(/\s/g, ''), session.flavor);
  if (has.covers(GtidSet.parse(resume.gtid, session.flavor))) return;
  throw new ReshardError('source', `the server read for ${source} lacks what is in its log`, {
    context: { ...session.where(), serverUuid: uuid, logIsOf: resume.serverUuid },
    remedy:
      `if ${source} has failed over: the log is read from another server than this member reads, ` +
      'so put the new address into the job file of this member and restart it; a replica that is ' +
      'late is waited for',
  });
}
