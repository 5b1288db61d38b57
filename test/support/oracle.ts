/**
 * The independent judge of "source equals targets": dumps both sides as plain text, ordered by
 * primary key or another key without NULL, and compares them row for row while they stream, in
 * bounded memory. It shares no code with the checker, the codec or our MySQL room, so a mistake of
 * theirs is not its own. It is meant for data at rest: while rows change, it tells of changes that
 * are on their way.
 */
import { type Connection, createConnection } from 'mysql2';
import { OWN_SESSION } from './own-session.ts';

export interface OracleDatabase {
  name: string;
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

export interface OracleDifference {
  /** Values of the key as text, joined by commas. */
  key: string;
  kind: 'missing' | 'extra' | 'different' | 'misplaced' | 'duplicate';
}

export interface OracleTable {
  table: string;
  sourceRows: number;
  targetRows: number;
  differenceCount: number;
  /** The first ones. */
  differences: OracleDifference[];
}

export interface OracleVerdict {
  equal: boolean;
  tables: OracleTable[];
}

export interface OracleOptions {
  sources: readonly OracleDatabase[];
  targets: readonly OracleDatabase[];
  /** Without a column to shard by, a row is to be on one target, whichever. */
  tables: readonly OracleTableOptions[];
  listedMax?: number;
}

export interface OracleTableOptions {
  name: string;
  shardColumn: string | null;
  /** Rows of the sources that are to be on the targets; by default all. */
  where?: string;
}

export async function oracle(o: OracleOptions): Promise<OracleVerdict> {
  const tables: OracleTable[] = [];
  for (const table of o.tables) tables.push(await compareTable(o, table));
  return { equal: tables.every(t => t.differenceCount === 0), tables };
}

type KeyPart = number | bigint | string;

interface DumpedRow {
  key: KeyPart[];
  shard: number;
  text: string;
}

async function compareTable(
  o: OracleOptions,
  { name: table, shardColumn, where = 'TRUE' }: OracleTableOptions,
): Promise<OracleTable> {
  const verdict: OracleTable = {
    table,
    sourceRows: 0,
    targetRows: 0,
    differenceCount: 0,
    differences: [],
  };
  const shards = o.targets.length;
  await using stack = new AsyncDisposableStack();
  const open = async (db: OracleDatabase, rows: string): Promise<Dump> =>
    stack.use(await Dump.open(db, { table, shardColumn, shards, where: rows }));
  const sources = await Promise.all(o.sources.map(db => open(db, where)));
  const targets = await Promise.all(o.targets.map(db => open(db, 'TRUE')));
  for (;;) {
    const key = smallest([...sources, ...targets]);
    if (key === null) return verdict;
    const want: DumpedRow[] = [];
    for (const dump of sources) {
      const row = await dump.take(key);
      if (row !== null) want.push(row);
    }
    const have: { target: number; row: DumpedRow }[] = [];
    for (const [target, dump] of targets.entries()) {
      const row = await dump.take(key);
      if (row !== null) have.push({ target, row });
    }
    verdict.sourceRows += want.length;
    verdict.targetRows += have.length;
    const kind = shardColumn === null ? judgeAnywhere(want, have) : judge(want, have);
    if (kind === null) continue;
    verdict.differenceCount += 1;
    if (verdict.differences.length < (o.listedMax ?? 1000)) {
      verdict.differences.push({ key: key.join(','), kind });
    }
  }
}

/** null if each row is on the target of its shard, the same, and nowhere else. */
function judge(
  want: readonly DumpedRow[],
  have: readonly { target: number; row: DumpedRow }[],
): OracleDifference['kind'] | null {
  const shards = new Set(want.map(r => r.shard));
  if (shards.size < want.length) return 'duplicate';
  const wrongPlace = have.filter(h => !shards.has(h.target));
  const unserved = want.filter(w => !have.some(h => h.target === w.shard));
  if (want.length === 0) return 'extra';
  if (unserved.length > 0) return wrongPlace.length > 0 ? 'misplaced' : 'missing';
  for (const { shard, text } of want) {
    if (have.some(h => h.target === shard && h.row.text !== text)) return 'different';
  }
  if (wrongPlace.length > 0) return 'extra';
  // The row says by itself where it belongs.
  return have.some(h => h.row.shard !== h.target) ? 'misplaced' : null;
}

/** null if the row is on one target, the same. */
function judgeAnywhere(
  want: readonly DumpedRow[],
  have: readonly { row: DumpedRow }[],
): OracleDifference['kind'] | null {
  if (want.length > 1) return 'duplicate';
  if (want.length === 0 || have.length > 1) return 'extra';
  if (have.length === 0) return 'missing';
  return have[0]?.row.text === want[0]?.text ? null : 'different';
}

function smallest(dumps: readonly Dump[]): KeyPart[] | null {
  let least: KeyPart[] | null = null;
  for (const { head } of dumps) {
    if (head !== null && (least === null || compareKeys(head.key, least) < 0)) least = head.key;
  }
  return least;
}

function compareKeys(a: readonly KeyPart[], b: readonly KeyPart[]): number {
  for (const [i, x] of a.entries()) {
    const y = b[i];
    if (y === undefined || x === y) continue;
    if (x < y) return -1;
    if (x > y) return 1;
  }
  return 0;
}

interface ColumnFacts {
  name: string;
  type: string;
}

/** One table of one server, row by row in the order of the key. */
class Dump implements AsyncDisposable {
  head: DumpedRow | null = null;
  readonly #connection: Connection;
  readonly #rows: AsyncIterator<(string | null)[]>;
  readonly #keyParts: number;
  readonly #isNumeric: boolean;
  readonly #shards: number;

  private constructor(
    connection: Connection,
    rows: AsyncIterator<(string | null)[]>,
    shape: { keyParts: number; isNumeric: boolean; shards: number },
  ) {
    this.#connection = connection;
    this.#rows = rows;
    this.#keyParts = shape.keyParts;
    this.#isNumeric = shape.isNumeric;
    this.#shards = shape.shards;
  }

  static async open(
    db: OracleDatabase,
    o: { table: string; shardColumn: string | null; shards: number; where: string },
  ): Promise<Dump> {
    const { table, shardColumn, shards, where } = o;
    const { host, port, user, password, database } = db;
    const connection = createConnection({ host, port, user, password, charset: 'utf8mb4' });
    try {
      for (const sql of OWN_SESSION) await run(connection, sql);
      await run(connection, "SET sql_mode = '', net_write_timeout = 3600");
      const { columns, key } = await facts(connection, database, table);
      const isNumeric = key.every(k => isInteger(k.type));
      const keys = key.map(k => (isNumeric ? `CAST(${id(k.name)} AS CHAR)` : hex(k)));
      const order = isNumeric ? key.map(k => id(k.name)) : keys;
      const text = `CONCAT_WS(',',${columns.map(printed).join(',')})`;
      const shard = shardColumn === null ? "'0'" : `CAST(${id(shardColumn)} AS CHAR)`;
      const sql =
        `SELECT ${keys.join(',')},${shard},${text} ` +
        `FROM ${id(database)}.${id(table)} WHERE ${where} ORDER BY ${order.join(',')}`;
      const stream = connection
        .query({ sql, rowsAsArray: true, typeCast: f => f.string() })
        .stream({ highWaterMark: 500 });
      const rows = stream[Symbol.asyncIterator]();
      const dump = new Dump(connection, rows, { keyParts: keys.length, isNumeric, shards });
      await dump.#next();
      return dump;
    } catch (e) {
      connection.destroy();
      throw e;
    }
  }

  /** The row of this key, if it is the next one. */
  async take(key: readonly KeyPart[]): Promise<DumpedRow | null> {
    const { head } = this;
    if (head === null || compareKeys(head.key, key) !== 0) return null;
    await this.#next();
    return head;
  }

  async #next(): Promise<void> {
    const next = await this.#rows.next();
    if (next.done) {
      this.head = null;
      return;
    }
    const row = next.value;
    const key = row.slice(0, this.#keyParts).map(text => this.#keyPart(text ?? ''));
    const text = row[this.#keyParts + 1];
    if (typeof text !== 'string') throw new Error(`the row of key ${key.join()} cannot be printed`);
    this.head = { key, shard: floorModulo(row[this.#keyParts] ?? '', this.#shards), text };
  }

  #keyPart(text: string): KeyPart {
    if (!this.#isNumeric) return text;
    return text.length < 16 ? Number(text) : BigInt(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.destroy();
  }
}

function floorModulo(text: string, n: number): number {
  const m = BigInt(n);
  return Number(((BigInt(text) % m) + m) % m);
}

function id(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function isInteger(type: string): boolean {
  return /^(tinyint|smallint|mediumint|int|bigint)$/.test(type);
}

/**
 * A part of a key as text that two keys never share: HEX of a number would be its integer part, of
 * a FLOAT its text has six digits, and bytes that are converted may become others.
 */
function hex({ name, type }: ColumnFacts): string {
  const c = id(name);
  if (/(binary|blob|char|text)$/.test(type)) return `HEX(${c})`;
  if (type === 'float') return `HEX(CAST(CAST(${c} AS DOUBLE) AS CHAR))`;
  if (/^(bit|enum|set)$/.test(type)) return `HEX(CAST(${c}+0 AS CHAR))`;
  return `HEX(CAST(${c} AS CHAR))`;
}

/** A column as text that loses nothing; QUOTE tells NULL from 'NULL' and ends where it ends. */
function printed({ name, type }: ColumnFacts): string {
  const c = id(name);
  if (type === 'float') return `QUOTE(CAST(${c} AS DOUBLE))`;
  if (type === 'bit') return `QUOTE(CAST(${c} AS UNSIGNED))`;
  if (/^(enum|set)$/.test(type)) return `QUOTE(HEX(${c})),QUOTE(${c}+0)`;
  // Bytes as they are stored: to convert them may lose the same on both sides.
  const isBytes = /(char|text|binary|blob|point|polygon|string|geometry|collection|vector)$/;
  if (isBytes.test(type)) return `QUOTE(HEX(${c}))`;
  if (type === 'json') return `QUOTE(CAST(${c} AS CHAR)),IFNULL(${typesIn(c)},'')`;
  return `QUOTE(CAST(${c} AS CHAR))`;
}

/** The types of the document and of all values in it, in the order of their paths. */
function typesIn(c: string): string {
  return (
    `(SELECT JSON_ARRAYAGG(JSON_TYPE(v)) FROM JSON_TABLE(` +
    `JSON_EXTRACT(${c},'$','$**.*','$**[*]'),'$[*]' COLUMNS(v JSON PATH '$')) oracle_value)`
  );
}

async function facts(
  connection: Connection,
  database: string,
  table: string,
): Promise<{ columns: ColumnFacts[]; key: ColumnFacts[] }> {
  const literal = (s: string): string => `'${s.replaceAll("'", "''")}'`;
  const where = `TABLE_SCHEMA = ${literal(database)} AND TABLE_NAME = ${literal(table)}`;
  const rows = await run(
    connection,
    `SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE ${where}`,
  );
  // By name, so that two servers print the columns in the same order.
  const columns = rows
    .map(([name, type]) => ({ name: String(name), type: String(type) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = await run(
    connection,
    `SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS
      WHERE ${where} AND INDEX_NAME IN (SELECT INDEX_NAME FROM information_schema.STATISTICS
        WHERE ${where} AND NON_UNIQUE = 0 GROUP BY INDEX_NAME
        HAVING MAX(NULLABLE = 'YES' OR SUB_PART IS NOT NULL OR COLUMN_NAME IS NULL) = 0)
      ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX`,
  );
  const ofKey = parts.filter(([index]) => index === parts[0]?.[0]);
  const key = ofKey.flatMap(([, name]) => columns.find(c => c.name === String(name)) ?? []);
  if (key.length === 0) throw new Error(`${database}.${table} has no key, or is not there`);
  return { columns, key };
}

function run(connection: Connection, sql: string): Promise<unknown[][]> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, rowsAsArray: true }, (error, rows) => {
      if (error) reject(error);
      else resolve(Array.isArray(rows) ? rows.map(r => (Array.isArray(r) ? r : [])) : []);
    });
  });
}
