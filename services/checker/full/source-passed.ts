/**
 * Waits until the log has what a read of a source may have seen. Usually the resume point's set of
 * transactions says so. Some ids never come as events, though: they enter gtid_executed by
 * `SET GLOBAL gtid_purged = '+...'`, and nobody can read them from the binlog. So when the set does
 * not cover in a while, the end of the source's binlog is asked for: all that has been seen and has
 * events lies before it, and a resume point of the same server that was written later and has
 * reached that end has passed every one of them. What is still not in its set has no events.
 */
import { GtidSet } from '../../../shared/change/gtid.ts';
import type { JobSource } from '../../../shared/job/job.ts';
import type { ProgressView, Resume } from '../../../shared/job/state/progress-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { isFrom } from '../../../shared/mysql/server-version.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { asReshardError, describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { PipelineWait } from './pipeline-wait.ts';

const POLL_MS = 10;
/** Ids are behind their events by less than this, as long as all goes well. */
const ASK_END_AFTER_MS = 1000;
const STATEMENT_TIMEOUT_MS = 30_000;

export interface BinlogEnd {
  /** The names by which a resume point may call this server. */
  serverIds: readonly string[];
  file: string;
  pos: number;
}

export interface SourceWaitOptions {
  source: JobSource;
  view: Pick<ProgressView, 'resume'>;
  seen: GtidSet;
  wait: PipelineWait;
  log: Logger;
  /** Asks the source where its binlog ends. */
  askEnd?: (source: JobSource) => Promise<BinlogEnd | null>;
}

export async function sourcePassed(o: SourceWaitOptions): Promise<void> {
  const { source, view, seen, wait, log, askEnd = binlogEnd } = o;
  const beganAt = performance.now();
  let end: { at: BinlogEnd; before: Resume | null } | null = null;
  let known = '';
  for (;;) {
    const { resume } = view;
    const gtid = resume?.gtid ?? '';
    if (gtid !== known || known === '') {
      known = gtid;
      if (GtidSet.parse(gtid, seen.flavor).covers(seen)) return;
    }
    if (end !== null && resume !== end.before && hasReached(resume, end.at)) {
      const { file, pos } = end.at;
      log.info({ source: source.name, file, pos }, 'the binlog was read past ids without events');
      return;
    }
    const at = resume === null ? 'nowhere yet' : `${resume.file}:${resume.pos}`;
    const to = end === null ? 'the transactions seen' : `${end.at.file}:${end.at.pos}`;
    wait.stillFor(
      `the log of source ${source.name} to reach ${to} (it is at ${at})`,
      `${at} ${gtid}`,
    );
    if (end === null && performance.now() - beganAt > ASK_END_AFTER_MS) {
      const asked = await ask(o, askEnd);
      if (asked !== null) end = { at: asked, before: view.resume };
    }
    await sleep(POLL_MS, wait.signal);
  }
}

async function ask(
  { source, log }: SourceWaitOptions,
  askEnd: (source: JobSource) => Promise<BinlogEnd | null>,
): Promise<BinlogEnd | null> {
  try {
    return await askEnd(source);
  } catch (e) {
    // The set of transactions may still come to cover; else the wait ends by its limit.
    log.debug({ source: source.name }, `no end of the binlog: ${describeError(asReshardError(e))}`);
    await sleep(ASK_END_AFTER_MS);
    return null;
  }
}

/** Whether the resume point is of the same server, and at `end` or behind it. */
export function hasReached(resume: Resume | null, end: BinlogEnd): boolean {
  if (resume === null || !end.serverIds.includes(resume.serverUuid)) return false;
  const [base, number] = fileNumber(resume.file);
  const [endBase, endNumber] = fileNumber(end.file);
  if (base !== endBase) return false;
  return number > endNumber || (number === endNumber && resume.pos >= end.pos);
}

/** `binlog.000012` as its name and its number. */
function fileNumber(file: string): [string, number] {
  const dot = file.lastIndexOf('.');
  return [file.slice(0, dot), Number(file.slice(dot + 1))];
}

async function binlogEnd(source: JobSource): Promise<BinlogEnd | null> {
  await using session = await MysqlSession.open(source, {
    role: 'read',
    side: 'source',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const isMaria = session.flavor === 'mariadb';
  const isNew = isFrom(session, { mysql: '8.2.0' });
  const show = isNew ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [row] = await session.query<{ File: string; Position: string | number }>(show);
  const [server] = await session.query<{ uid: string; id: string }>(
    `SELECT ${isMaria ? '@@server_uid' : '@@server_uuid'} AS uid,
      CONCAT('server-', @@server_id) AS id`,
  );
  if (row === undefined || server === undefined) return null;
  const serverIds = isMaria ? [server.uid, server.id] : [server.uid];
  return { serverIds, file: row.File, pos: Number(row.Position) };
}
