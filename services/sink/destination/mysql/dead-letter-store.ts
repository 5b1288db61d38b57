/**
 * Dead letters on their way: a blocked record is written to reshard_dead_letter in the transaction
 * that blocks its key, and leaves it when the dead-letter topic has it. So a crash at any place
 * between the two publishes it later, perhaps twice, and a newer event of the key, which ends the
 * block, cannot make it be forgotten.
 */
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { quoteText } from '../../../../shared/mysql/identifier.ts';
import { deadLetterTable } from '../../../../shared/mysql/target-state.ts';
import type { ErrorKind } from '../../../../shared/runtime/error.ts';
import type { DeadLetter } from '../../dead-letter/dead-letter.ts';
import type { PartitionTask } from '../../intake/partition-task.ts';
import { pieces, placeOf, refusalText } from './park.ts';

interface DeadLetterRow {
  record_offset: string | number;
  record_key: Buffer;
  record_value: Buffer | null;
  reason: DeadLetter['reason'];
  kind: ErrorKind;
  errno: string | number | null;
  error: string;
  since_ms: string | number;
}

export class DeadLetterStore {
  /** Its qualified name. */
  readonly table: string;
  /** Fails where the table is missing. */
  readonly probe: string;
  readonly #job: string;

  constructor(database: string, job: string) {
    this.table = deadLetterTable(database);
    this.probe = `SELECT 1 FROM ${this.table} LIMIT 0`;
    this.#job = quoteText(job);
  }

  async create(session: MysqlSession): Promise<void> {
    await session.rawQuery(`CREATE TABLE IF NOT EXISTS ${this.table} (
      job VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      part INT NOT NULL,
      record_offset BIGINT NOT NULL,
      record_key LONGBLOB NOT NULL COMMENT 'as in the log',
      record_value LONGBLOB NULL COMMENT 'as in the log',
      reason VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      errno INT NULL,
      error TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'why, without values',
      since_ms BIGINT NOT NULL,
      PRIMARY KEY (job, topic, part, record_offset)
    ) ENGINE=InnoDB COMMENT='reshard: blocked records that the dead-letter topic lacks'`);
  }

  /** How many dead letters of the partition tasks wait. */
  async count(
    session: MysqlSession,
    tasks: readonly PartitionTask[],
  ): Promise<Map<PartitionTask, number>> {
    const rows = await session.query<{ topic: string; part: string | number; n: string | number }>(
      `SELECT topic, part, COUNT(*) AS n FROM ${this.table}
       WHERE job = ${this.#job} AND (${tasks.map(placeOf).join(' OR ')}) GROUP BY topic, part`,
    );
    const byName = new Map(rows.map(r => [`${r.topic}[${r.part}]`, Number(r.n)]));
    return new Map(tasks.map(l => [l, byName.get(l.name) ?? 0]));
  }

  async put(
    session: MysqlSession,
    deadLetters: readonly DeadLetter[],
    maxBytes: number,
  ): Promise<void> {
    const values = deadLetters.map(l => {
      const place = `${this.#job},${quoteText(l.task.topic)},${l.task.partition},${l.offset}`;
      const value = l.value === null ? 'NULL' : `x'${l.value.toString('hex')}'`;
      const why = `${quoteText(l.reason)},${refusalText(l.why)}`;
      return `(${place},x'${l.key.toString('hex')}',${value},${why},${l.sinceMs})`;
    });
    for (const piece of pieces(values, maxBytes)) {
      // Read and blocked again after a step back: it is the same record.
      await session.rawQuery(
        `INSERT INTO ${this.table} (job, topic, part, record_offset, record_key, record_value,
         reason, kind, errno, error, since_ms)
         VALUES ${piece} ON DUPLICATE KEY UPDATE since_ms = since_ms`,
      );
    }
  }

  /** The oldest dead letters of a partition task, in the order of the log. */
  async oldest(session: MysqlSession, task: PartitionTask, most: number): Promise<DeadLetter[]> {
    const rows = await session.query<DeadLetterRow>(
      `SELECT record_offset, record_key, record_value, reason, kind, errno, error, since_ms
       FROM ${this.table} WHERE job = ${this.#job} AND ${placeOf(task)}
       ORDER BY record_offset LIMIT ${most}`,
    );
    return rows.map(r => ({
      task,
      offset: Number(r.record_offset),
      key: r.record_key,
      value: r.record_value,
      reason: r.reason,
      why: { kind: r.kind, errno: r.errno === null ? null : Number(r.errno), text: r.error },
      sinceMs: Number(r.since_ms),
    }));
  }

  async remove(
    session: MysqlSession,
    task: PartitionTask,
    offsets: readonly number[],
  ): Promise<void> {
    if (offsets.length === 0) return;
    await session.rawQuery(
      `DELETE FROM ${this.table} WHERE job = ${this.#job} AND ${placeOf(task)}
       AND record_offset IN (${offsets.join(',')})`,
    );
  }
}
