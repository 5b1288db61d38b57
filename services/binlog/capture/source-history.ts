/**
 * Whether the source still has the history that the log was made of. Its uuid and its numbers do
 * not say so: a crash with sync_binlog <> 1, a data directory from an older copy, RESET BINARY LOGS
 * AND GTIDS all give numbers that are in the log to other transactions. A server is then asked for
 * what follows our position, and passes over them for ever.
 *
 * The proof is the last transaction of the log: a binlog is written in one order, so if that one is
 * the same, all before it are. The server is asked for the binlog from just before it; what comes
 * first must be it, by its commit time, in a file that was begun when it was. Where nothing was
 * read yet, the file alone is asked for; where it is purged (an idle source), the list of files
 * speaks: names only go up, a file does not shrink, nor is it begun anew.
 */
import { type GtidSet, parseGtid, printGtid } from '../../../shared/change/gtid.ts';
import type { Anchor } from '../../../shared/change/position.ts';
import type { Resume } from '../../../shared/job/state/progress-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { asReshardError, ReshardError } from '../../../shared/runtime/error.ts';
import { EVENT, readRotate } from './binlog-event.ts';
import type { ReadServer } from './source-change.ts';
import { transactionStart } from './transaction-start.ts';
import { BinlogDump } from './zongji.ts';

/** What a server says of a transaction that it sends. */
interface Seen {
  gtid: string;
  stamp: string;
  pos: number;
  file: string;
  /** Second in which the file was begun. */
  fileS: number;
}

/**
 * It is sent as soon as the server has read its way to it, which shows in the places that it tells
 * meanwhile: a large file takes longer than any fixed time.
 */
const QUIET_MS = 15_000;
/** Before ours: after a failover their order may be another one. */
const OTHERS_MAX = 10_000;
/** Between two looks at the files of an idle source. */
const LOOK_MS = 5_000;

/** Throws if the server's transactions are not those of the resume point. */
export async function refuseOtherHistory(
  at: ReadServer,
  resume: Resume,
  executed: GtidSet,
): Promise<void> {
  const isSameServer = resume.serverUuid === at.facts.serverUuid;
  if (isSameServer) await refuseOtherFiles(at, resume);
  const anchor = resume.anchor ?? null;
  if (anchor === null && !isSameServer) return;
  const seen = await sendAgain(at, executed, anchor, isSameServer);
  if (seen === null) return;
  const difference = differenceOf(seen, resume, isSameServer);
  if (difference === null) return;
  throw changed(at, 'the transactions of the source are others than those in the log', {
    gtid: anchor?.gtid ?? '',
    seen: seen.gtid,
    difference,
  });
}

/** Pure: what tells `seen` from the transaction that the resume point ends with. */
export function differenceOf(
  seen: Seen,
  { anchor, file, fileS }: Resume,
  isSameServer: boolean,
): string | null {
  if (anchor) {
    if (seen.gtid !== anchor.gtid) return 'another number comes first';
    // A replica keeps the commit time of the original, but not the second of its event.
    const isComparable = isSameServer || anchor.stamp.startsWith('us:');
    if (isComparable && seen.stamp !== anchor.stamp) {
      return `committed at ${seen.stamp}, not at ${anchor.stamp}`;
    }
  }
  if (isSameServer && fileS && seen.file === file && seen.fileS !== fileS) {
    return `${file} was begun at second ${seen.fileS}, not ${fileS}`;
  }
  // A second is long: a server that was reset may have come to the same number within it.
  const isInFile = isSameServer && seen.file === file && anchor?.stamp.startsWith('s:');
  if (isInFile && anchor?.pos && seen.pos !== anchor.pos) {
    return `it is at ${seen.pos} of ${file}, not at ${anchor.pos}`;
  }
  return null;
}

/**
 * Looks at the files while the stream is idle, until the signal. A dump of MySQL that waits at the
 * end of a file does not notice that the server began anew: it says nothing, until the new file is
 * as long as the old one was. `place` is null while events come.
 */
export async function watchFiles(
  at: ReadServer,
  place: () => { file: string; pos: number } | null,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(LOOK_MS, signal);
    const now = place();
    if (now === null || signal.aborted) continue;
    try {
      await refuseOtherFiles(at, now);
    } catch (e) {
      const error = asReshardError(e);
      if (error.kind === 'history-changed') throw error;
      // The stream itself tells of a server that is away; this is asked again.
      at.log.warn({ source: at.source.name }, `its binlogs cannot be listed: ${error.message}`);
    }
  }
}

async function refuseOtherFiles(
  at: ReadServer,
  resume: Pick<Resume, 'file' | 'pos'>,
): Promise<void> {
  const { source, log } = at;
  await using session = await MysqlSession.open(source, { role: 'admin', side: 'source', log });
  const rows = await session.query<{ Log_name: string; File_size: string | number }>(
    'SHOW BINARY LOGS',
  );
  const files = new Map(rows.map(r => [r.Log_name, Number(r.File_size)]));
  const fault = faultOfFiles(files, resume.file, resume.pos);
  if (fault !== null) throw changed(at, fault, { file: resume.file, position: resume.pos });
}

/** Pure: why these cannot be the files in which `file` was read up to `pos`. */
export function faultOfFiles(
  files: ReadonlyMap<string, number>,
  file: string,
  pos: number,
): string | null {
  const known = nameOf(file);
  if (known === null) return null;
  const size = files.get(file);
  if (size !== undefined)
    return size < pos ? 'the binlog is shorter than what we read of it' : null;
  const others = [...files.keys()].map(nameOf).filter(o => o?.base === known.base);
  // Under another name (log_bin was changed) nothing can be told.
  if (others.length === 0) return null;
  const isPurged = others.every(o => o !== null && o.index > known.index);
  return isPurged ? null : 'the binlog that we read is gone, and older ones are there';
}

function nameOf(file: string): { base: string; index: number } | null {
  const found = /^(.+)\.(\d+)$/.exec(file);
  return found ? { base: found[1] ?? '', index: Number(found[2]) } : null;
}

/**
 * Pure: whether what comes answers for the anchor. One server sends in the order of its own
 * commits, so the first of the anchor's source does; on a replica, or in a group, others may be
 * before it.
 */
export function answers(
  found: { source: string; number: number },
  anchor: { source: string; number: number },
  o: { isSameServer: boolean; nth: number },
): boolean {
  if (o.nth > OTHERS_MAX) return true;
  return found.source === anchor.source && (o.isSameServer || found.number === anchor.number);
}

/**
 * Asks for the transaction that we end with or, where none was read yet, for the file that we are
 * in; null if it is purged.
 */
async function sendAgain(
  at: ReadServer,
  executed: GtidSet,
  anchor: Anchor | null,
  isSameServer: boolean,
): Promise<Seen | null> {
  const { source, facts, log } = at;
  const gtid = anchor && parseGtid(anchor.gtid);
  const previous = anchor?.previous ? parseGtid(anchor.previous) : null;
  const context = { gtid: anchor?.gtid ?? '' };
  const answer = Promise.withResolvers<Seen>();
  let [file, fileS, nth, place] = ['', 0, 0, 0];
  const dump: BinlogDump = new BinlogDump({
    endpoint: source,
    serverId: facts.readerId,
    flavor: facts.flavor,
    watchdogMs: QUIET_MS,
    onEvent: event => {
      const { type } = event;
      if (event.logPos !== place) late.refresh();
      place = event.logPos;
      if (type === EVENT.ROTATE) ({ file } = readRotate(event));
      else if (type === EVENT.FORMAT_DESCRIPTION) fileS = event.timestamp;
      if (gtid === null) {
        if (fileS > 0) answer.resolve({ gtid: '', stamp: '', pos: 0, file, fileS });
        return;
      }
      const begun = transactionStart(event, dump);
      if (begun === null) return;
      nth += 1;
      if (!answers(begun.gtid, gtid, { isSameServer, nth })) return;
      const { stamp, pos } = begun;
      answer.resolve({ gtid: printGtid(begun.gtid, facts.flavor), stamp, pos, file, fileS });
    },
    onEnd: answer.reject,
  });
  answer.promise.catch(() => {});
  // It has come to its end without it; one that says nothing at all is the dump's own concern.
  const late = setTimeout(() => {
    answer.reject(changed(at, 'a transaction in the log does not come back', context));
  }, QUIET_MS);
  try {
    await dump.start(gtid === null ? executed : executed.without(gtid, previous));
    return await answer.promise;
  } catch (e) {
    const error = asReshardError(e);
    if (error.kind !== 'position-lost') throw error;
    if (!/purged/i.test(error.message)) throw changed(at, error.message, context);
    log.warn({ source: source.name, ...context }, 'its binlog is purged: the files must do');
    return null;
  } finally {
    clearTimeout(late);
    await dump.close();
  }
}

function changed(
  { source, facts }: ReadServer,
  message: string,
  context: Record<string, string | number>,
): ReshardError {
  const { host, port, name } = source;
  return new ReshardError('history-changed', message, {
    context: { source: name, host, port, serverUuid: facts.serverUuid, ...context },
    remedy:
      'the server was reset, restored from an older copy, or lost its newest transactions in a' +
      ' crash: `reshard recopy <job file> --source <name>` copies the tables anew and goes on from now',
  });
}
