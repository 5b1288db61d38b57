/**
 * What the sink keeps in a target beside the rows, as far as others may know: the names of its
 * tables, and how far a job has come there. Nobody else spells these names or reads these tables:
 * the checker waits by `readPositions`, status shows them, the doctor asks `hasPositions`.
 * The tables themselves, and what is written to them when, are the sink's (services/sink).
 */
import { createHash } from 'node:crypto';
import type { MysqlSession } from './connect.ts';
import { qualified, quoteText } from './identifier.ts';
import { errnoOf } from './mysql-error.ts';

const NO_SUCH_COLUMN = 1054;
const OFFSET = 'reshard_offset';
const PARK = 'reshard_park';
const MARKER = 'reshard_marker';
const DEAD_LETTER = 'reshard_dead_letter';
const OWNER = 'reshard_owner_';

/** Those with a row of each job; owners of rows have a table for each table of a job. */
export const JOB_TABLES: readonly string[] = [OFFSET, PARK, DEAD_LETTER, MARKER];

/** Whether the sink has made it. */
export function isOwnTable(name: string): boolean {
  return (
    JOB_TABLES.includes(name) ||
    (name.startsWith(OWNER) && /^[0-9a-f]{16}$/.test(name.slice(OWNER.length)))
  );
}

export type OwnTableKind = 'offset' | 'park';

/** Which of the tables that the sink keeps has this name; null: none of these two. */
export function ownTableKind(name: string): OwnTableKind | null {
  if (name === OFFSET) return 'offset';
  return name === PARK ? 'park' : null;
}

/**
 * On a server of a cluster that has grown: how far rows that have moved are deleted there. What a
 * transaction deletes that has written to it is no change of the cluster's rows.
 */
export const CLEANUP = 'reshard_cleanup';

export function cleanupTable(database: string): string {
  return qualified(database, CLEANUP);
}

/** How far each table partition is applied. */
export function offsetTable(database: string): string {
  return qualified(database, OFFSET);
}

/** Rows that cannot be in their table yet, and those of blocked keys. */
export function parkTable(database: string): string {
  return qualified(database, PARK);
}

/** Records of blocked keys on their way to the dead-letter topic. */
export function deadLetterTable(database: string): string {
  return qualified(database, DEAD_LETTER);
}

/** The source of each row of a table that several sources feed; a name without the database. */
export function ownerTableName(jobId: string, table: string): string {
  const hash = createHash('sha256').update(`${jobId}\0${table}`).digest('hex').slice(0, 16);
  return `${OWNER}${hash}`;
}

/** By job, the newest marker: a row that was written to see it come in the log of the server. */
function markerTable(database: string): string {
  return qualified(database, MARKER);
}

/** Durable when it resolves; the table is made where it is missing. */
export async function writeMarker(
  session: MysqlSession,
  database: string,
  { job, id }: { job: string; id: string },
): Promise<void> {
  const table = markerTable(database);
  await session.rawQuery(`CREATE TABLE IF NOT EXISTS ${table} (
    job VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of a cutover',
    at_ms BIGINT NOT NULL
  ) ENGINE=InnoDB COMMENT='reshard: the way of a row into the log of this server is tried by it'`);
  const [name, text, atMs] = [quoteText(job), quoteText(id), Date.now()];
  await session.rawQuery(
    `INSERT INTO ${table} (job, id, at_ms) VALUES (${name}, ${text}, ${atMs})
     ON DUPLICATE KEY UPDATE id = ${text}, at_ms = ${atMs}`,
  );
}

export const LEG_COLUMN = `leg INT NOT NULL DEFAULT 1
     COMMENT 'fencing token: members of an earlier leg of the job are refused'`;

/**
 * Shuts members of legs before `leg` out, for good, also from partitions where none has been yet;
 * durable when it resolves. Here, and not in the sink, since it is control that must know it done
 * before rows are carried the other way.
 */
export async function shutLegsBefore(
  session: MysqlSession,
  database: string,
  o: { job: string; jobId: string; target: string; leg: number; topics: readonly string[] },
  partitions: number,
): Promise<void> {
  const table = offsetTable(database);
  const [job, id, name] = [o.job, o.jobId, o.target].map(quoteText);
  const parts = Array.from({ length: partitions }, (_, part) => part);
  for (const topic of o.topics) {
    const rows = parts.map(
      part => `(${job},${quoteText(topic)},${part},0,0,-1,1,${id},${name},${o.leg})`,
    );
    await session.rawQuery(
      `INSERT INTO ${table}
       (job, topic, part, next_offset, epoch, ordinal, revision, job_id, target, leg)
       VALUES ${rows.join(',')} ON DUPLICATE KEY UPDATE
       revision = IF(job_id = ${id}, revision + 1, revision),
       leg = IF(job_id = ${id}, GREATEST(leg, ${o.leg}), leg)`,
    );
  }
}

/** Whether the sink that has made our table there knows of legs. */
export async function knowsLegs(session: MysqlSession, database: string): Promise<boolean> {
  const columns = await session.query<{ name: string }>(
    `SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND COLUMN_NAME = 'leg'`,
    [database, OFFSET],
  );
  return columns.length > 0;
}

export interface PartitionPosition {
  topic: string;
  partition: number;
  /** Every record in front of it is applied, or waits. */
  next: number;
}

/** Whose positions: rows of another life of the job count for nothing; without an id all do. */
export interface PositionOwner {
  job: string;
  jobId: string | null;
}

type PositionRow = { topic: string; part: string | number; next: string };

export async function readPositions(
  session: MysqlSession,
  database: string,
  { job, jobId }: PositionOwner,
): Promise<PartitionPosition[]> {
  const sql = `SELECT topic, part, next_offset AS next FROM ${offsetTable(database)} WHERE job = ?`;
  const rows =
    jobId === null
      ? await session.query<PositionRow>(sql, [job])
      : await session.query<PositionRow>(`${sql} AND job_id = ?`, [job, jobId]).catch(e => {
          // The sink of a version before ids made the table: none of its rows is of this job.
          if (errnoOf(e) !== NO_SUCH_COLUMN) throw e;
          return [];
        });
  return rows.map(r => ({ topic: r.topic, partition: Number(r.part), next: Number(r.next) }));
}

export interface WaitingKeys {
  /** They wait for what comes by itself. */
  parked: number;
  /** They wait for the operator, or for a newer event. */
  blocked: number;
}

/** Read it after the positions: what those have passed is in the table or here. */
export async function readWaiting(
  session: MysqlSession,
  database: string,
  job: string,
): Promise<WaitingKeys> {
  const count = async (isParked: string): Promise<WaitingKeys> => {
    const [row] = await session.query<{ n: string; parked: string | null }>(
      `SELECT COUNT(*) AS n, SUM(${isParked}) AS parked FROM ${parkTable(database)} WHERE job = ?`,
      [job],
    );
    const parked = Number(row?.parked ?? 0);
    return { parked, blocked: Number(row?.n ?? 0) - parked };
  };
  try {
    return await count("reason IN ('unique', 'owned')");
  } catch (e) {
    // The sink of an older version made the table: it parks for one reason only.
    if (errnoOf(e) !== NO_SUCH_COLUMN) throw e;
    return await count('TRUE');
  }
}

/** Why the newest event of a key is not in its table: `unique`, `owned` or a block; null: it is. */
export async function readWaitingKey(
  session: MysqlSession,
  database: string,
  job: string,
  key: { topic: string; partition: number; bytes: Buffer },
): Promise<string | null> {
  const [row] = await session.query<{ reason: string }>(
    `SELECT reason FROM ${parkTable(database)} WHERE job = ? AND topic = ? AND part = ?
        AND row_key = x'${key.bytes.toString('hex')}'`,
    [job, key.topic, String(key.partition)],
  );
  return row?.reason ?? null;
}

/** How many keys wait since a moment of `span`, and the newest such moment. Of the sink's clock. */
export async function readWaitingSince(
  session: MysqlSession,
  database: string,
  job: string,
  span: { afterMs: number; upToMs: number },
): Promise<{ keys: number; newestMs: number }> {
  const [row] = await session.query<{ n: string; newest: string | null }>(
    `SELECT COUNT(*) AS n, MAX(since_ms) AS newest FROM ${parkTable(database)}
      WHERE job = ? AND since_ms > ? AND since_ms <= ?`,
    [job, span.afterMs, span.upToMs],
  );
  return { keys: Number(row?.n ?? 0), newestMs: Number(row?.newest ?? 0) };
}

/** Keys that wait for the operator, or for a newer event, by topic. */
export async function readBlocked(
  session: MysqlSession,
  database: string,
  job: string,
): Promise<ReadonlyMap<string, number>> {
  try {
    const rows = await session.query<{ topic: string; n: string | number }>(
      `SELECT topic, COUNT(*) AS n FROM ${parkTable(database)}
        WHERE job = ? AND reason NOT IN ('unique', 'owned') GROUP BY topic`,
      [job],
    );
    return new Map(rows.map(r => [r.topic, Number(r.n)]));
  } catch (e) {
    // The sink of an older version made the table: it blocks no keys.
    if (errnoOf(e) !== NO_SUCH_COLUMN) throw e;
    return new Map();
  }
}

/** Whether the sink of a job of this name has written to the target. */
export async function hasPositions(
  session: MysqlSession,
  database: string,
  job: string,
): Promise<boolean> {
  const tables = await session.query<{ name: string }>(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [database, OFFSET],
  );
  if (tables.length === 0) return false;
  const sql = `SELECT 1 FROM ${offsetTable(database)} WHERE job = ${quoteText(job)} LIMIT 1`;
  return (await session.rawQuery(sql)).rows > 0;
}
