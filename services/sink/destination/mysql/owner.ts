/**
 * Which source owns each key of a table that more than one source feeds: table
 * reshard_owner_<hash of the job's id and the table>, with the row key of the user's table and the name of a
 * source, written in the transaction of the rows. One source: there is no such table, and no cost.
 *
 * Without it the sink, which sees one log at a time, could not tell a row that moves between two
 * sources (DELETE at one, INSERT at the other, arriving in any order) from two sources that have
 * the same key: the delete that comes late would take the other source's row, and a collision would
 * be one row written over another without a word.
 *
 * Invariant: an entry (key, source) stands exactly while the key's row is in the user's table and
 * was brought by that source. So for each source a key is absent, or its row is in the table
 * (owner), or it waits in reshard_park; each of these follows from the source's own log alone.
 * - An upsert first acquires its keys. One that another source owns waits until that one lets go.
 * - A delete takes only rows that its source owns. A tombstone, which says that the key is absent
 *   at its source whatever is here, takes rows that nobody owns as well (a repair of strays).
 * - What parks or is blocked is not in the table, so its entry goes.
 *
 * The table has the row key's own types and collations, so an entry costs what a key costs; of an
 * ENUM it has the number.
 * Entries are locked by being written or read FOR UPDATE: two sources
 * on two connections, or a member that has lost its lease, wait for each other and then see what
 * the other has committed. A look without a lock would not do.
 */
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { qualified, quoteId, quoteText } from '../../../../shared/mysql/identifier.ts';
import { keyListShape } from '../../../../shared/mysql/statement.ts';
import { ownerTableName } from '../../../../shared/mysql/target-state.ts';
import { ReshardError } from '../../../../shared/runtime/error.ts';
import type { TableSchema } from '../../../../shared/schema/table-schema.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import { type RecordList, some } from './record-list.ts';
import type { RowWriter } from './row-writer.ts';
import { keySelect, Statement } from './statement.ts';
import type { MysqlTable } from './table-statement.ts';

const NEW_ROW = '`reshard_new`';
/** The column of the source's name; no column of a key has it. */
const SOURCE = 'reshard_source';
/** Another source may take a key between the look and the attempt; not again and again. */
const ATTEMPTS = 3;

interface KeyColumn {
  name: string;
  type: string;
  charset: string | null;
  collation: string | null;
}

/**
 * Each leg has owners of its own: what the application has written since does not know of those of
 * before. So in a later leg rows are there that nobody owns; see `Applier`.
 */
export function ownersId(jobId: string, leg: number): string {
  return leg === 1 ? jobId : `${jobId}/${leg}`;
}

/** Makes the table unless it is there, so that the user may do without the privilege for it. */
export async function createOwners(
  session: MysqlSession,
  database: string,
  owners: string,
  table: SinkTable,
): Promise<void> {
  const name = ownerTableName(owners, table.name);
  const known = await session.query<{ name: string }>(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [database, name],
  );
  if (known.length > 0) {
    await numbered(session, database, name);
    return;
  }
  const columns = await session.query<KeyColumn>(
    `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, CHARACTER_SET_NAME AS charset,
     COLLATION_NAME AS collation FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [database, table.name],
  );
  const keys = table.keyColumns.map(({ name: wanted }) => {
    const column = columns.find(c => c.name === wanted);
    if (column === undefined) throw new ReshardError('bug', `${table.name} has no ${wanted}`);
    return column;
  });
  const comment = `reshard: the source of each row of ${table.name}, job ${owners}`;
  await session.rawQuery(
    `CREATE TABLE IF NOT EXISTS ${qualified(database, name)} (
      ${keys.map(declared).join(', ')},
      ${SOURCE} VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      PRIMARY KEY (${keys.map(k => quoteId(k.name)).join(', ')})
    ) ENGINE=InnoDB COMMENT=${quoteText(comment)}`,
  );
}

/** Of a table that a version has made which took the ENUM itself: its values keep their numbers. */
async function numbered(session: MysqlSession, database: string, name: string): Promise<void> {
  const enums = await session.query<{ name: string }>(
    `SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND DATA_TYPE = 'enum'`,
    [database, name],
  );
  if (enums.length === 0) return;
  const columns = enums.map(e => `MODIFY ${numberColumn(e.name)}`);
  await session.rawQuery(`ALTER TABLE ${qualified(database, name)} ${columns.join(', ')}`);
}

/** Keys have the numbers of an ENUM, and no column of the type takes that of the error value. */
function numberColumn(name: string): string {
  return `${quoteId(name)} SMALLINT UNSIGNED NOT NULL`;
}

function declared({ name, type, charset, collation }: KeyColumn): string {
  if (/^enum/i.test(type)) return numberColumn(name);
  const text = charset === null ? '' : ` CHARACTER SET ${charset} COLLATE ${collation}`;
  // Without one, the first TIMESTAMP of a table would follow the clock on some servers.
  const fixed = /^timestamp/i.test(type) ? " DEFAULT '2000-01-01 00:00:00'" : '';
  return `${quoteId(name)} ${type}${text} NOT NULL${fixed}`;
}

/** Which of some keys a source has now, and who holds the others, by their place in the list. */
export interface Acquired {
  mine: readonly number[];
  foreign: ReadonlyMap<number, string>;
}

/** The statements on the owners of one table, for its source. */
export class KeyOwners {
  readonly #table: SinkTable;
  readonly #acquire: Statement;
  readonly #takeOver: Statement;
  readonly #release: Statement;
  /** Keys of the source, or of all others, with the owner's name; locked. */
  readonly #mine: Statement;
  readonly #foreign: Statement;

  constructor(o: {
    table: SinkTable;
    database: string;
    /** Whose owners: see `ownersId`. */
    owners: string;
    flavor: 'mysql' | 'mariadb';
  }) {
    const { table, flavor } = o;
    const { keyCodec } = table;
    const owners = ownerTableName(o.owners, table.name);
    const schema = { ...table.schema, db: o.database, table: owners };
    const name = qualified(o.database, owners);
    const source = quoteText(table.source);
    const keys = table.keyColumns.map((_, i) => i);
    const statement = (shape: ReturnType<typeof keyListShape>): Statement =>
      new Statement(shape, keys, keyCodec, keys.length);
    const select = (who: string): Statement => {
      const shape = keyListShape(
        schema,
        `SELECT ${SOURCE}, ${keySelect(table)} FROM ${name} WHERE ${SOURCE} ${who} ${source} AND `,
      );
      return statement({ ...shape, suffix: Buffer.from(`${shape.suffix} FOR UPDATE`) });
    };
    this.#table = table;
    this.#acquire = statement(acquireShape(schema, source, flavor));
    this.#takeOver = statement(
      keyListShape(schema, `UPDATE ${name} SET ${SOURCE} = ${source} WHERE `),
    );
    this.#release = statement(
      keyListShape(schema, `DELETE FROM ${name} WHERE ${SOURCE} = ${source} AND `),
    );
    this.#mine = select('=');
    this.#foreign = select('<>');
  }

  /** Makes the source the owner of the keys that no other source owns. */
  async acquire(writer: RowWriter, table: MysqlTable, keys: RecordList): Promise<Acquired> {
    const all = Array.from({ length: keys.count }, (_, i) => i);
    if (keys.count === 0 || (await writer.accepts(this.#acquire, keys))) {
      return { mine: all, foreign: new Map() };
    }
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const foreign = await this.#find(writer, this.#foreign, keys);
      await this.#takeOverStale(writer, table, keys, foreign);
      const mine = all.filter(i => !foreign.has(i));
      if (await writer.accepts(this.#acquire, some(keys, mine))) return { mine, foreign };
    }
    return this.#acquireEach(writer, keys);
  }

  /**
   * Key by key, since the server refuses one for itself (it does not fit the column). Such a key
   * counts as ours: its row will be refused by the table, and blocked with the reason.
   */
  async #acquireEach(writer: RowWriter, keys: RecordList): Promise<Acquired> {
    const mine: number[] = [];
    const foreign = new Map<number, string>();
    for (let i = 0; i < keys.count; i++) {
      const one = some(keys, [i]);
      const isOurs = await writer.accepts(this.#acquire, one);
      const holder = isOurs ? undefined : (await this.#find(writer, this.#foreign, one)).get(0);
      if (holder === undefined) mine.push(i);
      else foreign.set(i, holder);
    }
    return { mine, foreign };
  }

  /** The rows of the keys are not in the table any more, as far as they were the source's. */
  async release(writer: RowWriter, keys: RecordList): Promise<void> {
    if (keys.count > 0) await writer.run(this.#release, keys);
  }

  /**
   * Lets go of those of the keys that the source owns, and returns them; nobody else can have them
   * before the commit. Mostly they are all or none of them, and then one statement tells.
   */
  async releaseOwned(writer: RowWriter, keys: RecordList): Promise<RecordList> {
    await writer.savepoint();
    const released = await writer.run(this.#release, keys);
    if (released === keys.count) return keys;
    if (released === 0) return some(keys, []);
    await writer.rollbackToSavepoint();
    const mine = await this.#find(writer, this.#mine, keys);
    const owned = some(
      keys,
      [...mine.keys()].sort((a, b) => a - b),
    );
    await writer.run(this.#release, owned);
    return owned;
  }

  /** An entry whose row is gone (somebody emptied the table) must not keep others out. */
  async #takeOverStale(
    writer: RowWriter,
    table: MysqlTable,
    keys: RecordList,
    foreign: Map<number, string>,
  ): Promise<void> {
    const places = [...foreign.keys()];
    const present = await writer.present(table, some(keys, places));
    const stale = places.filter((_, i) => !present.has(i));
    if (stale.length === 0) return;
    await writer.run(this.#takeOver, some(keys, stale));
    for (const i of stale) foreign.delete(i);
  }

  /** Places of keys that the statement finds, with their owners. */
  async #find(
    writer: RowWriter,
    select: Statement,
    keys: RecordList,
  ): Promise<Map<number, string>> {
    const read = (buf: Buffer, start: number): { text: string; keyStart: number } => {
      const keyStart = start + 1 + buf.readUInt8(start);
      return { text: buf.toString('latin1', start + 1, keyStart), keyStart };
    };
    const found = await writer.find(select, this.#table, keys, read);
    return new Map([...found].map(([i, { text }]) => [i, text]));
  }
}

/** Fails as a whole if one of the keys is another source's. */
function acquireShape(schema: TableSchema, source: string, flavor: 'mysql' | 'mariadb') {
  const names = schema.primaryKey.map(i => quoteId(schema.columns[i]?.name ?? ''));
  const owners = qualified(schema.db, schema.table);
  const isMysql = flavor === 'mysql';
  const fresh = isMysql ? `${NEW_ROW}.${SOURCE}` : `VALUES(${SOURCE})`;
  const old = `${owners}.${SOURCE}`;
  return {
    prefix: Buffer.from(`INSERT INTO ${owners} (${names.join(',')},${SOURCE}) VALUES `),
    open: Buffer.from('('),
    between: names.map((_, i) => Buffer.from(i === 0 ? '' : ',')),
    close: Buffer.from(`,${source})`),
    separator: Buffer.from(','),
    suffix: Buffer.from(
      `${isMysql ? ` AS ${NEW_ROW}` : ''} ON DUPLICATE KEY UPDATE ` +
        `${SOURCE} = IF(${old} = ${fresh}, ${old}, NULL)`,
    ),
  };
}
