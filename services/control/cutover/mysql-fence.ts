/**
 * The fence of a MySQL source that is frozen as a whole: super_read_only, set by a session that no
 * other control can have (fence-session.ts).
 *
 * `SET GLOBAL super_read_only = ON` waits for statements that are running, and holds new ones up
 * while it waits: hence the short limit. Transactions that are open and idle do not hinder it;
 * their COMMIT is refused afterwards.
 */
import type { JobSource } from '../../../shared/job/job.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { errnoOf, LOCK_WAIT_TIMEOUT } from '../../../shared/mysql/mysql-error.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { claimServer, committed, openFenceSession } from './fence-session.ts';
import { foreignWriters, persistedReadOnly } from './server-look.ts';
import type { Fence, FenceState } from './site.ts';

const NAMES = ['super_read_only', 'read_only'] as const;

export class MysqlFence implements Fence {
  readonly source: string;
  readonly isSigned = false;
  readonly byHand =
    'SET GLOBAL super_read_only = OFF, read_only = OFF; RESET PERSIST IF EXISTS super_read_only;';
  readonly #session: MysqlSession;
  readonly #job: string;
  readonly #siblings: readonly string[];

  private constructor(
    source: string,
    session: MysqlSession,
    o: { job: string; siblings: readonly string[] },
  ) {
    this.source = source;
    this.#session = session;
    this.#job = o.job;
    this.#siblings = o.siblings;
  }

  /** `siblings`: names of all sources of the job. */
  static async open(
    job: string,
    source: JobSource,
    siblings: readonly string[] = [source.name],
  ): Promise<MysqlFence> {
    const session = await openFenceSession(job, source);
    return new MysqlFence(source.name, session, { job, siblings });
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

  claim(): Promise<boolean> {
    return claimServer(this.#session, this.#job, this.#siblings);
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

  /**
   * At no moment both are off: read_only is what stops everybody else from then on. It stops not
   * every account: a transaction of before the freeze might be committed then, and our sink would
   * wait for its locks.
   */
  async letSinkThrough(): Promise<void> {
    const writers = await foreignWriters(this.#session, this.#session.endpoint.user);
    if (writers.length > 0) {
      const threads = writers.map(w => `thread ${w.thread} (${w.seconds} s)`).join(', ');
      const what = `transactions of before the freeze are open on ${this.source}: ${threads}`;
      throw new ReshardError('source', what, { remedy: 'end them: KILL <thread>;' });
    }
    await this.#session.rawQuery('SET PERSIST read_only = ON');
    await this.#session.rawQuery('SET GLOBAL super_read_only = OFF');
    await this.#session.rawQuery('RESET PERSIST IF EXISTS super_read_only');
  }

  position(): Promise<string> {
    return committed(this.#session);
  }

  /** The other order would be an error: read_only cannot be off beneath super_read_only. */
  async #open(): Promise<void> {
    for (const name of NAMES) await this.#session.rawQuery(`SET GLOBAL ${name} = OFF`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
  }
}
