/**
 * A batch becomes one transaction of the target: offsets (compare-and-set, first, so that a stale
 * owner fails before it has touched a row), deletes, upserts, commit.
 *
 * Unique keys besides the primary key are the hard part. Keys of one table are spread over lanes
 * that are not in step, so a row may come while its unique value is still on a row of another key.
 * REPLACE would delete that row, a plain ON DUPLICATE KEY UPDATE would rewrite it: both lose it for
 * ever. Here the guarded upsert fails as a whole; then the batch's keys are deleted (their old
 * versions are void anyway), the rows inserted, the refused ones found by halving, and parked.
 */
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { errnoOf } from '../../shared/mysql/mysql-error.ts';
import { ByteWriter } from '../../shared/runtime/bytes.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Batch } from './batch.ts';
import type { TableFold } from './fold.ts';
import type { Lane } from './lane.ts';
import type { OffsetTable } from './offset.ts';
import type { ParkedRow, ParkTable } from './park.ts';
import type { SinkTable } from './table.ts';
import type { MysqlTable, Statement } from './target/mysql.ts';

const OUT_BYTES = 256 * 1024;
/** A huge row makes the statement buffer grow; it does not stay that big. */
const OUT_BYTES_MAX = 4 * 1024 * 1024;
const DUPLICATE = 1062;
const NULL_IN_KEY = 1048;

export interface StatementLimits {
  /** A statement ends with the row that passes this. */
  bytes: number;
  rows: number;
  /** max_allowed_packet of the server. */
  packetBytes: number;
}

/** Rows to insert, wherever they lie. */
interface RowList {
  readonly count: number;
  buf(i: number): Buffer;
  rowStart(i: number): number;
}

/** What the transaction did to the park; applied to the lanes after its commit. */
export interface ParkChange {
  parked: ParkedRow[];
  unparked: { lane: Lane; keys: string[] }[];
}

export class Applier {
  readonly #session: MysqlSession;
  readonly #offsets: OffsetTable;
  readonly #parks: ParkTable;
  readonly #limits: StatementLimits;
  readonly #tableOf: (table: SinkTable) => MysqlTable;
  #out = new ByteWriter(OUT_BYTES);

  constructor(
    session: MysqlSession,
    o: {
      offsets: OffsetTable;
      parks: ParkTable;
      limits: StatementLimits;
      tableOf: (table: SinkTable) => MysqlTable;
    },
  ) {
    this.#session = session;
    this.#offsets = o.offsets;
    this.#parks = o.parks;
    this.#limits = o.limits;
    this.#tableOf = o.tableOf;
  }

  /** Applies and commits; the session does not autocommit. Throws with the transaction open. */
  async apply(batch: Batch): Promise<ParkChange> {
    const change: ParkChange = { parked: [], unparked: [] };
    await this.#offsets.compareAndSet(this.#session, batch.steps);
    for (const fold of batch.folds()) {
      await this.#unpark(fold, change);
      const rows = await this.#deleteAndList(fold);
      await this.#upsert(this.#tableOf(fold.table), rows, change);
    }
    if (change.parked.length > 0) {
      await this.#parks.put(this.#session, change.parked);
      failpoint(FAILPOINTS.sinkMidPark);
    }
    await this.commit();
    if (this.#out.buf.length > OUT_BYTES_MAX) this.#out = new ByteWriter(OUT_BYTES);
    return change;
  }

  async commit(): Promise<void> {
    failpoint(FAILPOINTS.sinkBeforeCommit);
    await this.#session.rawQuery('COMMIT');
    failpoint(FAILPOINTS.sinkAfterCommit);
  }

  /** Tries to put parked rows of a lane back; the caller holds the lane's offset row. */
  async retry(lane: Lane, keys: readonly string[]): Promise<string[]> {
    const parked = await this.#parks.rows(this.#session, lane, keys);
    const list: RowList = {
      count: parked.length,
      buf: i => (parked[i] as ParkedRow).row,
      rowStart: () => 0,
    };
    const refused = new Set<number>();
    await this.#insert(this.#tableOf(lane.table), list, 0, list.count, i => refused.add(i));
    const back = parked.filter((_, i) => !refused.has(i)).map(p => p.key);
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

  /** Deletes the keys that leave; returns the others. */
  async #deleteAndList(fold: TableFold): Promise<FoldedRows> {
    const rows = new FoldedRows(fold);
    if (fold.deletes > 0) {
      const keys = rows.deletes();
      await this.#deleteKeys(fold, keys, 0);
    }
    return rows;
  }

  async #deleteKeys(fold: TableFold, entries: readonly number[], from: number): Promise<void> {
    const statement = this.#tableOf(fold.table).delete;
    const list: RowList = {
      count: entries.length,
      buf: i => fold.buf(entries[i] as number),
      rowStart: i => fold.keyStart(entries[i] as number),
    };
    for (let i = from; i < list.count; ) i = await this.#run(statement, list, i, list.count);
  }

  async #upsert(table: MysqlTable, rows: FoldedRows, change: ParkChange): Promise<void> {
    let i = 0;
    try {
      while (i < rows.count) i = await this.#run(table.upsert, rows, i, rows.count);
    } catch (e) {
      if (!table.hasUniques || !isCollision(e)) throw e;
      await this.#deleteKeys(rows.fold, rows.entries, i);
      const sinceMs = Date.now();
      await this.#insert(table, rows, i, rows.count, j => {
        change.parked.push(rows.parked(j, sinceMs));
      });
    }
  }

  /** Inserts rows [from, to); rows that collide with others are told to `refuse`. */
  async #insert(
    table: MysqlTable,
    rows: RowList,
    from: number,
    to: number,
    refuse: (i: number) => void,
  ): Promise<void> {
    for (let i = from; i < to; ) {
      const end = this.#fill(table.insert, rows, i, to);
      try {
        await this.#send(table.insert);
      } catch (e) {
        if (errnoOf(e) !== DUPLICATE) throw e;
        if (end - i === 1) refuse(i);
        else {
          const half = i + ((end - i) >> 1);
          await this.#insert(table, rows, i, half, refuse);
          await this.#insert(table, rows, half, end, refuse);
        }
      }
      i = end;
    }
  }

  /** Sends one statement of rows from `from`; returns the first row that did not fit. */
  async #run(statement: Statement, rows: RowList, from: number, to: number): Promise<number> {
    const end = this.#fill(statement, rows, from, to);
    await this.#send(statement);
    return end;
  }

  #fill(statement: Statement, rows: RowList, from: number, to: number): number {
    const out = this.#out;
    const { bytes, packetBytes } = this.#limits;
    const room = packetBytes - statement.shape.suffix.length - 16;
    const last = Math.min(to, from + this.#limits.rows);
    statement.begin(out);
    let i = from;
    for (; i < last && (i === from || out.pos < bytes); i++) {
      const before = out.pos;
      statement.add(out, rows.buf(i), rows.rowStart(i), i === from);
      if (out.pos <= room) continue;
      if (i === from) throw tooLarge(out.pos, packetBytes);
      out.pos = before;
      break;
    }
    return i;
  }

  async #send(statement: Statement): Promise<void> {
    await this.#session.rawQuery(statement.end(this.#out));
  }
}

/** The upserts of a fold as a list of rows. */
class FoldedRows implements RowList {
  readonly fold: TableFold;
  /** Entries of the fold. */
  readonly entries: number[] = [];
  readonly #deletes: number[] = [];

  constructor(fold: TableFold) {
    this.fold = fold;
    for (let i = 0; i < fold.count; i++) (fold.isUpsert(i) ? this.entries : this.#deletes).push(i);
  }

  get count(): number {
    return this.entries.length;
  }

  deletes(): number[] {
    return this.#deletes;
  }

  buf(i: number): Buffer {
    return this.fold.buf(this.entries[i] as number);
  }

  rowStart(i: number): number {
    return this.fold.rowStart(this.entries[i] as number);
  }

  parked(i: number, sinceMs: number): ParkedRow {
    const { fold } = this;
    const entry = this.entries[i] as number;
    const buf = fold.buf(entry);
    const lane = fold.lane(entry);
    const key = fold.keyText(entry);
    return {
      lane,
      key,
      offset: fold.offset(entry),
      // A key whose every new version collides does not get younger by it.
      sinceMs: lane.parked.get(key)?.sinceMs ?? sinceMs,
      row: buf.subarray(fold.rowStart(entry), fold.rowEnd(entry)),
    };
  }
}

function isCollision(e: unknown): boolean {
  const errno = errnoOf(e);
  return errno === DUPLICATE || errno === NULL_IN_KEY;
}

function tooLarge(bytes: number, packetBytes: number): ReshardError {
  return new ReshardError('too-large', 'a row is larger than the target takes in one statement', {
    context: { bytes, max_allowed_packet: packetBytes },
    remedy: 'raise max_allowed_packet on the target: SET GLOBAL max_allowed_packet = 1073741824',
  });
}
