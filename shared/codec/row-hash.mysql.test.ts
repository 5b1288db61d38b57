/**
 * One hash of a row, whoever computes it: a server, in SQL, of the row that it has; and we, of the
 * bytes that the log carries, whether a SELECT or a row image has brought them. Tables of any types
 * and the edges of each type, with values that the server has made.
 *
 * RESHARD_SEED=<number> has other tables; the seed is printed.
 */
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CapturedTable } from '../../services/binlog/capture/captured-table.ts';
import { digestSelect } from '../../services/checker/full/digest.ts';
import { serverFacts } from '../../test/random/server-facts.ts';
import { randomTable, randomValue } from '../../test/random/table.ts';
import { CARRIED } from '../../test/support/codec/oracle-samples.ts';
import { commonServer } from '../../test/support/dev.ts';
import { LoadClient } from '../../test/support/load/client.ts';
import { Random } from '../../test/support/load/random.ts';
import { RowImageReader } from '../../test/support/row-images.ts';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import { type Servers, startServers } from '../../test/support/servers/servers.ts';
import { MysqlSession } from '../mysql/connect.ts';
import { quoteId } from '../mysql/identifier.ts';
import { inspectTable } from '../mysql/inspect.ts';
import { selectList } from '../mysql/range-sql.ts';
import { carriedRowHash } from '../mysql/row-hash.ts';
import { keyClassesOf } from '../row/key-class.ts';
import { RowCodec } from '../row/row-codec.ts';
import { RowText } from '../row/row-text.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import { type TableSchema, unsupportedColumns } from '../schema/table-schema.ts';
import { EnvelopeDecoder } from './envelope.ts';

const IS_MARIADB = process.env.RESHARD_DATABASE === 'mariadb';
const DB = `row_hash_${process.pid}`;
const SEED = Number(process.env.RESHARD_SEED ?? 1010);
const TABLES = Number(process.env.RESHARD_TABLES ?? 12);
const HASH_DIGITS = 64;
const TIMEOUT_MS = 120_000;

let session: MysqlSession;
/** On a server of the other kind. */
let there: MysqlSession;
let own: Servers;
let client: LoadClient;
let images: RowImageReader;

beforeAll(async () => {
  console.log(`seed ${SEED} (RESHARD_SEED=${SEED} repeats it)`);
  session = await openScratch(DB, { role: 'apply' });
  client = await LoadClient.open(commonServer('s1'), DB);
  const flavor = IS_MARIADB ? 'mysql' : 'mariadb';
  own = await startServers({ mysql: [{ name: 'm', serverId: 194, flavor }] });
  there = await MysqlSession.open(own.mysql('m').endpoint, { role: 'apply' });
  await there.rawQuery(`CREATE DATABASE ${DB} CHARACTER SET utf8mb4`);
  await there.rawQuery(`USE ${DB}`);
  images = await RowImageReader.open(commonServer('s1'), 78_000_000 + process.pid);
});

afterAll(async () => {
  await images[Symbol.asyncDispose]();
  await client.close();
  await there.close();
  await own[Symbol.asyncDispose]();
  await dropScratch(session, DB);
});

/** Rows as people read them, by their hashes: so that a failure says which column it is. */
const shown = new Map<string, string>();

function withRow(hash: string): string {
  return `${hash} ${shown.get(hash)?.slice(0, 1000)}`;
}

interface Read {
  theirs: string[];
  ours: string[];
  rows: Buffer[];
}

/** The server's hash of each row, and ours of the same row as a SELECT brings it. */
async function bySelect(session: MysqlSession, schema: TableSchema): Promise<Read> {
  const codec = new RowCodec(schema);
  const text = new RowText(codec);
  const row = new ByteWriter(1024);
  const read: Read = { theirs: [], ours: [], rows: [] };
  const list = `${carriedRowHash(schema)},${selectList(schema)}`;
  await session.rawQuery(`SELECT ${list} FROM ${quoteId(schema.table)}`, (buf, start, end) => {
    const head = start + 1;
    read.theirs.push(buf.toString('latin1', head, head + HASH_DIGITS));
    row.clear();
    codec.fromText(buf, head + HASH_DIGITS, end, row);
    const hash = text.hash(row.view(), 0);
    read.ours.push(hash);
    read.rows.push(row.take());
    shown.set(hash, inspect(codec.toJs(row.view(), 0), { breakLength: Infinity }));
  });
  return read;
}

/** The rows that are left when the records of the binlog are followed, by their hashes. */
class Followed {
  readonly #rows = new Map<string, number>();
  readonly #codec: RowCodec;
  readonly #text: RowText;
  readonly #decoder: EnvelopeDecoder;
  readonly #table: CapturedTable;
  readonly #schema: TableSchema;
  #events = 0;

  constructor(schema: TableSchema) {
    this.#schema = schema;
    this.#codec = new RowCodec(schema);
    this.#text = new RowText(this.#codec);
    this.#decoder = new EnvelopeDecoder(this.#codec);
    this.#table = new CapturedTable({
      schema,
      ...{ generation: 1, prefix: 's', topic: 's.d.t', partitions: 8, skipped: null },
      ...{ keySchemaId: 1, valueSchemaId: 2, maxMessageBytes: 1 << 26 },
      keyClasses: keyClassesOf(schema),
    });
  }

  async hashes(): Promise<string[]> {
    const events = await images.changed(DB, this.#schema.table);
    for (const { op, images: bytes } of events.slice(this.#events)) {
      const facts = { tsMs: 1, serverId: 1, gtid: null, file: 'b.1', pos: 4, thread: null };
      this.#table.beginRows({ ...facts, snapshot: 'false' });
      for (let pos = 0; pos < bytes.length; ) {
        pos = this.#table.change(op, bytes, pos, bytes.length, {
          ...{ gtid: { source: '0', number: 1, server: 1 }, row: 0, publish: true, nowMs: 1 },
          shape: null,
          sink: {
            epoch: 1,
            nextOrdinal: () => 1,
            append: (_topic, _partition, { value, valueStart, valueEnd }) =>
              this.#follow(value, valueStart, valueEnd),
          },
        });
      }
    }
    this.#events = events.length;
    return [...this.#rows].flatMap(([hash, n]) => Array<string>(n).fill(hash)).sort();
  }

  #follow(value: Buffer | null, start: number, end: number): void {
    if (value === null) throw new Error('a record without a value');
    const { hasBefore, beforeStart, hasAfter, afterStart } = this.#decoded(value, start, end);
    if (hasBefore) this.#add(this.#text.hash(value, beforeStart), -1);
    if (hasAfter) this.#add(this.#text.hash(value, afterStart), 1);
  }

  #decoded(value: Buffer, start: number, end: number): EnvelopeDecoder {
    this.#decoder.decode(value, start, end);
    return this.#decoder;
  }

  #add(hash: string, n: number): void {
    const now = (this.#rows.get(hash) ?? 0) + n;
    if (now < 0) throw new Error('a row that was never there is changed');
    if (now === 0) this.#rows.delete(hash);
    else this.#rows.set(hash, now);
  }
}

/** The rows, as the sink writes them, have the same hashes on a server of the other kind. */
async function expectEqualThere(schema: TableSchema, type: string, how: string): Promise<void> {
  const { theirs, rows } = await bySelect(session, schema);
  const codec = new RowCodec(schema);
  const offsets = new Int32Array(2);
  await there.rawQuery(`CREATE TABLE ${schema.table} (id INT PRIMARY KEY, v ${type})`);
  for (const row of rows) {
    const out = new ByteWriter(64);
    codec.offsets(row, 0, offsets);
    out.ascii(`INSERT ${how} INTO ${schema.table} VALUES (`);
    codec.toSql(row, offsets[0] ?? 0, 0, out);
    out.ascii(',');
    codec.toSql(row, offsets[1] ?? 0, 1, out);
    out.ascii(')');
    await there.rawQuery(out.take());
  }
  const copy = await inspectTable(there, DB, schema.table);
  expect((await bySelect(there, copy)).theirs.map(withRow)).toEqual(theirs.map(withRow));
}

/** Both ways in give the server's hash, and the sum of a range. */
async function expectEqual(schema: TableSchema, followed: Followed): Promise<number> {
  const { theirs, ours } = await bySelect(session, schema);
  expect(ours.map(withRow)).toEqual(theirs.map(withRow));
  expect((await followed.hashes()).map(withRow)).toEqual([...theirs].sort().map(withRow));
  const [digest] = await digests(schema);
  expect(digest?.map(v => (v === null ? null : String(v)))).toEqual(sumOf(ours));
  return theirs.length;
}

/** `0, count, sum`, as the full check asks for it. */
function digests(schema: TableSchema): Promise<unknown[][]> {
  return client.rows(digestSelect({ ...schema, virtual: [] }, { after: null, upTo: null }, null));
}

function sumOf(hashes: readonly string[]): (string | null)[] {
  const codes = hashes.map(h => BigInt(Buffer.from(h.slice(0, 30)).toString('hex')));
  const sum = codes.reduce((a, b) => a + b, 0n);
  return ['0', `${hashes.length}`, codes.length === 0 ? null : `${sum}`];
}

async function tried(sql: string): Promise<boolean> {
  try {
    await session.rawQuery(sql);
    return true;
  } catch {
    return false;
  }
}

/** What the codec's own samples do not have. */
/** Documents at the length up to which a hash has the kinds of their values, and behind it. */
const LONG_DOCUMENTS = [262_144, 262_145].map(
  bytes => `JSON_ARRAY(REPEAT('x',${bytes - '["", 1.5]'.length}),1.5)`,
);

const ODD: { type: string; values: string[]; how?: string }[] = [
  { type: 'JSON', values: LONG_DOCUMENTS },
  { type: 'DECIMAL(12,3) UNSIGNED ZEROFILL', values: ['0', '1.5', '999999999.999'] },
  {
    type: 'DECIMAL(65,30) UNSIGNED ZEROFILL',
    values: ['0', '1.5', `${'9'.repeat(35)}.${'9'.repeat(30)}`],
  },
  { type: 'DOUBLE UNSIGNED ZEROFILL', values: ['0', '1.5', '1e22', '5e-324'] },
  { type: 'DOUBLE(20,2) UNSIGNED ZEROFILL', values: ['0', '1.5', '123456.78'] },
  {
    type: 'DOUBLE(30,10)',
    values: ['0', '1.5', '-1e-10', '-0e0', '12345678901.0123456789', '-1e19'],
  },
  { type: 'FLOAT UNSIGNED ZEROFILL', values: ['0', '1.5', '1e-38'] },
  { type: 'FLOAT(10,2)', values: ['0', '1.1', '-12345.67', '8388608.5'] },
  { type: 'INT(8) ZEROFILL', values: ['0', '7', '4294967295'] },
  { type: 'VARCHAR(20) CHARACTER SET gbk', values: ["_gbk x'A2A0'", "_gbk x'A2AB'", "'?'"] },
  { type: 'VARCHAR(20) CHARACTER SET cp1251', values: ["_cp1251 x'98'", "'?'", "''", "'NULL'"] },
  { type: 'TEXT CHARACTER SET utf16', values: ["'日本'", "'😀'", "''"] },
  { type: 'CHAR(20) CHARACTER SET utf32', values: ["'日本'", "'😀'", "''", "'a '"] },
  { type: 'CHAR(9) CHARACTER SET ucs2', values: ["'日本'", "''", "'a'"] },
  { type: 'TEXT CHARACTER SET sjis', values: ["'日本'", "_sjis x'815F'", "''"] },
  { type: 'TEXT CHARACTER SET ujis', values: ["'日本'", "''"] },
  { type: "ENUM('?','x')", values: ["'?'", "'x'"] },
  {
    type: "ENUM('','?','ß') CHARACTER SET latin1",
    values: ["''", "'?'", "'ß'", "'none'"],
    how: 'IGNORE',
  },
  { type: "ENUM('a','😀','?')", values: ["'a'", "'😀'", "'?'", "'none'"], how: 'IGNORE' },
  { type: "ENUM('a','😀') CHARACTER SET utf16", values: ["'a'", "'😀'", "'none'"], how: 'IGNORE' },
  { type: "SET('😀','ß')", values: ['0', '1', '2', '3'] },
  { type: 'YEAR', values: ['0', "'0'", '1901', '2155'] },
  { type: 'VARCHAR(20)', values: ["''", "'NULL'", "'a\\0'", "'a,b'", "' '", "'0'"] },
];

const ONE_KIND = /^(JSON|VECTOR|UUID|INET)|_0900_|MariaDB/;
const ELSEWHERE = IS_MARIADB ? /^(JSON|VECTOR)|_0900_/ : /^(UUID|INET)|MariaDB/;

describe('one hash of a row', { timeout: TIMEOUT_MS }, () => {
  const known = [...CARRIED, ...ODD].filter(({ type }) => !ELSEWHERE.test(type));
  test.each(known.map((c, i) => ({ how: '', ...c, i })))(
    'values at the edges of $type',
    async ({ type, values, how, i }) => {
      const table = `e${i}`;
      await session.rawQuery(`CREATE TABLE ${table} (id INT PRIMARY KEY, v ${type})`);
      const all = ['NULL', ...values];
      const rows = all.map((v, id) => `(${id},${v})`);
      for (let n = 0; n < rows.length; n += 50) {
        await session.rawQuery(
          `INSERT ${how} INTO ${table} VALUES ${rows.slice(n, n + 50).join(',')}`,
        );
      }
      const schema = await inspectTable(session, DB, table);
      expect(await expectEqual(schema, new Followed(schema))).toBe(all.length);
      if (!ONE_KIND.test(type)) await expectEqualThere(schema, type, how);
    },
  );

  test('bytes beside texts of two collations are other bytes, on both kinds of servers', async () => {
    for (const server of [session, there]) {
      await server.rawQuery(
        `CREATE TABLE collations (id INT PRIMARY KEY, a VARCHAR(9) COLLATE utf8mb4_czech_ci,
           b VARCHAR(9) COLLATE utf8mb4_polish_ci, v VARBINARY(9))`,
      );
      await server.rawQuery(
        "INSERT INTO collations VALUES (1, 'ä', 'ö', x'80ff'), (2, 'ä', 'ö', x'81ff')",
      );
      const schema = await inspectTable(server, DB, 'collations');
      const { theirs, ours } = await bySelect(server, schema);
      expect(ours).toEqual(theirs);
      const [one, two] = await server.query<{ h: string }>(
        `SELECT ${carriedRowHash(schema).replace('`id`+0', '0')} AS h FROM collations`,
      );
      expect(one?.h).not.toBe(two?.h);
    }
  });

  test.each(Array.from({ length: TABLES }, (_, i) => SEED + i))(
    'a random table, seed %i',
    async seed => {
      const random = new Random(seed);
      const facts = await serverFacts(client, session.flavor);
      let schema: TableSchema | undefined;
      let made = randomTable(random, facts, seed);
      for (let n = 0; schema === undefined && n < 50; n++) {
        made = randomTable(random, facts, seed * 100 + n);
        if (!(await tried(made.create))) continue;
        const seen = await inspectTable(session, DB, made.name);
        if (unsupportedColumns(seen).length === 0) schema = seen;
      }
      if (schema === undefined) throw new Error('no table that can be carried');
      const columns = made.columns.filter(c => !c.isGenerated);
      const name = quoteId(made.name);
      const names = columns.map(c => quoteId(c.name)).join(',');
      for (let n = 0; n < 60; n++) {
        const values = columns.map(c => randomValue(random, c)).join(',');
        await tried(`INSERT IGNORE INTO ${name} (${names}) VALUES (${values})`);
      }
      const followed = new Followed(schema);
      const count = await expectEqual(schema, followed);
      for (const c of columns) {
        const set = `${quoteId(c.name)} = ${randomValue(random, c)}`;
        await tried(`UPDATE IGNORE ${name} SET ${set} ORDER BY RAND(${seed}) LIMIT 20`);
      }
      await expectEqual(schema, followed);
      // One that cannot be computed again ends a DELETE that is not IGNORE.
      await tried(`DELETE IGNORE FROM ${name} LIMIT ${Math.floor(count / 2)}`);
      await expectEqual(schema, followed);
      await tried(`DELETE IGNORE FROM ${name}`);
      await expectEqual(schema, followed);
    },
  );
});
