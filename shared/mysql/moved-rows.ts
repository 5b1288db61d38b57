/**
 * Deletes rows at the place that they have moved away from: a batch of keys at a time, and of these
 * only rows that are on their new owner now, byte for byte what a SELECT prints here.
 *
 * One transaction on the old owner: the rows are locked and read, read on the new owner, those that
 * are equal are deleted, and `reshard_cleanup` says up to which key. So a batch that is cut off by
 * anything is done or not, and whoever comes next goes on behind the last one that was done. The
 * row of `reshard_cleanup` is written first: a capture of the old owner that meets it publishes
 * none of the deletes behind it.
 *
 * Nobody else changes these rows: the fence (row-fence.ts) stands, and each batch looks whether it
 * does before it touches anything.
 */
import { createHash } from 'node:crypto';
import { KeyBound } from '../row/key-bound.ts';
import type { KeyRange } from '../row/key-range.ts';
import { RowCodec } from '../row/row-codec.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import { FAILPOINTS, failpoint } from '../runtime/failpoint.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { MysqlSession } from './connect.ts';
import { qualified, quoteText } from './identifier.ts';
import { errnoOf } from './mysql-error.ts';
import { chunkSelect, fromByKey, keysPredicate, keysSelect, selectList } from './range-sql.ts';
import { deleteTriggers, exemptSession, unfenced } from './row-fence.ts';
import { CLEANUP, cleanupTable } from './target-state.ts';

export interface MovedRowsOptions {
  job: string;
  /** Id of the request that it is done for. */
  request: string;
  /** The old owner, in a session of its own. */
  old: MysqlSession;
  /**
   * The old owner, by a session whose statements may take long: no index finds rows that move, so
   * where none does a look for the next ones passes over the whole table.
   */
  reader: MysqlSession;
  /** The new owner, and the database there. */
  owner: MysqlSession;
  ownerDatabase: string;
  /** Its name in the job. */
  target: string;
  /** As it is on the old owner. */
  schema: TableSchema;
  /** The condition of rows that have moved to this owner. */
  moved: string;
  /**
   * Rows that are other ones on the new owner by now, or gone there, are deleted as well: since
   * the fence stands there alone somebody has changed them.
   */
  evenStale: boolean;
}

export interface CleanupProgress {
  deleted: number;
  /** Rows that are not equal on the new owner, and were left. */
  kept: number;
}

/** As many as a migration of MongoDB deletes at a time: locks of so few rows are short. */
const BATCH = 128;

export class MovedRows {
  readonly #o: MovedRowsOptions;
  readonly #bound: KeyBound;
  readonly #codec: RowCodec;
  readonly #row = new ByteWriter(16 * 1024);
  readonly #key = new ByteWriter(256);

  constructor(o: MovedRowsOptions) {
    this.#o = o;
    this.#bound = new KeyBound(o.schema);
    this.#codec = new RowCodec(o.schema);
  }

  /** Makes what the session needs there. */
  static async prepare(session: MysqlSession, database: string, job: string): Promise<void> {
    await session.rawQuery(
      `CREATE TABLE IF NOT EXISTS ${cleanupTable(database)} (
        job VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        tab VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
        target VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        request VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        after_key LONGBLOB NULL,
        deleted BIGINT NOT NULL,
        kept BIGINT NOT NULL,
        PRIMARY KEY (job, tab, target)
      ) ENGINE=InnoDB COMMENT='reshard: how far rows that have moved are deleted here'`,
    );
    await exemptSession(session, job);
    // Else a parent would take its children with it, of tables that do not move, too.
    await session.rawQuery('SET SESSION foreign_key_checks = 0');
    await session.rawQuery('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  }

  /** Of a request that has begun already it goes on; of another one it begins at the first key. */
  async begin(): Promise<void> {
    const { old, job, request, schema, target } = this.#o;
    const own = `${this.#own()} AND request = ${quoteText(request)}`;
    const table = cleanupTable(schema.db);
    const known = await old.query(`SELECT 1 FROM ${table} WHERE ${own}`);
    if (known.length > 0) return;
    const values = [job, schema.table, target, request].map(quoteText).join(', ');
    await old.rawQuery(
      `REPLACE INTO ${table} (job, tab, target, request, deleted, kept) VALUES (${values}, 0, 0)`,
    );
  }

  /** The next batch; false when there was none. */
  async step(): Promise<boolean> {
    const { old, reader, schema, moved } = this.#o;
    await this.#refuseOpen();
    const after = await this.#position();
    const range: KeyRange = this.#bound.range(after, null);
    const keys = [...(await this.#read(reader, chunkSelect(schema, range, BATCH, moved))).keys()];
    const last = keys.at(-1);
    if (last === undefined) return false;
    // The look may have taken minutes.
    await this.#refuseOpen();
    await old.rawQuery('START TRANSACTION');
    try {
      await this.#delete(keys.map(bytes), bytes(last));
      failpoint(FAILPOINTS.cleanupBeforeCommit);
      await old.rawQuery('COMMIT');
    } catch (e) {
      if (old.alive) await old.rawQuery('ROLLBACK');
      throw e;
    }
    failpoint(FAILPOINTS.cleanupAfterBatch);
    return true;
  }

  async progress(): Promise<CleanupProgress> {
    const { old, schema } = this.#o;
    const [row] = await old.query<Record<keyof CleanupProgress, string | number>>(
      `SELECT deleted, kept FROM ${cleanupTable(schema.db)} WHERE ${this.#own()}`,
    );
    return { deleted: Number(row?.deleted ?? 0), kept: Number(row?.kept ?? 0) };
  }

  async #delete(keys: readonly Buffer[], last: Buffer): Promise<void> {
    const { old, owner, ownerDatabase, schema, moved, evenStale } = this.#o;
    const literals = keys.map(key => this.#bound.literals(key));
    const locked =
      `SELECT ${selectList(schema)} ${fromByKey(schema)} ` +
      `WHERE ${keysPredicate(schema, literals)} AND ${moved} FOR UPDATE`;
    const here = await this.#read(old, locked);
    const there = await this.#read(owner, keysSelect({ ...schema, db: ownerDatabase }, literals));
    const gone = [...here].filter(([key, row]) => evenStale || there.get(key) === row);
    await this.#note(last, gone.length, here.size - gone.length);
    if (gone.length === 0) return;
    const deleted = gone.map(([key]) => this.#bound.literals(bytes(key)));
    const { affectedRows } = await old.rawQuery(
      `DELETE FROM ${qualified(schema.db, schema.table)} ` +
        `WHERE ${keysPredicate(schema, deleted)} AND ${moved}`,
    );
    if (affectedRows === gone.length) return;
    throw new ReshardError('bug', `${affectedRows} rows would be deleted, not ${gone.length}`, {
      context: { table: schema.table },
    });
  }

  /** Rows by their key, each as a fingerprint of its bytes: one of them may be large. */
  async #read(session: MysqlSession, sql: string): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const [row, key] = [this.#row, this.#key];
    await session.rawQuery(sql, (buf, start, end) => {
      row.clear();
      key.clear();
      this.#codec.fromText(buf, start, end, row);
      this.#codec.key(row.buf, 0, row.pos, key);
      const name = key.buf.toString('latin1', 0, key.pos);
      found.set(name, createHash('sha256').update(row.view()).digest('base64'));
    });
    return found;
  }

  /** Before the deletes: whoever reads the binlog knows them by it. */
  async #note(last: Buffer, deleted: number, kept: number): Promise<void> {
    const { old, schema } = this.#o;
    await old.rawQuery(
      `UPDATE ${cleanupTable(schema.db)} SET after_key = x'${last.toString('hex')}',
         deleted = deleted + ${deleted}, kept = kept + ${kept} WHERE ${this.#own()}`,
    );
  }

  async #position(): Promise<Buffer | null> {
    const { old, schema } = this.#o;
    const [row] = await old.query<{ hex: string | null }>(
      `SELECT HEX(after_key) AS hex FROM ${cleanupTable(schema.db)} WHERE ${this.#own()}`,
    );
    if (row === undefined) throw new ReshardError('source', `${CLEANUP} has lost its row`);
    return row.hex === null ? null : Buffer.from(row.hex, 'hex');
  }

  async #refuseOpen(): Promise<void> {
    const { old, job, schema } = this.#o;
    const place = { job, database: schema.db };
    const others = await deleteTriggers(old, schema.db, schema.table);
    if (others.length > 0) {
      const what = `triggers of ${schema.table} would act on the deletes: ${others.join(', ')}`;
      throw new ReshardError('server-setting', what, {
        context: old.where(),
        remedy: 'the rows live on, on another server: drop the triggers for the cleanup',
      });
    }
    if ((await unfenced(old, place, [schema.table])).length === 0) return;
    throw new ReshardError('server-setting', `the fence of ${schema.table} is down`, {
      context: old.where(),
      remedy: 'rows may have come back to their old place: find out who wrote there',
    });
  }

  #own(): string {
    const { job, schema, target } = this.#o;
    return `job = ${quoteText(job)} AND tab = ${quoteText(schema.table)} AND target = ${quoteText(target)}`;
  }
}

function bytes(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}

const NO_SUCH_TABLE = 1146;

/** How far a job is on a server, by table and target; empty where nobody has begun. */
export async function readCleanup(
  session: MysqlSession,
  database: string,
  job: string,
): Promise<(CleanupProgress & { table: string; target: string })[]> {
  try {
    const rows = await session.query<
      Record<'tab' | 'target' | 'deleted' | 'kept', string | number>
    >(
      `SELECT tab, target, deleted, kept FROM ${cleanupTable(database)} WHERE job = ${quoteText(job)}`,
    );
    return rows.map(({ tab, target, deleted, kept }) => ({
      ...{ table: `${tab}`, target: `${target}` },
      ...{ deleted: Number(deleted), kept: Number(kept) },
    }));
  } catch (e) {
    if (errnoOf(e) === NO_SUCH_TABLE) return [];
    throw e;
  }
}
