/**
 * A batch becomes one transaction of the target: offsets (compare-and-set, first, so that a stale
 * owner fails before it has touched a row), deletes, upserts, what has to wait, commit.
 *
 * Unique keys besides the primary key are the hard part. Keys of one table are spread over
 * partition tasks that are not in step, so a row may come while its unique value is still on a row
 * of another key. REPLACE would delete that row, a plain ON DUPLICATE KEY UPDATE would rewrite it:
 * both lose it for ever. Here the guarded upsert fails as a whole; then the batch's keys are
 * deleted (their old versions are void anyway), the rows inserted, and those that collide are
 * parked.
 *
 * A row that the target refuses by itself, and a record that nobody can read, block their key: the
 * row waits in the park, its record goes to the dead letters, and the rest of the batch goes in.
 */
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { FAILPOINTS, failpoint } from '../../../../shared/runtime/failpoint.ts';
import type { Batch } from '../../batch.ts';
import type { DeadLetterStore } from '../../dead-letter/dead-letter-store.ts';
import { DELETE, type TableFold, UNREADABLE, UPSERT } from '../../fold.ts';
import type { PartitionTask } from '../../intake/partition-task.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import type { OffsetTable } from './offset.ts';
import type { ParkTable } from './park.ts';
import { readAgain } from './read-again.ts';
import { refusalOf } from './refusal.ts';
import { FoldedRows, ParkedRows, some } from './row-lists.ts';
import type { Outcome, RowWriter } from './row-writer.ts';
import type { MysqlTable } from './table-statement.ts';
import { WaitingChange } from './waiting.ts';

export interface ApplierOptions {
  writer: RowWriter;
  offsets: OffsetTable;
  parks: ParkTable;
  deadLetters: DeadLetterStore;
  tableOf: (table: SinkTable) => MysqlTable;
  /** max_allowed_packet of the server. */
  packetBytes: number;
  blockedMax: number;
}

export class Applier {
  readonly #session: MysqlSession;
  readonly #o: ApplierOptions;

  constructor(session: MysqlSession, o: ApplierOptions) {
    this.#session = session;
    this.#o = o;
  }

  /** Applies and commits; the session does not autocommit. Throws with the transaction open. */
  async apply(batch: Batch): Promise<WaitingChange> {
    const { offsets, writer, tableOf } = this.#o;
    const change = new WaitingChange(this.#o.blockedMax);
    await offsets.compareAndSet(this.#session, batch.steps);
    for (const fold of batch.folds()) {
      const table = tableOf(fold.table);
      await this.#unpark(fold, change);
      if (fold.countOf(DELETE) > 0) {
        await writer.run(table.delete, new FoldedRows(fold, DELETE).keys);
      }
      if (fold.countOf(UNREADABLE) > 0) await this.#block(table, fold, change);
      await this.#upsert(table, new FoldedRows(fold, UPSERT), change);
    }
    await this.#store(change);
    await this.commit();
    writer.shrink();
    return change;
  }

  async commit(): Promise<void> {
    failpoint(FAILPOINTS.sinkBeforeCommit);
    await this.#session.rawQuery('COMMIT');
    failpoint(FAILPOINTS.sinkAfterCommit);
  }

  /**
   * Tries to put rows of a partition task back, all parked or all of blocked keys; the caller holds
   * the partition task's offset row and commits. What comes back, or waits for something else now,
   * is in the answer.
   */
  async retry(
    task: PartitionTask,
    keys: readonly string[],
    was: 'parked' | 'blocked',
  ): Promise<WaitingChange> {
    const { parks, tableOf, writer } = this.#o;
    const change = new WaitingChange(Number.POSITIVE_INFINITY);
    const { rows, deletes } = readAgain(task, await parks.rows(this.#session, task, keys));
    const table = tableOf(task.table);
    const list = new ParkedRows(rows);
    const left = new Set<number>();
    const now = Date.now();
    const outcome: Outcome = {
      collides: i => {
        left.add(i);
        const row = list.at(i);
        if (row.reason !== 'unique') {
          change.park({ ...row, reason: 'unique', why: null, sinceMs: now });
        }
      },
      refuses: (i, error) => {
        left.add(i);
        const row = list.at(i);
        // The target was changed since it was parked, and its record is not at hand for a dead
        // letter.
        if (row.reason === 'unique') throw error;
        const why = refusalOf(error);
        if (why.text !== row.why?.text) change.park({ ...row, reason: 'refused', why });
      },
    };
    if (was === 'parked') await writer.insert(table, list, 0, list.rows.count, outcome);
    // Somebody may have put a row of his own in its place meanwhile.
    else await writer.upsert(table, list, outcome);
    const back = [...deletes, ...rows.filter((_, i) => !left.has(i)).map(r => r.key)];
    await parks.remove(this.#session, task, back);
    if (back.length > 0) change.unpark(task, back);
    await this.#store(change);
    return change;
  }

  /** Newer events of parked keys take their place: the park forgets them. */
  async #unpark(fold: TableFold, change: WaitingChange): Promise<void> {
    const byTask = new Map<PartitionTask, string[]>();
    for (let i = 0; i < fold.count; i++) {
      const task = fold.task(i);
      if (task.parked.size === 0 && task.blocked.size === 0) continue;
      const key = fold.keyText(i);
      if (task.waitsSince(key) === undefined) continue;
      const keys = byTask.get(task);
      if (keys === undefined) byTask.set(task, [key]);
      else keys.push(key);
    }
    for (const [task, keys] of byTask) {
      await this.#o.parks.remove(this.#session, task, keys);
      change.unpark(task, keys);
    }
  }

  async #upsert(table: MysqlTable, list: FoldedRows, change: WaitingChange): Promise<void> {
    const { writer } = this.#o;
    const now = Date.now();
    const refused: number[] = [];
    await writer.upsert(table, list, {
      collides: i => change.park(list.parked(i, now, 'unique', null)),
      refuses: (i, error) => {
        const why = refusalOf(error);
        change.block(list.parked(i, now, 'refused', why), list.deadLetter(i, now, why));
        refused.push(i);
      },
    });
    if (refused.length > 0) await writer.run(table.delete, some(list.keys, refused));
  }

  /** Records that nobody can read. */
  async #block(table: MysqlTable, fold: TableFold, change: WaitingChange): Promise<void> {
    const list = new FoldedRows(fold, UNREADABLE);
    const now = Date.now();
    for (let i = 0; i < list.count; i++) {
      const why = list.unreadable(i);
      change.block(list.parked(i, now, 'unreadable', why), list.deadLetter(i, now, why));
    }
    await this.#o.writer.run(table.delete, list.keys);
  }

  async #store(change: WaitingChange): Promise<void> {
    if (change.parked.length === 0) return;
    const { parks, deadLetters, packetBytes } = this.#o;
    await parks.put(this.#session, change.parked, packetBytes);
    failpoint(FAILPOINTS.sinkMidPark);
    if (change.deadLetters.length > 0) {
      await deadLetters.put(this.#session, change.deadLetters, packetBytes);
    }
  }
}
