/**
 * The fence of a server on which nobody may set super_read_only: accounts are locked, and their
 * sessions ended (shared/mysql/account-fence.ts). Which ones is decided by the first look, and is
 * in the record of the cutover before the first of them is locked. Its session is that of every
 * fence, so no control that was stopped locks what the one after it has opened.
 */
import type { JobSource } from '../../../shared/job/job.ts';
import { readAccounts } from '../../../shared/mysql/account.ts';
import {
  type AccountRecord,
  type AccountWish,
  endSessions,
  lockAccounts,
  type OwnAccount,
  planAccounts,
  unlockedAccounts,
} from '../../../shared/mysql/account-fence.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { allows, readAccount } from '../../../shared/mysql/grant.ts';
import { errnoOf, LOCK_WAIT_TIMEOUT } from '../../../shared/mysql/mysql-error.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { claimServer, committed, openFenceSession } from './fence-session.ts';
import type { Fence, FenceState } from './site.ts';

interface AccountFenceOptions {
  job: string;
  source: JobSource;
  siblings: readonly string[];
  /** User names that Reshard works by. */
  users: ReadonlySet<string>;
  wish: AccountWish;
  /** Of a server that is fenced, or may be; null: it is to be. */
  record: AccountRecord | null;
}

export class AccountFence implements Fence {
  readonly source: string;
  /** A replica has the locks of its source. */
  readonly isSigned = true;
  readonly #session: MysqlSession;
  readonly #o: AccountFenceOptions;
  #record: AccountRecord | null;

  private constructor(session: MysqlSession, o: AccountFenceOptions) {
    this.source = o.source.name;
    this.#session = session;
    this.#o = o;
    this.#record = o.record;
  }

  static async open(o: AccountFenceOptions): Promise<AccountFence> {
    return new AccountFence(await openFenceSession(o.job, o.source), o);
  }

  get byHand(): string {
    return `ALTER USER ... ACCOUNT UNLOCK, of ${this.#record?.locked.join(', ') || 'none'}`;
  }

  async look(): Promise<FenceState> {
    const session = this.#session;
    const record = this.#record ?? (await this.#plan());
    const { users, source } = this.#o;
    const place = { database: source.database, users };
    const open = this.#record === null ? null : await unlockedAccounts(session, place, record);
    this.#record = record;
    const [row] = await session.query<{ readOnly: string | number }>(
      'SELECT @@global.read_only AS readOnly',
    );
    return {
      serverUuid: await readServerUuid(session),
      isReadOnly: Number(row?.readOnly) !== 0,
      isFrozen: open?.length === 0,
      preparedXa: (await session.query('XA RECOVER')).length,
      persisted: {},
      by: { kind: 'accounts', ...record, atMs: Date.now() },
      ...(open?.length ? { why: open.join(', ') } : {}),
    };
  }

  async #plan(): Promise<AccountRecord> {
    const session = this.#session;
    const { wish, users, source } = this.#o;
    const accounts = await readAccounts(session, source.database);
    const own: OwnAccount = { users, isSystem: await isSystem(session) };
    const { problems, ...record } = planAccounts(accounts, wish, own);
    if (problems.length === 0) return record;
    throw new ReshardError('server-setting', `accounts of ${this.source}: ${problems.join('; ')}`);
  }

  claim(): Promise<boolean> {
    const { job, siblings } = this.#o;
    return claimServer(this.#session, job, siblings);
  }

  /** Transactions of those whose sessions are ended are rolled back when it is done. */
  async freeze(lockSeconds: number): Promise<boolean> {
    const record = this.#known();
    const endMs = performance.now() + lockSeconds * 1000;
    try {
      await this.#session.rawQuery(`SET SESSION lock_wait_timeout = ${lockSeconds}`);
      await lockAccounts(this.#session, record.locked, 'LOCK');
      if (await endSessions(this.#session, record, endMs)) return true;
    } catch (e) {
      if (errnoOf(e) !== LOCK_WAIT_TIMEOUT) throw e;
    }
    await lockAccounts(this.#session, record.locked, 'UNLOCK');
    return false;
  }

  /** Locks are there after a restart as before. */
  async persist(): Promise<void> {}

  async lift(): Promise<void> {
    await lockAccounts(this.#session, this.#known().locked, 'UNLOCK');
  }

  /** It writes by an account that is not locked. */
  async letSinkThrough(): Promise<void> {}

  position(): Promise<string> {
    return committed(this.#session);
  }

  #known(): AccountRecord {
    if (this.#record !== null) return this.#record;
    throw new ReshardError('bug', `the accounts of ${this.source} were not looked at`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
  }
}

/** Whether this account may change those that have SYSTEM_USER; elsewhere there are none. */
async function isSystem(session: MysqlSession): Promise<boolean> {
  return allows((await readAccount(session)).grants, 'SYSTEM_USER');
}
