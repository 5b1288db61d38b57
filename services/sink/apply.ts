/**
 * A batch becomes one transaction of the target: offsets (compare-and-set, first, so that a stale
 * owner fails before it has touched a row), deletes, upserts, commit.
 *
 * Unique keys besides the primary key are the hard part. Keys of one table are spread over lanes
 * that are not in step, so a row may come while its unique value is still on a row of another key.
 * REPLACE would delete that row, a plain ON DUPLICATE KEY UPDATE would rewrite it: both lose it for
 * ever. Here the guarded upsert fails as a whole; then the batch's keys are deleted (their old
 * versions are void anyway), the rows inserted, and those that collide are parked.
 */
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { errnoOf } from '../../shared/mysql/mysql-error.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Batch } from './batch.ts';
import type { TableFold } from './fold.ts';
import type { Lane } from './lane.ts';
import type { OffsetTable } from './offset.ts';
import type { ParkedRow, ParkTable } from './park.ts';
import { DUPLICATE, type RecordList, type RowList, type RowWriter } from './row-writer.ts';
import type { SinkTable } from './table.ts';
import type { MysqlTable } from './target/mysql.ts';

/** The guard of an upsert (target/mysql.ts) fails by one of these. */
const NULL_IN_KEY = 1048;
const OUT_OF_RANGE = 1690;

/** What the transaction did to the park; applied to the lanes after its commit. */
export interface ParkChange {
  parked: ParkedRow[];
  unparked: { lane: Lane; keys: string[] }[];
}

export class Applier {
  readonly #session: MysqlSession;
  readonly #writer: RowWriter;
  readonly #offsets: OffsetTable;
  readonly #parks: ParkTable;
  readonly #tableOf: (table: SinkTable) => MysqlTable;

  constructor(
    session: MysqlSession,
    o: {
      writer: RowWriter;
      offsets: OffsetTable;
      parks: ParkTable;
      tableOf: (table: SinkTable) => MysqlTable;
    },
  ) {
    this.#session = session;
    this.#writer = o.writer;
    this.#offsets = o.offsets;
    this.#parks = o.parks;
    this.#tableOf = o.tableOf;
  }

  /** Applies and commits; the session does not autocommit. Throws with the transaction open. */
  async apply(batch: Batch): Promise<ParkChange> {
    const change: ParkChange = { parked: [], unparked: [] };
    await this.#offsets.compareAndSet(this.#session, batch.steps);
    for (const fold of batch.folds()) {
      const table = this.#tableOf(fold.table);
      await this.#unpark(fold, change);
      if (fold.deletes > 0) await this.#writer.run(table.delete, new FoldedRows(fold, false).keys);
      await this.#upsert(table, new FoldedRows(fold, true), change);
    }
    if (change.parked.length > 0) {
      await this.#parks.put(this.#session, change.parked);
      failpoint(FAILPOINTS.sinkMidPark);
    }
    await this.commit();
    this.#writer.shrink();
    return change;
  }

  async commit(): Promise<void> {
    failpoint(FAILPOINTS.sinkBeforeCommit);
    await this.#session.rawQuery('COMMIT');
    failpoint(FAILPOINTS.sinkAfterCommit);
  }

  /** Tries to put parked rows of a lane back; the caller holds the lane's offset row. */
  async retry(lane: Lane, keys: readonly string[]): Promise<string[]> {
    const parked = new ParkedRows(await this.#parks.rows(this.#session, lane, keys));
    const refused = new Set<number>();
    await this.#writer.insert(this.#tableOf(lane.table), parked, 0, i => refused.add(i));
    const back = parked.list.filter((_, i) => !refused.has(i)).map(p => p.key);
    await this.#parks.remove(this.#session, lane, back);
    return back;
  }

  /** Newer events of parked keys take their place: the park forgets them. */
  async #unpark(fold: TableFold, change: ParkChange): Promise<void> {
    const byLane = new Map<Lane, string[]>();
    for (let i = 0; i < fold.count; i++) {
      const lane = fold.lane(i);
      if (lane.parked.size === 0) continue;
      const key = fold.keyText(i);
      if (!lane.parked.has(key)) continue;
      const keys = byLane.get(lane);
      if (keys === undefined) byLane.set(lane, [key]);
      else keys.push(key);
    }
    for (const [lane, keys] of byLane) {
      await this.#parks.remove(this.#session, lane, keys);
      change.unparked.push({ lane, keys });
    }
  }

  async #upsert(table: MysqlTable, list: FoldedRows, change: ParkChange): Promise<void> {
    const writer = this.#writer;
    let i = 0;
    try {
      while (i < list.rows.count) i = await writer.runOnce(table.upsert, list.rows, i);
    } catch (e) {
      if (!table.hasUniques || !isCollision(e)) throw e;
      await writer.run(table.delete, list.keys, i);
      const now = Date.now();
      await writer.insert(table, list, i, j => change.parked.push(list.parked(j, now)));
    }
  }
}

/** The upserts of a fold, or its deletes. */
class FoldedRows implements RowList {
  readonly rows: RecordList;
  readonly keys: RecordList;
  readonly #fold: TableFold;
  readonly #entries: number[] = [];

  constructor(fold: TableFold, upserts: boolean) {
    const entries = this.#entries;
    this.#fold = fold;
    for (let i = 0; i < fold.count; i++) if (fold.isUpsert(i) === upserts) entries.push(i);
    const count = entries.length;
    const buf = (i: number): Buffer => fold.buf(entries[i] as number);
    this.rows = { count, buf, start: i => fold.rowStart(entries[i] as number) };
    this.keys = { count, buf, start: i => fold.keyStart(entries[i] as number) };
  }

  keyText(i: number): string {
    return this.#fold.keyText(this.#entries[i] as number);
  }

  parked(i: number, nowMs: number): ParkedRow {
    const fold = this.#fold;
    const entry = this.#entries[i] as number;
    const lane = fold.lane(entry);
    const key = fold.keyText(entry);
    return {
      lane,
      key,
      offset: fold.offset(entry),
      // A key whose every new version collides does not get younger by it.
      sinceMs: lane.parked.get(key)?.sinceMs ?? nowMs,
      row: fold.buf(entry).subarray(fold.rowStart(entry), fold.rowEnd(entry)),
    };
  }
}

/** Rows that come back from the park. */
class ParkedRows implements RowList {
  readonly list: readonly ParkedRow[];
  readonly rows: RecordList;
  readonly keys: RecordList;

  constructor(list: readonly ParkedRow[]) {
    this.list = list;
    const count = list.length;
    this.rows = { count, buf: i => this.#at(i).row, start: () => 0 };
    this.keys = { count, buf: i => Buffer.from(this.#at(i).key, 'latin1'), start: () => 0 };
  }

  keyText(i: number): string {
    return this.#at(i).key;
  }

  #at(i: number): ParkedRow {
    return this.list[i] as ParkedRow;
  }
}

function isCollision(e: unknown): boolean {
  const errno = errnoOf(e);
  return errno === DUPLICATE || errno === NULL_IN_KEY || errno === OUT_OF_RANGE;
}
