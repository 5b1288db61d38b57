/**
 * The session of a fence: it holds a lock of the server under the job's name (GET_LOCK). Kafka's
 * fence keeps a control that was stopped from writing the state; it cannot keep it from a statement
 * to MySQL that it still has in its hands. So whoever opens a fence ends the session of the one
 * before and waits for the lock: that one's last statement is over then, and since its session is
 * gone it has no other.
 */
import { createHash } from 'node:crypto';
import type { JobSource } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { errnoOf } from '../../../shared/mysql/mysql-error.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

const NO_SUCH_THREAD = 1094;
const CONNECT_MS = 3000;
/** Longer than the longest try to freeze. */
const STATEMENT_MS = 15_000;
/** Until a session that was ended is gone. */
const TAKE_OVER_S = 10;

export async function openFenceSession(job: string, source: JobSource): Promise<MysqlSession> {
  const session = await MysqlSession.open(source, {
    role: 'admin',
    side: 'source',
    connectTimeoutMs: CONNECT_MS,
    statementTimeoutMs: STATEMENT_MS,
  });
  try {
    await takeLock(session, lockName(job, source.name));
  } catch (e) {
    session.destroy();
    throw e;
  }
  return session;
}

/**
 * False while a cutover of another job freezes this server; `siblings`: names of all sources of the
 * job.
 */
export async function claimServer(
  session: MysqlSession,
  job: string,
  siblings: readonly string[],
): Promise<boolean> {
  if (await getLock(session, SERVER_LOCK, 0)) return true;
  const holder = await holderOf(session, SERVER_LOCK);
  for (const name of siblings) {
    // Two sources of one job on one server.
    const own = await holderOf(session, lockName(job, name));
    if (holder !== null && own === holder) return true;
  }
  return false;
}

/** Transactions that the server has committed. */
export async function committed(session: MysqlSession): Promise<string> {
  const [row] = await session.query<{ gtid: string }>('SELECT @@global.gtid_executed AS gtid');
  return (row?.gtid ?? '').replaceAll(/\s/g, '');
}

/** Of a server: a freeze is of all of its databases, whichever job they are of. */
const SERVER_LOCK = 'reshard.freeze';

/** Names of locks are short, and of the server; two sources of a job may be on one server. */
function lockName(job: string, source: string): string {
  const hash = createHash('sha256').update(`${job}\0${source}`).digest('hex');
  return `reshard.${hash.slice(0, 32)}`;
}

async function getLock(session: MysqlSession, name: string, seconds: number): Promise<boolean> {
  const [row] = await session.query<{ got: string | number | null }>(
    'SELECT GET_LOCK(?, ?) AS got',
    [name, seconds],
  );
  return Number(row?.got) === 1;
}

/** Id of the session that has the lock; null for nobody. */
async function holderOf(session: MysqlSession, name: string): Promise<number | null> {
  const [row] = await session.query<{ id: string | null }>('SELECT IS_USED_LOCK(?) AS id', [name]);
  return row?.id ? Number(row.id) : null;
}

async function takeLock(session: MysqlSession, name: string): Promise<void> {
  if (await getLock(session, name, 0)) return;
  const holder = await holderOf(session, name);
  if (holder !== null) {
    await session.rawQuery(`KILL ${holder}`).catch(e => {
      if (errnoOf(e) !== NO_SUCH_THREAD) throw e;
    });
  }
  if (await getLock(session, name, TAKE_OVER_S)) return;
  throw new ReshardError('source', 'the session of the control before does not end', {
    context: session.where(),
  });
}
