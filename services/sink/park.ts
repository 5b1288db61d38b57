/**
 * Parked rows: a row whose unique value is still held by a row of another key. Keys are spread over
 * partitions, so the other key's event may be far behind in another lane; until it arrives the row
 * waits in the target, table reshard_park, written in the transaction that passed its event. Its
 * old version is not in the table meanwhile: that is what breaks swaps and cycles.
 *
 * A row in the park belongs to the owner of its lane, which alone puts it back or replaces it, and
 * only in transactions that hold the lane's offset row: the same fence as for everything else.
 * The lane's `parked` is a copy of the keys: exact, because claiming a lane fences other writers.
 */
import { createHash } from 'node:crypto';
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { qualified, quoteText } from '../../shared/mysql/identifier.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import type { Lane, ParkedKey } from './lane.ts';

/** More than this in one lane is no passing collision but two data sets that do not fit. */
const PARKED_MAX = 50_000;
/** Keys or rows of one statement. */
const CHUNK = 200;

export interface ParkedRow {
  lane: Lane;
  /** Canonical key bytes as latin1 text: the key in `lane.parked`. */
  key: string;
  offset: number;
  sinceMs: number;
  /** Avro row. */
  row: Buffer;
}

interface ParkRow {
  topic: string;
  part: string | number;
  row_key: Buffer;
  record_offset: string | number;
  since_ms: string | number;
}

export class ParkTable {
  /** Its qualified name. */
  readonly table: string;
  readonly #job: string;

  constructor(database: string, job: string) {
    this.table = qualified(database, 'reshard_park');
    this.#job = quoteText(job);
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
      row_value LONGBLOB NOT NULL COMMENT 'Avro row',
      since_ms BIGINT NOT NULL,
      PRIMARY KEY (job, topic, part, key_hash)
    ) ENGINE=InnoDB COMMENT='reshard: rows that wait for a unique value'`);
  }

  /** The parked keys of the lanes, which the caller has just claimed. */
  async load(
    session: MysqlSession,
    lanes: readonly Lane[],
  ): Promise<Map<Lane, Map<string, ParkedKey>>> {
    const byName = new Map(lanes.map(l => [l.name, new Map<string, ParkedKey>()]));
    const rows = await session.query<ParkRow>(
      `SELECT topic, part, row_key, record_offset, since_ms FROM ${this.table}
       WHERE job = ${this.#job} AND (${lanes.map(placeOf).join(' OR ')})`,
    );
    for (const r of rows) {
      byName.get(`${r.topic}[${r.part}]`)?.set(r.row_key.toString('latin1'), {
        sinceMs: Number(r.since_ms),
        offset: Number(r.record_offset),
      });
    }
    return new Map(lanes.map(l => [l, byName.get(l.name) ?? new Map()]));
  }

  /** Stores rows; a key that is parked already gets the newer row and keeps its age. */
  async put(session: MysqlSession, rows: readonly ParkedRow[]): Promise<void> {
    for (const r of rows) {
      if (r.lane.parked.size < PARKED_MAX || r.lane.parked.has(r.key)) continue;
      throw new ReshardError('collision', `more than ${PARKED_MAX} rows wait for unique values`, {
        context: { table: r.lane.table.name, partition: r.lane.partition },
        remedy: 'look for rows with the same unique value on the sources and on the target',
      });
    }
    for (let i = 0; i < rows.length; i += CHUNK) {
      const values = rows.slice(i, i + CHUNK).map(r => {
        const { lane, key, row } = r;
        const place = `${this.#job},${quoteText(lane.topic)},${lane.partition}`;
        const hex = Buffer.from(key, 'latin1').toString('hex');
        const value = `${lane.table.valueSchemaId},x'${row.toString('hex')}'`;
        return `(${place},${hashLiteral(key)},x'${hex}',${r.offset},${value},${r.sinceMs})`;
      });
      await session.rawQuery(
        `INSERT INTO ${this.table}
         (job, topic, part, key_hash, row_key, record_offset, schema_id, row_value, since_ms)
         VALUES ${values.join(',')} ON DUPLICATE KEY UPDATE record_offset = VALUES(record_offset),
         schema_id = VALUES(schema_id), row_value = VALUES(row_value)`,
      );
    }
  }

  async remove(session: MysqlSession, lane: Lane, keys: readonly string[]): Promise<void> {
    for (let i = 0; i < keys.length; i += CHUNK) {
      const hashes = keys.slice(i, i + CHUNK).map(hashLiteral);
      await session.rawQuery(
        `DELETE FROM ${this.table} WHERE job = ${this.#job} AND ${placeOf(lane)}
         AND key_hash IN (${hashes.join(',')})`,
      );
    }
  }

  /** The rows of some parked keys of a lane. */
  async rows(session: MysqlSession, lane: Lane, keys: readonly string[]): Promise<ParkedRow[]> {
    const found = await session.query<ParkRow & { schema_id: string | number; row_value: Buffer }>(
      `SELECT topic, part, row_key, record_offset, since_ms, schema_id, row_value
       FROM ${this.table} WHERE job = ${this.#job} AND ${placeOf(lane)}
       AND key_hash IN (${keys.map(hashLiteral).join(',')})`,
    );
    return found.map(r => {
      if (Number(r.schema_id) !== lane.table.valueSchemaId) {
        throw new ReshardError('schema-changed', 'a parked row is of another schema', {
          context: { table: lane.table.name, partition: lane.partition },
        });
      }
      return {
        lane,
        key: r.row_key.toString('latin1'),
        offset: Number(r.record_offset),
        sinceMs: Number(r.since_ms),
        row: r.row_value,
      };
    });
  }
}

function placeOf(lane: Lane): string {
  return `(topic = ${quoteText(lane.topic)} AND part = ${lane.partition})`;
}

function hashLiteral(key: string): string {
  return `x'${createHash('sha256').update(key, 'latin1').digest('hex')}'`;
}
