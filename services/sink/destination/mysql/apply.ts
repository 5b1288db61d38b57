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
import { registryFrame } from '../../../../shared/codec/registry-frame.ts';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { FAILPOINTS, failpoint } from '../../../../shared/runtime/failpoint.ts';
import type { DeadLetter } from '../../dead-letter/dead-letter.ts';
import type { Batch } from '../../intake/batch.ts';
import { CLEAR, DELETE, type TableFold, UNREADABLE, UPSERT } from '../../intake/fold.ts';
import type { PartitionTask } from '../../intake/partition-task.ts';
import type { Refusal } from '../../intake/refusal.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import { isWaiting, type ParkedRow, type ReadRow, WaitingChange } from '../waiting.ts';
import type { DeadLetterStore } from './dead-letter-store.ts';
import type { OffsetTable } from './offset.ts';
import type { Acquired } from './owner.ts';
import type { ParkTable } from './park.ts';
import { OUTDATED, readAgain } from './read-again.ts';
import { type RecordList, some, someRows } from './record-list.ts';
import { refusalOf } from './refusal.ts';
import { FoldedRows, ParkedRows } from './row-lists.ts';
import type { Outcome, RowWriter } from './row-writer.ts';
import type { MysqlTable } from './table-statement.ts';

export interface ApplierOptions {
  writer: RowWriter;
  offsets: OffsetTable;
  parks: ParkTable;
  deadLetters: DeadLetterStore;
  tableOf: (table: SinkTable) => MysqlTable;
  /** max_allowed_packet of the server. */
  packetBytes: number;
  blockedMax: number;
  /** A row that waits longer for another source to let go of its key is a collision. */
  parkDeadlineMs: number;
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
    const folds = batch.folds();
    // All that goes before all that comes: what one source lets go another may bring.
    for (const fold of folds) {
      const table = tableOf(fold.table);
      await this.#unpark(fold, change);
      await this.#delete(table, fold);
      if (fold.countOf(UNREADABLE) > 0) await this.#block(table, fold, change);
    }
    for (const fold of folds) {
      const list = new FoldedRows(fold, UPSERT);
      await this.#upsert(tableOf(fold.table), list, change);
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
    const change = new WaitingChange(this.#o.blockedMax);
    const found = await parks.rows(this.#session, task, keys);
    const { rows, deletes, outdated } = readAgain(found);
    // A newer event of the key, or a repair of it, brings the row as it is now.
    for (const row of outdated) blockWaiting(row, 'refused', OUTDATED, change);
    const table = tableOf(task.table);
    const all = new ParkedRows(rows);
    const left = new Set<number>();
    const acquired = await this.#acquire(table, all.keys);
    for (const [i, owner] of acquired?.foreign ?? []) {
      left.add(i);
      this.#stillForeign(all.at(i), owner, change);
    }
    const list = acquired === null ? all : new ParkedRows(acquired.mine.map(i => all.at(i)));
    const placeOf = (i: number): number => acquired?.mine[i] ?? i;
    const outcome = retryOutcome(list, change, i => left.add(placeOf(i)));
    if (was === 'parked') await writer.insert(table, list, 0, list.rows.count, outcome);
    // Somebody may have put a row of his own in its place meanwhile.
    else await writer.upsert(table, list, outcome);
    const notHere = acquired?.mine.filter(i => left.has(i)) ?? [];
    await table.owners?.release(writer, some(all.keys, notHere));
    const back = [...deletes, ...rows.filter((_, i) => !left.has(i)).map(r => r.key)];
    await parks.remove(this.#session, task, back);
    if (back.length > 0) change.unpark(task, back);
    await this.#store(change);
    return change;
  }

  async #acquire(table: MysqlTable, keys: RecordList): Promise<Acquired | null> {
    if (table.owners === null) return null;
    return table.owners.acquire(this.#o.writer, table, keys);
  }

  /**
   * A row that was tried again, and whose key another source owns. One that has waited for its
   * unique value is not that key's owner any more: it has lost its key as well, and says so from
   * now on.
   */
  #stillForeign(row: ReadRow, owner: string, change: WaitingChange): void {
    if (row.reason === 'unique') {
      const why = heldBy(owner, row.task);
      if (row.why?.text !== why.text) change.park({ ...row, why });
      return;
    }
    if (row.reason !== 'owned') return;
    if (Date.now() - row.sinceMs < this.#o.parkDeadlineMs) return;
    blockWaiting(row, 'collision', heldBy(owner, row.task), change);
  }

  /** What goes: rows of the fold's own source, and by a tombstone those of nobody too. */
  async #delete(table: MysqlTable, fold: TableFold): Promise<void> {
    const { writer } = this.#o;
    const { owners } = table;
    const [deletes, clears] = [fold.countOf(DELETE), fold.countOf(CLEAR)];
    if (owners === null && !table.hasSpellings) {
      if (deletes + clears === 0) return;
      await writer.delete(table, new FoldedRows(fold, DELETE, CLEAR).keys);
      return;
    }
    if (deletes > 0) await this.#deleteOwned(table, new FoldedRows(fold, DELETE).keys);
    if (clears === 0) return;
    const keys = await this.#spelledSo(table, new FoldedRows(fold, CLEAR).keys);
    await this.#deleteUnlessForeign(table, keys);
  }

  /**
   * A tombstone says that its source lacks the key in this very spelling. The row that the target
   * has under another one is another event's matter, which may have come before: the server would
   * take it for the same key and delete it.
   */
  async #spelledSo(table: MysqlTable, keys: RecordList): Promise<RecordList> {
    if (!table.hasSpellings) return keys;
    const present = await this.#o.writer.present(table, keys);
    const places = Array.from({ length: keys.count }, (_, i) => i);
    return some(
      keys,
      places.filter(i => present.get(i)?.isSame !== false),
    );
  }

  /** Deletes rows by key, but not those of other sources. */
  async #deleteOwned(table: MysqlTable, keys: RecordList): Promise<void> {
    const { writer } = this.#o;
    const { owners } = table;
    if (owners === null) await writer.delete(table, keys);
    else if (table.mayTakeUnowned) await this.#deleteUnlessForeign(table, keys);
    else await writer.delete(table, await owners.releaseOwned(writer, keys));
  }

  /**
   * Of a leg that has begun with rows on the target. A key was at one source then, so a delete of
   * it comes from there, as long as no other source has brought it since, and owns it by that.
   */
  async #deleteUnlessForeign(table: MysqlTable, keys: RecordList): Promise<void> {
    const { writer } = this.#o;
    const { owners } = table;
    const free =
      owners === null ? keys : some(keys, (await owners.acquire(writer, table, keys)).mine);
    await writer.delete(table, free);
    await owners?.release(writer, free);
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

  async #upsert(table: MysqlTable, all: FoldedRows, change: WaitingChange): Promise<void> {
    if (all.count === 0) return;
    const { writer } = this.#o;
    const now = Date.now();
    const acquired = await this.#acquire(table, all.keys);
    for (const [i, owner] of acquired?.foreign ?? []) this.#foreign(all, i, owner, change);
    const mine = acquired?.mine;
    const placeOf = (i: number): number => mine?.[i] ?? i;
    const list = mine === undefined ? all : someRows(all, mine);
    const collided: number[] = [];
    const refused: number[] = [];
    await this.#deleteFolded(table, list.keys, i => all.isFolded(placeOf(i)));
    await writer.upsert(table, list, {
      collides: i => {
        change.park(all.parked(placeOf(i), now, 'unique', null));
        collided.push(i);
      },
      refuses: (i, error) => {
        const [place, why] = [placeOf(i), refusalOf(error)];
        const row = all.parked(place, now, 'refused', why);
        change.block(row, all.deadLetter(place, now, 'refused', why));
        refused.push(i);
      },
    });
    if (refused.length > 0) await writer.delete(table, some(list.keys, refused));
    await table.owners?.release(writer, some(list.keys, [...collided, ...refused]));
  }

  /**
   * A row that went and came again, as a repair has it, or was changed to and fro, must not be
   * found equal and left.
   */
  async #deleteFolded(
    table: MysqlTable,
    keys: RecordList,
    isFolded: (i: number) => boolean,
  ): Promise<void> {
    if (!table.keepsEqual) return;
    const places = Array.from({ length: keys.count }, (_, i) => i).filter(isFolded);
    if (places.length > 0) await this.#o.writer.delete(table, some(keys, places));
  }

  /** A row came whose key is in the table as another source's. */
  #foreign(list: FoldedRows, i: number, owner: string, change: WaitingChange): void {
    const now = Date.now();
    const row = list.parked(i, now, 'owned', null);
    const why = heldBy(owner, row.task);
    if (now - row.sinceMs < this.#o.parkDeadlineMs) {
      change.park({ ...row, why });
      return;
    }
    const letter = list.deadLetter(i, now, 'collision', why);
    change.block({ ...row, reason: 'collision', why }, letter);
  }

  /** Records that nobody can read. */
  async #block(table: MysqlTable, fold: TableFold, change: WaitingChange): Promise<void> {
    const list = new FoldedRows(fold, UNREADABLE);
    const now = Date.now();
    for (let i = 0; i < list.count; i++) {
      const why = list.unreadable(i);
      const letter = list.deadLetter(i, now, 'unreadable', why);
      change.block(list.parked(i, now, 'unreadable', why), letter);
    }
    await this.#deleteOwned(table, list.keys);
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

/** What becomes of rows of the park that cannot go in again. */
function retryOutcome(list: ParkedRows, change: WaitingChange, left: (i: number) => void): Outcome {
  const now = Date.now();
  return {
    collides: i => {
      left(i);
      const row = list.at(i);
      if (row.reason !== 'unique') {
        change.park({ ...row, reason: 'unique', why: null, sinceMs: now });
      } else if (row.why !== null) change.park({ ...row, why: null });
    },
    refuses: (i, error) => {
      left(i);
      const row = list.at(i);
      const why = refusalOf(error);
      if (isWaiting(row.reason)) blockWaiting(row, 'refused', why, change);
      else if (why.text !== row.why?.text) change.park({ ...row, reason: 'refused', why });
    },
  };
}

function heldBy(owner: string, { table }: PartitionTask): Refusal {
  const text = `source ${owner} has a row of the same key as source ${table.source}`;
  return { kind: 'collision', errno: null, text };
}

/** A row that has only waited until now: nobody was told of it, so it becomes a dead letter too. */
function blockWaiting(
  row: ParkedRow,
  reason: 'refused' | 'collision',
  why: Refusal,
  change: WaitingChange,
): void {
  const { task, offset, value } = row;
  const header = registryFrame(task.table.keySchemaId);
  const key = Buffer.concat([header, Buffer.from(row.key, 'latin1')]);
  const letter: DeadLetter = { task, offset, key, value, reason, why, sinceMs: Date.now() };
  change.block({ ...row, reason, why }, letter);
}
