/**
 * A session of the sink on a MySQL or MariaDB target: one connection without autocommit. Everything
 * it does is one transaction that begins with the compare-and-set of the offset rows; a deadlock is
 * tried again here, a bounded number of times; what the server refuses becomes an answer, and what
 * it cannot answer is thrown.
 */
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { errnoOf, LOCK_WAIT_TIMEOUT } from '../../../../shared/mysql/mysql-error.ts';
import { sleep } from '../../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../../shared/runtime/error.ts';
import type { DeadLetter, DeadLetterQueue } from '../../dead-letter/dead-letter.ts';
import type { Batch } from '../../intake/batch.ts';
import { advanced, type PartitionTask, type TaskPosition } from '../../intake/partition-task.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import type { Applied, Claims, DestinationSession, RetryAttempt, SessionLimits } from '../port.ts';
import type { WaitingChange } from '../waiting.ts';
import { Applier } from './apply.ts';
import { claimTasks } from './claim.ts';
import type { MysqlDestination } from './mysql-destination.ts';
import { isOfData, ownTableGone, tellable } from './refusal.ts';
import { RowWriter } from './row-writer.ts';
import type { MysqlTable } from './table-statement.ts';

const STATEMENT_BYTES = 1024 * 1024;
const STATEMENT_ROWS = 2000;
/** A worker without work says something this often, before the server's wait_timeout. */
const SIGN_OF_LIFE_MS = 3000;
const LOCK_ATTEMPTS = 20;
const DEADLOCK = 1213;

export class MysqlDestinationSession implements DestinationSession {
  readonly deadLetters: DeadLetterQueue;
  readonly #session: MysqlSession;
  readonly #target: MysqlDestination;
  readonly #applier: Applier;
  readonly #tables = new Map<SinkTable, MysqlTable>();
  #aliveAt = 0;

  constructor(
    session: MysqlSession,
    target: MysqlDestination,
    o: SessionLimits & { packetBytes: number },
  ) {
    const { packetBytes, blockedKeys, parkDeadlineMs } = o;
    this.#session = session;
    this.#target = target;
    this.deadLetters = queueOf(session, target);
    this.#applier = new Applier(session, {
      writer: new RowWriter(session, { bytes: STATEMENT_BYTES, rows: STATEMENT_ROWS, packetBytes }),
      offsets: target.offsets,
      parks: target.parks,
      deadLetters: target.deadLetters,
      tableOf: table => this.#tableOf(table),
      packetBytes,
      blockedMax: blockedKeys,
      parkDeadlineMs,
    });
  }

  async claim(due: readonly PartitionTask[]): Promise<Claims> {
    if (due.some(t => t.error?.kind === 'too-large')) await this.#target.checkLimits(this.#session);
    return claimTasks(this.#session, this.#target, due, this.#tables);
  }

  async apply(batch: Batch): Promise<Applied> {
    for (let attempt = 1; ; attempt++) {
      try {
        const change = await this.#applier.apply(batch);
        return { outcome: 'applied', changes: [change], attempts: attempt };
      } catch (e) {
        await this.#rollBack(e);
        if (attempt < LOCK_ATTEMPTS && isPassing(e)) await pause(attempt);
        else return answerTo(e, null);
      }
    }
  }

  async retry({ tasks, was, keysOf }: RetryAttempt): Promise<Applied> {
    const stands = tasks.map(task => ({ ...task.position, task }));
    const changes: WaitingChange[] = [];
    let [current] = tasks;
    try {
      await this.#target.offsets.compareAndSet(this.#session, stands);
      for (const task of tasks) {
        current = task;
        const change = await this.#applier.retry(task, keysOf(task), was);
        if (!change.isEmpty) changes.push(change);
      }
      if (changes.length === 0) {
        await this.#session.rawQuery('ROLLBACK');
        return { outcome: 'nothing' };
      }
      await this.#applier.commit();
      for (const stand of stands) stand.task.position = advanced(stand);
      return { outcome: 'applied', changes, attempts: 1 };
    } catch (e) {
      await this.#rollBack(e);
      return isPassing(e) ? { outcome: 'nothing' } : answerTo(e, current ?? null);
    }
  }

  async positions(
    tasks: readonly PartitionTask[],
  ): Promise<ReadonlyMap<PartitionTask, TaskPosition>> {
    const found = await this.#target.offsets.read(this.#session, tasks);
    await this.#session.rawQuery('ROLLBACK');
    return found;
  }

  /** A table of ours that is gone is missed here, whether rows come or not. */
  async signOfLife(): Promise<void> {
    const now = performance.now();
    if (now - this.#aliveAt < SIGN_OF_LIFE_MS) return;
    this.#aliveAt = now;
    try {
      for (const { probe } of this.#target.ownTables) await this.#session.rawQuery(probe);
    } catch (e) {
      throw ownTableGone(e) ?? e;
    }
    await this.#session.rawQuery('ROLLBACK');
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  destroy(): void {
    this.#session.destroy();
  }

  #tableOf(table: SinkTable): MysqlTable {
    const known = this.#tables.get(table);
    if (known === undefined) throw new ReshardError('bug', `${table.name} was not inspected`);
    return known;
  }

  /** A connection that is gone has rolled back, or committed: nobody here can say which. */
  async #rollBack(e: unknown): Promise<void> {
    if (!this.#session.alive) throw e;
    await this.#session.rawQuery('ROLLBACK');
  }
}

function queueOf(session: MysqlSession, { deadLetters }: MysqlDestination): DeadLetterQueue {
  return {
    async oldest(task: PartitionTask, most: number): Promise<DeadLetter[]> {
      const found = await deadLetters.oldest(session, task, most);
      await session.rawQuery('ROLLBACK');
      return found;
    },
    async remove(task: PartitionTask, offsets: readonly number[]): Promise<void> {
      await deadLetters.remove(session, task, offsets);
      await session.rawQuery('COMMIT');
    },
  };
}

/** A deadlock or a lock wait. */
function isPassing(e: unknown): boolean {
  const errno = errnoOf(e);
  return errno === DEADLOCK || errno === LOCK_WAIT_TIMEOUT;
}

function pause(attempt: number): Promise<void> {
  return sleep(Math.min(2 ** attempt, 250) * (0.5 + Math.random() / 2));
}

/** Throws what is not about the data: then the connection or the server is the trouble. */
function answerTo(e: unknown, task: PartitionTask | null): Applied {
  if (e instanceof ReshardError && e.kind === 'fenced') return { outcome: 'fenced' };
  const gone = ownTableGone(e);
  if (gone !== null) throw gone;
  if (!isOfData(e)) throw e;
  return { outcome: 'refused', error: tellable(e), task };
}
