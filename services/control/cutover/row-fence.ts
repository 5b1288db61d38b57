/**
 * The fence of a server of a cluster that grows: rows that move are refused there from now on, and
 * all others are written as ever (shared/mysql/row-fence.ts has the triggers). Its session is that
 * of every fence, so no control that was stopped takes down what the one after it has raised.
 *
 * A table's triggers are made one after the other: when the last one is there, every transaction
 * that has written rows that move has ended, and its rows are in what `position` answers.
 */
import type { JobSource } from '../../../shared/job/job.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { errnoOf, LOCK_WAIT_TIMEOUT } from '../../../shared/mysql/mysql-error.ts';
import {
  dropFence,
  type FencedTable,
  raiseFence,
  unfenced,
} from '../../../shared/mysql/row-fence.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { claimServer, committed, openFenceSession } from './fence-session.ts';
import { persistedReadOnly } from './server-look.ts';
import type { Fence, FenceState } from './site.ts';

/** What is dropped waits for transactions too; in between, writes that have waited go through. */
const DROP_SECONDS = 2;
const DROP_TRIES = 10;

/** The tables together have taken longer than one try may. */
class OutOfTime extends Error {
  override readonly name = 'out of time';
}

interface RowFenceOptions {
  job: string;
  source: JobSource;
  siblings: readonly string[];
  tables: readonly FencedTable[];
}

export class RowFence implements Fence {
  readonly source: string;
  /** A replica has the triggers of its source. */
  readonly isSigned = true;
  readonly byHand = 'SHOW TRIGGERS; and DROP TRIGGER of each reshard_fence_...';
  readonly #session: MysqlSession;
  readonly #o: RowFenceOptions;

  private constructor(session: MysqlSession, o: RowFenceOptions) {
    this.source = o.source.name;
    this.#session = session;
    this.#o = o;
  }

  static async open(o: RowFenceOptions): Promise<RowFence> {
    return new RowFence(await openFenceSession(o.job, o.source), o);
  }

  async look(): Promise<FenceState> {
    const session = this.#session;
    const [row] = await session.query<{ readOnly: string | number }>(
      'SELECT @@global.read_only AS readOnly',
    );
    const tables = this.#o.tables.map(t => t.table);
    return {
      serverUuid: await readServerUuid(session),
      isReadOnly: Number(row?.readOnly) !== 0,
      isFrozen: (await unfenced(session, this.#place, tables)).length === 0,
      preparedXa: (await session.query('XA RECOVER')).length,
      persisted: await persistedReadOnly(session),
    };
  }

  claim(): Promise<boolean> {
    const { job, siblings } = this.#o;
    return claimServer(this.#session, job, siblings);
  }

  /** The seconds are those of all tables together: what is promised does not grow with them. */
  async freeze(lockSeconds: number): Promise<boolean> {
    const end = performance.now() + lockSeconds * 1000;
    const limit = async (): Promise<void> => {
      const left = Math.ceil((end - performance.now()) / 1000);
      if (left <= 0) throw new OutOfTime();
      await this.#session.rawQuery(`SET SESSION lock_wait_timeout = ${left}`);
    };
    try {
      for (const table of this.#o.tables) {
        await raiseFence(this.#session, this.#place, table, limit);
      }
      return true;
    } catch (e) {
      if (!(e instanceof OutOfTime) && errnoOf(e) !== LOCK_WAIT_TIMEOUT) throw e;
      await this.#drop();
      return false;
    }
  }

  /** Triggers are there after a restart as before. */
  async persist(): Promise<void> {}

  async lift(): Promise<void> {
    await this.#drop();
  }

  /** The job file is refused: a cluster that grows has no way back. */
  letSinkThrough(): Promise<void> {
    throw new ReshardError('bug', 'a fence of rows lets no sink through');
  }

  position(): Promise<string> {
    return committed(this.#session);
  }

  async #drop(): Promise<void> {
    await this.#session.rawQuery(`SET SESSION lock_wait_timeout = ${DROP_SECONDS}`);
    for (const { table } of this.#o.tables) {
      for (let tried = 1; ; tried++) {
        try {
          await dropFence(this.#session, this.#place, table);
          break;
        } catch (e) {
          if (errnoOf(e) !== LOCK_WAIT_TIMEOUT || tried === DROP_TRIES) throw e;
        }
      }
    }
  }

  get #place(): { job: string; database: string } {
    return { job: this.#o.job, database: this.#o.source.database };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
  }
}
