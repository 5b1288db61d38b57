/**
 * The fence of a MySQL source: super_read_only, set by one session that holds a lock of the server
 * under the job's name (GET_LOCK). Kafka's fence keeps a control that was stopped from writing the
 * state; it cannot keep it from a statement to MySQL that it still has in its hands. So whoever
 * opens a fence ends the session of the one before and waits for the lock: that one's last
 * statement is over then, and since its session is gone it has no other.
 *
 * `SET GLOBAL super_read_only = ON` waits for statements that are running, and holds new ones up
 * while it waits: hence the short limit. Transactions that are open and idle do not hinder it;
 * their COMMIT is refused afterwards.
 */
import { createHash } from 'node:crypto';
import type { JobSource } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { errnoOf } from '../../../shared/mysql/mysql-error.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { persistedReadOnly } from './server-look.ts';
import type { Fence, FenceState } from './site.ts';

const LOCK_WAIT_TIMEOUT = 1205;
const NO_SUCH_THREAD = 1094;
const CONNECT_MS = 3000;
/** Longer than the longest try to freeze. */
const STATEMENT_MS = 15_000;
/** Until a session that was ended is gone. */
const TAKE_OVER_S = 10;
const NAMES = ['super_read_only', 'read_only'] as const;

export class MysqlFence implements Fence {
  readonly source: string;
  readonly #session: MysqlSession;
  /** Locks of all sources of the job. */
  readonly #own: readonly string[];

  private constructor(source: string, session: MysqlSession, own: readonly string[]) {
    this.source = source;
    this.#session = session;
    this.#own = own;
  }

  /** `siblings`: names of all sources of the job. */
  static async open(
    job: string,
    source: JobSource,
    siblings: readonly string[] = [source.name],
  ): Promise<MysqlFence> {
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
    const own = siblings.map(name => lockName(job, name));
    return new MysqlFence(source.name, session, own);
  }

  async look(): Promise<FenceState> {
    const [row] = await this.#session.query<Record<'readOnly' | 'frozen', string | number>>(
      'SELECT @@global.read_only AS readOnly, @@global.super_read_only AS frozen',
    );
    return {
      serverUuid: await readServerUuid(this.#session),
      isReadOnly: Number(row?.readOnly) !== 0 || Number(row?.frozen) !== 0,
      isFrozen: Number(row?.frozen) === 1,
      preparedXa: (await this.#session.query('XA RECOVER')).length,
      persisted: await persistedReadOnly(this.#session),
    };
  }

  async claim(): Promise<boolean> {
    if (await getLock(this.#session, SERVER_LOCK, 0)) return true;
    const holder = await holderOf(this.#session, SERVER_LOCK);
    for (const name of this.#own) {
      // Two sources of one job on one server.
      if (holder !== null && (await holderOf(this.#session, name)) === holder) return true;
    }
    return false;
  }

  async freeze(lockSeconds: number): Promise<boolean> {
    await this.#session.rawQuery(`SET SESSION lock_wait_timeout = ${lockSeconds}`);
    try {
      await this.#session.rawQuery('SET GLOBAL super_read_only = ON');
      return true;
    } catch (e) {
      if (errnoOf(e) !== LOCK_WAIT_TIMEOUT) throw e;
      // It may have got as far as read_only.
      await this.#open();
      return false;
    }
  }

  async persist(): Promise<void> {
    await this.#session.rawQuery('SET PERSIST super_read_only = ON');
  }

  async lift(persisted: Record<string, string>): Promise<void> {
    await this.#open();
    for (const name of NAMES) {
      await this.#session.rawQuery(
        persisted[name] === undefined
          ? `RESET PERSIST IF EXISTS ${name}`
          : `SET PERSIST ${name} = OFF`,
      );
    }
  }

  async position(): Promise<string> {
    const [row] = await this.#session.query<{ gtid: string }>(
      'SELECT @@global.gtid_executed AS gtid',
    );
    return (row?.gtid ?? '').replaceAll(/\s/g, '');
  }

  /** The other order would be an error: read_only cannot be off beneath super_read_only. */
  async #open(): Promise<void> {
    for (const name of NAMES) await this.#session.rawQuery(`SET GLOBAL ${name} = OFF`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
  }
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
