/**
 * How far a target is, kept in the target itself: table reshard_offset, one row for each table
 * partition, written in the transaction of the rows it covers. So rows and offset cannot differ,
 * whatever dies (I5).
 *
 * Every write is a compare-and-set on what the writer believes the row to be. `revision` is a
 * fencing token on top of the offset: claiming a partition task raises it, so that from this moment
 * every transaction of an earlier owner fails, also one that would have written the same offset
 * (I4).
 */
import { FIRST_LEG, type Leg } from '../../../../shared/job/state/cutover.ts';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { quoteText } from '../../../../shared/mysql/identifier.ts';
import { LEG_COLUMN, offsetTable } from '../../../../shared/mysql/target-state.ts';
import { ReshardError } from '../../../../shared/runtime/error.ts';
import type { Advance, PartitionTask, TaskPosition } from '../../intake/partition-task.ts';
import { addColumns, OWNER_COLUMNS, type RowOwner, refuseForeignRow } from './row-owner.ts';

interface OffsetRow {
  topic: string;
  part: string | number;
  next_offset: string | number;
  epoch: string | number;
  ordinal: string | number;
  revision: string | number;
  job_id: string;
  target: string;
  history: string | null;
  leg: string | number;
}

/** Room for every text that log-position.ts makes. */
const HISTORY_COLUMN = `history VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NULL
     COMMENT 'which log next_offset is of'`;

export class OffsetTable {
  /** Its qualified name. */
  readonly table: string;
  /** Fails where the table is missing, or is of an older version. */
  readonly probe: string;
  readonly #job: string;
  readonly #owner: RowOwner;
  readonly #leg: Leg;

  /** `leg`: of the member; rows of a later one refuse it. */
  constructor(database: string, owner: RowOwner, leg: Leg = FIRST_LEG) {
    this.table = offsetTable(database);
    this.probe = `SELECT job_id, target, history, leg FROM ${this.table} LIMIT 0`;
    this.#job = quoteText(owner.job);
    this.#owner = owner;
    this.#leg = leg;
  }

  /** Gives the table of an older version what it lacks. */
  upgrade(session: MysqlSession): Promise<void> {
    return addColumns(session, this.table, [...OWNER_COLUMNS, HISTORY_COLUMN, LEG_COLUMN]);
  }

  async create(session: MysqlSession): Promise<void> {
    await session.rawQuery(`CREATE TABLE IF NOT EXISTS ${this.table} (
      job VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      part INT NOT NULL,
      next_offset BIGINT NOT NULL COMMENT 'all records before it are applied here',
      epoch BIGINT NOT NULL COMMENT 'version of the last applied record: writer epoch',
      ordinal BIGINT NOT NULL COMMENT 'version of the last applied record: source ordinal',
      revision BIGINT NOT NULL COMMENT 'fencing token: raised by every write and every claim',
      ${[...OWNER_COLUMNS, HISTORY_COLUMN, LEG_COLUMN].join(',\n      ')},
      PRIMARY KEY (job, topic, part)
    ) ENGINE=InnoDB COMMENT='reshard: how far each table partition is applied here'`);
  }

  /**
   * Makes us the owner of the partition tasks' rows; commits. Order is that of `partition tasks`.
   * Rows of another job, or of another target of ours, are left as they are and refused: their
   * positions would be taken for ours, and what is before them would never be applied.
   *
   * Rows of an earlier leg are moved to where this one begins; those of a later one refuse us, as
   * whoever has not heard yet that the job goes the other way by now.
   */
  async claim(session: MysqlSession, tasks: readonly PartitionTask[]): Promise<TaskPosition[]> {
    const { jobId, target } = this.#owner;
    const leg = this.#leg;
    const [id, name] = [quoteText(jobId), quoteText(target)];
    const rows = tasks.map(l => {
      const begin = leg.begins[l.topic]?.[l.partition] ?? 0;
      const place = `${this.#job},${quoteText(l.topic)},${l.partition}`;
      return `(${place},${begin},0,-1,1,${id},${name},${leg.number})`;
    });
    const isOurs = `job_id = ${id} AND target = ${name}`;
    if (leg.number > 1) await this.#begin(session, tasks);
    await session.rawQuery(
      `INSERT INTO ${this.table}
       (job, topic, part, next_offset, epoch, ordinal, revision, job_id, target, leg)
       VALUES ${rows.join(',')} ON DUPLICATE KEY UPDATE
       revision = IF(${isOurs} AND leg <= ${leg.number}, revision + 1, revision)`,
    );
    const found = await this.read(session, tasks);
    await session.rawQuery('COMMIT');
    return tasks.map(task => {
      const position = found.get(task);
      if (position === undefined) throw new ReshardError('bug', `${task.name} has no offset row`);
      return position;
    });
  }

  async read(
    session: MysqlSession,
    tasks: readonly PartitionTask[],
  ): Promise<Map<PartitionTask, TaskPosition>> {
    const where = tasks.map(l => `(topic = ${quoteText(l.topic)} AND part = ${l.partition})`);
    const rows = await session.query<OffsetRow>(
      `SELECT topic, part, next_offset, epoch, ordinal, revision, job_id, target, history, leg
       FROM ${this.table} WHERE job = ${this.#job} AND (${where.join(' OR ')})`,
    );
    for (const row of rows) {
      refuseForeignRow(row, this.table, this.#owner);
      this.#refuseLater(row);
    }
    const byName = new Map(rows.map(r => [`${r.topic}[${r.part}]`, positionOf(r)]));
    const found = new Map<PartitionTask, TaskPosition>();
    for (const task of tasks) {
      const position = byName.get(task.name);
      if (position !== undefined) found.set(task, position);
    }
    return found;
  }

  /** Rows of earlier legs: on to where ours begins, in the open transaction. */
  async #begin(session: MysqlSession, tasks: readonly PartitionTask[]): Promise<void> {
    const { jobId, target } = this.#owner;
    const leg = this.#leg;
    const begins = tasks.flatMap(({ topic, partition }) => {
      const begin = leg.begins[topic]?.[partition];
      if (begin === undefined) return [];
      return [{ place: `topic = ${quoteText(topic)} AND part = ${partition}`, begin }];
    });
    if (begins.length === 0) return;
    const next = begins.map(b => `WHEN ${b.place} THEN ${b.begin}`).join(' ');
    await session.rawQuery(
      `UPDATE ${this.table} SET next_offset = CASE ${next} END, epoch = 0, ordinal = -1,
       history = NULL, leg = ${leg.number}
       WHERE job = ${this.#job} AND job_id = ${quoteText(jobId)} AND target = ${quoteText(target)}
       AND leg < ${leg.number} AND (${begins.map(b => `(${b.place})`).join(' OR ')})`,
    );
  }

  #refuseLater({ leg }: OffsetRow): void {
    const { number } = this.#leg;
    if (Number(leg) <= number) return;
    throw new ReshardError('fenced', 'the job carries rows the other way by now', {
      context: { target: this.#owner.target, leg: Number(leg), ours: number },
    });
  }

  /**
   * Writes all advances in the open transaction, or throws `fenced`. It is the transaction's first
   * statement: the row locks it takes make a second owner wait, and then fail.
   */
  async compareAndSet(session: MysqlSession, advances: readonly Advance[]): Promise<void> {
    const { affectedRows } = await session.rawQuery(this.casText(advances));
    if (affectedRows === advances.length) return;
    throw new ReshardError('fenced', 'another member has taken over or moved the offset on', {
      context: { expected: advances.length, found: affectedRows },
    });
  }

  casText(advances: readonly Advance[]): string {
    const old = advances.map(({ task }) => {
      const { next, revision } = task.position;
      const place = `topic = ${quoteText(task.topic)} AND part = ${task.partition}`;
      return `(${place} AND next_offset = ${next} AND revision = ${revision})`;
    });
    return (
      `UPDATE ${this.table} SET revision = revision + 1, ` +
      `next_offset = ${choice(advances, a => a.next)}, ` +
      `epoch = ${choice(advances, a => a.epoch)}, ` +
      `ordinal = ${choice(advances, a => a.ordinal)}, ` +
      `history = ${choice(advances, a => (a.history ? quoteText(a.history) : 'NULL'))} ` +
      `WHERE job = ${this.#job} AND (${old.join(' OR ')})`
    );
  }
}

function choice(advances: readonly Advance[], of: (a: Advance) => number | string): string {
  const [first] = advances;
  if (advances.length === 1 && first !== undefined) return String(of(first));
  const whens = advances.map(
    a => `WHEN topic = ${quoteText(a.task.topic)} AND part = ${a.task.partition} THEN ${of(a)}`,
  );
  return `CASE ${whens.join(' ')} END`;
}

function positionOf(row: OffsetRow): TaskPosition {
  return {
    next: Number(row.next_offset),
    epoch: Number(row.epoch),
    ordinal: Number(row.ordinal),
    revision: Number(row.revision),
    history: row.history,
  };
}
