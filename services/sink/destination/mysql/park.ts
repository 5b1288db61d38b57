/**
 * Parked rows: the rows that cannot be in their table yet. They wait in the target, in table
 * reshard_park, written in the transaction that passed their event, and an older version of them is
 * not in the table meanwhile. The reasons:
 * - `unique`: the row's unique value is still held by a row of another key. Keys are spread over
 *   partitions, so the other key's event may be far behind in another partition task. That the
 *   older version is gone is what breaks swaps and cycles. Meanwhile another source may bring a row
 *   of its key: then `error` says which.
 * - `owned`: the key is in the table as a row of another source (owner.ts). If the row has moved
 *   between the sources, the other one's delete will come.
 * - `collision`: the same past its deadline: both sources have the key. Blocked.
 * - `refused`: the target refuses the row by itself. Its key is blocked, until a newer event of it
 *   comes or the target takes the row; the rest of the partition task flows. The older version is
 *   gone so that nobody takes it for the newest one, and so that it holds no unique value back.
 * - `unreadable`: nobody can read the record. Blocked in the same way, on every target, since it
 *   might have said anything.
 * The record's whole value is kept, whatever the reason: what only waits today may be refused
 * tomorrow, and then its record belongs to the dead letters.
 *
 * A row in the park belongs to the owner of its partition task, which alone puts it back or
 * replaces it, and only in transactions that hold the partition task's offset row: the same fence
 * as for everything else. The partition task's `parked` and `blocked` are copies of the keys:
 * exact, because claiming a partition task fences other writers.
 */
import { schemaIdIn } from '../../../../shared/codec/registry-frame.ts';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { quoteText } from '../../../../shared/mysql/identifier.ts';
import { parkTable } from '../../../../shared/mysql/target-state.ts';
import { type ErrorKind, ReshardError } from '../../../../shared/runtime/error.ts';
import { nothingWaits, type PartitionTask, type Waiting } from '../../intake/partition-task.ts';
import type { Refusal } from '../../intake/refusal.ts';
import { isWaiting, keyHash, type ParkedRow, type ParkReason } from '../waiting.ts';
import { addColumns, OWNER_COLUMNS, type RowOwner, refuseForeignRow } from './row-owner.ts';

/**
 * More than this in one partition task is no passing collision but two data sets that do not fit.
 */
const PARKED_MAX = 50_000;
/** Keys or rows of one statement. */
const CHUNK = 200;
/** Bytes of a statement around its rows, at most. */
const FRAME = 2000;
/** A statement of several rows is not larger. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Columns that the first versions of the table lack. */
const NEWER = [
  `reason VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'unique'
     COMMENT 'unique, owned: waits; refused, unreadable, collision: the key is blocked'`,
  'kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL',
  'errno INT NULL',
  `error TEXT CHARACTER SET utf8mb4 NULL COMMENT 'why, without values'`,
  ...OWNER_COLUMNS,
];

interface ParkRow {
  topic: string;
  part: string | number;
  row_key: Buffer;
  record_offset: string | number;
  since_ms: string | number;
  reason: ParkReason;
  kind: ErrorKind | null;
  errno: string | number | null;
  error: string | null;
  job_id: string;
  target: string;
}

export class ParkTable {
  /** Its qualified name. */
  readonly table: string;
  /** Fails where the table is missing, or is of an older version. */
  readonly probe: string;
  readonly #job: string;
  readonly #owner: RowOwner;

  constructor(database: string, owner: RowOwner) {
    this.table = parkTable(database);
    this.probe = `SELECT reason, kind, errno, error, job_id, target FROM ${this.table} LIMIT 0`;
    this.#job = quoteText(owner.job);
    this.#owner = owner;
  }

  async create(session: MysqlSession): Promise<void> {
    await session.rawQuery(`CREATE TABLE IF NOT EXISTS ${this.table} (
      job VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      part INT NOT NULL,
      key_hash BINARY(32) NOT NULL,
      row_key LONGBLOB NOT NULL COMMENT 'canonical bytes of the primary key',
      record_offset BIGINT NOT NULL COMMENT 'the event in the topic partition',
      schema_id INT NOT NULL,
      row_value LONGBLOB NOT NULL COMMENT 'of the event, as in the log',
      since_ms BIGINT NOT NULL,
      ${NEWER.join(',\n      ')},
      PRIMARY KEY (job, topic, part, key_hash)
    ) ENGINE=InnoDB COMMENT='reshard: rows that cannot be in their table yet'`);
  }

  /** Gives the table of an older version what it lacks. */
  upgrade(session: MysqlSession): Promise<void> {
    return addColumns(session, this.table, NEWER);
  }

  /** What is parked of the partition tasks, which the caller has just claimed. */
  async load(
    session: MysqlSession,
    tasks: readonly PartitionTask[],
  ): Promise<Map<PartitionTask, Waiting>> {
    const byName = new Map(tasks.map(l => [l.name, nothingWaits()]));
    const rows = await session.query<ParkRow>(
      `SELECT topic, part, row_key, record_offset, since_ms, reason, kind, errno, error,
       job_id, target FROM ${this.table} WHERE job = ${this.#job} AND (${tasks.map(placeOf).join(' OR ')})`,
    );
    for (const r of rows) {
      refuseForeignRow(r, this.table, this.#owner);
      const waiting = byName.get(`${r.topic}[${r.part}]`);
      const key = r.row_key.toString('latin1');
      const parked = { sinceMs: Number(r.since_ms), offset: Number(r.record_offset) };
      const { reason } = r;
      if (reason === 'unique') {
        waiting?.parked.set(key, r.error === null ? parked : { ...parked, why: whyOf(r) });
      } else if (reason === 'owned') waiting?.parked.set(key, { ...parked, why: whyOf(r) });
      else waiting?.blocked.set(key, { ...parked, reason, why: whyOf(r) });
    }
    return new Map(tasks.map(l => [l, byName.get(l.name) ?? nothingWaits()]));
  }

  /** Stores rows; a key that is parked already gets the newer row and keeps its age. */
  async put(session: MysqlSession, rows: readonly ParkedRow[], maxBytes: number): Promise<void> {
    for (const r of rows) {
      if (!isWaiting(r.reason)) continue;
      if (r.task.parked.size < PARKED_MAX || r.task.parked.has(r.key)) continue;
      const what = r.reason === 'unique' ? 'unique values' : 'keys that another source holds';
      throw new ReshardError('collision', `more than ${PARKED_MAX} rows wait for ${what}`, {
        context: { table: r.task.table.name, partition: r.task.partition },
        remedy: 'look for rows with the same key or unique value on the sources and on the target',
      });
    }
    const values = rows.map(r => {
      const { task, key, why } = r;
      const place = `${this.#job},${quoteText(task.topic)},${task.partition}`;
      const hex = Buffer.from(key, 'latin1').toString('hex');
      const schemaId = schemaIdIn(r.value, 0, r.value.length) ?? 0;
      const value = `${schemaId},x'${r.value.toString('hex')}'`;
      const told = why === null ? 'NULL,NULL,NULL' : refusalText(why);
      const { jobId, target } = this.#owner;
      const reason = `${quoteText(r.reason)},${told},${quoteText(jobId)},${quoteText(target)}`;
      return `(${place},${hashLiteral(key)},x'${hex}',${r.offset},${value},${r.sinceMs},${reason})`;
    });
    for (const piece of pieces(values, maxBytes)) {
      await session.rawQuery(
        `INSERT INTO ${this.table} (job, topic, part, key_hash, row_key, record_offset,
         schema_id, row_value, since_ms, reason, kind, errno, error, job_id, target)
         VALUES ${piece} ON DUPLICATE KEY UPDATE record_offset = VALUES(record_offset),
         schema_id = VALUES(schema_id), row_value = VALUES(row_value), reason = VALUES(reason),
         kind = VALUES(kind), errno = VALUES(errno), error = VALUES(error)`,
      );
    }
  }

  async remove(session: MysqlSession, task: PartitionTask, keys: readonly string[]): Promise<void> {
    for (let i = 0; i < keys.length; i += CHUNK) {
      const hashes = keys.slice(i, i + CHUNK).map(hashLiteral);
      await session.rawQuery(
        `DELETE FROM ${this.table} WHERE job = ${this.#job} AND ${placeOf(task)}
         AND key_hash IN (${hashes.join(',')})`,
      );
    }
  }

  /** Forgets all that waits: every row comes once more. */
  async clear(session: MysqlSession, task: PartitionTask): Promise<void> {
    await session.rawQuery(
      `DELETE FROM ${this.table} WHERE job = ${this.#job} AND ${placeOf(task)}`,
    );
  }

  /** What waits of some keys of a partition task. */
  async rows(
    session: MysqlSession,
    task: PartitionTask,
    keys: readonly string[],
  ): Promise<ParkedRow[]> {
    const found = await session.query<ParkRow & { row_value: Buffer }>(
      `SELECT topic, part, row_key, record_offset, since_ms, row_value, reason,
       kind, errno, error, job_id, target
       FROM ${this.table} WHERE job = ${this.#job} AND ${placeOf(task)}
       AND key_hash IN (${keys.map(hashLiteral).join(',')})`,
    );
    return found.map(r => ({
      task,
      key: r.row_key.toString('latin1'),
      offset: Number(r.record_offset),
      sinceMs: Number(r.since_ms),
      reason: r.reason,
      why: r.reason === 'unique' && r.error === null ? null : whyOf(r),
      value: r.row_value,
    }));
  }
}

/** Lists of values for statements; throws for a value that one of `maxBytes` cannot carry. */
export function* pieces(values: readonly string[], maxBytes: number): Generator<string> {
  let piece: string[] = [];
  let bytes = FRAME;
  for (const value of values) {
    const more = value.length + 1;
    if (more + FRAME > maxBytes) throw tooLarge(more, maxBytes);
    if (piece.length === CHUNK || (bytes + more > PIECE_BYTES && piece.length > 0)) {
      yield piece.join(',');
      piece = [];
      bytes = FRAME;
    }
    piece.push(value);
    bytes += more;
  }
  if (piece.length > 0) yield piece.join(',');
}

function tooLarge(bytes: number, packetBytes: number): ReshardError {
  return new ReshardError('too-large', 'a row is larger than the target can park', {
    context: { bytes, max_allowed_packet: packetBytes },
    remedy: 'raise max_allowed_packet on the target: SET GLOBAL max_allowed_packet = 1073741824',
  });
}

function whyOf(r: ParkRow): Refusal {
  const errno = r.errno === null ? null : Number(r.errno);
  return { kind: r.kind ?? 'target-data', errno, text: r.error ?? 'no reason kept' };
}

/** As the columns kind, errno, error. */
export function refusalText({ kind, errno, text }: Refusal): string {
  return `${quoteText(kind)},${errno ?? 'NULL'},${quoteText(text)}`;
}

export function placeOf(task: PartitionTask): string {
  return `(topic = ${quoteText(task.topic)} AND part = ${task.partition})`;
}

function hashLiteral(key: string): string {
  return `x'${keyHash(key)}'`;
}
