/**
 * What servers hold of keys by now, for a script that makes one target right (repair-script.ts).
 *
 * The target is read first, then the sources. The other way round a row that came in between would
 * be one that no source has, and the script would delete it.
 */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { MYSQL_DIALECT } from '../../../shared/mysql/identifier.ts';
import { keyLiteralList, keyText } from '../../../shared/mysql/key-literal.ts';
import { fromByKey, keysPredicate, selectList } from '../../../shared/mysql/range-sql.ts';
import { rowHash } from '../../../shared/mysql/row-hash.ts';
import { ALL_TARGETS, type Route, serverPart } from '../../../shared/route/route.ts';
import { type KeyLiterals, keyColumns } from '../../../shared/row/key-range.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import { ByteWriter } from '../../../shared/runtime/bytes.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { rowLiterals } from './row-literal.ts';

/** A table on a server, with columns as all of the servers agree about them. */
export interface TablePlace {
  name: string;
  session: MysqlSession;
  schema: TableSchema;
}

export interface ScriptTable {
  sources: readonly (TablePlace & { route: Route })[];
  target: TablePlace;
  /** Its number in the route. */
  number: number;
}

export interface KeyState {
  key: KeyLiterals;
  /** Hash of the row on the target; null: there is none. */
  there: string | null;
  /** Rows of the sources that belong on the target: the source's number, and the hash. */
  wanted: { source: number; hash: string }[];
  /** A row is too large to be hashed. */
  isTooLarge: boolean;
}

const KEYS_PER_STATEMENT = 200;

/** What is there of the keys; one that neither side has is not in it. */
export async function keyStates(
  table: ScriptTable,
  keys: readonly KeyLiterals[],
): Promise<KeyState[]> {
  const states = new Map<string, KeyState>();
  const of = (key: KeyLiterals): KeyState => {
    const known = states.get(keyText(key));
    const state = known ?? { key, there: null, wanted: [], isTooLarge: false };
    states.set(keyText(key), state);
    return state;
  };
  for (let i = 0; i < keys.length; i += KEYS_PER_STATEMENT) {
    const some = keys.slice(i, i + KEYS_PER_STATEMENT);
    for (const { key, hash } of await hashesOf(table.target, some, '0')) {
      const state = of(key);
      state.there = hash;
      state.isTooLarge ||= hash === '';
    }
    for (const [source, place] of table.sources.entries()) {
      const route = serverPart(place.route, MYSQL_DIALECT);
      for (const { key, hash, shard } of await hashesOf(place, some, route.sql)) {
        const targets = shard === null ? table.number : route.targetOf(shard);
        if (targets !== ALL_TARGETS && targets !== table.number) continue;
        const state = of(key);
        // Of keys that are the same one to the server each finds the row of the other.
        if (!state.wanted.some(w => w.source === source)) state.wanted.push({ source, hash });
        // Where it belongs is not known: nothing is done to it.
        state.isTooLarge ||= hash === '' || shard === null;
      }
    }
  }
  return [...states.values()];
}

async function hashesOf(
  { session, schema }: TablePlace,
  keys: readonly KeyLiterals[],
  shard: string,
): Promise<{ key: KeyLiterals; hash: string; shard: string | null }[]> {
  const found: { key: KeyLiterals; hash: string; shard: string | null }[] = [];
  const sql =
    `SELECT ${shard},${rowHash(schema)},${keyLiteralList(schema)} ` +
    `${fromByKey(schema)} WHERE ${keysPredicate(schema, keys)}`;
  await session.rawQuery(sql, (buf, start) => {
    const cells = cellsOf(buf, start, 2 + keyColumns(schema).length);
    const [at = null, hash, ...key] = cells.texts;
    found.push({ key: key.map(text => text ?? 'NULL'), hash: hash ?? '', shard: at });
  });
  return found;
}

export interface SourceRow {
  key: KeyLiterals;
  hash: string;
  /** By column of the source: an SQL literal; null: it cannot be told by one. */
  literals: ReadonlyMap<string, string> | null;
}

/** Whole rows of keys, as a source has them now. */
export async function sourceRows(
  { session, schema }: TablePlace,
  keys: readonly KeyLiterals[],
): Promise<SourceRow[]> {
  const codec = new RowCodec(schema);
  const out = new ByteWriter(4096);
  const rows: SourceRow[] = [];
  const sql =
    `SELECT ${rowHash(schema)},${keyLiteralList(schema)},${selectList(schema)} ` +
    `${fromByKey(schema)} WHERE ${keysPredicate(schema, keys)}`;
  await session.rawQuery(sql, (buf, start, end) => {
    const cells = cellsOf(buf, start, 1 + keyColumns(schema).length);
    const [hash, ...key] = cells.texts;
    out.clear();
    codec.fromText(buf, cells.end, end, out);
    const row = out.take();
    const literals = codec.errorValues(row, 0).length > 0 ? null : rowLiterals(codec, row);
    rows.push({ key: key.map(text => text ?? 'NULL'), hash: hash ?? '', literals });
  });
  return rows;
}

/** The first cells of a row of the text protocol, which are short ASCII texts. */
export function cellsOf(
  buf: Buffer,
  start: number,
  count: number,
): { texts: (string | null)[]; end: number } {
  const texts: (string | null)[] = [];
  let pos = start;
  for (let i = 0; i < count; i++) {
    let length = buf[pos] ?? 0;
    pos += 1;
    if (length === 0xfb) {
      texts.push(null);
      continue;
    }
    if (length > 0xfb) {
      const bytes = length === 0xfc ? 2 : length === 0xfd ? 3 : 6;
      const isLong = length === 0xfe;
      length = buf.readUIntLE(pos, bytes);
      pos += isLong ? 8 : bytes;
    }
    texts.push(buf.toString('latin1', pos, pos + length));
    pos += length;
  }
  return { texts, end: pos };
}
